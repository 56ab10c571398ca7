// What the machine refuses, by real refusals where this machine can make them.

import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { refusedByMachine } from "../../lib/installer/machine-refusal.ts";
import { replaceDurable } from "../../lib/os/files/sync-files.ts";
import { tempDir } from "../support/temp-dir.ts";

/** What an action says on a disk of its own. */
function on(options: string, action: (path: string) => unknown): { path: string; text: string } {
  const path = tempDir();
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  try {
    return { path, text: said(() => action(path)) };
  } finally {
    execFileSync("umount", [path]);
  }
}

/** What is said of what an action meets. */
function said(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    const refused = refusedByMachine(error);
    if (!(refused instanceof UserError)) throw error;
    return `${refused.exitCode}: ${refused.message}; fix: ${refused.hint}`;
  }
  return "nothing";
}

test("a directory or a file in the way is put aside by the printed command", () => {
  const dir = tempDir();
  mkdirSync(join(dir, "manifest.json"));
  const at = join(dir, "manifest.json");
  expect(said(() => replaceDurable(at, "x"))).toEndWith(`; fix: sudo mv -T ${at} ${at}.before`);
  writeFileSync(join(dir, "file"), "");
  const below = said(() => mkdirSync(join(dir, "file/a/b"), { recursive: true }));
  expect(below).toStartWith(`3: ${join(dir, "file")} is in the way: `);
  expect(below).toEndWith(`; fix: sudo mv -T ${join(dir, "file")} ${join(dir, "file")}.before`);
  rmdirSync(at);
  symlinkSync("round", join(dir, "round"));
  expect(said(() => mkdirSync(join(dir, "round/a")))).toContain(`sudo mv -T ${join(dir, "round")} `);
});

test("a disk that is full, or read-only, is named with what mends it", () => {
  const full = on("size=64k", (path) => writeFileSync(join(path, "x"), Buffer.alloc(200_000)));
  expect(full.text).toMatch(/^3: .*; fix: /);
  const closed = on("ro", (path) => mkdirSync(join(path, "labfleet")));
  expect(closed.text).toMatch(
    new RegExp(`^3: the file system at ${closed.path} is read-only.*; fix: sudo mount -o remount,rw ${closed.path}$`),
  );
  const many = on("nr_inodes=2", (path) => ["a", "b"].forEach((name) => void mkdirSync(join(path, name))));
  expect(many.text).toContain(`the file system at ${many.path} has no inodes left`);
});

test("what is no refusal of the machine stays what it is", () => {
  const bug = new TypeError("x");
  expect(refusedByMachine(bug)).toBe(bug);
  const own = new UserError("no");
  expect(refusedByMachine(own)).toBe(own);
  const library = Object.assign(new Error("x"), { code: "ERR_INVALID_ARG_TYPE" });
  expect(refusedByMachine(library)).toBe(library);
});
