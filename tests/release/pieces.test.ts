// The compiled executables, taken apart, and put together with nothing but what every host has.

import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { piecePath, piecesOf } from "../../lib/contract/release.ts";
import { compareVersions, readExecutable } from "../../scripts/release/elf.ts";
import { Pieces } from "../../scripts/release/pieces.ts";
import { executables } from "../support/compiled.ts";
import { tempDir } from "../support/temp-dir.ts";

test("they share their runtime, and cat and gzip put each together", () => {
  const root = tempDir();
  const pieces = new Pieces(root, 1);
  const tools = ["shipper", "receiver"].map((tool) => pieces.take(join(executables(), tool), "linux-x64"));
  expect(new Set(tools.map(({ runtime }) => runtime)).size).toBe(1);
  expect(Object.keys(pieces.all)).toHaveLength(5);
  for (const tool of tools) {
    const paths = piecesOf(tool).map((digest) => join(root, piecePath(digest)));
    const line = 'cat "$@" | gzip -dc | sha256sum';
    const done = Bun.spawnSync(["sh", "-c", line, "sh", ...paths]);
    expect(done.stdout.toString()).toBe(`${tool.sha256}  -\n`);
    expect(tool.bytes).toBe(statSync(join(executables(), tool.tool)).size);
    expect(compareVersions(tool.glibc ?? "0", "2.17")).toBeGreaterThanOrEqual(0);
  }
});

test.skipIf(Bun.which("readelf") === null)("the glibc that it needs is what readelf says (needs readelf)", () => {
  const path = join(executables(), "shipper");
  const line = `readelf -V "$1" 2>&1 | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1`;
  const done = Bun.spawnSync(["sh", "-c", line, "sh", path]);
  expect(`GLIBC_${readExecutable(readFileSync(path), path).glibc}\n`).toBe(done.stdout.toString());
});

test("versions are compared by their numbers", () => {
  expect(["2.9", "2.25", "2.4", "2.17", "2.2.5"].toSorted(compareVersions)).toEqual([
    "2.2.5",
    "2.4",
    "2.9",
    "2.17",
    "2.25",
  ]);
  expect([compareVersions("2.17", "2.17"), compareVersions("2.0", "2")]).toEqual([0, 0]);
});

test("what is no executable, or none of Bun's, is said", () => {
  const path = join(tempDir(), "file");
  writeFileSync(path, "#!/bin/sh\n");
  expect(() => readExecutable(readFileSync(path), "x")).toThrow("x is no 64-bit ELF executable");
  expect(() => readExecutable(readFileSync("/proc/self/exe").subarray(0, 3), "x")).toThrow("x is no 64-bit ELF");
  const sh = ["/bin/dash", "/bin/bash"].find(existsSync) ?? "/bin/sh";
  expect(() => readExecutable(readFileSync(sh), "sh")).toThrow("sh has no section .bun");
});
