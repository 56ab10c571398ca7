// A directory of its own for a test, gone when the test is over.

import { onTestFinished } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh directory, removed after the present test. To be called within a test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
