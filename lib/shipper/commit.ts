// Which code recorded an episode: its own meta.json says so, else this host's VERSION file, else nobody.

import { join } from "node:path";
import { errorCode } from "../core/failure.ts";
import { readIfExists, readRegularFile } from "../os/files.ts";

/** A larger meta.json is data, not a note about it. */
const META_MAX_BYTES = 1024 * 1024;
const COMMIT = /^[A-Za-z0-9._+-]{1,128}$/;

/** The commit for an episode's header, or null for none (DESIGN 3.4). */
export async function episodeCommit(episodeDir: string, commitFile: string): Promise<string | null> {
  const meta = await readRegularFile(join(episodeDir, "meta.json"), META_MAX_BYTES);
  return commitOfMeta(meta) ?? commitOfFile(await readOrNull(commitFile));
}

/** `code_commit` of a meta.json's text. Pure. */
export function commitOfMeta(text: string | null): string | null {
  if (text === null) return null;
  try {
    const meta: unknown = JSON.parse(text);
    const commit = typeof meta === "object" && meta !== null && "code_commit" in meta ? meta.code_commit : null;
    return typeof commit === "string" && COMMIT.test(commit) ? commit : null;
  } catch {
    return null;
  }
}

/** First word of a VERSION file's text. Pure. */
export function commitOfFile(text: string | null): string | null {
  const word = text?.trim().split(/\s+/)[0] ?? "";
  return COMMIT.test(word) ? word : null;
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readIfExists(path);
  } catch (error) {
    // No right to read it, or a directory of that name: then it says nothing. The packer reports what it cannot read.
    if (errorCode(error) === null) throw error;
    return null;
  }
}
