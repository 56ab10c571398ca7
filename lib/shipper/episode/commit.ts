// Which code recorded an episode: its own meta.json says so, else this host's VERSION file, else nobody. A meta.json that is
// there and cannot be read is never passed over: the episode would be stamped with a commit that did not record it.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { byCommands, type Finding, type Fix, lineFix, onHost } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { shellLine } from "../../core/text/shell-quote.ts";
import { plainUtf8 } from "../../core/text/utf8.ts";

/** A larger meta.json is data, not a note about it: somebody took its name for another file. */
const META_MAX_BYTES = 16 * 1024 * 1024;
const VERSION_MAX_BYTES = 64 * 1024;
const COMMIT = /^[A-Za-z0-9._+-]{1,128}$/;
const COMMIT_RULE = "1 to 128 of A-Z a-z 0-9 . _ + -";

/** `commit` null: it says none. `why`: it cannot be told what it says. */
export type Stamp = { commit: string | null } | { why: string };

/** The commit for an episode's header, or null for none (docs/protocol.md, “Request”); or why it has to wait. */
export async function episodeCommit(
  episodeDir: string,
  commitFile: string,
): Promise<{ commit: string | null } | { reason: string; fix: Fix }> {
  const path = join(episodeDir, "meta.json");
  const own = await ownCommit(path);
  if ("why" in own) {
    const reason = `its meta.json ${own.why}; correct it, or set it aside and the commit of this host is taken`;
    return { reason, fix: byCommands(onHost("sudo", "mv", path, `${path}.aside`)) };
  }
  if (own.commit !== null) return own;
  // What is wrong with that file is said at the start.
  return { commit: await hostCommit(commitFile) };
}

/** This host's own commit, or null where it names none that could be sent. */
export async function hostCommit(commitFile: string): Promise<string | null> {
  const host = await readHostCommit(commitFile);
  return "why" in host ? null : host.commit;
}

/** The commit that an episode would carry now; null for none, and for one that has to wait for its meta.json. */
export async function stampOf(episodeDir: string, commitFile: string): Promise<string | null> {
  const stamp = await episodeCommit(episodeDir, commitFile);
  return "commit" in stamp ? stamp.commit : null;
}

/** `code_commit` of a meta.json's text. Pure. */
export function commitOfMeta(text: string): Stamp {
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch {
    return { why: text.trim() === "" ? "is empty" : "is no JSON" };
  }
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) return { why: "is no JSON object" };
  const commit = "code_commit" in meta ? meta.code_commit : null;
  if (commit === null || commit === "") return { commit: null };
  if (typeof commit === "string" && COMMIT.test(commit)) return { commit };
  const found = typeof commit === "string" ? commit : JSON.stringify(commit);
  return { why: `says code_commit ${quoted(found.slice(0, 100))}, expected a text of ${COMMIT_RULE}` };
}

/** First word of a VERSION file's text. Pure. */
export function commitOfFile(text: string): Stamp {
  const word = text.trim().split(/\s+/)[0] ?? "";
  if (word === "") return { why: "is empty" };
  return COMMIT.test(word)
    ? { commit: word }
    : { why: `begins with ${quoted(word.slice(0, 100))}, expected a word of ${COMMIT_RULE}` };
}

/** What is wrong with this host's VERSION file; null when nothing is, or there is none. */
export async function commitFileFault(commitFile: string): Promise<Finding | null> {
  const host = await readHostCommit(commitFile);
  if (!("why" in host)) return null;
  const what = `${commitFile} ${host.why}: episodes that name no commit themselves are sent without one`;
  return { what, fix: lineFix(`echo COMMIT | ${shellLine(["sudo", "tee", commitFile])}`) };
}

async function ownCommit(path: string): Promise<Stamp> {
  const read = await readSmall(path, META_MAX_BYTES, constants.O_NOFOLLOW);
  if ("bytes" in read) return commitOfMeta(textOf(read.bytes));
  if ("refused" in read) return { why: read.refused };
  const { code } = read;
  if (code === "ELOOP") return { why: "is a link, which is not shipped" };
  // A socket.
  if (code === "ENXIO") return { why: NO_FILE };
  return LEFT_TO_PACKER.includes(code) ? { commit: null } : { why: `cannot be read: ${code}` };
}

/** It is not there, or the episode itself is not; or may not be read, which the packer reports, of this file as of any. */
const LEFT_TO_PACKER = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"];
const NO_FILE = "is no regular file";

async function readHostCommit(commitFile: string): Promise<Stamp> {
  const read = await readSmall(commitFile, VERSION_MAX_BYTES, 0);
  if ("bytes" in read) return commitOfFile(textOf(read.bytes));
  if ("refused" in read) return { why: "is no file of a few words" };
  return read.code === "ENOENT" ? { commit: null } : { why: `cannot be read: ${read.code}` };
}

type Small = { bytes: Uint8Array } | { refused: string } | { code: string };

/** The bytes of a regular file of at most so many; or why there are none, or the errno. Never blocks. */
async function readSmall(path: string, maxBytes: number, flags: number): Promise<Small> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return { refused: NO_FILE };
      if (stats.size > maxBytes) return { refused: `has ${stats.size} bytes, and at most ${maxBytes} are read` };
      return { bytes: await handle.readFile() };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    return { code };
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(plainUtf8(bytes));
}
