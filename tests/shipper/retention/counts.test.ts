// What is refused, by its reason: what giving it up would free, and the newest words.

import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byReason } from "../../../lib/shipper/retention/counts.ts";
import { ShippedList } from "../../../lib/shipper/retention/shipped-list.ts";
import { UnverifiedUsage } from "../../../lib/shipper/retention/unverified.ts";
import { usageOf } from "../../../lib/shipper/retention/usage.ts";
import { housekeeper, refused, shipped } from "../../support/housekeeper.ts";
import { tempDir } from "../../support/temp-dir.ts";

const one = (reason: string, bytes: number, atMs: number | null, detail: string | null = null) => ({
  reason,
  bytes,
  atMs,
  detail,
});
const T = Date.parse("2026-05-01T00:00:00Z");

test("one group a reason, the largest first, with its newest words", () => {
  const refused = [
    one("conflict", 10, T, "old"),
    one("too-large", 70, null),
    one("conflict", 30, T + 1000, "new"),
    one("conflict", 10, null, "nobody knows when"),
  ];
  expect(byReason(refused)).toEqual([
    { reason: "too-large", count: 1, bytes: 70, newest_at: null, newest_detail: null },
    { reason: "conflict", count: 3, bytes: 50, newest_at: "2026-05-01T00:00:01.000Z", newest_detail: "new" },
  ]);
});

test("ten at most: reasons in notes are anybody's", () => {
  const groups = byReason(Array.from({ length: 30 }, (_, n) => one(`r${n}`, n, T)));
  expect(groups.map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, (_, n) => `r${29 - n}`));
});

test("what lies in quarantine without a note of ours is counted, too", async () => {
  const { keeper, dirs } = housekeeper(tempDir(), "http://127.0.0.1:9");
  mkdirSync(join(dirs.quarantine, "bare"));
  mkdirSync(join(dirs.quarantine, ".pruned-x"));
  await keeper.tidy(0);
  expect(keeper.counts()).toMatchObject({ quarantined: 1, refused: [{ reason: "unknown", count: 1 }] });
});

test("what was just refused is counted before the next round, but no more often than twice a minute", async () => {
  const root = tempDir();
  const { keeper, clock, dirs } = housekeeper(root, "http://127.0.0.1:9");
  refused(dirs, "ep1", { reason: "conflict", detail: "another", at: "2026-06-20T11:00:00Z" });
  await keeper.tidy(0);
  const groups = () =>
    keeper.counts()?.refused.map(({ reason, count, newest_detail }) => [reason, count, newest_detail]);
  expect(groups()).toEqual([["conflict", 1, "another"]]);
  refused(dirs, "ep2", { reason: "conflict", detail: "yet another", at: "2026-06-20T11:30:00Z" });
  clock.monotonic = 29_999;
  await keeper.tidy(1);
  expect(keeper.counts()?.quarantined).toBe(1);
  clock.monotonic = 30_000;
  await keeper.tidy(1);
  expect(groups()).toEqual([["conflict", 2, "yet another"]]);
  expect(keeper.counts()?.quarantined_bytes).toBeGreaterThan(0);
  refused(dirs, "ep3");
  clock.monotonic = 100_000;
  await keeper.tidy(1);
  expect(keeper.counts()?.quarantined).toBe(2);
});

test("what is shipped and not proved is counted with what giving it up would free, and what is proved is not", async () => {
  const { keeper, dirs } = housekeeper(tempDir(), "http://127.0.0.1:9");
  const places = [shipped(dirs, "a", { verified: false }), shipped(dirs, "b", { verified: false })];
  shipped(dirs, "proved", { receiver_day: 99 });
  writeFileSync(join(places[0] ?? "", "more.bin"), Buffer.alloc(64 * 1024, "x"));
  await keeper.tidy(0);
  const bytes = await Promise.all(places.map((place) => usageOf(place, () => {})));
  expect(bytes[0]).toBeGreaterThanOrEqual(64 * 1024);
  expect(keeper.counts()).toMatchObject({
    shipped: 3,
    unverified: 2,
    unverified_bytes: bytes.reduce((sum, one) => sum + one, 0),
  });
});

test("what is not proved is measured once, what took its name anew, and what is gone counts no more", async () => {
  const { dirs } = housekeeper(tempDir(), "http://127.0.0.1:9");
  const list = new ShippedList(dirs);
  const usage = new UnverifiedUsage(dirs, list);
  let measured = 0;
  const read = async (): Promise<[bytes: number, measured: number]> => {
    measured = 0;
    return [await usage.read(() => measured++), measured];
  };
  const a = shipped(dirs, "a", { verified: false });
  shipped(dirs, "b", { verified: false });
  const [both, first] = await read();
  expect(first).toBe(2);
  expect(await read()).toEqual([both, 0]);
  rmSync(a, { recursive: true });
  const ofB = await usageOf(join(dirs.shipped, "b"), () => {});
  expect(await read()).toEqual([ofB, 0]);
  shipped(dirs, "a", { verified: false });
  expect(await read()).toEqual([both, 1]);
});
