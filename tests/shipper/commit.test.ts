// Which code recorded an episode: what its notes about code versions say.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitOfFile, commitOfMeta, episodeCommit } from "../../lib/shipper/commit.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("the commit of an episode", () => {
  for (const [text, commit] of [
    ['{"code_commit": "abc123"}', "abc123"],
    ['{"code_commit": "v1.2+dirty_x-y"}', "v1.2+dirty_x-y"],
    ['{"code_commit": "a b"}', null],
    ['{"code_commit": "a\\r\\nX-Evil: 1"}', null],
    ['{"code_commit": ""}', null],
    [`{"code_commit": "${"a".repeat(129)}"}`, null],
    ['{"code_commit": 5}', null],
    ["{}", null],
    ["null", null],
    ["[1]", null],
    ['{"code_commit": "abc', null],
    ["", null],
    [null, null],
  ] as const) {
    test(`in a meta.json of ${JSON.stringify(text)?.slice(0, 40)} is ${commit}`, () =>
      expect(commitOfMeta(text)).toBe(commit));
  }

  for (const [text, commit] of [
    ["abc123\n", "abc123"],
    ["  1.2.3 (built yesterday)\n", "1.2.3"],
    ["", null],
    [null, null],
    ["é\n", null],
  ] as const) {
    test(`in a VERSION of ${JSON.stringify(text)} is ${commit}`, () => expect(commitOfFile(text)).toBe(commit));
  }

  test("is its own, else the host's, else none", async () => {
    const dir = tempDir();
    const version = join(dir, "VERSION");
    expect(await episodeCommit(dir, version)).toBeNull();
    writeFileSync(version, "host-commit\n");
    expect(await episodeCommit(dir, version)).toBe("host-commit");
    writeFileSync(join(dir, "meta.json"), '{"code_commit": "own"}');
    expect(await episodeCommit(dir, version)).toBe("own");
  });

  test("is the host's when meta.json is a directory or a pipe", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "VERSION"), "host-commit\n");
    mkdirSync(join(dir, "one/meta.json"), { recursive: true });
    mkdirSync(join(dir, "two"));
    Bun.spawnSync(["mkfifo", join(dir, "two/meta.json")]);
    expect(await episodeCommit(join(dir, "one"), join(dir, "VERSION"))).toBe("host-commit");
    expect(await episodeCommit(join(dir, "two"), join(dir, "VERSION"))).toBe("host-commit");
  });
});
