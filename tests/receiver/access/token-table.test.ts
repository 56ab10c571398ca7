// The table of all tokens: what a refusal may cost, how soon a change counts, and what is kept of names that nobody has.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTokenCheck, hashToken, parseTokenFile } from "../../../lib/receiver/access/auth.ts";
import { openTokenTable, type TokenTable } from "../../../lib/receiver/access/token-table.ts";
import { cleanUp, keptLog, onCleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);

const line = (token: string): string => `sha256:${hashToken(token).toString("hex")}\n`;

/** Looks when it is told to, and not by itself. */
function tableOf(dir: string): TokenTable {
  const table = openTokenTable(dir, parseTokenFile, 1e9);
  onCleanUp(() => table.close());
  return table;
}

test("whose a token is that is not the host's own comes from memory: 500 files that are gone are not missed before the next look", async () => {
  const dir = join(tempDir(), "tokens.d");
  mkdirSync(dir);
  for (let i = 0; i < 500; i++) writeFileSync(join(dir, `lab${i}`), line(`token${i}`));
  const table = tableOf(dir);
  await table.look();
  const check = createTokenCheck(dir, keptLog(), table);
  rmSync(dir, { recursive: true });
  expect([0, 63, 64, 255, 256, 499].map((i) => check("other", `Bearer token${i}`))).toEqual(
    Array(6).fill("other-host"),
  );
  expect(check("other", "Bearer nobody")).toBe("unknown");
  // Its own file is asked each time: revoked is revoked.
  expect(check("lab7", "Bearer token7")).toBe("unknown");
  await table.look();
  expect(check("other", "Bearer token499")).toBe("unknown");
  expect(table.has("lab499")).toBe(false);
});

test("a new token is valid for its host at once, and another host's from the next look on", async () => {
  const dir = join(tempDir(), "tokens.d");
  const table = tableOf(dir);
  const check = createTokenCheck(dir, keptLog(), table);
  await table.look();
  mkdirSync(dir);
  writeFileSync(join(dir, "lab1"), line("one"));
  expect(table.has("lab1")).toBe(false);
  expect(check("lab2", "Bearer one")).toBe("unknown");
  expect(check("lab1", "Bearer one")).toBe("valid");
  await table.look();
  expect([table.has("lab1"), check("lab2", "Bearer one")]).toEqual([true, "other-host"]);
  rmSync(join(dir, "lab1"));
  await table.look();
  expect([table.has("lab1"), check("lab2", "Bearer one")]).toEqual([false, "unknown"]);
});

test("a file that was edited in place is noticed by the looks, though its directory has not changed", async () => {
  const dir = tempDir();
  for (let i = 0; i < 600; i++) writeFileSync(join(dir, `lab${i}`), line(`token${i}`));
  utimesSync(dir, 1_000_000, 1_000_000);
  const table = tableOf(dir);
  await table.look();
  writeFileSync(join(dir, "lab0"), line("edited"));
  writeFileSync(join(dir, "lab599"), line("again"));
  for (let looks = 0; looks < 4; looks++) await table.look();
  const check = createTokenCheck(dir, keptLog(), table);
  const found = ["token0", "edited", "token599", "again"].map((token) => check("other", `Bearer ${token}`));
  expect(found).toEqual(["unknown", "other-host", "unknown", "other-host"]);
});

test("a token that two hosts have stays another host's when one of them loses it", async () => {
  const dir = tempDir();
  for (const host of ["lab1", "lab2"]) writeFileSync(join(dir, host), line("shared"));
  const table = tableOf(dir);
  await table.look();
  const check = createTokenCheck(dir, keptLog(), table);
  rmSync(join(dir, "lab1"));
  await table.look();
  expect([check("lab1", "Bearer shared"), check("lab2", "Bearer shared")]).toEqual(["other-host", "valid"]);
});

test("a pipe and a file of megabytes among the tokens hold up nobody, and are told for their host", () => {
  const dir = tempDir();
  Bun.spawnSync(["mkfifo", join(dir, "lab1")]);
  writeFileSync(join(dir, "lab2"), "#".repeat(70_000));
  const check = createTokenCheck(dir, keptLog(), tableOf(dir));
  expect(check("lab1", "Bearer x")).toEqual({ unreadable: "it is no regular file" });
  expect(check("lab2", "Bearer x")).toEqual({ unreadable: "it has more than 65536 bytes" });
});

test("a directory that cannot be entered, by root neither, is said once, whatever names are asked for", () => {
  const dir = join(tempDir(), "tokens.d");
  symlinkSync("tokens.d", dir);
  const log = keptLog();
  const check = createTokenCheck(dir, log, tableOf(dir));
  for (let i = 0; i < 100; i++)
    expect(check(`lab${i}`, "Bearer x")).toEqual({ unreadable: expect.stringContaining("ELOOP") });
  expect(log.lines).toHaveLength(1);
});

test("a name that cannot be a directory's is said once, whatever names are asked for", () => {
  const dir = join(tempDir(), "tokens.d");
  writeFileSync(dir, "");
  const log = keptLog();
  const check = createTokenCheck(dir, log, tableOf(dir));
  for (let i = 0; i < 100; i++)
    expect(check(`lab${i}`, "Bearer x")).toEqual({ unreadable: "ENOTDIR: not a directory" });
  expect(log.lines).toHaveLength(1);
});
