// What may be removed, and when. A wrong clock, a missing receipt or a changed file removes nothing.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { createHousekeeping } from "../../lib/shipper/housekeeping.ts";
import { fingerprintOf } from "../../lib/shipper/pack.ts";
import {
  checkClock,
  expired,
  listSettled,
  lowDiskOrder,
  readSettled,
  removeSettled,
  type Settled,
  sweepDoomed,
} from "../../lib/shipper/retention.ts";
import type { Dirs } from "../../lib/shipper/settle.ts";
import { makeDirs, writeFiles } from "../support/lab-host.ts";
import { tempDir } from "../support/temp-dir.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-06-20T12:00:00Z");
const settled = (name: string, atMs: number, prunable = true): Settled => ({ name, atMs, prunable, fingerprint: "f" });
const names = (list: readonly Settled[]): string[] => list.map(({ name }) => name);

describe("a clock is trusted", () => {
  for (const [what, nowMs, trusted] of [
    ["at the newest receipt's time", NOW, true],
    ["a day after it", NOW + DAY, true],
    ["not a day and a second after it", NOW + DAY + 1000, false],
    ["five minutes before it", NOW - 300_000, true],
    ["not five minutes and a second before it", NOW - 301_000, false],
    ["not in 1970", 0, false],
    ["not ten years later", NOW + 3652 * DAY, false],
  ] as const) {
    test(what, () => expect(checkClock(nowMs, NOW).trusted).toBe(trusted));
  }

  test("not without a receipt, and every refusal says why", () => {
    const whys = [checkClock(NOW, null), checkClock(0, NOW), checkClock(NOW + 2 * DAY, NOW)];
    expect(whys.map((check) => ("why" in check ? check.why.length > 20 : null))).toEqual([true, true, true]);
  });
});

describe("the expired", () => {
  const all = [
    settled("old", NOW - 7 * DAY - 1),
    settled("edge", NOW - 7 * DAY),
    settled("kept", NOW - 8 * DAY, false),
  ];
  test("are older than the days and prunable", () => expect(names(expired(all, 7, NOW))).toEqual(["old"]));
  test("are none at 0 days", () => expect(expired(all, 0, NOW)).toEqual([]));
  test("are none that lie in the future", () => expect(expired([settled("x", NOW + DAY)], 7, NOW)).toEqual([]));
});

test("on a low disk the oldest acknowledged go first, and others never", () => {
  const order = lowDiskOrder([settled("b", 2), settled("never", 0, false), settled("a", 1), settled("c", 3)]);
  expect(names(order)).toEqual(["a", "b", "c"]);
});

describe("a document", () => {
  const at = "2026-06-01T00:00:00+00:00";
  const receipt = { labfleet: 1, verified: true, received_at_wall: at, fingerprint: "f", episode_id: "ep" };
  const rejection = { labfleet: 1, prunable: true, at, fingerprint: "f", episode_id: "ep" };
  const read = (document: unknown, name = "ep"): boolean =>
    readSettled(name, "shipped", JSON.stringify(document)).prunable;

  test("of a proved delivery lets its episode go, by the receiver's clock", () => {
    expect(readSettled("ep", "shipped", JSON.stringify(receipt))).toEqual({
      name: "ep",
      atMs: Date.parse(at),
      prunable: true,
      fingerprint: "f",
    });
    expect(read(receipt, "ep~2")).toBe(true);
  });

  test("of a refusal lets it go only if that says so", () => {
    const prunable = (change: object): boolean =>
      readSettled("ep", "quarantine", JSON.stringify({ ...rejection, ...change })).prunable;
    expect([prunable({}), prunable({ prunable: false }), prunable({ prunable: "yes" })]).toEqual([true, false, false]);
  });

  for (const [what, change] of Object.entries({
    "an unverified delivery": { verified: false },
    "verified as a text": { verified: "true" },
    "no time": { received_at_wall: undefined },
    "a time that is none": { received_at_wall: "" },
    "a producer's own making": { labfleet: undefined },
    "a later format": { labfleet: 2 },
    "no fingerprint": { fingerprint: undefined },
    "an empty fingerprint": { fingerprint: "" },
    "another episode": { episode_id: "other" },
  })) {
    test(`of ${what} keeps its episode for ever`, () => expect(read({ ...receipt, ...change })).toBe(false));
  }

  test("that is missing, torn or a list keeps its episode for ever", () => {
    for (const text of [null, "", '{"labfleet": 1', "[]", "5", '"x"']) {
      expect(readSettled("ep", "shipped", text).prunable).toBe(false);
    }
  });

  test("that says null keeps its episode for ever, and stops nothing", () => {
    expect(readSettled("ep", "shipped", "null").prunable).toBe(false);
  });
});

/** A settled episode with its true fingerprint. */
function place(dirs: Dirs, kind: "shipped" | "quarantine", name: string, at: string, change: object = {}): string {
  const directory = join(dirs[kind], name);
  writeFiles(directory, { "data.bin": `data of ${name}` });
  const common = { labfleet: 1, fingerprint: fingerprintOf(directory), episode_id: name, ...change };
  if (kind === "shipped") {
    writeFiles(directory, { "receipt.json": JSON.stringify({ verified: true, received_at_wall: at, ...common }) });
  } else writeFiles(directory, { "rejection.json": JSON.stringify({ prunable: true, at, ...common }) });
  return directory;
}

function housekeeper(dirs: Dirs) {
  const lines: string[] = [];
  const say = (message: string, fields: object = {}): number => lines.push(`${message} ${JSON.stringify(fields)}`);
  const { config } = parseShipperConfig('host_id = "a"\n[receiver]\nurl = "http://x"\n', "f");
  const clock = { monotonic: 0, wall: NOW };
  const keeper = createHousekeeping({
    config,
    dirs,
    log: { error: say, warn: say, info: say, debug: () => {} },
    fingerprint: async (root) => fingerprintOf(root),
    monotonicMs: () => clock.monotonic,
    wallMs: () => clock.wall,
  });
  return { keeper, lines, clock };
}

const FRESH = "2026-06-20T11:59:00+00:00";
const OLD = "2026-05-01T00:00:00+00:00";

describe("pruning", () => {
  test("removes what is old and proved, logs each, and leaves the rest", async () => {
    const dirs = makeDirs(tempDir());
    place(dirs, "shipped", "fresh", FRESH);
    place(dirs, "shipped", "old", OLD);
    place(dirs, "shipped", "unverified", OLD, { verified: false });
    place(dirs, "quarantine", "refused", OLD);
    place(dirs, "quarantine", "conflict", OLD, { prunable: false });
    writeFiles(join(dirs.shipped, "bare"), { "data.bin": "no document" });
    const { keeper, lines } = housekeeper(dirs);
    await keeper.prune();
    expect(readdirSync(dirs.shipped).sort()).toEqual(["bare", "fresh", "unverified"]);
    expect(readdirSync(dirs.quarantine)).toEqual(["conflict"]);
    expect(lines.map((line) => line.split(" {")[0])).toEqual([
      "removed from shipped/: kept for 7 days",
      "removed from quarantine/: kept for 30 days",
    ]);
  });

  test("waits for its interval on the clock that never jumps", async () => {
    const dirs = makeDirs(tempDir());
    const { keeper, clock } = housekeeper(dirs);
    await keeper.prune();
    place(dirs, "shipped", "fresh", FRESH);
    place(dirs, "shipped", "old", OLD);
    clock.monotonic = 3_599_999;
    await keeper.prune();
    expect(existsSync(join(dirs.shipped, "old"))).toBe(true);
    clock.monotonic = 3_600_000;
    await keeper.prune();
    expect(existsSync(join(dirs.shipped, "old"))).toBe(false);
  });

  test("removes nothing while the clock is not trusted, and says so once", async () => {
    const dirs = makeDirs(tempDir());
    place(dirs, "shipped", "old", OLD);
    const { keeper, lines, clock } = housekeeper(dirs);
    for (let i = 0; i < 3; i++) {
      clock.monotonic += 3_600_000;
      await keeper.prune();
    }
    expect(existsSync(join(dirs.shipped, "old"))).toBe(true);
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain("nothing is pruned: this host's clock");
  });

  test("leaves an episode whose files changed since it was delivered, says so once, and prunes the others", async () => {
    const dirs = makeDirs(tempDir());
    place(dirs, "shipped", "fresh", FRESH);
    writeFileSync(join(place(dirs, "shipped", "changed", OLD), "late.bin"), "nowhere else");
    place(dirs, "shipped", "old", OLD);
    const { keeper, lines, clock } = housekeeper(dirs);
    await keeper.prune();
    clock.monotonic = 3_600_000;
    await keeper.prune();
    expect(readdirSync(dirs.shipped).sort()).toEqual(["changed", "fresh"]);
    expect(lines.filter((line) => line.includes('"changed"')).length).toBe(1);
  });
});

describe("freeing space", () => {
  test("removes proved episodes, oldest first, until there is none left", async () => {
    const dirs = makeDirs(tempDir());
    place(dirs, "shipped", "b", "2026-06-02T00:00:00+00:00");
    place(dirs, "shipped", "a", "2026-06-01T00:00:00+00:00");
    place(dirs, "shipped", "unverified", OLD, { verified: false });
    place(dirs, "quarantine", "refused", OLD);
    const { keeper, lines } = housekeeper(dirs);
    expect(await keeper.freeSpace(Number.MAX_SAFE_INTEGER)).toBe(true);
    expect([readdirSync(dirs.shipped), readdirSync(dirs.quarantine)]).toEqual([["unverified"], ["refused"]]);
    expect(lines.map((line) => /"episode":"(.)"/.exec(line)?.[1])).toEqual(["a", "b"]);
  });

  test("removes nothing when there is enough, or nothing that may go", async () => {
    const dirs = makeDirs(tempDir());
    place(dirs, "shipped", "a", OLD);
    const { keeper } = housekeeper(dirs);
    expect([await keeper.freeSpace(0), readdirSync(dirs.shipped)]).toEqual([false, ["a"]]);
  });
});

describe("an interrupted removal", () => {
  test("is finished at the next start, and is no episode meanwhile", async () => {
    const dirs = makeDirs(tempDir());
    for (const kind of ["shipped", "quarantine"] as const)
      writeFiles(join(dirs[kind], ".pruned-ep"), { "data.bin": "x" });
    expect([await listSettled(dirs, "shipped"), await listSettled(dirs, "quarantine")]).toEqual([[], []]);
    mkdirSync(join(dirs.shipped, "stays"));
    expect(await sweepDoomed(dirs)).toEqual([]);
    expect([readdirSync(dirs.shipped), readdirSync(dirs.quarantine)]).toEqual([["stays"], []]);
  });

  test("of one episode does not touch another of a longer name", async () => {
    const dirs = makeDirs(tempDir());
    for (const name of ["ep", "ep1"]) mkdirSync(join(dirs.shipped, name));
    await removeSettled(dirs, "shipped", "ep");
    expect(readdirSync(dirs.shipped)).toEqual(["ep1"]);
  });
});
