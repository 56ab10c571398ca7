// A second look after a failure, where the first one is too coarse to name a remedy: at the errno, at the certificate that was
// refused, at our own certificate files, at a port that hangs up. In bounded time, and sending nothing.

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ReceiverEndpoint } from "../../contract/endpoint.ts";
import type { CredentialFault, CredentialKey } from "../credentials.ts";
import { connectCode, hangsUp, peerCertificate } from "../probe.ts";
import type { Failure, TlsFiles } from "../upload.ts";
import { NOTHING_SEEN, type Seen } from "./explain.ts";

/** The kernel asks three times, a second apart, who has an address, before it says EHOSTUNREACH. */
const CONNECT_MS = 4000;
const HANDSHAKE_MS = 3000;
/** A server waits longer than this for the first line of a request. */
const HANG_UP_MS = 1500;
/** A port for https hangs up at the first line of plain HTTP; more than its kernel's buffer was not taken by one. */
const HANGS_UP_BYTES = 256 * 1024;

export async function lookAgain(failure: Failure, receiver: ReceiverEndpoint, tls: TlsFiles): Promise<Seen> {
  const { phase, cause, code, address, acknowledged } = failure;
  if (phase === "preparing") return { ...NOTHING_SEEN, credential: unusableFile(receiver, tls) };
  if (address === null) return NOTHING_SEEN;
  const { hostname, protocol, port: given } = new URL(receiver.url);
  const port = given === "" ? (protocol === "https:" ? 443 : 80) : Number(given);
  if (phase === "connecting" && code === "ECONNREFUSED")
    return { ...NOTHING_SEEN, connectCode: await connectCode(address, port, CONNECT_MS) };
  const certificate = () => peerCertificate({ host: hostname, address, port }, HANDSHAKE_MS);
  if (cause === "tls" && code !== null && isAboutTheirs(code))
    return { ...NOTHING_SEEN, certificate: await certificate() };
  const hungUp = cause === "network" && acknowledged <= HANGS_UP_BYTES && !failure.gaveSign;
  if (!hungUp || !(code === null || code === "ECONNRESET" || code === "EPIPE")) return NOTHING_SEEN;
  if (protocol === "http:") return { ...NOTHING_SEEN, speaksTls: (await certificate()) !== null };
  const target = { host: hostname, address, port };
  return { ...NOTHING_SEEN, hangsUp: phase !== "handshake" && (await hangsUp(target, tls, HANG_UP_MS)) };
}

function isAboutTheirs(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|INVALID_CA/.test(code) && !/ALERT|OSSL/.test(code);
}

/** Which of our files OpenSSL cannot use. Its own error may be one that was left over from something else. */
export function unusableFile(receiver: ReceiverEndpoint, { ca, cert, key }: TlsFiles): CredentialFault | null {
  const files: readonly [CredentialKey, string | null, string | null, (text: string) => unknown][] = [
    ["ca_bundle", receiver.caBundle, ca, readCertificates],
    ["client_cert", receiver.clientCert, cert, readCertificates],
    ["client_key", receiver.clientKey, key, createPrivateKey],
  ];
  const broken = files.find(([, , text, read]) => text !== null && fails(() => read(text)));
  const nothing = { code: null, access: null };
  if (broken !== undefined) return { key: broken[0], path: broken[1], problem: "broken", ...nothing };
  if (cert === null || key === null || new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return null;
  return { key: "client_key", path: receiver.clientKey, problem: "mismatch", ...nothing };
}

function readCertificates(text: string): void {
  const blocks =
    text.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[\s\S]*?(?:-----END [A-Z0-9 ]*CERTIFICATE-----|$)/g) ?? [];
  for (const block of blocks) new X509Certificate(block);
}

function fails(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch {
    return true;
  }
}
