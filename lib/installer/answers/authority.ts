// The authority of a collector, by its fingerprint: whoever said that is trusted, and not whoever answers.

import { X509Certificate } from "node:crypto";
import { type Client, openClient } from "../../client/client.ts";
import { endpointOf } from "../../client/endpoint.ts";
import { AUTHORITY_PATH } from "../../contract/enrolment.ts";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";

const ASK_MS = 15_000;
const ANEW = "copy the line of receiver enrol anew; if it stays so, somebody else answers in the collector's place";

/**
 * Its certificate, as PEM: that one, and nothing else of what came.
 * @param fingerprint SHA-256 of the certificate (DER), in hex
 * @throws UserError: it is no fingerprint, the collector is not reached, or shows another authority, or none
 */
export async function fetchAuthority(
  url: string,
  fingerprint: string,
  client: Client = openClient({ hostId: "", timeoutKey: "time-out than the installer has" }),
): Promise<string> {
  const wanted = fingerprint.replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(wanted))
    throw new UserError(`--ca-sha256: found ${quoted(fingerprint)}, expected 64 hex digits`, ANEW);
  const reply = await client.send(endpointOf({ url }, ""), {
    ...{ method: "GET", path: AUTHORITY_PATH, headers: {}, body: null },
    ...{ stallMs: ASK_MS, answerMs: ASK_MS, totalMs: 2 * ASK_MS, signal: new AbortController().signal },
    credentials: { token: null, tls: { ca: null, cert: null, key: null, verify: false } },
  });
  client.close();
  if (reply.kind === "failed") throw new UserError(reply.why.what, reply.why.fix, EXIT.undelivered);
  const certificate = reply.kind === "answer" && reply.status === 200 ? parse(reply.text) : null;
  if (certificate === null)
    throw new UserError(`${url} shows no authority of its own at ${AUTHORITY_PATH}`, ANEW, EXIT.undelivered);
  const found = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  if (found === wanted) return certificate.toString();
  throw new UserError(
    `${url} is not the collector of that line: its authority has the fingerprint ${found}, and the line says ${wanted}`,
    ANEW,
    EXIT.undelivered,
  );
}

function parse(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
