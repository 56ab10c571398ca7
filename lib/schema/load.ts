// TOML text -> a checked table, or every problem at once in sentences with file, line, key, rule and value.
// Pure: the caller reads the file.

import { parse, TomlError } from "smol-toml";
import { UserError } from "../core/failure.ts";
import { nearest } from "../core/nearest.ts";
import { type } from "./ark.ts";
import { unknownKeys } from "./known-keys.ts";
import { lineOf } from "./lines.ts";

/** What `loadTable` needs of an arktype schema. */
export interface TableSchema<T> {
  (data: unknown): T | InstanceType<typeof type.errors>;
  json: unknown;
}

export interface LoadRules {
  /** Dotted keys whose values never appear in a message. */
  secrets: readonly string[];
  /** Dotted key -> the line to write, shown where the key is missing. */
  examples: Readonly<Record<string, string>>;
  /** Dotted prefixes that belong to other programs and are not looked at. */
  foreign?: readonly string[];
}

export interface LoadedTable<T> {
  table: T;
  /** One sentence each: unknown keys. */
  warnings: string[];
}

/**
 * Parses and checks a configuration text.
 * @param file its name, for messages
 * @throws UserError (exit 2) naming every problem
 */
export function loadTable<T>(text: string, file: string, schema: TableSchema<T>, rules: LoadRules): LoadedTable<T> {
  const raw = parseToml(text, file);
  const warnings = unknownKeys(raw, schema.json)
    .filter(({ path }) => !(rules.foreign ?? []).includes(path[0] ?? ""))
    .map(({ path, siblings }) => unknownKeyText(text, file, path, siblings));
  const checked = schema(raw);
  if (checked instanceof type.errors) throw configError(text, file, checked, rules, warnings);
  return { table: checked, warnings };
}

/** A bare or quoted key, dotted or not, before its `=`: never a part of a value. */
const KEY = /^((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "syntax error";
    const line = text.split("\n")[error.line - 1]?.trim() ?? "";
    // The line may hold a secret, or be a part of one: only a key before its "=" or a table's head is shown.
    const shown = KEY.exec(line)?.[1] ?? /^\[+[^\]]*\]+/.exec(line)?.[0];
    const where = shown === undefined ? "" : ` (at \`${shown}\`)`;
    throw new UserError(`${file}:${error.line}:${error.column}: not valid TOML: ${what}${where}`);
  }
}

function unknownKeyText(text: string, file: string, path: string[], siblings: string[]): string {
  const guess = nearest(path.at(-1) ?? "", siblings);
  const hint = guess === null ? "" : `; did you mean ${[...path.slice(0, -1), guess].join(".")}?`;
  return `${place(file, text, path)}: unknown key ${path.join(".")} is ignored${hint}`;
}

function configError(
  text: string,
  file: string,
  errors: InstanceType<typeof type.errors>,
  rules: LoadRules,
  warnings: string[],
): UserError {
  const lines = [...errors].map((error) => {
    const path = [...error.path].map(String);
    const key = path.join(".");
    if (error.code === "required") {
      const example = rules.examples[key];
      return `${file}: ${key} is missing${example === undefined ? "" : `: add ${example}`}`;
    }
    const found = rules.secrets.includes(key) ? "a value that is not shown" : shorten(error.data);
    // Of a union, boolean included, arktype's `expected` is a whole sentence, key and value in it.
    const expected = error.expected.replace(`${key} must be `, "").replace(/ \(was .*\)$/, "");
    return `${place(file, text, path)}: ${key} must be ${expected}, found ${found}`;
  });
  return new UserError([...lines, ...warnings].join("\n"), `mend ${file}, then run this again`);
}

function place(file: string, text: string, path: readonly string[]): string {
  const line = lineOf(text, path);
  return line === null ? file : `${file}:${line}`;
}

function shorten(value: unknown): string {
  // A URL may carry a password where none belongs.
  const json = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/@\s"]*@/g, "//…@");
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}
