// The one log. consola sorts out levels; the three sinks are ours: journal (<PRI> lines, sd-daemon(3)), terminal, plain.
// A value from outside cannot forge a line or a field: see `formatFields`.

import { fstatSync } from "node:fs";
import { createConsola, type LogObject } from "consola";
import { UserError } from "../core/failure.ts";
import { printable } from "../core/printable.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";
export const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

export type Sink = "journal" | "terminal" | "plain";

const CONSOLA_LEVEL: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };
const PRIORITY: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 };
const COLOUR: Record<LogLevel, string> = { error: "\x1b[31m", warn: "\x1b[33m", info: "\x1b[36m", debug: "\x1b[2m" };

/** Picks the sink of standard error: the journal only if JOURNAL_STREAM names this very file (systemd.exec(5)). */
export function chooseSink(env: Record<string, string | undefined>, isTerminal: boolean): Sink {
  const stream = env.JOURNAL_STREAM;
  if (stream !== undefined) {
    const { dev, ino } = fstatSync(2);
    if (stream === `${dev}:${ino}`) return "journal";
  }
  return isTerminal ? "terminal" : "plain";
}

/** `{a: 1, b: "x y"}` as ` a=1 b="x y"`; quotes, control characters and line breaks are escaped. */
export function formatFields(fields: Fields): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const plain = String(value);
    text += ` ${key}=${/^[\w.:/@+,-]+$/.test(plain) ? plain : JSON.stringify(plain)}`;
  }
  return text;
}

/** One line for a sink, without its line break. */
export function formatLine(
  sink: Sink,
  tool: string,
  level: LogLevel,
  message: string,
  now: Date,
  colour: boolean,
): string {
  const safe = printable(message);
  if (sink === "journal") return `<${PRIORITY[level]}>${safe}`;
  if (sink === "plain") return `${now.toISOString()} ${tool} ${level.toUpperCase()}: ${safe}`;
  const mark = colour ? `${COLOUR[level]}${level.padEnd(5)}\x1b[0m` : level.padEnd(5);
  return `${now.toTimeString().slice(0, 8)} ${mark} ${safe}`;
}

export interface LogOptions {
  tool: string;
  level: LogLevel;
  sink: Sink;
  colour: boolean;
  write: (text: string) => void;
  now: () => Date;
}

/** A log that writes one line a call to `write`. */
export function createLog(options: LogOptions): Log {
  const consola = createConsola({
    level: CONSOLA_LEVEL[options.level],
    throttle: 0,
    reporters: [{ log: (entry: LogObject) => options.write(`${lineOfEntry(options, entry)}\n`) }],
  });
  const at =
    (level: LogLevel) =>
    (message: string, fields: Fields = {}): void =>
      consola[level](message + formatFields(fields));
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** The log of a tool run from here: standard error, sink and colour found out. */
export function openLog(tool: string, level: LogLevel): Log {
  const sink = chooseSink(process.env, process.stderr.isTTY === true);
  const colour = sink === "terminal" && (process.env.NO_COLOR ?? "") === "";
  return createLog({ tool, level, sink, colour, write: (text) => process.stderr.write(text), now: () => new Date() });
}

function lineOfEntry(options: LogOptions, entry: LogObject): string {
  const level = LOG_LEVELS.find((name) => name === entry.type) ?? "info";
  return formatLine(options.sink, options.tool, level, entry.args.map(String).join(" "), options.now(), options.colour);
}

/** The value of `--log-level`, `info` when it was not given. */
export function readLogLevel(value: string | true | undefined): LogLevel {
  if (value === undefined) return "info";
  const level = LOG_LEVELS.find((name) => name === String(value).toLowerCase());
  if (level !== undefined) return level;
  throw new UserError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, found ${JSON.stringify(value)}`);
}
