// A command line once more, as it was given, with what was missing or wrong put right: whoever pastes it does no more, and no less,
// than was meant. Pure.

import type { CommandLine } from "../../cli/options.ts";
import { byCommands, type Fix, here, inWords } from "../../core/finding.ts";
import { shellWord } from "../../core/text/shell-quote.ts";

/** What stands for a host, and for a reason, that a person has to put in. */
export const HOST = "<host>";
export const TEXT = "TEXT";

type Options = Readonly<Record<string, string | true>>;

/** @param more what to say instead, or besides; without `drop`, which were too many */
export function onceMore(
  { command, operands, options }: CommandLine,
  more: { operands?: readonly string[]; options?: Options; drop?: readonly string[] } = {},
): Fix {
  const all: Options = { ...options, ...more.options };
  const named = Object.entries(all).filter(([name]) => more.drop?.includes(name) !== true);
  const words = [command, ...(more.operands ?? operands), ...named.flatMap(([name, value]) => wordsOf(name, value))];
  if (!words.includes(HOST) && !words.includes(TEXT)) return byCommands(here("sudo", "fleet-health", ...words));
  return inWords(`sudo fleet-health ${words.map((word) => (word === HOST ? word : shellWord(word))).join(" ")}`);
}

function wordsOf(name: string, value: string | true): string[] {
  if (value === true) return [`--${name}`];
  // Behind a space it would be taken for an option.
  return value.startsWith("-") ? [`--${name}=${value}`] : [`--${name}`, value];
}
