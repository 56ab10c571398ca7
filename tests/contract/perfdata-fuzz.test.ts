// Texts that no plugin should print: the parsers never throw, read back what they write, and lose no text.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { PerfItem, PerfRange } from "../../lib/contract/observation.ts";
import { formatPerfdata, hasItem, isPerfdata, parsePerfdata } from "../../lib/contract/perfdata.ts";
import { decodeOutput } from "../../lib/core/text/utf8.ts";
import { joinOutput, parseOutput } from "../../lib/heartbeat/nagios/check-output.ts";

const RUNS = { numRuns: 3000 };
/** Most of one output that is kept, bytes. */
const LIMIT = 65_536;

/** What the grammar is made of: most texts of these are nearly performance data. */
const PIECES =
  "a|b=|x=1|'|''|'a b'=2|'it''s'=3s|=|;|;;|@|~|:|10:20|@1:2|U|1|-5|.|e5|1e|E+3|%|GBP|ä|\u00a0|,|\t|\r|#| | "
    .split("|")
    .concat("|", " | ", "\n", "\r\n", "|\n");
const nearly = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(""));
const any = fc.oneof(nearly, fc.string({ unit: "binary" }), fc.string());

const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);
const range = fc
  .record({ inside: fc.boolean(), ends: fc.tuple(fc.option(number), fc.option(number)) })
  .map(({ inside, ends: [a, b] }): PerfRange => {
    const swap = a !== null && b !== null && a > b;
    return { inside, low: swap ? b : a, high: swap ? a : b };
  });
const known = fc.record({
  value: number,
  uom: fc.oneof(
    fc.constantFrom("", "s", "%", "B", "c", "e5", "E", "E-3", "m3", "°C"),
    fc.stringMatching(/^[A-Za-z%]\w{0,3}$/),
  ),
});
const unknown = fc.record({ value: fc.constant(null), uom: fc.constantFrom("", "s", "ms", "%", "c", "KB", "GiB") });
const item = fc
  .record({
    label: fc.oneof(fc.string({ minLength: 1 }), fc.stringMatching(/^[a-z' =|;]{1,8}$/)),
    measured: fc.oneof(known, unknown),
    warning: fc.option(range),
    critical: fc.option(range),
    min: fc.option(number),
    max: fc.option(number),
  })
  // A zero with a unit that makes it a number of another base is none.
  .filter(({ measured: { value, uom } }) => !(value === 0 && /^(?:x|[ob]\d)/i.test(uom)))
  .map(({ measured, ...rest }): PerfItem => ({ ...rest, ...measured }));

describe("performance data", () => {
  for (const [text, written] of [
    ["x=15s;@10;20:;;", "x=15s;@10;20:"],
    ["'x'=1.50;~:5;0:0;-0.0;1e3;", "x=1.5;~:5;0;0;1000"],
    ["'a b'=U;@~:;@0:", "'a b'=U;@~:;@0:"],
    ["'it''s|'=1e21c", "'it''s|'=1e+21c"],
    ["x=1e2e5", "x=1e+2e5"],
  ] as const) {
    test(`${text} is written as ${written}`, () => expect(formatPerfdata(parsePerfdata(text).items)).toBe(written));
  }
});

describe("performance data of any kind", () => {
  test("is read back as it was written", () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), (items) => {
        expect(parsePerfdata(formatPerfdata(items))).toEqual({ items, errors: [] });
      }),
      RUNS,
    );
  });

  test("that was read can be written, and read as the same", () => {
    fc.assert(
      fc.property(any, (text) => {
        const { items } = parsePerfdata(text);
        expect(parsePerfdata(formatPerfdata(items))).toEqual({ items, errors: [] });
      }),
      RUNS,
    );
  });

  test("is clean exactly if there are items and no errors, and has an item exactly if one is read", () => {
    let clean = 0;
    fc.assert(
      fc.property(nearly, (text) => {
        const { items, errors } = parsePerfdata(text);
        if (isPerfdata(text, 0)) clean++;
        expect(isPerfdata(text, 0)).toBe(items.length > 0 && errors.length === 0);
        // Within a `|` of its own, an item is looked for up to the next `|` only.
        if (!text.includes("|")) expect(hasItem(text, 0, text.length)).toBe(items.length > 0);
      }),
      RUNS,
    );
    expect(clean).toBeGreaterThan(10);
  });

  test("has neighbours that a bad item takes nothing from", () => {
    const bad = fc.constantFrom(
      "x=",
      "=1",
      "x=1,5",
      "don't",
      "x",
      "'x' y",
      "x=inf",
      "a|b=1",
      "x=1'2",
      "''=1",
      "x=1;2:1",
      "|",
    );
    fc.assert(
      fc.property(item, item, bad, (before, after, between) => {
        const read = parsePerfdata(`${formatPerfdata([before])} ${between} ${formatPerfdata([after])}`);
        expect([read.items[0], read.items.at(-1)]).toEqual([before, after]);
        expect(read.errors.join(" ")).toBe(between);
      }),
      RUNS,
    );
  });
});

describe("performance data that is cut off", () => {
  test("gives none but items that stood there, and no half ones", () => {
    const oneLine = item.filter(({ label }) => !/[\r\n]/.test(label));
    fc.assert(
      fc.property(fc.array(oneLine, { minLength: 1, maxLength: 4 }), fc.nat(), (items, somewhere) => {
        const text = formatPerfdata(items);
        const length = somewhere % (text.length + 1);
        const half = text.slice(0, length);
        const alone = parsePerfdata(half, true).items;
        expect(alone).toEqual(items.slice(0, alone.length));
        expect(alone.length).toBeLessThan(items.length);
        for (const lead of ["OK | ", "OK\nmore | z=1\n", "OK\nmore |\n"]) {
          const { perfdata } = parseOutput(lead + half, true);
          const own = perfdata.filter((_, i) => !lead.includes("z=1") || i > 0);
          expect(own).toEqual(items.slice(0, own.length));
          expect(own.length).toBeLessThan(items.length);
        }
      }),
      RUNS,
    );
  });

  test("loses no word of any text, and nothing where the cut falls behind a line", () => {
    fc.assert(
      fc.property(any, (text) => {
        expect(words(parsePerfdata(text, true).errors.join(" ")).length).toBeLessThanOrEqual(words(text).length);
        expect(parseOutput(`${text}\n`, true)).toEqual(parseOutput(`${text}\n`));
      }),
      RUNS,
    );
  });
});

describe("output of any kind", () => {
  test("is taken apart, and its items are read back", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          any,
          fc.uint8Array({ maxLength: 200 }).map((bytes) => decodeOutput(bytes).text),
        ),
        (stdout) => {
          const { message, longText, perfdata, perfErrors } = parseOutput(stdout);
          expect(message).toBe(message.trim());
          expect(parsePerfdata(formatPerfdata(perfdata)).items).toEqual(perfdata);
          // What is neither text nor an item is listed: no word gets lost.
          if (perfdata.length === 0) expect(perfErrors).toEqual([]);
          if (!stdout.includes("|")) expect(words(`${message} ${longText}`)).toEqual(words(stdout));
        },
      ),
      RUNS,
    );
  });

  test("on standard error makes no item, whatever it is", () => {
    fc.assert(
      fc.property(any, any, (stdout, stderr) => {
        const joined = joinOutput(stdout, stderr);
        expect(joined.perfdata).toEqual(parseOutput(stdout).perfdata);
        expect(joined.empty).toBe(
          joined.message === "no output" && words(stderr).length === 0 && joined.longText === "",
        );
      }),
      RUNS,
    );
  });

  test("of 64 KiB ends, and does not throw", () => {
    for (const piece of [
      "|",
      "'",
      "=",
      ";",
      " ",
      "\n",
      "a",
      "1",
      "| ",
      "|'",
      "|''",
      "|'''",
      "a=1 ",
      "a=1|",
      "'a|b'=1 ",
      "|a=1 x",
      "''|x=1 '",
      "'=1 ",
      "|\n",
      "a|b=1\n",
    ]) {
      const text = piece.repeat(Math.ceil(LIMIT / piece.length)).slice(0, LIMIT);
      for (const cut of [false, true]) {
        const { message, longText, perfdata, perfErrors } = parseOutput(`x |${text}`, cut);
        expect(message.length + longText.length + perfdata.length + perfErrors.length).toBeGreaterThan(0);
      }
    }
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 }), (pieces) => {
        const text = pieces.join("");
        parseOutput(text.repeat(Math.ceil(LIMIT / text.length)).slice(0, LIMIT));
      }),
      { numRuns: 60 },
    );
  });
});

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
