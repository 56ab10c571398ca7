// Moving an episode where its answer says: from every point at which a power cut can leave it, the same end.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OutboxRecord, outboxPaths, writeRecord } from "../../lib/shipper/outbox.ts";
import { fingerprintOf } from "../../lib/shipper/pack.ts";
import { type Dirs, finishSettlement, inodeOf, mayMove, settle } from "../../lib/shipper/settle.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../support/lab-host.ts";
import { tempDir } from "../support/temp-dir.ts";

const RECEIPT = { status: "stored", verified: true, received_at_wall: "2026-05-01T06:37:53.830599+00:00" };

/** A finished episode whose archive and record lie in the outbox. */
async function packedEpisode(files: Readonly<Record<string, string>> = {}) {
  const dirs = makeDirs(tempDir());
  const directory = makeEpisode(dirs, "ep", files);
  const record = recordOf("ep", { directory_inode: inode(directory), fingerprint: fingerprintOf(directory) ?? "" });
  writeFileSync(outboxPaths(dirs.outbox, "ep").archive, "archive");
  await writeRecord(dirs.outbox, record);
  return { dirs, directory, record };
}

const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), "utf8"));

/** Where things stand: names below each directory. */
function standing(dirs: Dirs): Record<string, string[]> {
  return Object.fromEntries(Object.entries(dirs).map(([name, path]) => [name, readdirSync(path).sort()]));
}

describe("an episode", () => {
  test("that is delivered stands in shipped/ with its receipt, and nowhere else", async () => {
    const { dirs, record } = await packedEpisode();
    await settle(dirs, record, "shipped", RECEIPT);
    expect(standing(dirs)).toEqual({ episodes: [], outbox: [], shipped: ["ep"], quarantine: [] });
    const { fingerprint } = record;
    expect(readJson(dirs.shipped, "ep/receipt.json")).toEqual({
      labfleet: 1,
      ...RECEIPT,
      episode_id: "ep",
      fingerprint,
    });
    expect(readFileSync(join(dirs.shipped, "ep/data.bin"), "utf8")).toBe("data of ep");
    expect(fingerprintOf(join(dirs.shipped, "ep"))).toBe(fingerprint);
  });

  test("that is refused stands in quarantine/ with its rejection", async () => {
    const { dirs, record } = await packedEpisode();
    await settle(dirs, record, "quarantine", { reason: "missing-commit", at: "2026-05-01T00:00:00Z", prunable: true });
    expect(standing(dirs)).toEqual({ episodes: [], outbox: [], shipped: [], quarantine: ["ep"] });
    expect(readJson(dirs.quarantine, "ep/rejection.json")).toMatchObject({ labfleet: 1, reason: "missing-commit" });
  });

  for (const [taken, target] of [
    [["ep"], "ep~1"],
    [["ep", "ep~1", "ep~2"], "ep~3"],
  ] as const) {
    test(`gets the name ${target} when ${taken.join(", ")} stand there`, async () => {
      const { dirs, record } = await packedEpisode();
      for (const name of taken) mkdirSync(join(dirs.shipped, name));
      await settle(dirs, record, "shipped", RECEIPT);
      expect(existsSync(join(dirs.shipped, target, "data.bin"))).toBe(true);
      expect(readdirSync(join(dirs.shipped, "ep"))).toEqual([]);
      expect(readJson(dirs.shipped, target, "receipt.json")).toMatchObject({ episode_id: "ep" });
    });
  }

  test("keeps its producer's own receipt.json beside ours", async () => {
    const { dirs, record } = await packedEpisode({ "receipt.json": '{"total": 5}' });
    await settle(dirs, record, "shipped", RECEIPT);
    expect(readFileSync(join(dirs.shipped, "ep/receipt.json.orig"), "utf8")).toBe('{"total": 5}');
    expect(readJson(dirs.shipped, "ep/receipt.json")).toMatchObject(RECEIPT);
  });

  test.failing("keeps its producer's own rejection.json.orig too", async () => {
    const { dirs, record } = await packedEpisode({ "rejection.json": "mine", "rejection.json.orig": "mine as well" });
    await settle(dirs, record, "quarantine", { reason: "conflict" });
    const all = readdirSync(join(dirs.quarantine, "ep")).map((name) =>
      readFileSync(join(dirs.quarantine, "ep", name), "utf8"),
    );
    expect(all).toContain("mine");
    expect(all).toContain("mine as well");
  });

  test.failing("with a directory named receipt.json is settled like any other", async () => {
    const { dirs, record } = await packedEpisode({ "receipt.json/page1": "x" });
    await settle(dirs, record, "shipped", RECEIPT).catch(() => null);
    expect(standing(dirs)).toMatchObject({ outbox: [], shipped: ["ep"] });
  });
});

describe("an interrupted settlement is finished the same way", () => {
  const settlement = { to: "shipped" as const, target: "ep", document: RECEIPT };
  type Scene = Awaited<ReturnType<typeof packedEpisode>>;
  const move = ({ dirs, directory }: Scene): void => renameSync(directory, join(dirs.shipped, "ep"));
  const document = ({ dirs, record }: Scene, text?: string): void => {
    const whole = { labfleet: 1, ...RECEIPT, episode_id: "ep", fingerprint: record.fingerprint };
    writeFileSync(join(dirs.shipped, "ep/receipt.json"), text ?? JSON.stringify(whole));
  };
  const POINTS: Record<string, (scene: Scene) => void> = {
    "after the record": () => {},
    "after the move": move,
    "while the document is written": (scene) => {
      move(scene);
      writeFileSync(join(scene.dirs.shipped, "ep/.receipt.json.1.tmp"), '{"labf');
    },
    "after the document": (scene) => {
      move(scene);
      document(scene);
    },
    "after the archive went": (scene) => {
      move(scene);
      document(scene);
      rmSync(outboxPaths(scene.dirs.outbox, "ep").archive);
    },
    "after the archive went, before the move": (scene) => rmSync(outboxPaths(scene.dirs.outbox, "ep").archive),
  };
  for (const [when, interrupt] of Object.entries(POINTS)) {
    test(`when the power went ${when}`, async () => {
      const scene = await packedEpisode();
      const record: OutboxRecord = { ...scene.record, settlement };
      await writeRecord(scene.dirs.outbox, record);
      interrupt(scene);
      await finishSettlement(scene.dirs, record);
      await finishSettlement(scene.dirs, record); // a second cut, a second start
      expect(standing(scene.dirs)).toEqual({ episodes: [], outbox: [], shipped: ["ep"], quarantine: [] });
      expect(readJson(scene.dirs.shipped, "ep/receipt.json")).toMatchObject({ labfleet: 1, ...RECEIPT });
    });
  }

  test("when the producer's receipt.json was put aside and ours not written yet", async () => {
    const scene = await packedEpisode({ "receipt.json": "mine" });
    move(scene);
    renameSync(join(scene.dirs.shipped, "ep/receipt.json"), join(scene.dirs.shipped, "ep/receipt.json.orig"));
    await finishSettlement(scene.dirs, { ...scene.record, settlement });
    expect(readFileSync(join(scene.dirs.shipped, "ep/receipt.json.orig"), "utf8")).toBe("mine");
    expect(readJson(scene.dirs.shipped, "ep/receipt.json")).toMatchObject(RECEIPT);
  });

  test("when the name was taken by another directory meanwhile: that one stays as it is", async () => {
    const scene = await packedEpisode();
    mkdirSync(join(scene.dirs.shipped, "ep"));
    writeFileSync(join(scene.dirs.shipped, "ep/other"), "x");
    await finishSettlement(scene.dirs, { ...scene.record, settlement }).catch(() => null);
    expect(readdirSync(join(scene.dirs.shipped, "ep"))).toEqual(["other"]);
    expect(existsSync(join(scene.directory, "data.bin"))).toBe(true);
  });
});

describe("another episode under the same name stays where it is", () => {
  const settlement = { to: "shipped" as const, target: "ep", document: RECEIPT };
  const STRANGERS: Record<string, (directory: string) => void> = {
    "by its inode": (directory) => {
      renameSync(directory, `${directory}-old`);
      mkdirSync(directory);
      writeFileSync(join(directory, "data.bin"), "new");
    },
    "by its files": (directory) => writeFileSync(join(directory, "data.bin"), "recorded anew"),
    "by one file more": (directory) => writeFileSync(join(directory, "late.bin"), ""),
  };
  for (const [how, change] of Object.entries(STRANGERS)) {
    test(how, async () => {
      const { dirs, directory, record } = await packedEpisode();
      change(directory);
      await finishSettlement(dirs, { ...record, settlement });
      expect(existsSync(join(directory, "data.bin"))).toBe(true);
      expect(readdirSync(dirs.shipped)).toEqual([]);
      expect(existsSync(join(directory, "receipt.json"))).toBe(false);
    });
  }

  test("and nothing happens without a settlement", async () => {
    const { dirs, record } = await packedEpisode();
    await finishSettlement(dirs, record);
    expect(standing(dirs)).toMatchObject({ episodes: ["ep"], outbox: ["ep.json", "ep.tar.zst"] });
  });
});

describe("a directory", () => {
  test("has an inode, a file and nothing have none", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    expect([await inodeOf(dir), await inodeOf(join(dir, "file")), await inodeOf(join(dir, "none"))]).toEqual([
      inode(dir),
      null,
      null,
    ]);
  });

  test("of ours may be moved, and is left without a trace of the question", async () => {
    const dir = tempDir();
    expect([await mayMove(dir), readdirSync(dir)]).toEqual([true, []]);
  });

  test("that cannot be asked counts as one that may: the move itself will tell", async () => {
    expect(await mayMove(join(tempDir(), "none"))).toBe(true);
  });
});
