// Whether systemd will leave each daemon the time that its stop may take: what the unit says, and drop-ins that are there already and
// say something else. Reads; the judgement is pure.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { byCommands, here } from "../../core/finding.ts";
import { formatTimespan, parseTimespan, usecOfSeconds } from "../../core/linux/timespan.ts";
import type { StopBudget } from "../../core/stop-budget.ts";
import { type Row, row } from "./row.ts";

/** By precedence (systemd.unit(5)): of two drop-ins of one name the first counts. */
const UNIT_DIRS = [
  "etc/systemd/system",
  "run/systemd/system",
  "usr/local/lib/systemd/system",
  "usr/lib/systemd/system",
];

export interface DropIn {
  path: string;
  text: string;
}

/** Drop-ins of a service, in the order in which systemd reads them. @param root "/", or a fixture host */
export function dropInsOf(unit: string, root = "/"): DropIn[] {
  const found = new Map<string, DropIn>();
  // What is for all services comes before what is for this one, by the name alone.
  for (const of of [`${unit}.d`, "service.d"])
    for (const dir of UNIT_DIRS)
      for (const name of namesIn(join(root, dir, of)).filter((one) => one.endsWith(".conf"))) {
        const path = join(root, dir, of, name);
        if (!found.has(name)) found.set(name, { path, text: textOf(path) });
      }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return "";
  }
}

/** What a text says of the time for a stop; null: nothing. The last one counts; what systemd cannot read it passes over. */
export function stopTimeoutOf(text: string): bigint | null {
  let said: bigint | null = null;
  for (const line of text.split("\n")) {
    const value = /^\s*Timeout(?:Stop)?Sec\s*=\s*(.*?)\s*$/.exec(line)?.[1];
    const span = value === undefined ? null : parseTimespan(value);
    if (span !== null && "usec" in span) said = span.usec;
  }
  return said;
}

/** @param text the unit that is to be there */
export function checkStopTimeout(unit: string, text: string, dropIns: readonly DropIn[], budget: StopBudget): Row {
  const needed = usecOfSeconds(budget.timeoutStopS);
  const [id, said] = [`stop-timeout ${unit}`, [{ path: unit, text }, ...dropIns]];
  const last = said.findLast((one) => stopTimeoutOf(one.text) !== null);
  const granted = last === undefined ? null : stopTimeoutOf(last.text);
  if (last === undefined || granted === null)
    return row(id, "unknown", `${unit} does not say how long a stop may take`);
  // 0 is no limit (systemd.service(5)).
  if (granted === 0n || granted >= needed)
    return row(
      id,
      "ok",
      `a stop of ${unit} may take ${formatTimespan(granted)}; it needs at most ${formatTimespan(needed)}`,
    );
  const what = `${last.path} leaves a stop of ${unit} ${formatTimespan(granted)}, and it may need ${formatTimespan(needed)}: systemd would kill it half-way`;
  const aside = byCommands(
    here("sudo", "mv", last.path, `${last.path}.before`),
    here("sudo", "systemctl", "daemon-reload"),
  );
  return row(id, "fail", what, { ...aside, text: "take that line out, or put the file aside" });
}
