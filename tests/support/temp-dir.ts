// A directory of its own for each test, gone when the test is over.

import { afterEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A fresh directory, removed after the present test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  made.push(dir);
  return dir;
}
