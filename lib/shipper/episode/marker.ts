// What a done.marker may say: nothing, anything, or a manifest of the sum tools' lines. Names are bytes: text comes in and
// paths go out with one character a byte (latin1). What looks like a manifest and is none that can be checked is refused by
// name, and never taken for plain text. Pure.

import { MARKER } from "../../contract/places.ts";
import { plainUtf8 } from "../../core/text/utf8.ts";
import { shortName } from "./byte-name.ts";

/** What a manifest says of one file, in lower-case hex; where it says both, both have to fit. */
export interface Digests {
  sha256?: string;
  sha512?: string;
}

export type Marker =
  | { kind: "plain" }
  /** By the path below the episode. */
  | { kind: "manifest"; files: ReadonlyMap<string, Digests> }
  /** Neither plain nor a manifest that can be checked; `why` is a sentence. */
  | { kind: "refused"; why: string };

/** Longest marker that is read, in bytes: 100,000 files and more. */
export const MARKER_MAX_BYTES = 16 * 1024 * 1024;

/** Digests are told apart by their length in hex, unless a line names its algorithm. */
const ALGORITHMS: Readonly<Record<number, string>> = {
  32: "MD5",
  40: "SHA-1",
  56: "SHA-224",
  64: "SHA-256",
  96: "SHA-384",
  128: "SHA-512",
};
const CHECKED: Readonly<Record<string, keyof Digests>> = { "SHA-256": "sha256", "SHA-512": "sha512" };
/** How sum tools and openssl spell what we check. */
const TAGS: Readonly<Record<string, string>> = {
  SHA256: "SHA-256",
  "SHA2-256": "SHA-256",
  SHA512: "SHA-512",
  "SHA2-512": "SHA-512",
};

type Line =
  | { kind: "entry"; algorithm: keyof Digests; hex: string; name: string }
  | { kind: "other"; what: string }
  /** No line of any sum tool. */
  | { kind: "stray" };

/** Reads a marker's bytes, as latin1: lines of sha256sum and sha512sum, with and without `--tag`, `-b`, `-z`. */
export function parseMarker(bytes: string): Marker {
  const text = Buffer.from(plainUtf8(Buffer.from(bytes, "latin1"))).toString("latin1");
  const zero = text.includes("\0");
  const lines = text.split(zero ? "\0" : "\n");
  // Blocks that a file got and never was written to: a power cut before the marker reached the disk. `-z` ends lines by NUL.
  if (zero && (lines.pop() !== "" || lines.includes("")))
    return refused("it holds NUL bytes, as a power cut leaves them");
  const files = new Map<string, Digests>();
  let stray: number | null = null;
  for (const [index, raw] of lines.entries()) {
    if (raw.trim() === "" || raw.startsWith("#")) continue;
    const line = readLine(zero ? raw : raw.replace(/\r$/, ""), zero);
    if (line.kind === "stray") stray ??= index + 1;
    else {
      const fault =
        line.kind === "other" ? `is ${line.what}: only SHA-256 and SHA-512 in hex are checked` : take(files, line);
      if (fault !== null) return refused(`line ${index + 1} ${fault}`);
    }
  }
  if (files.size === 0) return { kind: "plain" };
  return stray === null ? { kind: "manifest", files } : refused(`line ${stray} is torn, or no line of a manifest`);
}

/** Which listed files are missing or differ, sorted; empty when the episode is whole. */
export function manifestFaults(
  listed: ReadonlyMap<string, Digests>,
  found: ReadonlyMap<string, Digests>,
): { path: string; fault: "missing" | "differs" }[] {
  const faults: { path: string; fault: "missing" | "differs" }[] = [];
  for (const [path, { sha256, sha512 }] of listed) {
    const actual = found.get(path);
    if (actual === undefined) faults.push({ path, fault: "missing" });
    else if ((sha256 ?? actual.sha256) !== actual.sha256 || (sha512 ?? actual.sha512) !== actual.sha512)
      faults.push({ path, fault: "differs" });
  }
  return faults.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const LISTED = /^(\\?)([0-9a-f]+)(?: [ *]| (?![ *]))(.+)$/is;
const TAGGED = /^(\\?)([A-Z][A-Z0-9/-]*) ?\((.+)\) ?= ?(\S+)$/is;
const LONG_HEX = /^[0-9a-f]{32,}$/i;

/** @param isRaw `-z`: nothing is escaped */
function readLine(line: string, isRaw: boolean): Line {
  const [, tagEscape, tag = "", tagName = "", value = ""] = TAGGED.exec(line) ?? [];
  const known = TAGS[tag.toUpperCase()];
  if (tagEscape !== undefined && known !== undefined) return entry(known, value, tagName, tagEscape !== "" && !isRaw);
  // `Robot (left arm) = ok` is no manifest.
  if (tagEscape !== undefined && LONG_HEX.test(value)) return { kind: "other", what: `of ${tag}` };
  const [, listEscape, hex = "", name = ""] = LISTED.exec(line) ?? [];
  const algorithm = ALGORITHMS[hex.length];
  if (algorithm === undefined) return { kind: "stray" };
  // A commit with its subject is no manifest of SHA-1: two characters part what the tools write.
  if (CHECKED[algorithm] === undefined && !/^\S+ [ *]/.test(line)) return { kind: "stray" };
  return entry(algorithm, hex, name, listEscape !== "" && !isRaw);
}

function entry(algorithm: string, hex: string, name: string, isEscaped: boolean): Line {
  const checked = CHECKED[algorithm];
  if (checked === undefined) return { kind: "other", what: `of ${algorithm}` };
  if (!LONG_HEX.test(hex) || ALGORITHMS[hex.length] !== algorithm)
    return { kind: "other", what: `of ${algorithm}, and not in hex or cut off` };
  return { kind: "entry", algorithm: checked, hex: hex.toLowerCase(), name: isEscaped ? unescapeName(name) : name };
}

/** Adds a line to the manifest; what is wrong with it, or null. */
function take(files: Map<string, Digests>, { algorithm, hex, name }: Line & { kind: "entry" }): string | null {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..") || parts.length === 0)
    return `lists ${shortName(name)}, which is not in the episode: list paths below its directory`;
  const path = parts.join("/");
  // It cannot know its own digest: whoever lists all files lists it by mistake.
  if (path === MARKER) return null;
  const digests = files.get(path) ?? {};
  if ((digests[algorithm] ?? hex) !== hex) return `lists ${shortName(path)} again, with another digest`;
  files.set(path, { ...digests, [algorithm]: hex });
  return null;
}

function refused(why: string): Marker {
  return { kind: "refused", why };
}

function unescapeName(name: string): string {
  return name.replace(/\\([\\nr])/g, (_, c: string) => (c === "n" ? "\n" : c === "r" ? "\r" : "\\"));
}
