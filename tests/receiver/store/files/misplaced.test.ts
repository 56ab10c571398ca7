// Links, pipes and directories where archives and hosts' directories belong: nothing is stored through them or over them,
// nobody waits for them, and it is said what stands there.

import { afterEach, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDataDirs } from "../../../../lib/receiver/store/open-store.ts";
import { bytes, cleanUp, put, startReceiver, tempDir } from "../../support.ts";

afterEach(cleanUp);

const damaged = {
  status: 503,
  reason: "damaged",
  detail: "something else stands in this episode's place; on the collector: sudo receiver verify",
};

describe("a link in the place of a host's directory", () => {
  test("takes nothing out of the data root, by PUT or GET, and is told with what it is", async () => {
    const receiver = await startReceiver();
    const outside = tempDir();
    writeFileSync(join(outside, "ep0.tar.zst"), "a secret");
    symlinkSync(outside, join(receiver.dataRoot, "episodes/lab1"));
    const answer = await put(receiver.url, "lab1", "ep1", bytes(1000));
    expect(await answer.json()).toMatchObject(damaged);
    expect(await (await fetch(`${receiver.url}/v1/episodes/lab1/ep0.tar.zst`)).json()).toMatchObject(damaged);
    expect(readdirSync(outside)).toEqual(["ep0.tar.zst"]);
    expect([receiver.rows(), receiver.incoming()]).toEqual([[], []]);
    const path = join(receiver.dataRoot, "episodes/lab1");
    expect(receiver.log.lines[0]).toBe(
      `error: episodes/lab1/ep1.tar.zst: ${path} is a symbolic link and no directory; fix: move it aside: sudo systemctl stop labfleet-receiver && sudo receiver verify --repair; sudo systemctl start labfleet-receiver`,
    );
    expect((await put(receiver.url, "lab2", "ep1", bytes(1000))).status).toBe(201);
  });
  test("that was put there while the receiver ran is noticed, too", async () => {
    const receiver = await startReceiver();
    expect((await put(receiver.url, "lab1", "ep1", bytes(1000))).status).toBe(201);
    const path = join(receiver.dataRoot, "episodes/lab1");
    const outside = join(tempDir(), "moved");
    renameSync(path, outside);
    symlinkSync(outside, path);
    expect((await put(receiver.url, "lab1", "ep2", bytes(1000))).status).toBe(503);
    expect(readdirSync(outside)).toEqual(["ep1.tar.zst"]);
  });
  test("and a file in its place", async () => {
    const receiver = await startReceiver();
    writeFileSync(join(receiver.dataRoot, "episodes/lab1"), "");
    expect(await (await put(receiver.url, "lab1", "ep1", bytes(1000))).json()).toMatchObject(damaged);
  });
});

describe("in the place of an archive,", () => {
  test.each([
    ["a pipe", (path: string) => Bun.spawnSync(["mkfifo", path])],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a symbolic link", (path: string) => symlinkSync("/etc/passwd", path)],
  ])("%s: 503, which is ours to mend, at once, and nothing is touched", async (kind, make) => {
    const receiver = await startReceiver();
    const path = join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst");
    mkdirSync(join(receiver.dataRoot, "episodes/lab1"));
    make(path);
    const before = lstatSync(path);
    for (const answer of [
      await put(receiver.url, "lab1", "ep1", bytes(1000)),
      await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`),
    ]) {
      expect([answer.status, await answer.json()]).toMatchObject([503, damaged]);
    }
    expect(receiver.log.lines[0]).toContain(`${path} is ${kind} and no archive; fix: `);
    expect([lstatSync(path).ino, lstatSync(path).mode]).toEqual([before.ino, before.mode]);
    expect([receiver.rows(), receiver.incoming()]).toEqual([[], []]);
  });
});

test.each(["episodes", "incoming"])(
  "a link in the place of %s is refused at the start, with what to do",
  async (name) => {
    const root = tempDir();
    const outside = tempDir();
    symlinkSync(outside, join(root, name));
    const refusal = await makeDataDirs(root).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      message: `${join(root, name)} is a symbolic link and no directory: episodes would be stored outside ${root}`,
      hint: `name the real place as [paths] data_root, or mount it at ${root} as a whole`,
      exitCode: 2,
    });
    expect(readdirSync(outside)).toEqual([]);
  },
);
