// What is wrong with stored archives is said once for each: a host asks each hour. It may be the only copy but one, on a host that
// waits for a word of ours to remove it.

import { findingText } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import type { Log, LogMessage } from "../../runtime/log/log.ts";

/** So many archives are remembered to have been told of; of more the oldest may be told again. */
const TOLD_MAX = 10_000;

/** What was said of each archive: a host asks each hour. */
export class DamageNotes {
  private readonly told = new SaidOnce(TOLD_MAX);

  constructor(private readonly log: Pick<Log, "error">) {}

  /** Says it, unless it was the last that was said of this archive. */
  say(name: string, message: LogMessage): void {
    const said = typeof message === "string" ? message : findingText(message);
    if (this.told.isNews(name, said)) this.log.error(message);
  }

  /** A log whose lines are about this archive. */
  of(name: string): Pick<Log, "error"> {
    return { error: (message) => this.say(name, message) };
  }

  /** It is sound: what comes later is news. */
  forget(name: string): void {
    this.told.isOver(name);
  }
}
