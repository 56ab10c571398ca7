// Does systemd leave this daemon the time that its stop may take? Asked once, at the start, of the one manager that runs
// the unit; where that cannot be told for sure it says so, and never warns.

import { byCommands, type Command, type Fix, here, lineFix } from "../core/finding.ts";
import { type CgroupPlace, parseCgroup } from "../core/linux/cgroup.ts";
import { formatTimespan, parseTimespan, usecOfSeconds } from "../core/linux/timespan.ts";
import { unitProperties } from "../core/linux/unit-properties.ts";
import { isUnreadable } from "../core/reading.ts";
import type { StopBudget } from "../core/stop-budget.ts";
import { printable } from "../core/text/printable.ts";
import { shellLine, shellWord } from "../core/text/shell-quote.ts";
import { run } from "../os/process/exec.ts";
import { readParsed } from "../os/process/proc.ts";

const ASK_LIMIT_MS = 5000;

/** What is asked for: is it our unit, is it this very run of it, what does it grant, and what would win over what. */
const PROPERTIES = [
  "LoadState",
  "TimeoutStopUSec",
  "NeedDaemonReload",
  "InvocationID",
  "MainPID",
  "FragmentPath",
  "DropInPaths",
];

export interface Alignment {
  /** "info": it cannot be told, and `message` says why. */
  level: "ok" | "info" | "warn";
  message: string;
  /** Null unless "warn". */
  fix: Fix | null;
}

export interface AlignmentFacts {
  /** From the `0::` line of our /proc/self/cgroup; null without one. */
  place: CgroupPlace | null;
  /** $INVOCATION_ID (systemd.exec(5)). */
  invocationId: string | null;
  pid: number;
  /** The unit's properties as `systemctl show` prints them; a string says why there are none. */
  properties: Readonly<Record<string, string>> | string;
  budget: StopBudget;
}

interface Unit {
  unit: string;
  scope: "system" | "user";
}

/** Compares what the manager grants with the budget. Pure; never throws. */
export function judgeAlignment(facts: AlignmentFacts): Alignment {
  const { properties, budget } = facts;
  const unit = ourUnit(facts);
  if (typeof unit === "string") return cannotTell(unit);
  if (typeof properties === "string") return cannotTell(properties);
  const doubt = doubtOf(unit, properties, facts);
  if (doubt !== null) return cannotTell(doubt);
  const granted = parseTimespan(properties.TimeoutStopUSec ?? "");
  if ("error" in granted) {
    return cannotTell(
      `TimeoutStopUSec of ${unit.unit} is ${quoted(properties.TimeoutStopUSec)}, which is no time span`,
    );
  }
  const needed = usecOfSeconds(budget.timeoutStopS);
  const stale = properties.NeedDaemonReload === "yes";
  const what = `TimeoutStopSec of ${nameOf(unit, properties)} is ${formatTimespan(granted.usec)}`;
  const changed = "its files have changed since systemd read them";
  if (granted.usec >= needed) {
    const message = `${what}; a clean stop needs at most ${formatTimespan(needed)} of it`;
    return { level: "ok", message: stale ? `${message}, but ${changed}` : message, fix: null };
  }
  const short = `${what}, less than the ${formatTimespan(needed)} that a clean stop needs: systemd may kill it half-way`;
  if (stale)
    return { level: "warn", message: `${short}; ${changed}, and may be right by now`, fix: byCommands(reload(unit)) };
  return { level: "warn", message: short, fix: mend(unit, properties.DropInPaths ?? "", budget) };
}

/** The service that this process belongs to, or why there is none to ask for. */
function ourUnit({ place, invocationId }: Pick<AlignmentFacts, "place" | "invocationId">): Unit | string {
  if (invocationId === null || invocationId === "") return "INVOCATION_ID is not set, so systemd did not start us";
  if (place === null) return "/proc/self/cgroup has no line for cgroup v2";
  const { unit, scope, path } = place;
  if (unit === null || scope === null) return `our cgroup ${printable(path)} belongs to no unit`;
  // The characters of a unit's name (systemd.unit(5)); nothing else gets into a command line.
  if (!/^[A-Za-z0-9:_.\\@-]+\.service$/.test(unit)) return `${printable(unit)}, to which we belong, is no service`;
  return { unit, scope };
}

/**
 * Why the answer may not be about us. systemctl describes a unit that does not exist just as politely, with defaults;
 * and a daemon started from a terminal or by cron has the invocation of that other service.
 */
function doubtOf(
  { unit, scope }: Unit,
  properties: Readonly<Record<string, string>>,
  facts: AlignmentFacts,
): string | null {
  const { LoadState, InvocationID, MainPID } = properties;
  if (LoadState !== "loaded") return `the ${scope} manager says ${quoted(LoadState)} about ${unit}`;
  if (InvocationID !== facts.invocationId) return `the ${scope} manager knows another run of ${unit} than ours`;
  if (MainPID !== String(facts.pid))
    return `the main process of ${unit} is ${quoted(MainPID)} and not we, ${facts.pid}`;
  return null;
}

function cannotTell(why: string): Alignment {
  return { level: "info", message: `cannot tell whether systemd leaves a stop enough time: ${why}`, fix: null };
}

function nameOf({ unit, scope }: Unit, { FragmentPath = "" }: Readonly<Record<string, string>>): string {
  const name = scope === "user" ? `the user's ${unit}` : unit;
  return FragmentPath === "" ? name : `${name} (${printable(FragmentPath)})`;
}

function quoted(value: string | undefined): string {
  return value === undefined ? "nothing" : `"${printable(value).slice(0, 100)}"`;
}

function reload({ scope }: Unit): Command {
  return scope === "user" ? here("systemctl", "--user", "daemon-reload") : here("sudo", "systemctl", "daemon-reload");
}

/** Writes a drop-in that is read after all others: the last setting wins, whichever directory it stands in. */
function mend(unit: Unit, dropInPaths: string, budget: StopBudget): Fix {
  const home = unit.scope === "user" ? "~/.config/systemd/user" : "/etc/systemd/system";
  // Of the whole path only the name may be quoted: in quotes a shell reads no tilde.
  const directory = `${home}/${shellWord(unit.unit)}.d`;
  const setting = `[Service]\\nTimeoutStopSec=${Math.ceil(budget.timeoutStopS)}\\n`;
  const sudo = unit.scope === "user" ? "" : "sudo ";
  const write = `printf '${setting}' | ${sudo}tee ${directory}/${lastName(dropInPaths)}`;
  return lineFix(`${sudo}mkdir -p ${directory} && ${write} && ${shellLine(reload(unit).argv)}`);
}

/** systemd sorts drop-ins of all directories by name, byte by byte (systemd.unit(5)). */
function lastName(dropInPaths: string): string {
  const others = dropInPaths.split(/[ /]+/).filter((name) => name.endsWith(".conf"));
  const name = (zs: number): string => `${"z".repeat(zs)}-labfleet-stop.conf`;
  let zs = 2;
  while (zs < 20 && others.some((other) => other > name(zs))) zs++;
  return name(zs);
}

export interface CheckOptions {
  /** "/", or a fixture host. */
  root?: string;
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Asks the manager that runs us, and only that one, how long a stop may take. Takes 5 s at the most; never throws.
 * @param budget what this daemon's stop may take
 */
export async function checkAlignment(
  budget: StopBudget,
  { root = "/", env = process.env }: CheckOptions = {},
): Promise<Alignment> {
  const cgroup = readParsed(root, "proc/self/cgroup", parseCgroup);
  const place = isUnreadable(cgroup) ? null : cgroup;
  const invocationId = env.INVOCATION_ID ?? null;
  const unit = ourUnit({ place, invocationId });
  const properties = typeof unit === "string" ? unit : await show(unit, env);
  return judgeAlignment({ place, invocationId, pid: process.pid, properties, budget });
}

/** The properties of a unit, or why there are none. */
async function show(
  { unit, scope }: Unit,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string> | string> {
  const { PATH, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = env;
  const manager = scope === "user" ? ["--user"] : [];
  const command = ["systemctl", ...manager, "show", `--property=${PROPERTIES.join(",")}`, "--", unit];
  const done = await run(command, {
    timeoutMs: ASK_LIMIT_MS,
    maxBytes: 64 * 1024,
    env: { PATH, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS },
  });
  if (done.kind === "failed") return done.why;
  if (done.code !== 0) return `systemctl exited with ${done.code}: ${quoted(done.stderr.trim())}`;
  return unitProperties(done.stdout);
}
