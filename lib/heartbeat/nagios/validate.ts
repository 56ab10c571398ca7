// Reads the configured checks and looks at their programs before the first run. It only warns: a program
// that is missing now may be there at the next run, which tries it all the same.

import { constants, type Stats, statSync } from "node:fs";
import { resolve } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, type Fix, here, inWords } from "../../core/finding.ts";
import { refusedUse } from "../../os/file-calls.ts";
import type { Fields, LogMessage } from "../../runtime/log/log.ts";
import { LIMITS } from "../collect/observations.ts";
import type { Check, Command } from "./check.ts";
import { shellHint, shellHintOfWords } from "./shell-hint.ts";
import { splitWords } from "./shell-words.ts";

const DEFAULT_TIMEOUT_S = 10;
const DEFAULT_GRACE_S = 5;
/** A timer cannot count beyond 2^31 ms. */
const LONGEST_S = 7 * 86_400;

export interface Remark {
  level: "info" | "warn";
  message: LogMessage;
  fields: Fields;
}

export interface Configured {
  /** Entries in the configuration, the useless ones included. */
  entries: number;
  checks: Check[];
  remarks: Remark[];
}

/**
 * The checks of `[nagios_runner]`. An entry without name or command is left out with a warning, one whose command cannot
 * be read is kept and fails at every run.
 * @param intervalS how often the agent collects
 */
export function readChecks(settings: Readonly<Record<string, unknown>>, intervalS: number): Configured {
  const { timeout, grace, commands } = settings;
  const list: unknown[] = Array.isArray(commands) ? commands : [];
  const defaults = {
    timeoutS: seconds(timeout, DEFAULT_TIMEOUT_S),
    graceS: seconds(grace, DEFAULT_GRACE_S, 0),
    intervalS,
  };
  const checks: Check[] = [];
  const remarks: Remark[] = [];
  for (const [index, entry] of list.entries()) {
    const check = readCheck(entry, defaults);
    if (typeof check === "string") {
      const message = `check left out: ${check}`;
      remarks.push({
        level: "warn",
        message,
        fields: { entry: `nagios_runner.commands[${index}]`, expected: "{ name, command }" },
      });
      continue;
    }
    checks.push(check);
  }
  const kept = checks.slice(0, LIMITS.configured);
  giveFreeNames(kept, remarks);
  if (checks.length > kept.length) remarks.push(tooMany(checks));
  return { entries: list.length, checks: kept, remarks };
}

/** What is not reported is not run either. */
function tooMany(checks: readonly Check[]): Remark {
  const most = LIMITS.configured;
  return {
    level: "warn",
    message: `only the first ${most} checks are run: a heartbeat carries no more`,
    fields: { configured: checks.length, left_out: checks.length - most, first_left_out: checks[most]?.name ?? "" },
  };
}

interface Defaults {
  timeoutS: number;
  graceS: number;
  intervalS: number;
}

/** @returns why it is none, in words */
function readCheck(entry: unknown, defaults: Defaults): Check | string {
  if (typeof entry !== "object" || entry === null) return "it is no table";
  const { name, command, shell, timeout, interval } = entry as Record<string, unknown>;
  if (typeof name !== "string" || name.trim() === "") return "it has no name";
  const words = readCommand(command, shell === true);
  if (words === null) return `${JSON.stringify(name)} has no command`;
  const timeoutS = seconds(timeout, defaults.timeoutS);
  const intervalS = typeof interval === "number" && interval > 0 ? interval : null;
  const ttlS = Math.ceil(2 * Math.max(intervalS ?? 0, defaults.intervalS) + timeoutS);
  return { name, command: words, timeoutS, graceS: defaults.graceS, intervalS, ttlS };
}

function readCommand(command: unknown, shell: boolean): Command | null {
  if (Array.isArray(command)) {
    const words = command.filter((word) => typeof word === "string");
    if (words.length === 0 || words[0]?.trim() === "") return null;
    if (words.length < command.length) return { broken: "its command holds something that is no text" };
    if (shell) return { broken: "with shell = true its command must be one text, not a list" };
    return withHint({ words, shell }, shellHintOfWords(words));
  }
  if (typeof command !== "string" || command.trim() === "") return null;
  if (shell) return { words: [command], shell };
  const split = splitWords(command);
  if ("error" in split) return { broken: `its command cannot be split into words: ${split.error}` };
  return withHint({ words: split.words, shell }, shellHint(command));
}

function withHint(command: Extract<Command, { words: unknown }>, hint: string | null): Command {
  return hint === null ? command : { ...command, hint };
}

function seconds(value: unknown, otherwise: number, least = 0.001): number {
  return typeof value === "number" && value >= least ? Math.min(value, LONGEST_S) : otherwise;
}

function giveFreeNames(checks: readonly Check[], remarks: Remark[]): void {
  const taken = new Set<string>();
  for (const check of checks) {
    const { name } = check;
    for (let copy = 2; taken.has(check.name); copy++) check.name = `${name}#${copy}`;
    taken.add(check.name);
    if (check.name === name) continue;
    const fields = { check: name, now: check.name };
    remarks.push({ level: "warn", message: "two checks have the same name", fields });
  }
}

/** What is wrong with a check's program as it is now; at most one warning. */
export function inspectCheck({ name, command }: Check, path: string): Remark[] {
  if ("broken" in command)
    return [{ level: "warn", message: `check cannot run: ${command.broken}`, fields: { check: name } }];
  if (command.hint !== undefined)
    return [{ level: "warn", message: "check is run without a shell", fields: { check: name, hint: command.hint } }];
  const program = programOf(command);
  if (program === null) return [];
  if (program.startsWith("/")) {
    const why = faultOf(program);
    if (why === null) return [];
    const message = { what: `check's program ${why.what}`, fix: why.fix };
    return [{ level: "warn", message, fields: { check: name, program } }];
  }
  if (program.includes("/")) return [relativePath(name, program)];
  if (command.shell || Bun.which(program, { PATH: path }) !== null) return [];
  return [{ level: "info", message: "check's program is not on PATH", fields: { check: name, program, path } }];
}

/** Checks run in `/`, wherever the agent was started: a path that is not absolute rarely means what was meant. */
function relativePath(check: string, program: string): Remark {
  const runs = resolve("/", program);
  const why = faultOf(runs);
  const what = `check's program is a relative path, and checks run in /: ${runs} will be run`;
  return {
    level: "warn",
    message: { what: why === null ? what : `${what}, and ${why.what}`, fix: inWords("give its absolute path") },
    fields: { check, program },
  };
}

/** The first word; of a shell's text only where it is plain, for it may be anything. */
function programOf({ words: [first = ""], shell }: Extract<Command, { words: unknown }>): string | null {
  if (!shell) return first;
  return /^\s*([\w.+-]*\/[\w./+-]+)(?=\s|$)/.exec(first)?.[1] ?? null;
}

function faultOf(program: string): Finding | null {
  try {
    const stats = statSync(program);
    if (!stats.isFile()) return { what: "is not a file", fix: null };
    if (refusedUse(program, constants.X_OK) !== null) return NOT_EXECUTABLE;
    return whoElseCanChange(program, stats);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { what: "does not exist", fix: null };
    return code === "EACCES" ? NOT_EXECUTABLE : { what: `cannot be looked at: ${errorText(error)}`, fix: null };
  }
}

const NOT_EXECUTABLE: Finding = { what: "is not executable for us", fix: null };

function whoElseCanChange(program: string, { mode, uid }: Stats): Finding | null {
  const closeTo = (who: "o" | "g"): Fix => byCommands(here("sudo", "chmod", `${who}-w`, program));
  if ((mode & 0o002) !== 0) return { what: "can be changed by anybody", fix: closeTo("o") };
  const isTrusted = uid === 0 || uid === process.geteuid?.();
  if ((mode & 0o020) === 0 || isTrusted) return null;
  return { what: "can be changed by its group and belongs to somebody else", fix: closeTo("g") };
}
