// What stands in the place of the receiver's own files: a start says which and what mends it, and never waits for a pipe.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../../lib/core/failure.ts";
import { readTokenUse } from "../../../../lib/receiver/access/token-use.ts";
import { readDuplicates } from "../../../../lib/receiver/heartbeats/duplicate-hosts.ts";
import { cannotUse } from "../../../../lib/receiver/store/files/store-files.ts";
import { bytes, cleanUp, openIn, rowsOf, tempDir } from "../../support.ts";

afterEach(cleanUp);

const pipe = (path: string): void => void Bun.spawnSync(["mkfifo", path]);

test.each([
  ["index.jsonl", "a pipe (FIFO)", pipe],
  ["index.jsonl", "a directory", mkdirSync],
  ["index.torn", "a pipe (FIFO)", pipe],
  ["journal.jsonl", "a pipe (FIFO)", pipe],
  ["journal.jsonl", "a directory", mkdirSync],
])("%s is %s: exit 2, with its path and the line that moves it aside", async (name, kind, make) => {
  const root = tempDir();
  const path = join(root, name);
  make(path);
  const refused = await openIn(root).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UserError);
  expect(refused).toMatchObject({
    message: `${path} is ${kind} and no file: the receiver keeps its own there, and makes a new one`,
    hint: `move it aside: sudo mv -T ${path} ${path}.aside && sudo systemctl start labfleet-receiver`,
    exitCode: 2,
  });
});

test("index.jsonl is a symbolic link: exit 2, with where it leads and the line that puts the file in its place", async () => {
  const root = tempDir();
  const [path, elsewhere] = [join(root, "index.jsonl"), join(root, "kept.jsonl")];
  writeFileSync(elsewhere, "");
  symlinkSync("kept.jsonl", path);
  await expect(openIn(root)).rejects.toMatchObject({
    message: `${path} is a symbolic link to ${elsewhere} and no file: the receiver keeps its own there`,
    hint: `put the file itself in its place: sudo mv -T ${elsewhere} ${path} && sudo systemctl start labfleet-receiver`,
    exitCode: 2,
  });
});

test("an index that was moved aside is made anew from the archives, as the sentence says", async () => {
  const root = tempDir();
  mkdirSync(join(root, "episodes/lab1"), { recursive: true });
  writeFileSync(join(root, "episodes/lab1/a.tar.zst"), bytes(500));
  const index = join(root, "index.jsonl");
  mkdirSync(index);
  await expect(openIn(root)).rejects.toThrow("is a directory and no file");
  renameSync(index, `${index}.aside`);
  await (await openIn(root)).close();
  expect(rowsOf(index)).toMatchObject([{ episode_id: "a", bytes: 500 }]);
});

test("a disk that fails is the machine's: exit 3, with the path and a look at the disk", () => {
  const eio = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
  expect(cannotUse("/data/index.jsonl", eio)).toMatchObject({
    message:
      'cannot use /data/index.jsonl: "EIO: i/o error, read": /data/index.jsonl cannot be used: its disk, or what serves it, fails (EIO)',
    hint: "sudo dmesg --level=err,warn | tail -n 20",
    exitCode: 3,
  });
  const bug = new Error("a bug");
  expect(cannotUse("/data", bug)).toBe(bug);
});

test("notes on tokens that are of another form are none, and nobody trips over them", () => {
  const path = join(tempDir(), "token-use.json");
  const read = (text: string) => {
    writeFileSync(path, text);
    return readTokenUse(path);
  };
  const notes = { since: "a", used: { lab1: { abcd: "b" } } };
  expect(read(JSON.stringify(notes))).toEqual(notes);
  for (const bad of [
    { since: 1, used: {} },
    { since: "a", used: { lab1: null } },
    { since: "a", used: { lab1: { x: 1 } } },
    [],
  ])
    expect(read(JSON.stringify(bad))).toBeNull();
});

test("a pipe in the place of notes that can be done without is passed over, and not waited for", () => {
  const path = join(tempDir(), "notes.json");
  pipe(path);
  expect([readTokenUse(path), readDuplicates(path).size]).toEqual([null, 0]);
});
