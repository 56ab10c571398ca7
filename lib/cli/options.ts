// One table per tool is the source of parsing and of --help. What is wrong with a command line is said in one sentence.

import { parseArgs } from "node:util";
import { versionLine } from "../core/build-info.ts";
import { errorText, UserError } from "../core/failure.ts";
import { nearest } from "../core/nearest.ts";

export interface OptionSpec {
  /** Placeholder of the value in --help; none for a switch. */
  value?: string;
  /** One letter: `v` for `-v`. */
  short?: string;
  help: string;
}

export interface CommandSpec {
  /** What follows the command's name in --help, such as `<id>…`. */
  operands?: string;
  /** How many operands may stand there; none if left out. */
  maxOperands?: number;
  help: string;
  options?: Record<string, OptionSpec>;
}

export interface ToolSpec {
  name: string;
  summary: string;
  /** Lines under the summary: what happens without a command. */
  about: readonly string[];
  /** The command "" is the tool without a command. */
  commands: Record<string, CommandSpec>;
  options: Record<string, OptionSpec>;
}

export interface CommandLine {
  command: string;
  operands: string[];
  /** Values by option name; `true` for a switch. */
  options: Record<string, string | true>;
}

/** What to do: run, or print a text and exit 0. */
export type Parsed = { kind: "run"; line: CommandLine } | { kind: "print"; text: string };

const COMMON: Record<string, OptionSpec> = {
  help: { help: "print this and exit" },
  version: { help: "print version, commit and target, and exit" },
};

/**
 * Reads a command line against the tool's table.
 * @param argv without the executable's name
 * @throws UserError (exit 2) with the nearest option or command
 */
export function parseCommandLine(spec: ToolSpec, argv: readonly string[]): Parsed {
  refuseUnknownOptions(spec, argv);
  const { command, rest } = splitCommand(spec, argv);
  const commandSpec = spec.commands[command] ?? { help: "" };
  const table = { ...spec.options, ...commandSpec.options, ...COMMON };
  const parsed = parseOptions(spec, table, rest);
  if (parsed.options.help === true) return { kind: "print", text: helpText(spec) };
  if (parsed.options.version === true) return { kind: "print", text: versionLine(spec.name) };
  const extra = parsed.operands[commandSpec.maxOperands ?? 0];
  if (extra !== undefined) throw usageError(spec, `unexpected operand "${extra}"`, extra, Object.keys(spec.commands));
  return { kind: "run", line: { command, ...parsed } };
}

function splitCommand(spec: ToolSpec, argv: readonly string[]): { command: string; rest: string[] } {
  // `tool token add`: commands may be two words, and options may stand before them.
  const words = argv.filter((arg, i) => !arg.startsWith("-") && !takesValue(spec, argv[i - 1]));
  const two = words.slice(0, 2).join(" ");
  const command = Object.hasOwn(spec.commands, two)
    ? two
    : Object.hasOwn(spec.commands, words[0] ?? "")
      ? (words[0] ?? "")
      : "";
  const rest = [...argv];
  for (const word of command.split(" ")) if (word !== "") rest.splice(rest.indexOf(word), 1);
  if (command === "" && words[0] !== undefined && !("" in spec.commands && spec.commands[""]?.maxOperands)) {
    throw usageError(spec, `no command "${words[0]}"`, words[0], Object.keys(spec.commands));
  }
  return { command, rest };
}

/** Every option of the tool, whatever its command. */
function allOptions(spec: ToolSpec): [name: string, option: OptionSpec][] {
  return [spec.options, COMMON, ...Object.values(spec.commands).map((c) => c.options ?? {})].flatMap(Object.entries);
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

/** Before anything else: after a mistyped option its value would look like a command. */
function refuseUnknownOptions(spec: ToolSpec, argv: readonly string[]): void {
  const table = Object.fromEntries(allOptions(spec));
  for (const arg of argv) {
    if (arg === "--") return;
    refuseUnknown(spec, table, arg);
  }
}

/** @throws UserError when `arg` is an option that is not in the table */
function refuseUnknown(spec: ToolSpec, table: Record<string, OptionSpec>, arg: string): void {
  const [, dashes, name] = /^(--?)([^=-][^=]*)/.exec(arg) ?? [];
  if (name === undefined) return;
  const known = Object.keys(table);
  if (dashes === "--") {
    if (!Object.hasOwn(table, name)) throw usageError(spec, `no option --${name}`, name, known, "--");
    return;
  }
  for (const letter of name) {
    const option = Object.values(table).find(({ short }) => short === letter);
    if (option === undefined) throw usageError(spec, `no option -${name}`, meantBy(name, known), known, "--");
    // What follows such a letter is its value.
    if (option.value !== undefined) return;
  }
}

/** `-h` means the one option with that letter, `-verbose` most likely `--verbose`. */
function meantBy(name: string, known: readonly string[]): string {
  const [only, ...others] = name.length === 1 ? known.filter((option) => option.startsWith(name)) : [];
  return only !== undefined && others.length === 0 ? only : name;
}

function parseOptions(
  spec: ToolSpec,
  table: Record<string, OptionSpec>,
  args: string[],
): { operands: string[]; options: Record<string, string | true> } {
  for (const arg of args) {
    if (arg === "--") break;
    refuseUnknown(spec, table, arg);
  }
  try {
    const options = Object.fromEntries(
      Object.entries(table).map(([name, { value, short }]) => {
        const type = value === undefined ? ("boolean" as const) : ("string" as const);
        return [name, short === undefined ? { type } : { type, short }];
      }),
    );
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    const given = Object.entries(values).filter(
      (entry): entry is [string, string | true] => typeof entry[1] === "string" || entry[1] === true,
    );
    return { operands: positionals, options: Object.fromEntries(given) };
  } catch (error) {
    throw new UserError(`${spec.name}: ${errorText(error).split("\n")[0]}`, `see ${spec.name} --help`);
  }
}

function usageError(spec: ToolSpec, problem: string, word: string, known: string[], prefix = ""): UserError {
  const guess = nearest(
    word,
    known.filter((k) => k !== ""),
  );
  const meant = guess === null ? "" : `; did you mean ${prefix}${guess}?`;
  return new UserError(`${spec.name}: ${problem}${meant}`, `see ${spec.name} --help`);
}

/** The text of --help. */
export function helpText(spec: ToolSpec): string {
  const rows: [string, string][] = Object.entries(spec.commands).map(([name, c]) => [
    [spec.name, name, c.operands].filter((part) => part !== undefined && part !== "").join(" "),
    c.help,
  ]);
  const lines = [`${spec.name}: ${spec.summary}`, "", ...spec.about, "", "Commands:", ...columns(rows), "", "Options:"];
  const own = Object.entries(spec.commands).flatMap(([name, c]) =>
    Object.entries(c.options ?? {}).map(([option, o]): [string, OptionSpec, string] => [option, o, name]),
  );
  const options: [string, string][] = [
    ...Object.entries({ ...spec.options, ...COMMON }).map(([name, o]): [string, string] => [
      optionText(name, o),
      o.help,
    ]),
    ...own.map(([name, o, command]): [string, string] => [
      optionText(name, o),
      `${command === "" ? "" : `${command}: `}${o.help}`,
    ]),
  ];
  return [...lines, ...columns(options)].join("\n");
}

function optionText(name: string, option: OptionSpec): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

function columns(rows: [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
