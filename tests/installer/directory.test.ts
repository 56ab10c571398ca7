// Directories as root makes them where somebody else rules.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, realpathSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { makeDirectory, setRights } from "../../lib/installer/apply/directory.ts";
import { tempDir } from "../support/temp-dir.ts";

const root = (): string => realpathSync(tempDir());
const mine = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const why = (work: () => void): string => {
  try {
    work();
    return "done";
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
};

test("one is made for its maker alone, and has its rights then", () => {
  const path = join(root(), "episodes");
  makeDirectory(path);
  expect(statSync(path).mode & 0o7777).toBe(0o700);
  setRights(path, { ...mine, mode: 0o3770 });
  expect(statSync(path).mode & 0o7777).toBe(0o3770);
});

test("a link in its place, or on the way, leads root nowhere", () => {
  const dir = root();
  const elsewhere = join(dir, "elsewhere");
  mkdirSync(join(elsewhere, "episodes"), { recursive: true, mode: 0o711 });
  symlinkSync(elsewhere, join(dir, "data"));
  symlinkSync(join(elsewhere, "episodes"), join(dir, "episodes"));
  expect(why(() => makeDirectory(join(dir, "data/more")))).toBe(
    `${join(dir, "data")} leads to what is no directory: root changes nothing there`,
  );
  expect(existsSync(join(elsewhere, "more"))).toBe(false);
  expect(why(() => setRights(join(dir, "data/episodes"), { ...mine, mode: 0o777 }))).toBe(
    `${join(dir, "data/episodes")} leads to ${join(elsewhere, "episodes")}: root changes nothing there`,
  );
  expect(why(() => setRights(join(dir, "episodes"), { ...mine, mode: 0o777 }))).toStartWith(
    `${join(dir, "episodes")} leads to `,
  );
  expect(statSync(join(elsewhere, "episodes")).mode & 0o777).toBe(0o711);
});
