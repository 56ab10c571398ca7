// TOML text -> a checked table, or every problem at once in sentences with file, line, key, rule and value.
// Pure: the caller reads the file.

import { UserError } from "../core/failure.ts";
import { type Finding, findingText } from "../core/finding.ts";
import { type } from "./ark.ts";
import type { KeyPath } from "./key-path.ts";
import { findOddities, type Oddities } from "./known-keys.ts";
import { type Lines, linesOf } from "./lines.ts";
import {
  errorSentence,
  keyPath,
  type LoadRules,
  misplacedFinding,
  misshapenSentence,
  unknownFinding,
} from "./problems.ts";
import { parseToml } from "./toml.ts";

/** What `loadTable` needs of an arktype schema. */
export interface TableSchema<T> {
  (data: unknown): T | InstanceType<typeof type.errors>;
  json: unknown;
}

export interface LoadedTable<T> {
  table: T;
  /** Unknown keys. */
  warnings: Finding[];
}

/**
 * Parses and checks a configuration text.
 * @param file its name, for messages
 * @throws UserError (exit 2) naming every problem
 */
export function loadTable<T>(text: string, file: string, schema: TableSchema<T>, rules: LoadRules): LoadedTable<T> {
  const raw = parseToml(text, file);
  const { unknown, misshapen } = ownOddities(raw, schema, rules);
  const lines = linesOf(text);
  const warnings = inOrder(
    [
      ...unknown.map((key) => ({ line: lines.of(key.path), ...unknownFinding(key, schema.json, rules) })),
      ...misplaced(lines, rules),
    ],
    file,
  );
  const checked = schema(raw);
  const errors = checked instanceof type.errors ? [...checked] : [];
  const problems = [
    ...misshapen.map(({ path, value }) => problem(path, misshapenSentence(path, value, schema.json, rules), lines)),
    ...errors
      .map((error) => ({ error, path: keyPath(error.path) }))
      // Of what is within something that is no table there is nothing to say.
      .filter(({ path }) => !misshapen.some((odd) => odd.path.every((part, index) => part === path[index])))
      .map(({ error, path }) => problem(path, errorSentence(error, schema.json, rules), lines)),
  ];
  if (checked instanceof type.errors || problems.length > 0) {
    const said = [...inOrder(problems, file), ...warnings].map((finding) => findingText(finding));
    throw new UserError(said.join("\n"), `mend ${file}`);
  }
  return { table: checked, warnings };
}

interface Remark extends Finding {
  line: number | null;
}

function problem(path: KeyPath, text: string, lines: Lines): Remark {
  // What is missing would stand in its table.
  return { line: lines.nearest(path), what: text, fix: null };
}

function misplaced(lines: Lines, rules: LoadRules): Remark[] {
  return Object.entries(rules.misplaced ?? {}).flatMap(([key, meant]) => {
    const path = key.split(".");
    const line = lines.of(path);
    return line === null ? [] : [{ line, ...misplacedFinding(path, meant) }];
  });
}

/** Them with their places, as they stand in the file. */
function inOrder(remarks: readonly Remark[], file: string): Finding[] {
  return [...remarks]
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .map(({ line, what, fix }) => ({ what: `${file}${line === null ? "" : `:${line}`}: ${what}`, fix }));
}

function ownOddities<T>(raw: unknown, schema: TableSchema<T>, { foreign = [] }: LoadRules): Oddities {
  const { unknown, misshapen } = findOddities(raw, schema.json);
  return { unknown: unknown.filter(({ path }) => !foreign.includes(String(path[0]))), misshapen };
}
