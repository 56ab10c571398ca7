// What is wrong and what mends it, as data: programs run its commands, people read it as one sentence. Pure.

import { shellLine } from "./text/shell-quote.ts";

/** A command as it is run: no shell reads it, and none of it is glued to other words. */
export interface Command {
  argv: readonly string[];
  /** Whose shell: the lab host's, the collector's, or that of whoever builds. */
  on: "host" | "collector" | "build";
}

/** A command for the shell of the lab host, or of whatever machine says it. */
export function onHost(...argv: string[]): Command {
  return { argv, on: "host" };
}

export interface Fix {
  /** What to do, in words, without a full stop. */
  text: string;
  /** What does it, in this order; none where no command can. */
  commands: readonly Command[];
}

/** A line for a shell that is more than its commands, such as a pipeline: it is shown as it is. */
export function lineFix(line: string): Fix {
  return { text: line, commands: [] };
}

export interface Finding {
  /** What is the case, with the facts that were found; without a full stop. */
  what: string;
  fix: Fix;
}

/**
 * A fix in one line: `start it: on the collector: systemctl start labfleet-receiver`. Commands of one place are one line for
 * its shell, joined by `&&`; those that are run here have no place before them.
 * @param here where the reader is
 */
export function fixText({ text, commands }: Fix, here: Command["on"] = "host"): string {
  let shown = "";
  for (const [i, { argv, on }] of commands.entries()) {
    const before = commands[i - 1];
    if (before !== undefined) shown += before.on === on ? " && " : "; then ";
    if (before?.on !== on && (on !== here || before !== undefined)) shown += `${PLACES[on]}: `;
    shown += shellLine(argv);
  }
  return [text, shown].filter((part) => part !== "").join(": ");
}

/** A finding in one line: `what; fix: …`. */
export function findingText({ what, fix }: Finding, here: Command["on"] = "host"): string {
  return `${what}; fix: ${fixText(fix, here)}`;
}

const PLACES: Readonly<Record<Command["on"], string>> = {
  host: "on the lab host",
  collector: "on the collector",
  build: "where it is built",
};
