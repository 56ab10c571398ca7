// Which code recorded an episode: what its notes about code versions say, and that no note is passed over.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { byCommands, onHost } from "../../../lib/core/finding.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { commitFileFault, commitOfFile, commitOfMeta, episodeCommit } from "../../../lib/shipper/episode/commit.ts";
import { inText } from "../../support/in-text.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const RULE = "1 to 128 of A-Z a-z 0-9 . _ + -";

describe("a meta.json", () => {
  for (const [text, commit] of [
    ['{"code_commit": "abc123"}', "abc123"],
    ['{"code_commit": "v1.2+dirty_x-y"}', "v1.2+dirty_x-y"],
    ['{"code_commit": ""}', null],
    ['{"code_commit": null}', null],
    ["{}", null],
  ] as const) {
    test(`of ${text} says ${commit}`, () => expect(commitOfMeta(text)).toEqual({ commit }));
  }

  for (const [text, why] of [
    ['{"code_commit": "a b"}', `says code_commit "a b", expected a text of ${RULE}`],
    ['{"code_commit": 1234567}', `says code_commit "1234567", expected a text of ${RULE}`],
    ['{"code_commit": "abc', "is no JSON"],
    ['{"code_commit": "abc",}', "is no JSON"],
    ["null", "is no JSON object"],
    ['[{"code_commit": "own"}]', "is no JSON object"],
    ['"own"', "is no JSON object"],
    [" \n", "is empty"],
    ["", "is empty"],
  ] as const) {
    test(`of ${JSON.stringify(text)} cannot be told`, () => expect(commitOfMeta(text)).toEqual({ why }));
  }

  test("names in its refusal no more than a line holds", () => {
    const said = commitOfMeta(`{"code_commit": "${"a".repeat(5000)}"}`);
    expect("why" in said && said.why.length).toBeLessThan(250);
  });
});

describe("a VERSION file", () => {
  for (const [text, said] of [
    ["abc123\n", { commit: "abc123" }],
    ["  1.2.3 (built yesterday)\r\n", { commit: "1.2.3" }],
    ["", { why: "is empty" }],
    ["release/1.2\n", { why: `begins with "release/1.2", expected a word of ${RULE}` }],
  ] as const) {
    test(`of ${JSON.stringify(text)}`, () => expect<unknown>(commitOfFile(text)).toEqual(said));
  }

  test("is said to be wrong once, at the start, with what mends it; one that is not there is none", async () => {
    const dir = tempDir();
    const version = join(dir, "VERSION");
    expect(await commitFileFault(version)).toBeNull();
    writeFileSync(version, "");
    expect(inText(await commitFileFault(version))).toBe(
      `${version} is empty: episodes that name no commit themselves are sent without one; fix: echo COMMIT | sudo tee ${version}`,
    );
    mkdirSync(join(dir, "directory"));
    expect(inText(await commitFileFault(join(dir, "directory")))).toContain("is no file of a few words");
    symlinkSync("VERSION", join(dir, "link"));
    writeFileSync(version, "abc\n");
    expect(await commitFileFault(join(dir, "link"))).toBeNull();
  });
});

/** A socket. */
async function makeSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
}

describe("the commit of an episode", () => {
  const host = (dir: string): string => {
    writeFileSync(join(dir, "VERSION"), "host-commit\n");
    return join(dir, "VERSION");
  };

  test("is its own, else the host's, else none", async () => {
    const dir = tempDir();
    expect(await episodeCommit(dir, join(dir, "VERSION"))).toEqual({ commit: null });
    expect(await episodeCommit(dir, host(dir))).toEqual({ commit: "host-commit" });
    writeFileSync(join(dir, "meta.json"), '{"code_commit": "own"}');
    expect(await episodeCommit(dir, host(dir))).toEqual({ commit: "own" });
  });

  const META = '{"code_commit": "own"}';
  const utf16be = Buffer.from(`\ufeff${META}`, "utf16le").swap16();
  for (const [what, bytes] of [
    ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${META}`)],
    ["UTF-16, little end first", Buffer.from(`\ufeff${META}`, "utf16le")],
    ["UTF-16, big end first", utf16be],
    ["Windows line ends", Buffer.from(META.replaceAll(" ", "\r\n"))],
  ] as const) {
    test(`is its own where meta.json is ${what}`, async () => {
      const dir = tempDir();
      writeFileSync(join(dir, "meta.json"), bytes);
      expect(await episodeCommit(dir, host(dir))).toEqual({ commit: "own" });
    });
  }

  test("is the host's where VERSION has a byte order mark or is UTF-16", async () => {
    const dir = tempDir();
    for (const bytes of [Buffer.from("\ufeffabc\r\n"), Buffer.from("\ufeffabc\r\n", "utf16le")]) {
      writeFileSync(join(dir, "VERSION"), bytes);
      expect(await episodeCommit(dir, join(dir, "VERSION"))).toEqual({ commit: "abc" });
    }
  });

  for (const [what, spoil, why] of [
    ["has a trailing comma", (path: string) => writeFileSync(path, '{"code_commit": "own",}'), "is no JSON"],
    ["is UTF-16 without a mark", (path: string) => writeFileSync(path, Buffer.from(META, "utf16le")), "is no JSON"],
    ["is empty, as a power cut leaves it", (path: string) => writeFileSync(path, ""), "is empty"],
    ["is a directory", (path: string) => mkdirSync(path), "is no regular file"],
    ["is a pipe", (path: string) => Bun.spawnSync(["mkfifo", path]), "is no regular file"],
    ["is a socket", makeSocket, "is no regular file"],
    [
      "has a byte too much",
      (path: string) => {
        writeFileSync(path, META);
        truncateSync(path, 16_777_217);
      },
      "has 16777217 bytes, and at most 16777216 are read",
    ],
    ["is a list", (path: string) => writeFileSync(path, `[${META}]`), "is no JSON object"],
    ["is a link", (path: string) => symlinkSync("elsewhere", path), "is a link, which is not shipped"],
  ] as const) {
    test(`is never the host's when meta.json ${what}: the episode waits, and what is printed mends it`, async () => {
      const dir = tempDir();
      const path = join(dir, "meta.json");
      await spoil(path);
      const said = await episodeCommit(dir, host(dir));
      expect(said).toEqual({
        reason: `its meta.json ${why}; correct it, or set it aside and the commit of this host is taken`,
        fix: byCommands(onHost("sudo", "mv", path, `${path}.aside`)),
      });
      Bun.spawnSync(["sh", "-c", "fix" in said ? inText(said.fix).replace("sudo ", "") : "false"]);
      expect(await episodeCommit(dir, host(dir))).toEqual({ commit: "host-commit" });
    });
  }

  test("is never the host's when the disk does not give its meta.json", async () => {
    const dir = tempDir();
    expect(await episodeCommit(join(dir, "x".repeat(256)), host(dir))).toMatchObject({
      reason: expect.stringMatching(/^its meta\.json cannot be read: ENAMETOOLONG; /),
    });
  });

  test("that cannot be told holds its episode, said once, and no other", async () => {
    const said: string[] = [];
    const log = { ...quietLog, error: (line: LogMessage) => said.push(inText(line)) };
    const { engine, dirs, calls, pass } = scriptedEngine(
      tempDir(),
      () => ({ kind: "changed", detail: "" }),
      undefined,
      log,
    );
    makeEpisode(dirs, "bad", { "meta.json": "{,}" });
    makeEpisode(dirs, "good");
    for (let i = 0; i < 3; i++) {
      await engine.scan();
      engine.pump();
      await engine.settled();
      pass(31_000);
    }
    await engine.stop(0);
    expect(new Set(calls)).toEqual(new Set(["pack good", "cancel"]));
    expect(said).toHaveLength(1);
    expect(said[0]).toStartWith("held episode=bad because its meta.json is no JSON; correct it, ");
  });
});
