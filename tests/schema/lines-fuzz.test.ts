// Random documents that are full of what looks like keys: each key is found in the line where it was written.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse, TomlError } from "smol-toml";
import { type KeyPath, pathText } from "../../lib/schema/key-path.ts";
import { linesOf } from "../../lib/schema/lines.ts";

/** Values in one piece, some of them over several lines; ⏎ is the document's line end. */
const SCALARS = [
  "1",
  "-0.5",
  "true",
  "nan",
  "2024-05-01 10:00:00Z",
  '""',
  "''",
  '"k0 = 1"',
  '"[t0] # \\" ] }"',
  "'[[t0]] \\'",
  '"\\\\"',
  '"""⏎k0 = 1⏎[t0]⏎"""',
  '""" ""\\"" ⏎ \\⏎  k1 = {"""""',
  "'''⏎[[t0]]⏎k0 = '' [ \"\"\"⏎''''",
];
const COMMENTS = ["", "", " # k0 = 1", ' # [t0] """', " # ''' ] } ,"];
/** Kinds of keys as they are written, and as they are called. */
const KEYS: ((id: number) => { written: string; parts: string[] })[] = [
  (id) => ({ written: `k${id}`, parts: [`k${id}`] }),
  (id) => ({ written: `"k ${id} = ["`, parts: [`k ${id} = [`] }),
  (id) => ({ written: `'k#${id}]'`, parts: [`k#${id}]`] }),
  (id) => ({ written: `"\\u006b\\"${id}"`, parts: [`k"${id}`] }),
  (id) => ({ written: `d${id} . "in.ner"`, parts: [`d${id}`, "in.ner"] }),
  (id) => ({ written: `${id}`, parts: [`${id}`] }),
];

type Value =
  | { kind: "scalar"; text: string }
  | { kind: "array"; items: { value: Value; gap: Gap }[]; gap: Gap }
  | { kind: "table"; pairs: (Pair & { gap: Gap })[]; gap: Gap };
interface Pair {
  key: number;
  value: Value;
}
/** What stands before an item: line ends and comments. */
type Gap = string;

const gap = fc
  .array(fc.constantFrom(...COMMENTS), { maxLength: 2 })
  .map((all) => all.map((text) => `${text}⏎`).join(""));
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.record({ kind: fc.constant("scalar" as const), text: fc.constantFrom(...SCALARS) }),
    fc.record({
      kind: fc.constant("array" as const),
      items: fc.array(fc.record({ value: tie("value"), gap }), { maxLength: 4 }),
      gap,
    }),
    fc.record({
      kind: fc.constant("table" as const),
      pairs: fc.array(fc.record({ key: fc.nat(KEYS.length - 1), value: tie("value"), gap }), { maxLength: 3 }),
      gap,
    }),
  ),
}));
const pairs = fc.array(fc.record({ key: fc.nat(KEYS.length - 1), value, comment: fc.constantFrom(...COMMENTS) }), {
  maxLength: 4,
});
const document = fc.record({
  top: pairs,
  tables: fc.array(fc.record({ kind: fc.constantFrom("table", "element", "inner"), pairs }), { maxLength: 6 }),
  end: fc.constantFrom("\n", "\r\n"),
});
type Document = typeof document extends fc.Arbitrary<infer T> ? T : never;

/** Writes a document, and notes the line of each key. */
class Writer {
  text = "";
  readonly written: { path: KeyPath; line: number }[] = [];
  #ids = 0;

  constructor(readonly end: string) {}

  document({ top, tables }: Document): void {
    this.#pairs(top, []);
    const elements = new Map<string, number>();
    for (const { kind, pairs } of tables) {
      const list = elements.get("list") ?? 0;
      if (kind === "table" || (kind === "inner" && list === 0)) {
        const name = `t${this.#ids++}`;
        this.#note([name]);
        this.#write(` [ ${name} ] # [x]⏎`);
        this.#pairs(pairs, [name]);
      } else if (kind === "element") {
        elements.set("list", list + 1);
        this.#note(["list", list]);
        this.#write("[[list]]⏎");
        this.#pairs(pairs, ["list", list]);
      } else {
        const name = `i${this.#ids++}`;
        this.#note(["list", list - 1, name]);
        this.#write(`[list.${name}]⏎`);
        this.#pairs(pairs, ["list", list - 1, name]);
      }
    }
  }

  #pairs(pairs: Document["top"], table: KeyPath): void {
    for (const { key, value, comment } of pairs) {
      this.#pair({ key, value }, table);
      this.#write(`${comment}⏎`);
    }
  }

  #pair({ key, value }: Pair, table: KeyPath): void {
    const { written = "", parts = [] } = KEYS[key]?.(this.#ids++) ?? {};
    const path = [...table, ...parts];
    this.#note(path);
    this.#write(`${written} = `);
    this.#value(value, path);
  }

  #value(value: Value, path: KeyPath): void {
    if (value.kind === "scalar") {
      this.#write(value.text);
    } else if (value.kind === "table") {
      this.#inside("{}", value.pairs, value.gap, (pair) => this.#pair(pair, path));
    } else {
      this.#inside("[]", value.items, value.gap, (item, index) => {
        this.#note([...path, index]);
        this.#value(item.value, [...path, index]);
      });
    }
  }

  #inside<T extends { gap: Gap }>(brackets: string, items: T[], gap: Gap, write: (item: T, index: number) => void) {
    this.#write(brackets.charAt(0));
    for (const [index, item] of items.entries()) {
      this.#write(`${index > 0 ? ", " : ""}${item.gap}`);
      write(item, index);
    }
    this.#write(`${gap} ${brackets.charAt(1)}`);
  }

  #note(path: KeyPath): void {
    this.written.push({ path, line: this.text.split("\n").length });
  }

  #write(text: string): void {
    this.text += text.replaceAll("⏎", this.end);
  }
}

function pathsOf(value: unknown, path: KeyPath = []): KeyPath[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [path];
  const inner: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...inner.flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError) return null;
    throw error;
  }
}

describe("in any document", () => {
  test("each key and element is found where it was written", () => {
    fc.assert(
      fc.property(document, (tree) => {
        const writer = new Writer(tree.end);
        writer.document(tree);
        const lines = linesOf(writer.text);
        expect(writer.written.map(({ path }) => ({ path, line: lines.of(path) }))).toEqual(writer.written);
        // The writer writes TOML, and means what it notes.
        const there = new Set(pathsOf(parse(writer.text)).map(pathText));
        expect(writer.written.filter(({ path }) => !there.has(pathText(path)))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test("whatever is cut out of it, all that the parser finds is found, and nothing hangs or throws", () => {
    let taken = 0;
    fc.assert(
      fc.property(document, fc.nat(), fc.nat({ max: 12 }), (tree, at, length) => {
        const writer = new Writer(tree.end);
        writer.document(tree);
        const from = at % (writer.text.length + 1);
        const text = writer.text.slice(0, from) + writer.text.slice(from + length);
        const lines = linesOf(text);
        const value = parsed(text);
        if (value === null) return;
        taken++;
        const lost = pathsOf(value).filter((path) => path.length > 0 && lines.of(path) === null);
        expect(lost).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
