import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseKnownHosts } from "../../../lib/contract/known-hosts.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { openKnownHosts } from "../../../lib/receiver/readiness/known-hosts.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { keptLog } from "../support.ts";

const T0 = Date.UTC(2026, 4, 1, 12);
const STORE = { id: "a".repeat(32), succeeds: [] };

function scene(path = join(tempDir(), "hosts.json")) {
  const log = keptLog();
  const now = { tokens: ["lab2", "lab1", "operator"], moving: new Map<string, number>() };
  const open = () =>
    openKnownHosts(path, { store: () => STORE, withToken: () => now.tokens, moving: () => now.moving }, log);
  return { path, log, now, open, read: () => parseKnownHosts(readFileSync(path, "utf8")) };
}

test("hosts with a token are kept with since when, over restarts; the operator is none", () => {
  const { path, log, now, open, read } = scene();
  open()(T0);
  const first = { token_since: isoWall(T0), moved_at: null };
  expect(read()).toEqual({
    ...{ at: isoWall(T0), store: STORE },
    hosts: [
      { host: "lab1", ...first },
      { host: "lab2", ...first },
    ],
  });
  expect(statSync(path).mode & 0o777).toBe(0o640);
  now.tokens = ["lab1", "lab3"];
  open()(T0 + 60_000);
  expect(read()?.hosts).toEqual([
    { host: "lab1", ...first },
    { host: "lab3", token_since: isoWall(T0 + 60_000), moved_at: null },
  ]);
  expect(log.lines).toEqual([]);
});

test("an upload that is under way is told with when its bytes last came, of a host without a token, too", () => {
  const { now, open, read } = scene();
  now.tokens = ["lab1"];
  now.moving.set("lab9", T0 - 5000);
  const write = open();
  write(T0);
  expect(read()?.hosts).toMatchObject([
    { host: "lab1" },
    { host: "lab9", token_since: null, moved_at: isoWall(T0 - 5000) },
  ]);
  now.moving.clear();
  write(T0 + 60_000);
  expect(read()?.hosts).toMatchObject([{ host: "lab1", moved_at: null }]);
});

test("what stands there already is not written again, and what could not be written is", () => {
  const { path, now, open } = scene();
  const write = open();
  write(T0);
  const { ino } = statSync(path);
  write(T0 + 60_000);
  expect(statSync(path).ino).toBe(ino);
  rmSync(path);
  mkdirSync(path);
  writeFileSync(join(path, "x"), "");
  now.tokens = ["lab1"];
  write(T0 + 120_000);
  rmSync(path, { recursive: true });
  write(T0 + 180_000);
  expect(statSync(path).isFile()).toBe(true);
});

function toDirectory(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

test.each([
  ["emptied", (path: string) => truncateSync(path)],
  ["torn", (path: string) => writeFileSync(path, readFileSync(path, "utf8").slice(0, 9))],
  ["written over with as many bytes", (path: string) => writeFileSync(path, "x".repeat(statSync(path).size))],
  ["removed", (path: string) => rmSync(path)],
  ["closed to whoever reads it", (path: string) => chmodSync(path, 0)],
  ["replaced by a directory", toDirectory],
])("a file that was %s is written again in the next minute", (_, harm) => {
  const { path, log, open, read } = scene();
  const write = open();
  write(T0);
  harm(path);
  write(T0 + 60_000);
  if (statSync(path).isDirectory()) {
    expect(log.lines.join("\n")).toContain(`cannot write ${path}: it is a directory; fix: sudo mv -T `);
    rmSync(path, { recursive: true });
    write(T0 + 120_000);
  }
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(read()?.hosts).toMatchObject([{ host: "lab1", token_since: isoWall(T0) }, { host: "lab2" }]);
});
