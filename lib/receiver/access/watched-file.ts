// A small file that an operator edits while we run: read again when it changed, which one stat(2) tells.

import { readFileSync, statSync } from "node:fs";
import { errorCode, errorText } from "../../core/failure.ts";

export type Watched<T> = { kind: "absent" } | { kind: "read"; value: T } | { kind: "unreadable"; why: string };

/**
 * Returns a function that gives the file's present content. Synchronous: one stat on a small file in the page cache.
 * @param parse throws an Error with a sentence when the text is not what it should be
 */
export function watchFile<T>(path: string, parse: (text: string) => T): () => Watched<T> {
  let seen = "";
  let held: Watched<T> = { kind: "absent" };
  return () => {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(path);
      // ctime too: chmod and chown mend what could not be read, and leave mtime alone.
      const now = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      if (now === seen) return held;
      held = { kind: "read", value: parse(readFileSync(path, "utf8")) };
      seen = now;
    } catch (error) {
      seen = "";
      held = errorCode(error) === "ENOENT" ? { kind: "absent" } : { kind: "unreadable", why: errorText(error) };
    }
    return held;
  };
}
