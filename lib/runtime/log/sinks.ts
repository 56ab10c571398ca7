// Where a log's lines go and what they look like there: journal (<PRI> lines, sd-daemon(3)), terminal, plain, syslog
// (RFC 3164). Decides nothing about levels, writes nothing.

import { type Finding, fixTail, type Place } from "../../core/finding.ts";
import { clip } from "../../core/text/fields.ts";
import { printable } from "../../core/text/printable.ts";
import { identityOf } from "../../os/journal-stream.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";
export type Sink = "journal" | "terminal" | "plain" | "syslog";

/** What is said: words, or what is the case and what mends it. */
export type LogMessage = string | Finding;

export interface LineStyle {
  sink: Sink;
  /** The program, such as `heartbeat`. */
  tool: string;
  /** The part of it that speaks, for syslog. */
  name: string;
  pid: number;
  colour: boolean;
  /** Where its reader is: commands for there are shown without their place. */
  reader: Place;
}

interface LevelRow {
  /** Severity of syslog(3). */
  severity: number;
  /** Its name in syslog, as Python's logging has it. */
  syslog: string;
  colour: string;
}

const LEVELS: Record<LogLevel, LevelRow> = {
  error: { severity: 3, syslog: "ERROR", colour: "\x1b[31m" },
  warn: { severity: 4, syslog: "WARNING", colour: "\x1b[33m" },
  info: { severity: 6, syslog: "INFO", colour: "\x1b[36m" },
  debug: { severity: 7, syslog: "DEBUG", colour: "\x1b[2m" },
};
const FACILITY_DAEMON = 3;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The longest line, bytes: journald splits at 48 KiB (LineMax=), rsyslog cuts a datagram at 8 KiB. */
const LINE_BYTES: Record<Sink, number> = { journal: 48_000, terminal: 48_000, plain: 48_000, syslog: 8000 };

/** Room for the words that tell how much was cut. */
const CUT_BYTES = 50;

/** Picks the sink of standard error: the journal only if JOURNAL_STREAM names this very file (systemd.exec(5)). */
export function chooseSink(env: Record<string, string | undefined>, isTerminal: boolean): Sink {
  const stream = env.JOURNAL_STREAM;
  if (stream !== undefined && stream === identityOf(2)) return "journal";
  return isTerminal ? "terminal" : "plain";
}

/**
 * One line for a sink, without its line break. A message that is too long is cut, its fields and its remedy stay. A remedy ends
 * its line: what stood behind it would be pasted into the shell with it.
 * @param fields as `formatFields` writes them
 */
export function formatLine(style: LineStyle, level: LogLevel, message: LogMessage, fields: string, now: Date): string {
  const head = headOf(style, level, now);
  const said = printable(typeof message === "string" ? message : message.what);
  const fix = typeof message === "string" ? "" : printable(fixTail(message.fix, style.reader));
  const limit = LINE_BYTES[style.sink];
  // A character takes three bytes at most: nearly every line ends here.
  if ((head.length + said.length + fields.length + fix.length) * 3 <= limit) return head + said + fields + fix;
  const room = limit - CUT_BYTES - Buffer.byteLength(head + fields + fix);
  return clip(head + clip(said, Math.max(0, room)) + fields + fix, limit);
}

function headOf({ sink, tool, name, pid, colour }: LineStyle, level: LogLevel, now: Date): string {
  const row = LEVELS[level];
  switch (sink) {
    case "journal":
      return `<${row.severity}>`;
    case "plain":
      return `${now.toISOString()} ${tool} ${level.toUpperCase()}: `;
    case "terminal":
      return `${clockTime(now)} ${colour ? `${row.colour}${level.padEnd(5)}\x1b[0m` : level.padEnd(5)} `;
    case "syslog": {
      const day = `${MONTHS[now.getMonth()]} ${String(now.getDate()).padStart(2)}`;
      return `<${FACILITY_DAEMON * 8 + row.severity}>${day} ${clockTime(now)} ${tool}[${pid}]: ${name} ${row.syslog}: `;
    }
  }
}

/** `06:37:53`, local time. */
function clockTime(now: Date): string {
  return now.toTimeString().slice(0, 8);
}
