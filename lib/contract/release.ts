// release.json: what a release is made of, and how new it is. `bun run release` writes and signs it; whoever installs or updates reads it.
// Executables of one target differ in their first page and behind the runtime only, so a release holds the runtime once, and of each tool
// a head and a tail. What is put together counts when its own digest says so. Pure.

import {
  type Check,
  type ChecksOf,
  hasFields,
  isText,
  listOf,
  orNull,
  parseShaped,
  tableOf,
} from "../core/text/shape.ts";
import { isSha256Hex } from "./digest.ts";

export const RELEASE_FORMAT = 1;

/** An executable is these three, one behind the other, each named by the SHA-256 of its bytes. */
export interface ReleaseExecutable {
  tool: string;
  /** `linux-x64`, `linux-x64-baseline`, `linux-arm64`. */
  target: string;
  bytes: number;
  sha256: string;
  head: string;
  runtime: string;
  tail: string;
  /** The glibc that it needs at the least, such as `2.17`; null: none. */
  glibc: string | null;
}

/** A unit, an example, a document, install.sh. */
export interface ReleaseFile {
  /** Below the release's directory. */
  path: string;
  bytes: number;
  sha256: string;
}

/** What goes over the wire for some bytes. */
export interface ReleasePiece {
  bytes: number;
  /** With gzip (RFC 1952). */
  gzip_bytes: number;
  gzip_sha256: string;
}

export interface Release {
  format: typeof RELEASE_FORMAT;
  version: string;
  /** Grows with each release under one key: a lower one is older. */
  serial: number;
  /** ISO 8601. */
  created: string;
  /** From then on nobody updates to it: it may have been held back. */
  expires: string;
  /** From this release no way leads back to one of a lower serial. */
  min_serial: number;
  commit: string;
  executables: readonly ReleaseExecutable[];
  files: readonly ReleaseFile[];
  /** By the SHA-256 of what they hold. */
  pieces: Readonly<Record<string, ReleasePiece>>;
}

/** Which release an answer is of, where the current one was asked for: the rest of it is asked for by that name. */
export const RELEASE_HEADER = "X-Labfleet-Release";

/** Where a release's pieces lie in it. */
export function piecePath(digest: string): string {
  return `pieces/${digest}.gz`;
}

/** What is put together for an executable, in order. */
export function piecesOf({ head, runtime, tail }: ReleaseExecutable): readonly string[] {
  return [head, runtime, tail];
}

/** Its text, the same for the same release. */
export function formatRelease(release: Release): string {
  return `${JSON.stringify(release, null, 1)}\n`;
}

/** Reads one whose signature was checked; null: it is none, or none of this format. */
export function parseRelease(text: string): Release | null {
  const release = parseShaped(text, (value): value is Release => hasShape(value));
  return release !== null && holdsTogether(release) ? release : null;
}

const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isWord: Check = (value) => isText(value) && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(String(value));
const isTime: Check = (value) => isText(value) && Number.isFinite(Date.parse(String(value)));
/** No way leads out of the release's directory. */
const isPath: Check = (value) => isText(value) && String(value).split("/").every(isWord);

const hasShape = hasFields({
  ...{
    format: (value) => value === RELEASE_FORMAT,
    version: isWord,
    serial: isCount,
    created: isTime,
    expires: isTime,
  },
  ...{ min_serial: isCount, commit: isWord },
  executables: listOf(
    hasFields({
      ...{ tool: isWord, target: isWord, bytes: isCount, sha256: isSha256Hex, glibc: orNull(isText) },
      ...{ head: isSha256Hex, runtime: isSha256Hex, tail: isSha256Hex },
    } satisfies ChecksOf<ReleaseExecutable>),
  ),
  files: listOf(hasFields({ path: isPath, bytes: isCount, sha256: isSha256Hex } satisfies ChecksOf<ReleaseFile>)),
  pieces: tableOf(
    hasFields({ bytes: isCount, gzip_bytes: isCount, gzip_sha256: isSha256Hex } satisfies ChecksOf<ReleasePiece>),
  ),
} satisfies ChecksOf<Release>);

/** Each executable is as long as its pieces, and all of these are named. */
function holdsTogether({ executables, pieces }: Release): boolean {
  return executables.every((executable) => {
    const lengths = piecesOf(executable).map((digest) =>
      Object.hasOwn(pieces, digest) ? pieces[digest]?.bytes : null,
    );
    return (
      lengths.every((length) => length != null) &&
      lengths.reduce<number>((a, b) => a + (b ?? 0), 0) === executable.bytes
    );
  });
}
