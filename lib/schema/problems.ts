// The sentences about a configuration: where, which key, the rule, and what stands there. Never a secret.

import { type Finding, inWords } from "../core/finding.ts";
import { nearest } from "../core/text/nearest.ts";
import { printable } from "../core/text/printable.ts";
import { fits, headerText, type KeyPath, pathText } from "./key-path.ts";
import { isTable, type UnknownKey } from "./known-keys.ts";
import { elementNode, nodeAt, type SchemaNode, tableNode, tablesWith } from "./nodes.ts";
import { ruleText } from "./rule-text.ts";

/** What messages need to know beside the schema. Paths are patterns such as `nagios_runner.commands.*.command`. */
export interface LoadRules {
  /** Keys whose values never appear in a message. */
  secrets: readonly string[];
  /** Key -> what to write, shown where the key is missing or is no table. */
  examples: Readonly<Record<string, string>>;
  /** Tables that belong to other programs and are not looked at. */
  foreign?: readonly string[];
  /** Keys in seconds whose names do not say so. */
  seconds?: readonly string[];
  /** Where all keys are, with what they are for. */
  exampleFile: string;
  /** Tables that the schema lets pass and nobody reads -> the table that was meant. */
  misplaced?: Readonly<Record<string, string>>;
}

/** What arktype says of one value. */
export interface SchemaError {
  path: Iterable<PropertyKey>;
  code: string;
  expected: string;
  data: unknown;
}

/** One sentence, without its place. */
export function errorSentence(error: SchemaError, schema: SchemaNode, rules: LoadRules): string {
  const path = keyPath(error.path);
  const key = pathText(path);
  if (error.code === "required") {
    const example = exampleFor(path, rules);
    return `${key} is missing${example === null ? "" : `: add ${example}`}`;
  }
  // Of a union arktype's `expected` may be a whole sentence, key and value in it.
  const expected = error.expected.replace(`${key} must be `, "").replace(/ \(was .*\)$/s, "");
  return mustBe(path, ruleAt(path, schema, rules) ?? expected, error.data, rules);
}

/** An array or a date where a table belongs. */
export function misshapenSentence(path: KeyPath, value: unknown, schema: SchemaNode, rules: LoadRules): string {
  return mustBe(path, ruleAt(path, schema, rules) ?? "a table", value, rules);
}

export function unknownFinding({ path, value, siblings }: UnknownKey, schema: SchemaNode, rules: LoadRules): Finding {
  const key = String(path.at(-1));
  const isTop = path.length === 1;
  const isHeader = isTop && (isTable(value) || Array.isArray(value));
  const isList = Array.isArray(value) && value.length > 0 && value.every(isTable);
  const header = (of: KeyPath): string =>
    headerText(isList || tableNode(elementNode(nodeAt(schema, of))) !== null ? [...of, 0] : of);
  const text = isHeader ? header : pathText;
  const guess = guessFor(key, isTop ? [...siblings, ...(rules.foreign ?? [])] : siblings);
  const what = isHeader ? "table" : "key";
  const fix =
    guess === null
      ? (elsewhere(key, isTop, schema) ?? removal(isHeader ? "table" : "line", rules))
      : `write ${text([...path.slice(0, -1), guess])}`;
  return { what: `unknown ${what} ${text(path)} is ignored`, fix: inWords(fix) };
}

function removal(what: string, { exampleFile }: LoadRules): string {
  return `remove the ${what}; ${exampleFile} shows all that there are`;
}

export function misplacedFinding(table: KeyPath, meant: string): Finding {
  return { what: `unknown table ${headerText(table)} is ignored`, fix: inWords(`write ${meant}`) };
}

/** Keys and numbers of arktype's path. */
export function keyPath(path: Iterable<PropertyKey>): KeyPath {
  return [...path].map((part) => (typeof part === "number" ? part : String(part)));
}

function mustBe(path: KeyPath, rule: string, value: unknown, rules: LoadRules): string {
  const isSecret = rules.secrets.some((secret) => fits(secret, path));
  return `${pathText(path)} must be ${rule}, found ${foundText(value, isSecret)}`;
}

function ruleAt(path: KeyPath, schema: SchemaNode, rules: LoadRules): string | null {
  const name = path.findLast((part) => typeof part === "string") ?? "";
  const saysSo = /_(s|seconds)$/.test(name) && !name.endsWith("_per_s");
  const isSeconds = saysSo || (rules.seconds ?? []).some((pattern) => fits(pattern, path));
  return ruleText(nodeAt(schema, path), { path, isSeconds, example: exampleFor(path, rules) });
}

function exampleFor(path: KeyPath, { examples }: LoadRules): string | null {
  return Object.entries(examples).find(([pattern]) => fits(pattern, path))?.[1] ?? null;
}

/** The key that was meant, mistyped or cut short. */
function guessFor(key: string, candidates: readonly string[]): string | null {
  const near = nearest(key, candidates);
  if (near !== null || key.length < 3) return near;
  const short = key.toLowerCase();
  const starts = candidates.filter((candidate) => candidate.startsWith(short));
  const ends = candidates.filter((candidate) => candidate.endsWith(`_${short}`));
  return [starts, ends].find(({ length }) => length === 1)?.[0] ?? null;
}

/** Where a key that is spelt right, and stands in the wrong table, belongs. */
function elsewhere(key: string, isTop: boolean, schema: SchemaNode): string | null {
  const table = tablesWith(key, schema)[0];
  if (table === undefined) return null;
  const path = [...table, key];
  const node = nodeAt(schema, path);
  if (tableNode(node) !== null) return `write ${headerText(path)}`;
  if (isTop && tableNode(elementNode(node)) !== null) return `write ${headerText([...path, 0])}`;
  return `move it to ${table.length > 0 ? headerText(table) : "the top of the file, before the first table"}`;
}

/** What stands there; of an array or a table, whatever may be in it, only that it is one. */
function foundText(value: unknown, isSecret: boolean): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return "an empty array";
    return value.every(isTable) ? "an array of tables" : "an array";
  }
  if (isTable(value)) return "a table";
  if (isSecret) return `${value instanceof Date ? "a date" : `a ${typeof value}`} that is not shown`;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "string" ? shorten(value) : numberOrBoolean(value);
}

function shorten(text: string): string {
  const shown = withoutPassword(text);
  return printable(JSON.stringify(shown.length > 60 ? `${shown.slice(0, 60)}…` : shown));
}

/** A URL may carry a password where none belongs, whatever its characters, and a token in its query. */
function withoutPassword(text: string): string {
  const open = text.replace(/(:\/\/).*@/s, "$1…@").replace(/(:\/\/[^?#]*[?#]).+/s, "$1…");
  return open.replace(/^(?!\w+:\/\/…@).*:.*@/s, "…@");
}

/** As TOML writes it. */
function numberOrBoolean(value: unknown): string {
  return String(value).replace("NaN", "nan").replace("Infinity", "inf");
}
