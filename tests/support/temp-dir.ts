// Directories for tests, gone when the run is over. Not by afterEach: this module is loaded once for all test files, and a
// hook that it registers would belong to the first of them only.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

process.on("exit", () => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** A fresh directory, removed when the test run ends. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  made.push(dir);
  return dir;
}
