// What a done.marker may say: nothing, anything, or a manifest of `sha256sum` lines. Pure.

/** A file that appears when an episode is finished; the producer creates it last, by rename (docs/operating.md). */
export const MARKER = "done.marker";

export type Marker =
  | { kind: "plain" }
  /** Path below the episode -> SHA-256 in hex. */
  | { kind: "manifest"; files: ReadonlyMap<string, string> }
  /** Some lines are a manifest's and some are not: the marker itself was torn. */
  | { kind: "torn"; line: number };

/** Longest marker that is read as a manifest, in bytes: 100,000 files and more. */
export const MARKER_MAX_BYTES = 16 * 1024 * 1024;

/** Reads a marker's text: GNU `sha256sum` lines in text or binary mode, escaped names included. */
export function parseMarker(text: string): Marker {
  // Blocks that a file got and never was written to: a power cut before the marker reached the disk.
  if (text.includes("\0")) return { kind: "torn", line: 1 };
  const files = new Map<string, string>();
  let stray: number | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/.exec(line.replace(/\r$/, ""));
    if (match?.[2] === undefined || match[3] === undefined) stray ??= index + 1;
    else files.set(cleanPath(match[1] === "\\" ? unescapeName(match[3]) : match[3]), match[2]);
  }
  if (files.size === 0) return { kind: "plain" };
  return stray === null ? { kind: "manifest", files } : { kind: "torn", line: stray };
}

/** Which listed files are missing or differ, sorted; empty when the episode is whole. */
export function manifestFaults(listed: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  for (const [path, sha256] of listed) {
    const actual = found.get(path);
    if (actual === undefined) faults.push(`${path} (missing)`);
    else if (actual !== sha256) faults.push(`${path} (differs)`);
  }
  return faults.sort();
}

function cleanPath(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}

function unescapeName(name: string): string {
  return name.replace(/\\([\\nr])/g, (_, c: string) => (c === "n" ? "\n" : c === "r" ? "\r" : "\\"));
}
