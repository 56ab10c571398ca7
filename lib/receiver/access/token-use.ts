// token-use.json in the data root: when each token was last used, to the hour, so that who rolls a token out sees when the
// old one may go. Written every ten minutes at most, and at the end: a request costs a look into a table. A crash costs the
// last minutes. That notes have begun is written at once, the first use of a token within a second: whoever rolls it out looks just then, and "never used"
// would have him revoke the one that the host has gone over to. Not flushed: nothing is decided by it.

import { errorText } from "../../core/failure.ts";
import { isUnreadable } from "../../core/reading.ts";
import { quoted } from "../../core/text/fields.ts";
import { type ChecksOf, hasFields, isText, parseShaped, tableOf } from "../../core/text/shape.ts";
import { readSmallFile, replaceNow } from "../../os/files/sync-files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { tokenId } from "./token-file.ts";

const HOUR_MS = 3_600_000;
const WRITE_EVERY_MS = 600_000;
/** A whole fleet's first uses, as after a move, are one write and not one each. */
const FIRST_USE_MS = 500;
const IDS_PER_HOST = 4;
const FILE_BYTES = 64 * 1024 ** 2;
const KEEP_MS = 400 * 86_400_000;

/** What the file holds: hosts that have tokens, and of each its tokens by id. */
export interface TokenUse {
  /** Before this nobody noted anything. */
  since: string;
  used: Record<string, Record<string, string>>;
}

export interface TokenUseNotes {
  /** A token of a host was right. */
  used(host: string, hash: Buffer): void;
  /** Writes what is new. Never throws. */
  write(): void;
  close(): void;
}

/** Reads the file; null: there is none that can be read. */
export function readTokenUse(path: string): TokenUse | null {
  const file = readSmallFile(path, FILE_BYTES);
  if (file === null || isUnreadable(file)) return null;
  return parseShaped(file.text, (value): value is TokenUse => isTokenUse(value));
}

const isTokenUse = hasFields({ since: isText, used: tableOf(tableOf(isText)) } satisfies ChecksOf<TokenUse>);

/** Opens the notes of a data root. @param needHere asked before anything is made */
export function openTokenUse(
  path: string,
  log: Log,
  nowMs: () => number = Date.now,
  needHere: NeedHere = HERE,
): TokenUseNotes {
  const known = readTokenUse(path);
  const since = known?.since ?? new Date(nowMs()).toISOString();
  const notes = new Map(Object.entries(known?.used ?? {}).map(([host, ids]) => [host, new Map(Object.entries(ids))]));
  let isNew = known === null;
  let failing = false;
  const write = (): void => {
    if (!isNew) return;
    forget(notes, nowMs());
    const used = Object.fromEntries([...notes].map(([host, ids]) => [host, Object.fromEntries(ids)]));
    try {
      needHere();
      replaceNow(path, `${JSON.stringify({ since, used } satisfies TokenUse)}\n`);
      isNew = false;
      failing = false;
    } catch (error) {
      if (!failing) log.warn(`cannot write ${path}: ${quoted(errorText(error))}; when tokens were used stays unknown`);
      failing = true;
    }
  };
  const timer = setInterval(write, WRITE_EVERY_MS);
  timer.unref();
  let soon: ReturnType<typeof setTimeout> | null = null;
  const writeSoon = (): void => {
    soon ??= setTimeout(() => {
      soon = null;
      write();
    }, FIRST_USE_MS).unref();
  };
  // Who adds the very first token looks in a moment, and "never used" takes to know since when that is noted.
  if (known === null) write();
  return {
    used(host, hash) {
      const id = tokenId(hash.toString("hex"));
      const ids = notes.get(host) ?? new Map<string, string>();
      const hour = new Date(Math.floor(nowMs() / HOUR_MS) * HOUR_MS).toISOString();
      if (ids.get(id) === hour) return;
      if (!ids.has(id)) writeSoon();
      ids.set(id, hour);
      notes.set(host, ids);
      isNew = true;
    },
    write,
    close: () => {
      clearInterval(timer);
      if (soon !== null) clearTimeout(soon);
    },
  };
}

/** What bounds the file: only who has a token gets into it, and not with more tokens than anybody rolls out in that time. */
function forget(notes: Map<string, Map<string, string>>, nowMs: number): void {
  for (const [host, ids] of notes) {
    const newestFirst = [...ids].sort(([, a], [, b]) => Date.parse(b) - Date.parse(a));
    for (const [i, [id, at]] of newestFirst.entries()) {
      if (i >= IDS_PER_HOST || nowMs - Date.parse(at) > KEEP_MS) ids.delete(id);
    }
    if (ids.size === 0) notes.delete(host);
  }
}
