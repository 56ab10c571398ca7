// Where reports are kept: whole, private, few.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hasDiagnostic, saveDiagnostic } from "../../../lib/runtime/diagnostic/diagnostic.ts";
import { tempDir } from "../../support/temp-dir.ts";

const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

/** A report saved at a moment, in seconds. */
function saveAt(dir: string, runId: string, seconds: number): void {
  saveDiagnostic(dir, runId, runId);
  utimesSync(join(dir, `diagnostic-${runId}.txt`), seconds, seconds);
}

describe("a saved report", () => {
  for (const umask of [0o000, 0o377]) {
    test(`is there whole, for its owner alone, under the umask ${umask.toString(8)}`, () => {
      const dir = tempDir();
      const before = process.umask(umask);
      saveDiagnostic(dir, "run-1", "text\n=== end ===\n");
      process.umask(before);
      const path = join(dir, "diagnostic-run-1.txt");
      expect([readFileSync(path, "utf8"), mode(path)]).toEqual(["text\n=== end ===\n", "600"]);
      expect(readdirSync(dir)).toEqual(["diagnostic-run-1.txt"]);
    });
  }

  test("gets a directory where there is none, for its owner alone", () => {
    const dir = join(tempDir(), "state/reports");
    saveDiagnostic(dir, "run-1", "");
    expect([mode(dir), mode(join(dir, ".."))]).toEqual(["700", "700"]);
  });

  test("takes the place of an earlier one of the same run, and of its mode", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "diagnostic-a.txt"), "old and longer", { mode: 0o644 });
    saveDiagnostic(dir, "a", "new");
    expect([readFileSync(join(dir, "diagnostic-a.txt"), "utf8"), mode(join(dir, "diagnostic-a.txt"))]).toEqual([
      "new",
      "600",
    ]);
  });

  test("takes the place of a link and follows none, neither of its own name nor of the temporary one", () => {
    const dir = tempDir();
    const target = join(tempDir(), "target");
    writeFileSync(target, "untouched", { mode: 0o644 });
    symlinkSync(target, join(dir, "diagnostic-a.txt"));
    symlinkSync(target, join(dir, `.diagnostic-a.txt.${process.pid}.tmp`));
    saveDiagnostic(dir, "a", "report");
    expect([readFileSync(target, "utf8"), mode(target)]).toEqual(["untouched", "644"]);
    expect(lstatSync(join(dir, "diagnostic-a.txt")).isFile()).toBe(true);
    expect(readdirSync(dir)).toEqual(["diagnostic-a.txt"]);
  });

  test("leaves the two newest others beside it, and what is no report alone", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "ends.jsonl"), "");
    writeFileSync(join(dir, "diagnostic-of-mine.md"), "");
    for (const [runId, seconds] of [
      ["c", 300],
      ["a", 100],
      ["d", 400],
      ["b", 200],
    ] as const)
      saveAt(dir, runId, seconds);
    saveDiagnostic(dir, "e", "e");
    expect(readdirSync(dir).sort()).toEqual([
      "diagnostic-c.txt",
      "diagnostic-d.txt",
      "diagnostic-e.txt",
      "diagnostic-of-mine.md",
      "ends.jsonl",
    ]);
  });

  test("is kept though others claim to be newer: a clock may have been wrong", () => {
    const dir = tempDir();
    for (const runId of ["x", "y", "z"]) saveAt(dir, runId, 4_000_000_000);
    saveDiagnostic(dir, "now", "now");
    expect(hasDiagnostic(dir, "now")).toBe(true);
    expect(readdirSync(dir).length).toBe(3);
  });

  test("clears away what killed writers left a minute ago, not what others write now", () => {
    const dir = tempDir();
    for (const pid of [1, 2]) writeFileSync(join(dir, `.diagnostic-a.txt.${pid}.tmp`), "half");
    utimesSync(join(dir, ".diagnostic-a.txt.1.tmp"), 1000, 1000);
    saveDiagnostic(dir, "b", "b");
    expect(readdirSync(dir).sort()).toEqual([".diagnostic-a.txt.2.tmp", "diagnostic-b.txt"]);
  });
});

describe("a report that cannot be saved", () => {
  test("says where and why, and leaves nothing half", () => {
    const dir = tempDir();
    mkdirSync(join(dir, "diagnostic-a.txt"));
    expect(() => saveDiagnostic(dir, "a", "a")).toThrow(`cannot save the diagnostic in ${dir}: EISDIR`);
    expect(readdirSync(dir)).toEqual(["diagnostic-a.txt"]);
    writeFileSync(join(dir, "file"), "");
    expect(() => saveDiagnostic(join(dir, "file/below"), "a", "a")).toThrow("cannot save the diagnostic in");
  });

  for (const runId of ["", "a/b", "..", "a.b", "a b", "x".repeat(65)]) {
    test(`since ${JSON.stringify(runId)} names no run, is refused`, () => {
      const dir = tempDir();
      expect(() => saveDiagnostic(dir, runId, "")).toThrow("expected 1 to 64 of A-Z a-z 0-9 -");
      expect([readdirSync(dir), hasDiagnostic(dir, runId)]).toEqual([[], false]);
    });
  }
});

test("a run has a report only if it is a file with its name", () => {
  const dir = tempDir();
  saveDiagnostic(dir, "x".repeat(64), "");
  writeFileSync(join(dir, ".diagnostic-half.txt.1.tmp"), "");
  symlinkSync(join(dir, `diagnostic-${"x".repeat(64)}.txt`), join(dir, "diagnostic-link.txt"));
  chmodSync(join(dir, `diagnostic-${"x".repeat(64)}.txt`), 0);
  expect(["x".repeat(64), "half", "link", "none"].map((runId) => hasDiagnostic(dir, runId))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(hasDiagnostic(join(dir, "none"), "a")).toBe(false);
});
