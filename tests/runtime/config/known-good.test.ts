// A configuration that was found good is not checked again by the same executable, and any other is.

import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../lib/runtime/config/config-file.ts";
import { knownGood } from "../../../lib/runtime/config/known-good.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const QUESTION = { text: "a = 1\n", file: "collector.toml", directory: "/" };

test("of this text, name, directory and tool alone, once it was remembered", () => {
  const cache = tempDir();
  expect(knownGood("t", QUESTION, cache)?.isKnown()).toBe(false);
  knownGood("t", QUESTION, cache)?.remember();
  expect(knownGood("t", QUESTION, cache)?.isKnown()).toBe(true);
  const others = [
    { ...QUESTION, text: "a = 2\n" },
    { ...QUESTION, file: "other.toml" },
    { ...QUESTION, directory: "/tmp" },
  ];
  expect(others.map((other) => knownGood("t", other, cache)?.isKnown())).toEqual([false, false, false]);
  expect(knownGood("u", QUESTION, cache)?.isKnown()).toBe(false);
});

test("another executable is another release", () => {
  const [cache, executable] = [tempDir(), join(tempDir(), "tool")];
  writeFileSync(executable, "one");
  const known = () => knownGood("t", QUESTION, cache, executable);
  known()?.remember();
  expect(known()?.isKnown()).toBe(true);
  writeFileSync(executable, "another");
  expect(known()?.isKnown()).toBe(false);
});

test("whatever stands in its place is replaced, and nothing is waited for", () => {
  for (const make of [["mkfifo"], ["ln", "-s", "/dev/zero"]]) {
    const cache = tempDir();
    Bun.spawnSync([...make, join(cache, "t-config")]);
    expect(knownGood("t", QUESTION, cache)?.isKnown()).toBe(false);
    knownGood("t", QUESTION, cache)?.remember();
    expect(knownGood("t", QUESTION, cache)?.isKnown()).toBe(true);
  }
});

test("without a directory nothing is known; where it cannot be read or written, neither", () => {
  expect(knownGood("t", QUESTION, null)).toBe(null);
  const none = knownGood("t", QUESTION, join(tempDir(), "none"));
  none?.remember();
  expect(none?.isKnown()).toBe(false);
});

const had = process.env.CACHE_DIRECTORY;
afterEach(() => {
  if (had === undefined) delete process.env.CACHE_DIRECTORY;
  else process.env.CACHE_DIRECTORY = had;
});

test("a directory is named as systemd names it: the first of several, and nothing where that is no path", () => {
  const cache = tempDir();
  process.env.CACHE_DIRECTORY = `${cache}:/nowhere`;
  knownGood("t", QUESTION)?.remember();
  expect(knownGood("t", QUESTION, cache)?.isKnown()).toBe(true);
  for (const none of ["", "relative", ":"]) {
    process.env.CACHE_DIRECTORY = none;
    expect(knownGood("t", QUESTION)).toBe(null);
  }
});

test("it is read without the check then; not after a remark, not when it is bad, and not by who always checks", async () => {
  const [cache, path] = [tempDir(), join(tempDir(), "collector.toml")];
  process.env.CACHE_DIRECTORY = cache;
  const line = { command: "", operands: [], options: { config: path } };
  const load = (text: string, isQuick = true): Promise<unknown> => {
    writeFileSync(path, text);
    const unchecked = (found: string, file: string): unknown => ({ found, file });
    return loadConfig<unknown>("fleet-health", { line, log: quietLog }, isQuick ? { unchecked } : {});
  };
  const checked = { pingUrl: null, channels: [] };
  const good = '[paths]\ndata_root = "/x"\n';
  expect(await load(good)).toMatchObject(checked);
  expect(await load(good)).toEqual({ found: good, file: path });
  expect(await load(good, false)).toMatchObject(checked);
  for (let i = 0; i < 2; i++) expect(await load('[paths]\ndata_root = "x"\n')).toMatchObject(checked);
  for (let i = 0; i < 2; i++) await expect(load("[paths]\ndata_root = 5\n")).rejects.toMatchObject({ exitCode: 2 });
  // A secret may stand in it.
  expect(await load('[fleet_health]\nping_url = "https://x/s3cret"\n')).toMatchObject({ pingUrl: "https://x/s3cret" });
  expect(readFileSync(join(cache, "fleet-health-config"), "utf8")).toMatch(/^[0-9a-f]{64}$/);
});
