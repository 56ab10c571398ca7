// What a heartbeat says of a plugin that should take part and does not: nobody looks at a list of plugins, but everybody at
// results. Pure.

import type { CheckResult } from "../../contract/observation.ts";
import type { Absent } from "../plugin.ts";

/** What fails where the directory of plugins cannot be used. */
export const PLUGINS_DIR = "plugins_dir";

/** A file's name may have 255 characters, and the receiver takes 256 of a name that was made unique. */
const NAME_CHARACTERS = 120;
const MESSAGE_CHARACTERS = 2000;

export interface AbsentOptions {
  nowMs: number;
  ttlS: number;
  /** Counts collections. */
  run: number;
}

/** A result for each. One that is still loading is no run of anything: it keeps its number and its time. */
export function absentResults(absent: readonly Absent[], { nowMs, ttlS, run }: AbsentOptions): CheckResult[] {
  return absent.map(({ name, reason, pendingSince }) => {
    const short = name.toWellFormed().slice(0, NAME_CHARACTERS);
    const what = name === PLUGINS_DIR ? name : `plugin ${short} is inactive`;
    return {
      plugin: short,
      name: short,
      status: "unknown",
      message: `${what}: ${reason}`.toWellFormed().slice(0, MESSAGE_CHARACTERS),
      perfdata: [],
      started_at: pendingSince ?? new Date(nowMs).toISOString(),
      duration_ms: 0,
      ttl_s: ttlS,
      run: pendingSince === null ? run : 0,
      ...(pendingSince === null ? {} : { notes: { pending: true } }),
    };
  });
}
