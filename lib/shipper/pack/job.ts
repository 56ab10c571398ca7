// What is asked of the packing thread, and what comes of it. Types only.

export interface PackJob {
  /** The episode's directory and its name. */
  root: string;
  id: string;
  /** The file to write; replaced if it exists. */
  part: string;
  /** Never leave less than this free on the part's filesystem, in bytes. */
  reserveBytes: number;
  /** What is larger is left for another lane; null for any size. */
  maxBytes: number | null;
}

export type PackResult =
  | PackedArchive
  /** Written to while it was read: not finished after all, or a very late writer. */
  | { kind: "changed"; detail: string }
  /** The marker's manifest does not fit the files, as after a power cut between data and marker, or cannot be checked. */
  | { kind: "incomplete"; detail: string; faults: string[]; fingerprint: string }
  /** No archive can hold it. */
  | { kind: "unpackable"; detail: string; faults: string[]; fingerprint: string }
  /** Larger than the job asked for: nothing was packed. */
  | { kind: "large"; bytes: number }
  /** `bytes` that the archive takes at most; null: nobody knows. */
  | { kind: "no-space"; bytes: number | null; detail: string }
  /** A file or directory that may not be read, or the file system's other refusals; `below` the episode, in latin1. */
  | { kind: "unreadable"; path: string; code: string; detail: string; below?: string }
  | { kind: "vanished" }
  | { kind: "cancelled" };

export interface Written {
  bytes: number;
  sha256: string;
  /** Of the uncompressed tar, in hex. */
  treeSha256: string;
  treeBytes: number;
}

export interface PackedArchive extends Written {
  kind: "packed";
  files: number;
  /** What the directory looked like: see `fingerprintOf`. */
  fingerprint: string;
  /** Links, devices and sockets that were left out. */
  skipped: string[];
  /** `treeSha256` as an older release would have had it, where that is another. */
  firstTreeSha256: string | null;
  /** Files that the manifest does not list: packed, and proved by nobody. 0 without a manifest. */
  unlisted: number;
}

/** Bytes of an episode's files that are through, and how many there are. */
export interface PackProgress {
  doneBytes: number;
  bytes: number;
}

export interface PackHooks {
  /** Something went through; with how far it is, once that can be told. */
  moved(progress?: PackProgress): void;
  cancelled(): boolean;
}
