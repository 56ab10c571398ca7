// Takes what a Nagios plugin printed apart: one line of message, long text, performance data (Nagios Core, "Plugin API").
// Where a `|` may be text as well, it is text unless performance data follows. Pure, never throws, linear.

import type { CheckStatus, PerfItem } from "../../contract/observation.ts";
import { hasItem, isPerfdata, type Perfdata, parsePerfdata } from "../../contract/perfdata.ts";

export interface CheckOutput {
  /** The first line that is not blank, without its performance data; "" where nothing else is on it. */
  message: string;
  /** The lines after it, without performance data, each ended by a newline but the last. */
  longText: string;
  perfdata: PerfItem[];
  /** What stood among the performance data and was none. */
  perfErrors: string[];
}

/**
 * What a plugin printed on standard output. A carriage return before a newline is a blank like others, and goes.
 * @param cut it was cut off where it ends, or its plugin was: an item that reaches the end may be half a one, and is bad
 */
export function parseOutput(stdout: string, cut = false): CheckOutput {
  const lines = stdout.split("\n");
  const start = lines.findIndex((line) => !isBlank(line));
  if (start < 0) return { message: "", longText: "", perfdata: [], perfErrors: [] };
  const later = lines.slice(start + 1);
  const first = splitFirstLine(lines[start] ?? "", cut && later.length === 0);
  const rest = splitLongText(later, cut);
  const perfs = [parsePerfdata(first.perf, cut && later.length === 0), ...rest.perf];
  return {
    message: first.text.trim(),
    longText: joinLines(rest.text),
    perfdata: perfs.flatMap(({ items }: Perfdata) => items),
    perfErrors: perfs.flatMap(({ errors }: Perfdata) => errors),
  };
}

/** As parseOutput, with standard error as text only: what stands there is never performance data. */
export function joinOutput(stdout: string, stderr: string, cut = false): CheckOutput & { empty: boolean } {
  const parsed = parseOutput(stdout, cut);
  const [head = "", ...tail] = joinLines(stderr.split("\n")).split("\n");
  const said = parsed.message !== "" || parsed.longText !== "";
  const message = parsed.message || (said ? "" : head.trim());
  const longText = joinLines([parsed.longText, ...(said ? [head, ...tail] : tail)]);
  const empty = message === "" && longText === "" && parsed.perfdata.length === 0;
  return { ...parsed, message: empty ? "no output" : message, longText, empty };
}

/** Exit codes above 3 are reserved (guidelines); a shell has two of them for commands that it could not run (POSIX sh, 2.8.2). */
const EXIT_STATUS: Readonly<Record<number, CheckStatus>> = { 0: "ok", 1: "warning", 2: "critical", 3: "unknown" };
const EXIT_NOTES: Readonly<Record<number, string>> = {
  126: "exit code 126: not executable",
  127: "exit code 127: not found",
};

/** What an exit code says. `note`, for one that is none of the four: words for the message. */
export function statusOfExit(code: number): { status: CheckStatus; note: string | null } {
  const status = EXIT_STATUS[code];
  if (status !== undefined) return { status, note: null };
  return { status: "unknown", note: EXIT_NOTES[code] ?? `exit code ${code} out of range` };
}

interface Split {
  text: string;
  perf: string;
}

/** A `|` at the end of the first line announces performance data and brings none. */
function splitFirstLine(line: string, cut: boolean): Split {
  const split = splitLine(line, cut) ?? { text: line.trimEnd(), perf: "" };
  return split.perf === "" && split.text.endsWith("|") ? { text: split.text.slice(0, -1), perf: "" } : split;
}

function splitLine(line: string, cut: boolean): Split | null {
  const pipe = findPipe(line, cut);
  return pipe < 0 ? null : { text: line.slice(0, pipe), perf: line.slice(pipe + 1) };
}

/**
 * The `|` behind which is nothing but good performance data; else the last one with an item that can be used before the
 * next; else -1: every one of them is text. Only one can be clean: behind a `|` of a quoted label there is an odd quote. (Of
 * a line that is cut off it is the first: the others may be in a label whose second quote is lost.)
 */
function findPipe(line: string, cut: boolean): number {
  const pipes: number[] = [];
  for (let at = line.indexOf("|"); at >= 0; at = line.indexOf("|", at + 1)) pipes.push(at);
  const clean = pipes.find((pipe) => isPerfdata(line, pipe + 1, cut));
  return clean ?? pipes.findLast((pipe, i) => hasItem(line, pipe + 1, pipes[i + 1] ?? line.length)) ?? -1;
}

/**
 * Text up to an accepted `|`; from there to the end each line with an item is performance data, and every other one text
 * still. A `|` at the end of a line opens performance data if the next line is that and nothing else.
 */
function splitLongText(lines: readonly string[], cut: boolean): { text: string[]; perf: Perfdata[] } {
  const text: string[] = [];
  const perf: Perfdata[] = [];
  const cutAt = cut ? lines.length - 1 : -1;
  let opened = false;
  lines.forEach((line, i) => {
    const split = splitLater({ line, cut: i === cutAt }, { line: lines[i + 1], cut: i + 1 === cutAt }, opened);
    opened ||= split !== null;
    if (split !== null) perf.push(parsePerfdata(split.perf, i === cutAt));
    // The text before a `|` is a line only if there is any.
    if (split === null) text.push(line);
    else if (!isBlank(split.text)) text.push(split.text);
  });
  return { text, perf };
}

/** A line, and whether it was cut off where it ends. */
interface Line<T = string> {
  line: T;
  cut: boolean;
}

function splitLater({ line, cut }: Line, next: Line<string | undefined>, opened: boolean): Split | null {
  if (isTableRow(line, cut)) return null;
  return opened ? splitOpened(line, cut) : (splitLine(line, cut) ?? splitEnd(line, next));
}

/** After an accepted `|`, a line may have text and a `|` of its own. */
function splitOpened(line: string, cut: boolean): Split | null {
  const all: Split = { text: "", perf: line };
  if (isPerfdata(line, 0, cut)) return all;
  return splitLine(line, cut) ?? (hasItem(line, 0, line.length) ? all : null);
}

function splitEnd(line: string, next: Line<string | undefined>): Split | null {
  const text = line.trimEnd();
  const opens = text.endsWith("|") && next.line !== undefined && isPerfdata(next.line, 0, next.cut);
  return opens ? { text: text.slice(0, -1), perf: "" } : null;
}

/** `| name | used=5 |`: a row of a table, whatever is in its cells; one that is cut off has lost its last `|`. */
function isTableRow(line: string, cut: boolean): boolean {
  const row = line.trim();
  return row.length > 1 && row.startsWith("|") && (row.endsWith("|") || (cut && row.includes("|", 1)));
}

/** Blank lines at the start and the end are dropped, and blanks at the end of each; indentation stays. */
function joinLines(lines: readonly string[]): string {
  const ends = lines.map((line) => line.trimEnd());
  const start = ends.findIndex((line) => line !== "");
  return start < 0 ? "" : ends.slice(start, ends.findLastIndex((line) => line !== "") + 1).join("\n");
}

function isBlank(line: string): boolean {
  return line.trim() === "";
}
