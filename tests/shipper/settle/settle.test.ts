// Moving an episode where its answer says: whatever interrupts it, the episode stands in exactly one place, whole, and
// settling it again ends the same way.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dirs } from "../../../lib/contract/places.ts";
import { directoryId } from "../../../lib/shipper/episode/directory-id.ts";
import { readDocument } from "../../../lib/shipper/episode/document.ts";
import { outboxPaths, recoverOutbox } from "../../../lib/shipper/pack/outbox.ts";
import { type Settlement, settle } from "../../../lib/shipper/settle/settle.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fingerprintOf } from "../../support/walked.ts";

const RECEIPT = { status: "stored", verified: true, received_at_wall: "2026-05-01T06:37:53.830599+00:00" };
const SHIPPED: Settlement = { to: "shipped", document: RECEIPT };
const REFUSED: Settlement = { to: "quarantine", document: { reason: "missing-commit", prunable: true } };

/** A finished episode and the record of its packing. */
function packedEpisode(files: Readonly<Record<string, string>> = {}) {
  const dirs = makeDirs(tempDir());
  const directory = makeEpisode(dirs, "ep", files);
  const record = recordOf("ep", { directory_inode: inode(directory), fingerprint: fingerprintOf(directory) ?? "" });
  return { dirs, directory, record };
}

const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), "utf8"));

/** Where things stand: names below each directory. */
function standing(dirs: Dirs): Record<string, string[]> {
  return Object.fromEntries(Object.entries(dirs).map(([name, path]) => [name, readdirSync(path).sort()]));
}

describe("an episode", () => {
  test("that is delivered stands in shipped/ with its receipt; the outbox is the caller's", async () => {
    const { dirs, record } = packedEpisode();
    expect(await settle(dirs, record, SHIPPED)).toBe("ep");
    expect(standing(dirs)).toEqual({
      episodes: [],
      outbox: [],
      shipped: ["ep"],
      quarantine: [],
    });
    const { fingerprint } = record;
    const expected = { labfleet: 1, ...RECEIPT, episode_id: "ep", fingerprint };
    expect(readJson(dirs.shipped, "ep/receipt.json")).toEqual(expected);
    expect(readFileSync(join(dirs.shipped, "ep/data.bin"), "utf8")).toBe("data of ep");
    expect(fingerprintOf(join(dirs.shipped, "ep"))).toBe(fingerprint);
  });

  test("that is refused stands in quarantine/ with its rejection", async () => {
    const { dirs, record } = packedEpisode();
    expect(await settle(dirs, record, REFUSED)).toBe("ep");
    expect(standing(dirs)).toEqual({
      episodes: [],
      outbox: [],
      shipped: [],
      quarantine: ["ep"],
    });
    expect(readJson(dirs.quarantine, "ep/rejection.json")).toMatchObject({ labfleet: 1, reason: "missing-commit" });
  });

  for (const [taken, target] of [
    [["ep"], "ep~1"],
    [["ep", "ep~1", "ep~2"], "ep~3"],
  ] as const) {
    test(`gets the name ${target} when ${taken.join(", ")} stand there`, async () => {
      const { dirs, record } = packedEpisode();
      for (const name of taken) mkdirSync(join(dirs.shipped, name));
      expect(await settle(dirs, record, SHIPPED)).toBe(target);
      expect(existsSync(join(dirs.shipped, target, "data.bin"))).toBe(true);
      expect(readdirSync(join(dirs.shipped, "ep"))).toEqual([]);
      expect(readJson(dirs.shipped, target, "receipt.json")).toMatchObject({ episode_id: "ep" });
    });
  }

  test("keeps its producer's own receipt.json as it is; ours stands beside it", async () => {
    const { dirs, record } = await packedEpisode({ "receipt.json": '{"total": 5}' });
    await settle(dirs, record, { to: "shipped", document: RECEIPT });
    expect(readFileSync(join(dirs.shipped, "ep/receipt.json"), "utf8")).toBe('{"total": 5}');
    expect(readJson(dirs.shipped, "ep/receipt.labfleet.json")).toMatchObject(RECEIPT);
    expect(await readDocument(join(dirs.shipped, "ep"), "shipped")).toContain('"verified":true');
  });

  test("with a directory named receipt.json is settled like any other", async () => {
    const { dirs, record } = await packedEpisode({ "receipt.json/page1": "x" });
    await settle(dirs, record, { to: "shipped", document: RECEIPT });
    expect(readJson(dirs.shipped, "ep/receipt.labfleet.json")).toMatchObject(RECEIPT);
  });
});

describe("a power cut in the middle leaves an episode that is still the same", () => {
  test("with its document written and not moved yet: the archive would be the same, and it is settled again", async () => {
    const { dirs, directory, record } = await packedEpisode();
    const document = { labfleet: 1, ...RECEIPT, episode_id: "ep", fingerprint: record.fingerprint };
    writeFileSync(join(directory, "receipt.json"), JSON.stringify(document));
    expect(fingerprintOf(directory)).toBe(record.fingerprint);
    expect(await settle(dirs, record, { to: "shipped", document: RECEIPT })).toBe("ep");
    expect(standing(dirs)).toMatchObject({ episodes: [], shipped: ["ep"] });
  });

  test("moved, and its record still in the outbox: the next start forgets the record and leaves the episode", async () => {
    const { dirs, record } = await packedEpisode();
    await settle(dirs, record, { to: "shipped", document: RECEIPT });
    writeFileSync(outboxPaths(dirs.outbox, "ep").record, JSON.stringify(record));
    expect(await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot")).toMatchObject({ records: [], strays: [] });
    expect(standing(dirs)).toEqual({ episodes: [], outbox: [], shipped: ["ep"], quarantine: [] });
  });
});

describe("another episode under the same name stays where it is", () => {
  const STRANGERS: Record<string, (directory: string) => void> = {
    "by its inode": (directory) => {
      renameSync(directory, `${directory}-old`);
      mkdirSync(directory);
      writeFileSync(join(directory, "data.bin"), "new");
    },
    "by its inode alone, the very files having been moved into it": (directory) => {
      renameSync(directory, `${directory}-old`);
      mkdirSync(directory);
      for (const name of readdirSync(`${directory}-old`)) {
        renameSync(join(`${directory}-old`, name), join(directory, name));
      }
    },
    "by its files": (directory) => writeFileSync(join(directory, "data.bin"), "recorded anew"),
    "by one file more": (directory) => writeFileSync(join(directory, "late.bin"), ""),
  };
  for (const [how, change] of Object.entries(STRANGERS)) {
    test(how, async () => {
      const { dirs, directory, record } = await packedEpisode();
      change(directory);
      expect(await settle(dirs, record, { to: "shipped", document: RECEIPT })).toBeNull();
      expect(existsSync(join(directory, "data.bin"))).toBe(true);
      expect(readdirSync(dirs.shipped)).toEqual([]);
      expect(existsSync(join(directory, "receipt.json"))).toBe(false);
    });
  }
});

describe("a directory", () => {
  test("has an inode, a file and nothing have none", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    const found = [await directoryId(dir), await directoryId(join(dir, "file")), await directoryId(join(dir, "none"))];
    expect(found).toEqual([inode(dir), null, null]);
  });
});
