// A lab host's data root for tests: real directories, episodes made by hand.

import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Dirs } from "../../lib/contract/places.ts";
import { dataDirs } from "../../lib/contract/places.ts";
import type { OutboxRecord } from "../../lib/shipper/pack/outbox.ts";

/** Makes the four directories below `root`. */
export function makeDirs(root: string): Dirs {
  const dirs = dataDirs(root);
  for (const dir of Object.values(dirs)) mkdirSync(dir, { recursive: true });
  return dirs;
}

/** Writes files below `directory`, by relative path, with their parents. */
export function writeFiles(directory: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}

/** Makes a finished episode and returns its directory. */
export function makeEpisode(dirs: Dirs, id: string, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const directory = join(dirs.episodes, id);
  writeFiles(directory, { "data.bin": `data of ${id}`, ...files, "done.marker": "" });
  return directory;
}

/** What tells a directory from any other, as records carry it. */
export function inode(path: string): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  return birthtimeNs > 0n ? `${ino}@${birthtimeNs}` : String(ino);
}

/** A record of a packed archive whose figures nobody checks. */
export function recordOf(id: string, change: Partial<OutboxRecord> = {}): OutboxRecord {
  return {
    id,
    directory_inode: "1",
    finished_ms: 1,
    fingerprint: "f".repeat(64),
    bytes: 10,
    sha256: "a".repeat(64),
    tree_sha256: "b".repeat(64),
    code_commit: null,
    boot_id: "this-boot",
    ...change,
  };
}
