// From a release's files to a directory of its own: what is taken, and what is not.

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { piecePath } from "../../lib/contract/release.ts";
import { UserError } from "../../lib/core/failure.ts";
import { openRelease } from "../../lib/release/open.ts";
import { openSource } from "../../lib/release/source.ts";
import { type Staged, stage } from "../../lib/release/stage.ts";
import { currentRelease, switchTo } from "../../lib/release/switch.ts";
import { newKey } from "../../scripts/release/secret-key.ts";
import { digestOf, type Making, makeRelease, RUNTIME, TARGET } from "../support/release.ts";
import { tempDir } from "../support/temp-dir.ts";

function scene(making: Making = {}) {
  const root = tempDir();
  const from = join(root, "from");
  mkdirSync(from);
  const { keys, release, key } = makeRelease(from, making);
  const releasesDir = join(root, "opt/releases");
  const take = async (path = from, known: string[] = []): Promise<Staged> => {
    using source = openSource(path);
    const opened = await openRelease(source, keys);
    return await stage(opened, source, { releasesDir, target: TARGET, tools: ["shipper", "heartbeat"], known });
  };
  return { root, from, keys, key, release, releasesDir, take };
}

const why = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "taken",
    (error: unknown) => (error instanceof UserError ? error.message : Promise.reject(error)),
  );

/** All files below a directory, with their modes and digests. */
const tree = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map(
      (path) =>
        `${path.slice(dir.length + 1)} ${(statSync(path).mode & 0o777).toString(8)} ${digestOf(readFileSync(path))}`,
    )
    .sort();

test("a release is put together whole, with what it says of itself, and runs", async () => {
  const { from, release, releasesDir, take } = scene();
  const { dir, isNew } = await take();
  expect([dir, isNew]).toEqual([join(releasesDir, "1.0.0"), true]);
  const [shipper, heartbeat] = release.executables;
  expect(tree(dir)).toEqual([
    `bin/heartbeat 755 ${heartbeat?.sha256}`,
    `bin/shipper 755 ${shipper?.sha256}`,
    `release.json 644 ${digestOf(readFileSync(join(from, "release.json")))}`,
    `release.json.minisig 644 ${digestOf(readFileSync(join(from, "release.json.minisig")))}`,
    `units/x.service 644 ${release.files[0]?.sha256}`,
  ]);
  expect(readdirSync(releasesDir)).toEqual(["1.0.0"]);
});

test("one that is there is not written again; what is missing of it, or was changed, is, and the rest stays", async () => {
  const { releasesDir, take } = scene();
  const { dir } = await take();
  const before = tree(dir);
  const inodes = () => ["bin/shipper", "bin/heartbeat", "release.json"].map((path) => statSync(join(dir, path)).ino);
  const first = inodes();
  expect(await take()).toEqual({ dir, isNew: false });
  expect(inodes()).toEqual(first);
  rmSync(join(dir, "bin/heartbeat"));
  writeFileSync(join(dir, "units/x.service"), "[Unit]\n");
  // Whoever takes back what was put here must leave it: it may be the one that runs.
  expect(await take()).toEqual({ dir, isNew: false });
  expect(tree(dir)).toEqual(before);
  expect(inodes()[0]).toBe(first[0] ?? 0);
  expect(readdirSync(releasesDir)).toEqual(["1.0.0"]);
});

test("another release of the same version, or somebody's own directory of that name, stays beside it", async () => {
  const { root, releasesDir, take, key } = scene();
  await take();
  const other = join(root, "other");
  mkdirSync(other);
  makeRelease(other, {
    serial: 7,
    key,
    body: (tool) => `echo "${tool} 1.0.0 (commit 0123456789abcdef0123456789abcdef01234567, ${TARGET})" \n`,
  });
  expect((await take(other)).dir).toBe(join(releasesDir, "1.0.0.7"));
  expect((await take()).dir).toBe(join(releasesDir, "1.0.0"));
  const own = scene();
  mkdirSync(join(own.releasesDir, "1.0.0/bin"), { recursive: true });
  expect((await own.take()).dir).toBe(join(own.releasesDir, "1.0.0.1"));
});

test("a tar archive of it is as good, with its directory or without", async () => {
  const { root, take } = scene();
  for (const args of [
    ["-C", join(root, "from"), "."],
    ["-C", root, "from"],
    ["--format=ustar", "-C", root, "from"],
  ]) {
    const path = join(root, "release.tar");
    expect(Bun.spawnSync(["tar", "-cf", path, ...args]).exitCode).toBe(0);
    expect((await take(path)).dir).toEndWith("/1.0.0");
    rmSync(join(root, "opt"), { recursive: true });
  }
});

test("a runtime that is here is not unpacked: the rest is enough", async () => {
  const { root, from, release, take } = scene();
  const [shipper] = release.executables;
  rmSync(join(from, piecePath(shipper?.runtime ?? "")));
  expect(await why(take())).toContain("it has no pieces/");
  const own = join(root, "installer");
  writeFileSync(own, `#!/bin/sh\n${RUNTIME}another program`);
  expect((await take(from, [join(root, "none"), own])).isNew).toBe(true);
  // One that only looks like it is none.
  rmSync(join(root, "opt"), { recursive: true });
  writeFileSync(own, `#!/bin/sh\n${RUNTIME.replace("runtime", "Runtime")}another program`);
  expect(await why(take(from, [own]))).toContain("it has no pieces/");
});

describe("what is not taken", () => {
  test("what nobody has signed whom this build knows, or has been changed since", async () => {
    const { from, take, root } = scene();
    const list = readFileSync(join(from, "release.json"), "utf8");
    writeFileSync(join(from, "release.json"), list.replace('"serial": 1', '"serial": 2'));
    expect(await why(take())).toMatch(/^nothing of .* is taken: release.json: it is not what [0-9A-F]{16} has signed$/);
    makeRelease(from, { key: newKey() });
    expect(await why(take())).toMatch(/release.json: it is signed by [0-9A-F]{16}, a key that is not known here$/);
    expect(existsSync(join(root, "opt"))).toBe(false);
  });

  test("by a build that knows no key", async () => {
    const { from } = scene();
    using source = openSource(from);
    expect(await why(openRelease(source, []))).toBe("this build knows no key of releases, so that it can take none");
  });

  test.each([
    ["a piece that was changed", () => gzipSync(Buffer.from(RUNTIME.replace("runtime", "Runtime")))],
    ["a piece that was cut", (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    [
      "a piece with a flipped bit",
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, 1000), Buffer.of((bytes[1000] ?? 0) ^ 4), bytes.subarray(1001)]),
    ],
    ["a piece without an end", () => gzipSync(Buffer.alloc(64 * 1024 ** 2))],
    ["a piece that is none", () => Buffer.from("<html>")],
  ])("%s", async (_, change) => {
    const { from, release, releasesDir, take } = scene();
    const path = join(from, piecePath(release.executables[0]?.runtime ?? ""));
    writeFileSync(path, change(readFileSync(path)));
    expect(await why(take())).toMatch(/^nothing of .* is taken: pieces\/[0-9a-f]{64}\.gz (is|has) /);
    expect(readdirSync(releasesDir)).toEqual([]);
  });

  test("a file that is another, longer, or missing", async () => {
    for (const text of ["[Unit]\nDescription=1.0.1\n", "[Unit]\nDescription=1.0.0\nWants=x\n", null]) {
      const { from, releasesDir, take } = scene();
      if (text === null) rmSync(join(from, "units/x.service"));
      else writeFileSync(join(from, "units/x.service"), text);
      expect(await why(take())).toMatch(
        /(units\/x.service (is not what|is longer than) the list says|it has no units\/x.service)$/,
      );
      expect(readdirSync(releasesDir)).toEqual([]);
    }
  });

  test("what does not run here, or says that it is another", async () => {
    const says = async (body: string): Promise<string> => {
      const { releasesDir, take } = scene({ body: () => body });
      const message = await why(take());
      expect(readdirSync(releasesDir)).toEqual([]);
      return message;
    };
    expect(await says('echo "shipper 0.9"\n')).toBe(
      "shipper of release 1.0.0 does not run here: --version ended with 0: shipper 0.9",
    );
    expect(await says("echo no such library >&2; exit 127\n")).toBe(
      "shipper of release 1.0.0 does not run here: --version ended with 127: no such library",
    );
    expect(await says("kill -ILL $$\n")).toContain("does not run here: this processor lacks an instruction");
  });

  test("what was not made for this machine, and what is no release", async () => {
    const { root, take } = scene({ tools: ["shipper"] });
    expect(await why(take())).toEndWith(`it has no heartbeat for ${TARGET}`);
    mkdirSync(join(root, "empty"));
    expect(await why(take(join(root, "empty")))).toEndWith("/empty has no release.json");
    writeFileSync(join(root, "x.tar"), "no archive");
    expect(await why(take(join(root, "x.tar")))).toEndWith("x.tar holds no release.json");
    expect(await why(take(join(root, "none")))).toMatch(/^cannot read the release .*none: "ENOENT/);
  });
});

test("current names one release or the other", async () => {
  const { root, releasesDir, take } = scene();
  const optDir = join(root, "opt");
  expect(await currentRelease(optDir)).toBeNull();
  const { dir } = await take();
  await switchTo(optDir, dir);
  expect(await currentRelease(optDir)).toBe(dir);
  mkdirSync(join(releasesDir, "2.0.0"));
  await switchTo(optDir, join(releasesDir, "2.0.0"));
  expect(await currentRelease(optDir)).toBe(join(releasesDir, "2.0.0"));
  chmodSync(optDir, 0o755);
  expect(readdirSync(optDir).sort()).toEqual(["current", "releases"]);
});
