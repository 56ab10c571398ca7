// Opens a release: its list counts when one of our keys has signed it, and not before a byte of it is read for anything else.

import { createHash } from "node:crypto";
import type { PublicKey } from "../contract/minisign.ts";
import { parseRelease, type Release } from "../contract/release.ts";
import { EXIT } from "../core/exit.ts";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import { formatBytes } from "../core/text/quantity.ts";
import { checkSigned } from "../os/signed.ts";
import type { ReleaseSource } from "./source.ts";

export interface Opened {
  release: Release;
  /** Its list and the signature of that, as they were read. */
  list: Buffer;
  signature: Buffer;
  /** SHA-256 of the list, in hex: what tells two releases of one version apart. */
  digest: string;
  /** Of the key that has signed it. */
  keyId: string;
}

/** A list of three targets and twenty tools has some 60 KB. */
const LIST_BYTES = 4 * 1024 ** 2;
const SIGNATURE_BYTES = 4096;

/**
 * Reads and proves the list of a release.
 * @param keys those that count
 * @throws UserError: there is none, nobody whom this build knows has signed it, or it is of another format
 */
export async function openRelease(source: ReleaseSource, keys: readonly PublicKey[]): Promise<Opened> {
  if (keys.length === 0)
    throw new UserError(
      "this build knows no key of releases, so that it can take none",
      "make the keys of your releases, commit what is public of them, and build anew",
    );
  const list = await readSmall(source, "release.json", LIST_BYTES);
  const signature = await readSmall(source, "release.json.minisig", SIGNATURE_BYTES);
  const signed = checkSigned(list, signature.toString("utf8"), keys);
  if (signed.kind === "refused")
    throw refused(source, `release.json: ${signed.why}`, "take it from whoever makes your releases");
  const release = parseRelease(list.toString("utf8"));
  if (release === null)
    throw refused(source, "release.json is of a format that this release does not read", "take a newer installer");
  return { release, list, signature, digest: createHash("sha256").update(list).digest("hex"), keyId: signed.id };
}

/** A file that the list names, whole. @throws UserError: it is not what the list says */
export async function readListed({ release }: Opened, source: ReleaseSource, path: string): Promise<string> {
  const listed = release.files.find((one) => one.path === path);
  const bytes = await readSmall(source, path, listed?.bytes ?? 0);
  if (createHash("sha256").update(bytes).digest("hex") !== listed?.sha256)
    throw refused(
      source,
      `${path} is not what the list says`,
      "take the release anew: it was cut or changed on its way",
    );
  return bytes.toString("utf8");
}

export function refused({ name }: ReleaseSource, why: string, fix: string): UserError {
  return new UserError(`nothing of ${name} is taken: ${why}`, fix, EXIT.undelivered);
}

/** @throws UserError: it is not there, is larger, or cannot be read */
async function readSmall(source: ReleaseSource, path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    const stream = await source.read(path);
    if (stream === null) throw new UserError(`${source.name} has no ${path}`);
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw refused(
          source,
          `${path} has more than ${formatBytes(maxBytes)}`,
          "take it from whoever makes your releases",
        );
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${path} of ${source.name}: ${quoted(errorText(error))}`, null, EXIT.undelivered);
  }
  return Buffer.concat(chunks);
}
