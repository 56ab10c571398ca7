// Which command the words of a command line name, and which one was meant where they name none.

import { UserError } from "../core/failure.ts";
import { nearest } from "../core/text/nearest.ts";
import { type ToolSpec, verbsOf } from "./table.ts";

/** @throws UserError when the words begin with no command, and the tool takes no operands without one */
export function commandOf(spec: ToolSpec, words: readonly string[]): string {
  const found = longestMatch(words, (name) => Object.hasOwn(spec.commands, name));
  if (found !== null) return found;
  if (words.length === 0 || spec.commands[""]?.maxOperands) return "";
  throw noCommand(spec, words);
}

/** What a person wants help on. @throws UserError for what is no command */
export function topicOf(spec: ToolSpec, words: readonly string[]): string {
  if (words.length === 0) return "";
  const found = longestMatch(words, (name) => isTopic(spec, name));
  // Of a group, another word can only be one of its commands, mistyped.
  const isWhole = found !== null && (Object.hasOwn(spec.commands, found) || [undefined, "help"].includes(words[1]));
  if (!isWhole) throw noCommand(spec, words);
  return found;
}

/** Whether there is help on it: a command or a group of them. */
function isTopic(spec: ToolSpec, name: string): boolean {
  return Object.hasOwn(spec.commands, name) || verbsOf(spec, name).length > 0;
}

/** The first two words, or the first one, if that is one of ours. */
function longestMatch(words: readonly string[], isOne: (name: string) => boolean): string | null {
  const names = [words.slice(0, 2).join(" "), words[0] ?? ""].filter((name) => name !== "");
  return names.find(isOne) ?? null;
}

function noCommand(spec: ToolSpec, words: readonly string[]): UserError {
  const [first = "", second] = words;
  const verbs = verbsOf(spec, first);
  if (verbs.length > 0 && second === undefined) {
    return usageError(spec, `"${first}" is the first word of a command: ${verbs.join(", ")} must follow`, "", first);
  }
  const known = verbs.length > 0 ? verbs.map((verb) => `${first} ${verb}`) : commandNames(spec);
  const name = verbs.length > 0 ? `${first} ${second}` : first;
  const guess = meant(name, known) || (verbs.length > 0 ? "" : meantGroup(words, known));
  return usageError(spec, `no command "${name}"`, guess || `; there are ${known.join(", ")}`, first);
}

/** `tokens add`, for a group that is mistyped: the one of its commands that is meant, or all of them; else "". */
function meantGroup([first = "", second]: readonly string[], known: readonly string[]): string {
  const groups = new Set(known.flatMap((name) => (name.includes(" ") ? [name.split(" ")[0] ?? ""] : [])));
  const group = nearest(first, [...groups]);
  if (group === null) return "";
  const commands = known.filter((name) => name.startsWith(`${group} `));
  const guess = second === undefined ? "" : meant(`${group} ${second}`, commands);
  return guess || `; there are ${commands.join(", ")}`;
}

export function commandNames(spec: ToolSpec): string[] {
  return Object.keys(spec.commands).filter((name) => name !== "");
}

/** `; did you mean --config?`, or "". */
export function meant(word: string, known: readonly string[], prefix = ""): string {
  const guess = nearest(word, known);
  return guess === null ? "" : `; did you mean ${prefix}${guess}?`;
}

/** @param topic what was typed so far, for the help that it points to; null: not known yet */
export function usageError(spec: ToolSpec, problem: string, more: string, topic: string | null): UserError {
  const where = topic !== null && topic !== "" && isTopic(spec, topic) ? `${spec.name} ${topic}` : spec.name;
  return new UserError(`${spec.name}: ${problem}${more}`, `see ${where} --help`);
}
