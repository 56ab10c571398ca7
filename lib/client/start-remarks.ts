// What is odd about a host's way to its receiver, said once when a daemon starts: before anything is sent, and where nothing is
// to be sent for days. Reads files; their contents never reach a message.

import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import type { Command, Finding, Mendable } from "../core/finding.ts";
import { hasPrivateKey } from "../core/pem.ts";
import { isLoopback } from "../core/receiver-url.ts";
import { othersMay } from "../os/files/access.ts";
import { CredentialError, readCredentials } from "./credentials.ts";
import { unusableFile } from "./failures/diagnose.ts";
import { explainCredentialFault } from "./failures/failures.ts";
import type { TlsFiles } from "./upload.ts";

export interface Start {
  hostId: string;
  receiver: ReceiverEndpoint;
  /** The configuration, which may hold the token. */
  configFile: string;
}

/** Says each of them. Not to be waited for by a start: a disk that gives no answer shall not hold it up. */
export async function sayStartRemarks(start: Start, say: (finding: Finding) => void): Promise<void> {
  for (const finding of await startRemarks(start)) say(finding);
}

/** Each of them, the gravest first. Never throws for what a file is. */
export async function startRemarks(start: Start): Promise<Mendable[]> {
  return [...(await credentialRemarks(start)), ...forgeable(start.receiver), ...openFiles(start)];
}

async function credentialRemarks({ receiver, hostId }: Start): Promise<Mendable[]> {
  let tls: TlsFiles;
  try {
    ({ tls } = await readCredentials(receiver));
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    return [explainCredentialFault(error.fault, { hostId, receiver })];
  }
  const unusable = unusableFile(receiver, tls);
  const found: Mendable[] = unusable === null ? [] : [explainCredentialFault(unusable, { hostId, receiver })];
  if (tls.ca !== null && hasPrivateKey(tls.ca))
    found.push({
      what: `receiver.ca_bundle ${receiver.caBundle} holds a private key besides certificates: whoever reads it can pose as the receiver`,
      fix: {
        text: "leave only the certificates in it, and make the authority anew if others could read it",
        commands: [],
      },
    });
  return found;
}

/** Who is on the way can answer for the receiver: also that it has stored what nobody has. */
function forgeable({ url, verifyTls, trustedNetwork }: ReceiverEndpoint): Mendable[] {
  const isPlain = new URL(url).protocol === "http:";
  if (trustedNetwork || isLoopback(url) || (!isPlain && verifyTls)) return [];
  const why = isPlain ? "receiver.url is http://" : "receiver.verify_tls is false";
  return [
    {
      what: `${why}: whoever is on the way to ${new URL(url).host} can read the token, and forge a receipt for what nobody has stored`,
      fix: {
        text: `${isPlain ? "use https://" : "remove verify_tls, and name the authority in receiver.ca_bundle"}; or, where nobody else can be on the way, as within WireGuard, set trusted_network = true in [receiver]`,
        commands: [],
      },
    },
  ];
}

function openFiles({ receiver, configFile }: Start): Mendable[] {
  const { bearerToken, bearerTokenFile, clientKey } = receiver;
  const files: readonly [path: string | null, holds: string | null][] = [
    [configFile, bearerToken === null ? null : "receiver.bearer_token"],
    [bearerTokenFile, "this host's token"],
    [clientKey, "this host's private key"],
  ];
  return files.flatMap(([path, holds]) => {
    const open = path === null ? null : othersMay(path);
    if (path === null || open === null) return [];
    const chmod: Command = { argv: ["sudo", "chmod", "o-rw", path], on: "host" };
    const fix = { text: "take that right away", commands: [chmod] };
    const others = `by every user of this machine (mode ${open.mode})`;
    if (open.write) return [{ what: `${path} can be changed ${others}`, fix }];
    return open.read && holds !== null ? [{ what: `${path} holds ${holds} and can be read ${others}`, fix }] : [];
  });
}
