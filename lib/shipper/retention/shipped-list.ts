// What lies in shipped/, kept in memory: fifty thousand receipts are not read anew each hour, nor each time room is needed.

import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Dirs } from "../../contract/places.ts";
import { entriesOf } from "../../os/files/entries.ts";
import { readDocument } from "../episode/document.ts";
import { type Receipted, readReceipted } from "../episode/notes.ts";

/** Notes read between two turns of the event loop, and two signs of progress. */
const SLICE = 200;

export class ShippedList {
  private readonly known = new Map<string, Receipted | null>();

  constructor(private readonly dirs: Dirs) {}

  /**
   * The receipts of what is there now: only those that came since are read.
   * @param moved called now and then: a first reading of many takes its time
   */
  async read(moved: () => void): Promise<Receipted[]> {
    const present = new Set<string>();
    for await (const entry of entriesOf(this.dirs.shipped)) {
      if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
      present.add(entry.name);
      if (this.known.has(entry.name)) continue;
      const text = await readDocument(join(this.dirs.shipped, entry.name), "shipped");
      this.known.set(entry.name, readReceipted(entry.name, text));
      if (this.known.size % SLICE !== 0) continue;
      moved();
      await nextTurn();
    }
    for (const name of this.known.keys()) if (!present.has(name)) this.known.delete(name);
    return [...this.known.values()].filter((kept) => kept !== null);
  }

  /** What is known of one may be true no longer. */
  forget(name: string): void {
    this.known.delete(name);
  }
}
