// What is wrong and what mends it, as data: programs run its commands, people read it as one sentence. This file renders it, and
// nobody reads the sentence again but contract/said.ts, for what came over the wire. Pure.

import { shellLine } from "./text/shell-quote.ts";

/** Where a command is run: on the lab host, on the collector, or where it is built. */
export type Place = "host" | "collector" | "build";

/** A command as it is run: no shell reads it, and none of it is glued to other words. */
export interface Command {
  argv: readonly string[];
  /** Whose shell; `here`: that of the machine that says it, whichever it is. */
  on: Place | "here";
}

/** A command for the shell of the lab host. */
export function onHost(...argv: string[]): Command {
  return { argv, on: "host" };
}

/** A command for the shell of the machine that says it. */
export function here(...argv: string[]): Command {
  return { argv, on: "here" };
}

export interface Fix {
  /** What to do, in words, without a full stop. */
  text: string;
  /** What does it, in this order; none where no command can. */
  commands: readonly Command[];
}

/**
 * What mends it is told in words alone: no command does it, or only one with a part that a person has to fill in (`<host>`), or
 * one of several ways of which a person picks. A command that can be run as it stands is a `Command`.
 */
export function inWords(text: string): Fix {
  return { text, commands: [] };
}

/** What mends it is done by commands that need no words. */
export function byCommands(...commands: readonly Command[]): Fix {
  return { text: "", commands };
}

/**
 * A line for a shell that is more than its commands, such as a pipeline, or one that goes on whatever a part of it came to: it is
 * shown as it is. What can be run without a shell is a `Command`.
 */
export function lineFix(line: string): Fix {
  return { text: line, commands: [] };
}

export interface Finding {
  /** What is the case, with the facts that were found; without a full stop. */
  what: string;
  /** What mends it; null: nothing that is known. */
  fix: Fix | null;
}

/** A finding that has a remedy. */
export interface Mendable extends Finding {
  fix: Fix;
}

/**
 * A fix in one line: `start it: on the collector: systemctl start labfleet-receiver`. Commands of one place are one line for
 * its shell, joined by `&&`; those that are run where the reader is have no place before them.
 * @param reader on which machine the reader is
 */
export function fixText({ text, commands }: Fix, reader: Place = "host"): string {
  let shown = "";
  let before: Place | null = null;
  for (const { argv, on } of commands) {
    const place = on === "here" ? reader : on;
    if (before !== null) shown += before === place ? " && " : "; then ";
    if (before !== place && (place !== reader || before !== null)) shown += `${PLACES[place]}: `;
    shown += shellLine(argv);
    before = place;
  }
  return [text, shown].filter((part) => part !== "").join(": ");
}

/** The same for a field of a document, which is null where nothing is known to mend it. */
export function fixOrNull(fix: Fix | null, reader: Place = "host"): string | null {
  return fix === null ? null : fixText(fix, reader);
}

/** The end of a line that says what mends it: `; fix: …`; empty where nothing is known to. */
export function fixTail(fix: Fix | null, reader: Place = "host"): string {
  return fix === null ? "" : `${FIX_MARK}${fixText(fix, reader)}`;
}

/** A finding in one line: `what; fix: …`. */
export function findingText({ what, fix }: Finding, reader: Place = "host"): string {
  return what + fixTail(fix, reader);
}

/** What a line says before its remedy, which ends it. */
export const FIX_MARK = "; fix: ";

const PLACES: Readonly<Record<Place, string>> = {
  host: "on the lab host",
  collector: "on the collector",
  build: "where it is built",
};
