// What stands in the outbox where a file of ours should be: it costs its own episode a try at most, and no start, no thread and no
// other episode anything.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../../lib/core/failure.ts";
import { writeFileDurable } from "../../../lib/os/files/files.ts";
import { localFault } from "../../../lib/shipper/episode/episode-facts.ts";
import { admitArchive, outboxPaths, recoverOutbox } from "../../../lib/shipper/pack/outbox.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { localFinding } from "../../../lib/shipper/words/remedies.ts";
import { inText } from "../../support/in-text.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { ext4Disk, ext4DiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const OBSTACLES: Readonly<Record<string, (path: string) => void>> = {
  "a directory": (path) => mkdirSync(path),
  "a pipe that nobody reads": (path) => run("mkfifo", path),
  "a link to itself": (path) => run("ln", "-s", path, path),
};

for (const [what, make] of Object.entries(OBSTACLES)) {
  describe(what, () => {
    test("in place of the archive that is written is replaced", async () => {
      const { dirs, root } = episode();
      const { part } = outboxPaths(dirs.outbox, "ep");
      make(part);
      const job = { root, id: "ep", part, reserveBytes: 0, maxBytes: null };
      expect(await packEpisode(job, { moved: () => {}, cancelled: () => false })).toMatchObject({ kind: "packed" });
    });

    test("in place of an archive or its record is replaced", async () => {
      const { dirs } = episode();
      const { archive, record, part } = outboxPaths(dirs.outbox, "ep");
      for (const path of [archive, record]) make(path);
      writeFileSync(part, "0123456789");
      await admitArchive(dirs.outbox, recordOf("ep"));
      expect(readFileSync(archive, "utf8")).toBe("0123456789");
      expect(JSON.parse(readFileSync(record, "utf8"))).toEqual(recordOf("ep"));
    });

    test("in place of a document that is written is replaced", async () => {
      const { dirs, root } = episode();
      const temp = join(dirs.outbox, ".ep.document.part");
      make(temp);
      await writeFileDurable(join(root, "receipt.json"), "{}", 0o640, temp);
      expect(readFileSync(join(root, "receipt.json"), "utf8")).toBe("{}");
    });

    test("is cleared by the next start, under any of our names", async () => {
      const { dirs } = episode();
      for (const name of ["ep.json", "ep.tar.zst", ".ep.part", ".ep.document.part"]) make(join(dirs.outbox, name));
      expect(await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot")).toEqual({
        records: [],
        strays: [],
        stuck: [],
      });
      expect(readdirSync(dirs.outbox)).toEqual([]);
    });
  });
}

describe("a directory with something in it is somebody's", () => {
  const deeper = (path: string): string => join(path, "deeper");
  const make = (path: string): void => void mkdirSync(deeper(path), { recursive: true });

  test("in place of the archive that is written: the episode waits for a person, and says what to do", async () => {
    const { dirs, root } = episode();
    const { part } = outboxPaths(dirs.outbox, "ep");
    make(part);
    const job = { root, id: "ep", part, reserveBytes: 0, maxBytes: null };
    const packed = await packEpisode(job, { moved: () => {}, cancelled: () => false });
    expect(packed).toMatchObject({ kind: "unreadable", path: part, code: "ENOTEMPTY" });
    expect(inText(localFinding(localFault("", "ENOTEMPTY", part)).fix)).toBe(`sudo mv -T ${part} ${part}.aside`);
    expect(existsSync(deeper(part))).toBe(true);
  });

  test("in place of an archive, and at a start: it stays, and is named", async () => {
    const { dirs } = episode();
    const { archive, part } = outboxPaths(dirs.outbox, "ep");
    make(archive);
    writeFileSync(part, "0123456789");
    expect(await admitArchive(dirs.outbox, recordOf("ep")).catch(errorCode)).toBe("ENOTEMPTY");
    const { stuck } = await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
    expect(stuck).toEqual([{ name: "ep.tar.zst", code: "ENOTEMPTY" }]);
    expect(existsSync(deeper(archive))).toBe(true);
  });
});

test("a record of three gigabytes is none, and is not read", async () => {
  const { dirs } = episode();
  const { record, archive } = outboxPaths(dirs.outbox, "ep");
  writeFileSync(archive, "0123456789");
  writeFileSync(record, JSON.stringify(recordOf("ep")));
  truncateSync(record, 3 * 1024 ** 3);
  expect((await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot")).records).toEqual([]);
});

const diskTest = test.skipIf(ext4DiskMissing !== null);

diskTest("what cannot be removed keeps no start from its work, and is said with what mends it", async () => {
  using disk = ext4Disk(16);
  const said: string[] = [];
  const { engine, dirs } = scriptedEngine(disk.path, () => ({ kind: "vanished" }), undefined, {
    ...quietLog,
    warn: (line) => said.push(inText(line)),
  });
  makeEpisode(dirs, "ep");
  makeEpisode(dirs, "other");
  const { archive } = outboxPaths(dirs.outbox, "ep");
  const { archive: whole, record } = outboxPaths(dirs.outbox, "other");
  for (const path of [archive, whole]) writeFileSync(path, "0123456789");
  writeFileSync(record, JSON.stringify(recordOf("other", { directory_inode: inode(join(dirs.episodes, "other")) })));
  run("chattr", "+i", archive);
  try {
    await engine.recover();
    expect([...engine.records.keys()]).toEqual(["other"]);
    expect(said).toEqual([
      `its episode is not packed before this is gone: "cannot remove ${archive}: EPERM"; fix: sudo chattr -i -a ${archive}`,
    ]);
  } finally {
    run("chattr", "-i", archive);
  }
});

test("an outbox that somebody cleared is packed anew; what is gone with its directory is forgotten, and said", async () => {
  const said: string[] = [];
  const { engine, dirs, calls } = scriptedEngine(tempDir(), () => ({ kind: "vanished" }), undefined, {
    ...quietLog,
    warn: (line) => said.push(inText(line)),
  });
  makeEpisode(dirs, "ep");
  for (const id of ["ep", "gone"]) {
    const { archive, record } = outboxPaths(dirs.outbox, id);
    const directory_inode = id === "ep" ? inode(join(dirs.episodes, "ep")) : "1";
    writeFileSync(archive, "0123456789");
    writeFileSync(record, JSON.stringify(recordOf(id, { directory_inode, fingerprint: "fingerprint" })));
  }
  await engine.recover();
  rmSync(dirs.outbox, { recursive: true });
  mkdirSync(dirs.outbox);
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  expect(calls).toContain("pack ep");
  expect(engine.queue.has("gone")).toBe(false);
  expect(said).toEqual(["not shipped: its directory and its archive were both taken away"]);
});

function episode() {
  const dirs = makeDirs(tempDir());
  return { dirs, root: makeEpisode(dirs, "ep") };
}

function run(...command: string[]): void {
  const done = Bun.spawnSync(command);
  if (done.exitCode !== 0) throw new Error(`${command.join(" ")}: ${done.stderr.toString()}`);
}

test("nothing else in the outbox is touched", async () => {
  const { dirs } = episode();
  mkdirSync(join(dirs.outbox, "notes"));
  writeFileSync(join(dirs.outbox, "a b.json"), "");
  await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
  expect(["notes", "a b.json"].filter((name) => !existsSync(join(dirs.outbox, name)))).toEqual([]);
});
