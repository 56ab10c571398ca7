// Reads a command line against a tool's table. What is wrong with one is said in one sentence, with what was meant.

import { parseArgs } from "node:util";
import { versionLine } from "../core/build-info.ts";
import { commandNames, commandOf, meant, topicOf, usageError } from "./commands.ts";
import { helpText } from "./help.ts";
import { COMMON_OPTIONS, type OptionSpec, type ToolSpec, verbsOf } from "./table.ts";

export type { CommandSpec, OptionSpec, ToolSpec } from "./table.ts";

export interface CommandLine {
  command: string;
  operands: string[];
  /** Values by option name; `true` for a switch. */
  options: Record<string, string | true>;
}

/** What to do: run, or print a text and exit 0. */
export type Parsed = { kind: "run"; line: CommandLine } | { kind: "print"; text: string };

type OptionTable = Readonly<Record<string, OptionSpec>>;

/**
 * Reads a command line against the tool's table.
 * @param argv without the executable's name
 * @throws UserError (exit 2) with the nearest option or command
 */
export function parseCommandLine(spec: ToolSpec, argv: readonly string[]): Parsed {
  refuseUnknownOptions(spec, argv);
  const words = wordsOf(spec, argv);
  // `receiver help token add`, `receiver token add --help`, `receiver token help`.
  const [first, ...others] = words;
  if (first === "help") return { kind: "print", text: helpText(spec, topicOf(spec, others)) };
  if (asksForHelp(spec, argv) || (verbsOf(spec, first ?? "").length > 0 && others[0] === "help"))
    return { kind: "print", text: helpText(spec, topicOf(spec, words)) };
  const command = commandOf(spec, words);
  const rest = [...argv];
  for (const word of command.split(" ")) if (word !== "") rest.splice(rest.indexOf(word), 1);
  const commandSpec = spec.commands[command] ?? { help: "" };
  const table = { ...spec.options, ...commandSpec.options, ...COMMON_OPTIONS };
  const parsed = parseOptions(spec, command, table, rest);
  if (parsed.options.version === true) return { kind: "print", text: versionLine(spec.name) };
  const extra = parsed.operands[commandSpec.maxOperands ?? 0];
  if (extra !== undefined) {
    const names = commandNames(spec);
    // A command that is said twice is spelt right.
    throw usageError(spec, `unexpected operand "${extra}"`, meant(extra, names.includes(extra) ? [] : names), command);
  }
  return { kind: "run", line: { command, ...parsed } };
}

/** The words that are neither options nor their values: commands may be two words, and options may stand before them. */
function wordsOf(spec: ToolSpec, argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.filter(
    (arg, i) => arg !== "--" && ((end >= 0 && i > end) || (!arg.startsWith("-") && !takesValue(spec, argv[i - 1]))),
  );
}

/** Every option of the tool, whatever its command. */
function allOptions(spec: ToolSpec): [name: string, option: OptionSpec][] {
  return [spec.options, COMMON_OPTIONS, ...Object.values(spec.commands).map((c) => c.options ?? {})].flatMap(
    Object.entries,
  );
}

/** Whether the word after `arg` is its value: after `--config` and `-c`, but not after `--config=x` and `-cx`. */
function takesValue(spec: ToolSpec, arg: string | undefined): boolean {
  if (arg === undefined || arg === "--" || !arg.startsWith("-")) return false;
  const all = allOptions(spec);
  if (arg.startsWith("--")) return all.some(([name, option]) => name === arg.slice(2) && option.value !== undefined);
  const letters = [...arg.slice(1)];
  const first = letters.findIndex((letter) => all.some(([, o]) => o.short === letter && o.value !== undefined));
  return first >= 0 && first === letters.length - 1;
}

/** Whether --help or -h stands among the options. */
function asksForHelp(spec: ToolSpec, argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const before = end < 0 ? argv : argv.slice(0, end);
  const all = allOptions(spec);
  return before.some((arg, i) => {
    if (takesValue(spec, before[i - 1])) return false;
    if (arg === "--help") return true;
    if (!/^-[^-]/.test(arg)) return false;
    // What follows a letter that takes a value is that value.
    const letters = [...arg.slice(1)];
    const valued = letters.findIndex((letter) => all.some(([, o]) => o.short === letter && o.value !== undefined));
    return (valued < 0 ? letters : letters.slice(0, valued)).includes(COMMON_OPTIONS.help?.short ?? "");
  });
}

/** Before anything else: after a mistyped option its value would look like a command. */
function refuseUnknownOptions(spec: ToolSpec, argv: readonly string[]): void {
  const table = Object.fromEntries(allOptions(spec));
  for (const [i, arg] of argv.entries()) {
    if (arg === "--") return;
    if (!takesValue(spec, argv[i - 1])) refuseUnknown(spec, table, arg, null);
  }
}

/** @throws UserError when `arg` is an option that is not in the table; `command`: whose table it is, null for all */
function refuseUnknown(spec: ToolSpec, table: OptionTable, arg: string, command: string | null): void {
  const [, dashes, name] = /^(--?)([^=-][^=]*)/.exec(arg) ?? [];
  if (name === undefined) return;
  const known = Object.keys(table);
  if (dashes === "--") {
    if (Object.hasOwn(table, name)) return;
    throw usageError(spec, `no option --${name}`, ownersOf(spec, name, command) || meant(name, known, "--"), command);
  }
  for (const letter of name) {
    const option = Object.values(table).find(({ short }) => short === letter);
    if (option === undefined)
      throw usageError(spec, `no option -${name}`, meant(meantBy(name, known), known, "--"), command);
    // What follows such a letter is its value.
    if (option.value !== undefined) return;
  }
}

/** ` for status: it belongs to verify`, for an option of other commands; else "". */
function ownersOf(spec: ToolSpec, option: string, command: string | null): string {
  if (command === null) return "";
  const owners = Object.entries(spec.commands).filter(([, { options = {} }]) => Object.hasOwn(options, option));
  if (owners.length === 0) return "";
  const names = owners.map(([name]) => (name === "" ? `${spec.name} without a command` : name));
  return `${command === "" ? " without a command" : ` for ${command}`}: it belongs to ${names.join(", ")}`;
}

/** `-c` means the one option with that letter, `-verbose` most likely `--verbose`. */
function meantBy(name: string, known: readonly string[]): string {
  const [only, ...others] = name.length === 1 ? known.filter((option) => option.startsWith(name)) : [];
  return only !== undefined && others.length === 0 ? only : name;
}

function parseOptions(
  spec: ToolSpec,
  command: string,
  table: OptionTable,
  args: string[],
): { operands: string[]; options: Record<string, string | true> } {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { value, short }]) => {
      const type = value === undefined ? ("boolean" as const) : ("string" as const);
      return [name, short === undefined ? { type } : { type, short }];
    }),
  );
  // Not strict: what is wrong is said in our words.
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  const operands: string[] = [];
  const given: Record<string, string | true> = {};
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    refuseUnknown(spec, table, token.rawName, command);
    const value = givenValue(spec, command, table[token.name], token);
    // Which of the two was meant nobody knows; a switch means the same however often it is said.
    if (value !== true && token.name in given)
      throw usageError(
        spec,
        `--${token.name} is given twice, "${given[token.name]}" and "${value}"`,
        ": give it once",
        command,
      );
    given[token.name] = value;
  }
  return { operands, options: given };
}

/** @throws UserError for a value that is missing, or that a switch does not take */
function givenValue(
  spec: ToolSpec,
  command: string,
  option: OptionSpec | undefined,
  token: { name: string; rawName: string; value: string | undefined; inlineValue: boolean | undefined },
): string | true {
  const { name, rawName, value, inlineValue = false } = token;
  if (option === undefined) throw usageError(spec, `no option ${rawName}`, "", command);
  if (option.value === undefined) {
    if (value === undefined) return true;
    throw usageError(spec, `${rawName} takes no value, found "${value}"`, "", command);
  }
  if (value === undefined) throw usageError(spec, `${rawName} needs a value: ${rawName} ${option.value}`, "", command);
  if (inlineValue || !/^-./.test(value)) return value;
  const either = `${rawName} ${option.value}, or --${name}=${value}`;
  throw usageError(spec, `${rawName} needs a value, found "${value}": ${either}`, "", command);
}
