// A directory's entries, in pieces.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entries, entriesOf } from "../../../lib/os/files/entries.ts";

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-entries-"));
  made.push(dir);
  return dir;
}

test("each comes once, with its kind", async () => {
  const dir = directory();
  for (let i = 0; i < 3000; i++) writeFileSync(join(dir, `f${i}`), "");
  mkdirSync(join(dir, "d"));
  symlinkSync(dir, join(dir, "l"));
  const kinds = new Map<string, string>();
  for await (const entry of entriesOf(dir))
    kinds.set(entry.name, entry.isDirectory() ? "d" : entry.isFile() ? "f" : "l");
  expect(kinds.size).toBe(3002);
  for (const [name, kind] of kinds) expect(name[0]).toBe(kind);
});

test("the event loop has its turns while a long directory is read", async () => {
  const dir = directory();
  for (let i = 0; i < 10_000; i++) writeFileSync(join(dir, `f${i}`), "");
  let seen = 0;
  let since = 0;
  let most = 0;
  let over = false;
  const turn = (): void => {
    most = Math.max(most, seen - since);
    since = seen;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  for await (const _ of entriesOf(dir)) seen++;
  over = true;
  most = Math.max(most, seen - since);
  expect(seen).toBe(10_000);
  expect(most).toBeLessThanOrEqual(512);
});

test("one that is not there is an error, or has none, as the caller will", async () => {
  const missing = join(directory(), "no");
  const all = async (list: AsyncIterable<unknown>) => {
    let count = 0;
    for await (const _ of list) count++;
    return count;
  };
  await expect(all(entriesOf(missing))).rejects.toThrow("ENOENT");
  expect(await all(entries(missing))).toBe(0);
  writeFileSync(missing, "");
  await expect(all(entries(missing))).rejects.toThrow("ENOTDIR");
});
