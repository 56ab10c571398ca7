// The fault table of docs/operating.md: it is the script's (no drift), and what is printed is taken apart as a reader would.

import { describe, expect, test } from "bun:test";
import { merged, readTable, tableOf, withTable } from "../scripts/faults/document.ts";
import { mendedHow, seenOrder, seenText, type Walked } from "../scripts/faults/fault.ts";
import { findSaid, takeApart } from "../scripts/faults/remedy.ts";
import { FAULTS } from "../scripts/faults/table.ts";

describe("the committed table", () => {
  const rows = readTable();

  test("has a row for each fault of the script, and no other, in the order of the document", () => {
    const names = FAULTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(rows.map(({ fault }) => fault).toSorted()).toEqual(names.toSorted());
    const order = { seen: seenOrder(FAULTS), faults: names };
    expect(merged(rows, "", null, order)).toEqual(rows);
  });

  test("shows what each fault of the script is: where it is seen, a sentence that is its own, how it is mended", () => {
    for (const { fault, seen, sentence, remedy, mended } of rows) {
      const known = FAULTS.find(({ name }) => name === fault);
      if (known === undefined) throw new Error(`no such fault: ${fault}`);
      expect(sentence, fault).toMatch(known.says);
      expect({ fault, seen, mended }).toEqual({ fault, seen: seenText(known.seen), mended: mendedHow(known) });
      expect(remedy === "", fault).toBe(mended === "by itself");
    }
  });

  test("is what the script wrote, byte for byte", async () => {
    const document = await Bun.file(new URL("../docs/operating.md", import.meta.url)).text();
    expect(withTable(document, rows)).toBe(document);
  });
});

describe("a table", () => {
  const EMPTY = `a
<!-- faults: begin; written by \`bun run faults\` -->
<!-- faults: end; rows e3b0c44298fc1c14 -->
b
`;
  const row = (fault: string, sentence = "s", seen = "Lab host: `shipper status`"): Walked => ({
    fault,
    seen,
    sentence,
    remedy: "du | sort",
    mended: "as printed",
  });

  test("is read back as it was written, whatever stands in it, one heading a place", () => {
    const rows = [
      row("one", "a | b `c` ``d``"),
      row("two", "`whole`"),
      row("three", "\\d | \\", "Collector: `receiver hosts`"),
    ];
    const text = withTable(EMPTY, rows);
    expect(text).toStartWith("a\n<!--");
    expect(text).toEndWith("-->\nb\n");
    expect(text.match(/^### .*$/gm)).toEqual(["### Lab host: `shipper status`", "### Collector: `receiver hosts`"]);
    expect(tableOf(text)).toEqual(rows);
    expect(withTable(text, [])).toBe(EMPTY);
    expect(tableOf(EMPTY)).toEqual([]);
  });

  test("that was changed by hand, or lost its markers, is refused", () => {
    expect(() => withTable("a\nb\n", [])).toThrow("markers");
    const text = withTable(EMPTY, [row("one")]);
    for (const [from, to] of [
      ["| one ", "| two "],
      ["as printed", "by its words"],
      ["### Lab", "### The lab"],
      ["| one ", ""],
    ] as const)
      expect(() => tableOf(text.replace(from, to))).toThrow("changed by hand");
  });

  test("takes what became of one fault, sorted by place and name, and drops what is none any more", () => {
    const order = { seen: ["x", "y"], faults: ["a", "b"] };
    const [a, b] = [row("a", "s", "y"), row("b", "s", "x")];
    expect(merged([b, row("gone")], "a", a, order)).toEqual([b, a]);
    expect(merged([b], "b", row("b", "new", "x"), order)).toEqual([row("b", "new", "x")]);
    expect(merged([b], "b", null, order)).toEqual([]);
  });
});

describe("what was printed", () => {
  test("is a sentence and a remedy, in one line or in two", () => {
    expect(findSaid("x\nheld: a because b; fix: sudo chown me /x\ny", /held/, "lab1")).toEqual({
      sentence: "held: a because b",
      remedy: "sudo chown me /x",
      words: "",
      steps: [{ on: "lab1", line: "sudo chown me /x" }],
    });
    expect(findSaid("shipper: no\nshipper: fix: see it", /no/, "lab1")).toMatchObject({ remedy: "see it", steps: [] });
    expect(findSaid("a\nb", /a/, "lab1")).toMatchObject({ sentence: "a", remedy: "" });
    expect(findSaid("a\nb", /c/, "lab1")).toBeNull();
  });

  test("names the machine for each line; without a place it is for the shell where it stands", () => {
    expect(
      takeApart("make one: on the collector: sudo a lab1; then on the lab host: sudo b && sudo c", "lab1"),
    ).toEqual({
      words: "make one",
      steps: [
        { on: "collector", line: "sudo a lab1" },
        { on: "lab1", line: "sudo b && sudo c" },
      ],
    });
    expect(takeApart("let it in: sudo chmod g+r /x", "lab1")).toEqual({
      words: "let it in",
      steps: [{ on: "lab1", line: "sudo chmod g+r /x" }],
    });
    expect(takeApart("sudo receiver x", "collector").steps).toEqual([{ on: "collector", line: "sudo receiver x" }]);
    expect(takeApart("on the collector: receiver status", "lab1").steps).toEqual([
      { on: "collector", line: "receiver status" },
    ]);
    expect(takeApart("a sudo b, in words", "lab1")).toEqual({ words: "a sudo b, in words", steps: [] });
  });
});
