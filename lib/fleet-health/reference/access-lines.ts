// The lines of a receiver's journal that tell what became of each PUT, and of commits that were missing: those of the Python receiver,
// whose shape ours has, too. Pure.

import { addStatus, type Facts, factsOf } from "./alerts.ts";

const PUT = /PUT \/v1\/episodes\/([^/]+)\/[^"]+ HTTP\/1\.1" ([0-9]{3})/;
const MISSING = /missing X-Cis490-Code-Commit/i;
const HOST = /host=([^\s]+)/;
/** Where Python's splitlines() ends a line. */
const LINE_END = new RegExp(["\r\n", ..."\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"].join("|"));

/** Takes what `journalctl --output=cat` printed. */
export function addJournal(facts: Facts, text: string): void {
  for (const line of text.split(LINE_END)) {
    if (MISSING.test(line)) {
      const host = HOST.exec(line)?.[1]?.replace(/,+$/, "");
      if (host !== undefined) factsOf(facts, host).unstamped += 1;
      continue;
    }
    const [, host, status] = PUT.exec(line) ?? [];
    if (host !== undefined) addStatus(facts, host, Number(status));
  }
}
