// The fault table of docs/operating.md: it is the script's (no drift), and what is printed is taken apart as a reader would.

import { describe, expect, test } from "bun:test";
import { merged, readTable, tableOf, withTable } from "../scripts/faults/document.ts";
import type { Walked } from "../scripts/faults/fault.ts";
import { findSaid, takeApart } from "../scripts/faults/remedy.ts";
import { FAULTS } from "../scripts/faults/table.ts";

describe("the committed table", () => {
  const rows = readTable();

  test("has at least thirty rows, most of them mended by a line that is run as it is printed or by plain words", () => {
    expect(rows.length).toBeGreaterThanOrEqual(30);
    for (const { sentence, remedy } of rows) {
      expect(sentence).not.toBe("");
      expect(remedy).not.toBe("");
    }
  });

  test("holds only faults of the script, in its order, each once and mended as the script mends it", () => {
    const names = FAULTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const places = rows.map(({ fault }) => names.indexOf(fault));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(new Set(places).size).toBe(places.length);
    for (const { fault, sentence, mended } of rows) {
      const known = FAULTS.find(({ name }) => name === fault);
      expect(known?.says.test(sentence), `${fault}: ${sentence}`).toBe(true);
      expect(mended).toBe(known?.words === undefined ? "as printed" : "by its words");
    }
  });
});

describe("a table", () => {
  const EMPTY = "a\n<!-- faults: begin; written by `bun run faults` -->\nx\n<!-- faults: end -->\nb\n";
  const row = (fault: string, sentence = "s"): Walked => ({
    fault,
    seen: "lab host: `shipper status`",
    sentence,
    remedy: "du | sort",
    mended: "as printed",
  });

  test("is read back as it was written, whatever stands in it", () => {
    const rows = [row("one", "a | b `c` ``d``"), row("two", "`whole`"), row("three", "\\d | \\")];
    const text = withTable(EMPTY, rows);
    expect(text).toStartWith("a\n<!--");
    expect(text).toEndWith("-->\nb\n");
    expect(tableOf(text)).toEqual(rows);
    expect(tableOf(withTable(text, []))).toEqual([]);
  });

  test("without its markers, or with a broken row, is refused", () => {
    expect(() => withTable("a\nb\n", [])).toThrow("markers");
    expect(() => tableOf(EMPTY)).toThrow("no table");
    const text = withTable(EMPTY, [row("one")]);
    expect(() => tableOf(text.replace("as printed", "somehow"))).toThrow("mended how?");
    expect(() => tableOf(text.replace("| one ", ""))).toThrow("five cells");
  });

  test("takes what became of one fault, and drops what is none any more", () => {
    const rows = [row("b"), row("gone")];
    expect(merged(rows, "a", row("a"), ["a", "b"]).map(({ fault }) => fault)).toEqual(["a", "b"]);
    expect(merged(rows, "b", row("b", "new"), ["a", "b"])).toEqual([row("b", "new")]);
    expect(merged(rows, "b", null, ["a", "b"])).toEqual([]);
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
