// The one log. consola sorts out levels; what a line looks like and where it goes is ours (sinks.ts, syslog.ts). A value
// from outside cannot forge a line or a field (core/text/fields.ts), and no log call waits, throws or ends the daemon.

import { isatty } from "node:tty";
import { createConsola, type LogObject } from "consola/core";
import { UserError } from "../../core/failure.ts";
import type { Place } from "../../core/finding.ts";
import { type Fields, formatFields } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { counted } from "../../core/text/quantity.ts";
import { redirectComplaints } from "../../os/answer.ts";
import { writeNow } from "../../os/file-calls.ts";
import { reopenJournal } from "../../os/journal-stream.ts";
import { Output } from "../../os/output.ts";
import { hasLeftTerminal, isDetached } from "./detached.ts";
import { chooseSink, formatLine, type LineStyle, type LogLevel, type LogMessage, type Sink } from "./sinks.ts";
import { openSyslog, SYSLOG, type SyslogPlaces } from "./syslog.ts";

export type { Fields, LogLevel, LogMessage, Sink };

const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

export interface Log {
  error(message: LogMessage, fields?: Fields): void;
  warn(message: LogMessage, fields?: Fields): void;
  info(message: LogMessage, fields?: Fields): void;
  debug(message: LogMessage, fields?: Fields): void;
}

const CONSOLA_LEVEL: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };
/** consola folds what it has just said, within so many milliseconds; -Infinity: never, whatever the clock does. */
const FOLD_MS = Number.NEGATIVE_INFINITY;

export interface LogOptions {
  tool: string;
  /** The part of the tool that speaks, for syslog; the tool itself if left out. */
  name?: string;
  level: LogLevel;
  sink: Sink;
  colour: boolean;
  /** Where its reader is; the lab host if left out. */
  reader?: Place;
  /** Takes a line with its line break; for syslog without. */
  write: (text: string) => void;
  now: () => Date;
}

/** A log that writes one line a call to `write`. */
export function createLog(options: LogOptions): Log {
  const { write, now } = options;
  const style = styleOf(options);
  const end = options.sink === "syslog" ? "" : "\n";
  const consola = createConsola({
    level: CONSOLA_LEVEL[options.level],
    throttle: FOLD_MS,
    reporters: [{ log: ({ type, args: [message, fields] }: LogObject) => write(line(levelOf(type), message, fields)) }],
  });
  const line = (level: LogLevel, message: LogMessage, fields: Fields): string =>
    formatLine(style, level, message, formatFields(fields), now()) + end;
  const at =
    (level: LogLevel) =>
    (message: LogMessage, fields: Fields = {}): void =>
      consola[level](message, fields);
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

export interface LogPlaces {
  reader?: Place;
  places?: SyslogPlaces;
}

/**
 * The log of a tool run from here: syslog for a daemon that leaves its terminal (detach.ts), else standard error, sink
 * and colour found out.
 * @param where its reader is, by default the lab host; and where syslog is, for tests
 */
export function openLog(tool: string, level: LogLevel, { reader = "host", places = SYSLOG }: LogPlaces = {}): Log {
  return isDetached() ? openDetachedLog(tool, level, reader, places) : openErrorLog(tool, level, reader);
}

function openErrorLog(tool: string, level: LogLevel, reader: Place): Log {
  const sink = chooseSink(process.env, isatty(2));
  const colour = sink === "terminal" && (process.env.NO_COLOR ?? "") === "";
  const style = styleOf({ tool, sink, colour, reader });
  const warning = (what: string): string => `${formatLine(style, "warn", what, "", now())}\n`;
  const lost = (lines: number, reason: string): string =>
    warning(`${counted(lines, "log line was", "log lines were")} lost: standard error was ${reason}`);
  const again = (): string | null =>
    goOnInJournal(tool) ? warning("journald was stopped: the log goes on over a new connection to it") : null;
  const output = new Output(2, lost, sink === "journal" ? again : null);
  return createLog({ tool, level, sink, colour, reader, write: (text) => output.write(text), now });
}

/** Connects to journald anew. What we start later looks for it where we do, by $JOURNAL_STREAM. */
function goOnInJournal(tool: string): boolean {
  const stream = reopenJournal(tool);
  if (stream !== null) process.env.JOURNAL_STREAM = stream;
  return stream !== null;
}

/** Warnings and errors of the start are for whoever waits at the terminal, too. */
function openDetachedLog(tool: string, level: LogLevel, reader: Place, places: SyslogPlaces): Log {
  const common = { tool, level, colour: false, reader, now };
  const style = styleOf({ ...common, sink: "syslog" });
  const syslog = openSyslog({ tool, places, format: (at, text) => formatLine(style, at, text, "", now()) });
  const log = createLog({ ...common, sink: "syslog", write: (line) => syslog.write(line) });
  const writeHere = (text: string): void => void writeNow(2, Buffer.from(text));
  const here = createLog({ ...common, sink: "plain", write: writeHere });
  const both =
    (at: "error" | "warn") =>
    (message: LogMessage, fields?: Fields): void => {
      log[at](message, fields);
      if (!hasLeftTerminal()) here[at](message, fields);
    };
  redirectErrors(log);
  return { ...log, error: both("error"), warn: both("warn") };
}

/** What others write to standard error, above all why the daemon ends, goes to the log once nobody would read it there. */
function redirectErrors(log: Log): void {
  const write = process.stderr.write.bind(process.stderr);
  const say = (text: string): void => {
    for (const line of text.split("\n")) if (line.trim() !== "") log.error(line);
  };
  process.stderr.write = (chunk: string | Uint8Array): boolean => {
    if (!hasLeftTerminal()) return write(chunk);
    say(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    return true;
  };
  redirectComplaints((text) => (hasLeftTerminal() ? say(text) : writeNow(2, Buffer.from(text))));
}

/** As Python calls them, whose fleet's command lines are taken over. */
const OF_PYTHON: ReadonlyMap<string, LogLevel> = new Map([
  ["warning", "warn"],
  ["critical", "error"],
]);

/**
 * The level that a command line asks for: that of `--log-level`, or debug for `-v`, whichever says more; info by default.
 * @throws UserError (exit 2) for a level that is none
 */
export function readLogLevel(options: Readonly<Record<string, string | true>>): LogLevel {
  const value = options["log-level"] ?? "info";
  const asked = String(value).toLowerCase();
  const level = LOG_LEVELS.find((name) => name === (OF_PYTHON.get(asked) ?? asked));
  if (level === undefined) {
    const meant = nearest(String(value), LOG_LEVELS) ?? "info";
    const what = `--log-level must be one of ${LOG_LEVELS.join(", ")}, found ${JSON.stringify(value)}`;
    throw new UserError(what, `--log-level ${meant}`);
  }
  return options.verbose === true || options.debug === true ? "debug" : level;
}

function now(): Date {
  return new Date();
}

function styleOf(options: Pick<LogOptions, "tool" | "name" | "sink" | "colour" | "reader">): LineStyle {
  const { tool, name = tool, sink, colour, reader = "host" } = options;
  return { tool, name, sink, colour, pid: process.pid, reader };
}

function levelOf(type: string): LogLevel {
  return LOG_LEVELS.find((name) => name === type) ?? "info";
}
