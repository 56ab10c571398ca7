// The answer of a command arrives whole and alone, whoever else writes to standard output and however slowly it is read.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../support/compiled.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOISE = "NOISE of writeSync\nNOISE of a child\nNOISE afterwards\n";

/** Runs a shell line in which `$answerer N [FLAG]` is the program; its exit code is in the file `code`. */
function shell(line: string) {
  const dir = tempDir();
  const program = `"${process.execPath}" "${join(PROJECT, "tests/fixtures/programs/answerer.ts")}"`;
  const answerer = `answerer() { ${program} "$@"; echo $? > code; }`;
  const { stdout, stderr } = Bun.spawnSync(["/bin/sh", "-c", `${answerer}; ${line}`], { cwd: dir, timeout: 30_000 });
  const code = Number(readFileSync(join(dir, "code"), "utf8"));
  return { dir, stdout: stdout.toString(), stderr: stderr.toString(), code };
}

test("what others write goes to standard error, even from a child process", () => {
  const { stdout, stderr, code } = shell("answerer 3 | cat");
  expect({ stdout, stderr, code }).toEqual({ stdout: "xxxEND\n", stderr: NOISE, code: 0 });
});

test("an answer that is larger than a pipe waits for its reader, and arrives whole", () => {
  const { stdout, stderr, code } = shell("answerer 1000000 flag | (until [ -e flag ]; do sleep 0.01; done; cat)");
  expect(stdout).toHaveLength(1_000_004);
  expect(stdout).toEndWith("xEND\n");
  expect({ stderr, code }).toEqual({ stderr: NOISE, code: 0 });
});

test("a reader that goes early wants no more: no fault", () => {
  const { stdout, stderr, code } = shell("answerer 1000000 | head -c 3");
  expect({ stdout, stderr, code }).toEqual({ stdout: "xxx", stderr: NOISE, code: 0 });
});

test("a file is appended to, and gets the answer alone", () => {
  const dir = tempDir();
  const file = join(dir, "file");
  writeFileSync(file, "before\n");
  expect(shell(`answerer 3 >> ${file}`).code).toBe(0);
  expect(readFileSync(file, "utf8")).toBe("before\nxxxEND\n");
});

test("a full disk is said, with the exit code of what could not be delivered", () => {
  const { stderr, code } = shell("answerer 3 > /dev/full");
  expect(stderr).toContain("the answer cannot be written to standard output: ENOSPC\n");
  expect(code).toBe(3);
});

test("without standard error the noise goes nowhere", () => {
  const { stdout, code } = shell("answerer 3 2>&- | cat");
  expect({ stdout, code }).toEqual({ stdout: "xxxEND\n", code: 0 });
});
