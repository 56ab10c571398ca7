// Whose a new file is and who may read it: the mode that was meant under every umask, and, made by root, the owner of its
// directory; through no link. The same for everything that writes for a daemon.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeOwnDir, overwriteFile, replaceFile } from "../../../lib/heartbeat/send/spool-files.ts";
import { makeDir, writeFileDurable } from "../../../lib/os/files/files.ts";
import { makeDirsNow, makeNewDir, makeOwned, openOrMake } from "../../../lib/os/files/owner.ts";
import { replaceRunFile } from "../../../lib/os/files/run-file.ts";
import { appendLineDurable, replaceDurable } from "../../../lib/os/files/sync-files.ts";
import { appendToDay } from "../../../lib/receiver/disk/day-files.ts";
import { realDisk } from "../../../lib/receiver/store/files/disk.ts";
import { openAppendLog } from "../../../lib/receiver/store/index/append-log.ts";
import { openIndex } from "../../../lib/receiver/store/index/episode-index.ts";

const NOBODY = 65534;
const GROUP = 12;
const isRoot = process.geteuid?.() === 0;

let root = "";
let umask = 0;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), "labfleet-owner-")), "data");
  mkdirSync(root, { mode: 0o750 });
  if (isRoot) chownSync(root, NOBODY, GROUP);
  umask = process.umask(0o077);
});
afterEach(() => {
  process.umask(umask);
  rmSync(join(root, ".."), { recursive: true });
});

/** Mode and owner of what a test has made. */
function facts(path: string): [mode: string, uid: number, gid: number] {
  const { mode, uid, gid } = statSync(path);
  return [(mode & 0o7777).toString(8), isRoot ? uid : NOBODY, isRoot ? gid : GROUP];
}

const WRITERS: Record<string, [mode: string, write: (path: string) => unknown]> = {
  "a file written durably": ["640", (path) => writeFileDurable(path, "x")],
  "a file with a mode of its own": ["644", (path) => writeFileDurable(path, "x", 0o644)],
  "a file replaced at once": ["640", (path) => closeSync(replaceDurable(path, "x"))],
  "a line appended": ["640", (path) => appendLineDurable(path, "x")],
  "a file of a run directory": ["644", (path) => replaceRunFile(path, "x")],
  "a directory": ["750", (path) => makeDir(path)],
  "a directory, at once": ["755", (path) => makeDirsNow(path, 0o755)],
  "the index, the journal": ["640", async (path) => (await openAppendLog(path, "test")).close()],
  "the index, scanned": ["640", async (path) => (await openIndex(path, `${path}.torn`, 1)).index.close()],
  "an upload": ["640", async (path) => realDisk.close(await realDisk.create(path))],
  "a spool's directory": ["750", (path) => makeOwnDir(path)],
  "a spool's file": ["640", (path) => replaceFile(path, "x")],
  "a spool's counter": ["640", (path) => overwriteFile(path, "x")],
};

for (const [what, [mode, write]] of Object.entries(WRITERS)) {
  test(`${what}: ${mode}, and its directory's owner`, async () => {
    await write(join(root, "new"));
    expect(facts(join(root, "new"))).toEqual([mode, NOBODY, GROUP]);
  });
}

test("a file of a day, and its directory", async () => {
  await appendToDay(join(root, "days"), "2026-05-01", ["x"]);
  expect(facts(join(root, "days"))).toEqual(["750", NOBODY, GROUP]);
  expect(facts(join(root, "days/2026-05-01.jsonl"))).toEqual(["640", NOBODY, GROUP]);
});

test("a torn end that is kept", async () => {
  writeFileSync(join(root, "index"), "torn");
  await (await openIndex(join(root, "index"), join(root, "torn"), 1)).index.close();
  expect(facts(join(root, "torn"))).toEqual(["640", NOBODY, GROUP]);
  expect(readFileSync(join(root, "torn"), "utf8")).toBe("torn\n");
});

test("parents that are made on the way", async () => {
  await makeDir(join(root, "a/b/c"));
  makeDirsNow(join(root, "d/e"), 0o755);
  for (const path of ["a", "a/b", "a/b/c"]) expect(facts(join(root, path))).toEqual(["750", NOBODY, GROUP]);
  for (const path of ["d", "d/e"]) expect(facts(join(root, path))).toEqual(["755", NOBODY, GROUP]);
});

test("a directory's group is handed down as the file system does it", async () => {
  chmodSync(root, 0o2750);
  await makeDir(join(root, "new"));
  expect(facts(join(root, "new"))).toEqual(["2750", NOBODY, GROUP]);
});

test.skipIf(!isRoot)("a directory of root that a service reads by its group", async () => {
  chownSync(root, 0, GROUP);
  await writeFileDurable(join(root, "new"), "x");
  expect(facts(join(root, "new"))).toEqual(["640", 0, GROUP]);
});

test("with rights of its own: exactly these, whatever the directory and the umask say", () => {
  const own = { uid: process.geteuid?.() ?? 0, gid: isRoot ? 3 : (process.getegid?.() ?? 0) };
  closeSync(replaceDurable(join(root, "new"), "x", { rights: { ...own, mode: 0o644 } }));
  const { uid, gid, mode } = statSync(join(root, "new"));
  expect({ uid, gid, mode: (mode & 0o777).toString(8) }).toEqual({ ...own, mode: "644" });
});

test("until it has them nobody else opens it, and what cannot have them is not left over", () => {
  process.umask(0);
  const rights = { uid: process.geteuid?.() ?? 0, gid: 2 ** 40, mode: 0o644 };
  expect(() => makeOwned(join(root, "new"), constants.O_RDWR, rights)).toThrow();
  expect((statSync(join(root, "new")).mode & 0o777).toString(8)).toBe("600");
  expect(() => replaceDurable(join(root, "other"), "x", { rights })).toThrow();
  expect(readdirSync(root)).toEqual(["new"]);
});

test("what a killed write left is in nobody's way", async () => {
  writeFileSync(join(root, "temp"), "left over");
  await writeFileDurable(join(root, "new"), "x", 0o640, join(root, "temp"));
  expect(readFileSync(join(root, "new"), "utf8")).toBe("x");
});

test("what was there keeps its mode and its owner", async () => {
  const path = join(root, "old");
  writeFileSync(path, "", { mode: 0o600 });
  chmodSync(path, 0o604);
  closeSync(openOrMake(path, constants.O_WRONLY, 0o640));
  appendLineDurable(path, "x");
  expect((statSync(path).mode & 0o777).toString(8)).toBe("604");
  expect(makeNewDir(root, 0o755)).toBe(false);
  expect((statSync(root).mode & 0o777).toString(8)).toBe("750");
});

describe("a link that the owner of the directory has put there leads nowhere", () => {
  for (const [what, write] of [
    ["of a temporary file", (path: string) => writeFileDurable(path, "x", 0o640, join(root, "temp"))],
    ["of the file itself", async (path: string) => appendLineDurable(path, "x")],
    ["of a log", async (path: string) => (await openAppendLog(path, "test")).close()],
  ] as const) {
    test(what, async () => {
      const victim = join(root, "../victim");
      writeFileSync(victim, "mine");
      for (const name of ["temp", "new"]) symlinkSync(victim, join(root, name));
      await write(join(root, "new")).catch(() => undefined);
      expect([readFileSync(victim, "utf8"), existsSync(victim), statSync(victim).uid]).toEqual([
        "mine",
        true,
        process.geteuid?.() ?? 0,
      ]);
    });
  }
});
