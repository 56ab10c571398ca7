// A host without a battery boots in 1970, and NTP answers when something is in trouble already: what is told since when, and for how
// long, is right all the same.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ShipperStatus } from "../../../lib/contract/shipper-status.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { liveStatus } from "../../../lib/shipper/status/live-status.ts";
import { steadyOffset, wallTime } from "../../../lib/shipper/words/wall-time.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NTP = Date.parse("2026-05-01T12:00:00.000Z");

test("two clocks that are read one after the other have one distance, until one of them is set", () => {
  const first = steadyOffset(null, 5000, 100.25);
  expect(first).toBe(4899.75);
  let offset = first;
  for (const [wallMs, nowMs] of [
    [5001, 100.9],
    [6000, 1100.4],
    [6999, 1100.4],
    [5001, 1100.4],
  ] as const) {
    offset = steadyOffset(offset, wallMs, nowMs);
    expect(wallTime(1000, offset)).toBe("1970-01-01T00:00:05.899Z");
  }
  expect(steadyOffset(first, NTP, 1100)).toBe(NTP - 1100);
  expect(steadyOffset(first, 5000, 1100.5)).toBe(3899.5);
});

/** The report before NTP answers and after it, an hour of trouble later. */
async function reports(
  prepare: (host: ReturnType<typeof scriptedEngine>) => void,
  pack: (id: string) => PackResult = () => ({ kind: "cancelled" }),
): Promise<[before: ShipperStatus, after: ShipperStatus]> {
  const host = scriptedEngine(tempDir(), pack);
  const { engine, pass } = host;
  pass(5000);
  engine.deps.wallMs = () => engine.deps.now() + 60_000;
  prepare(host);
  await engine.scan();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  const report = (offsetMs: number): ShipperStatus =>
    liveStatus(engine, {
      nowMs: engine.deps.now(),
      offsetMs,
      uptimeS: 5,
      startedMs: 2000,
      receiverId: null,
      pid: 1,
      settled: null,
    });
  const before = report(60_000);
  pass(3_600_000);
  return [before, report(steadyOffset(60_000, NTP, engine.deps.now()))];
}

const seconds = ({ at }: ShipperStatus, since: string | undefined): number =>
  (Date.parse(at) - Date.parse(since ?? "")) / 1000;

test("what waits alone waits for an hour, and not since 1970", async () => {
  const [before, after] = await reports(
    ({ dirs }) => makeEpisode(dirs, "ep"),
    () => ({ kind: "unreadable", path: "/d/data.bin", code: "EIO", detail: "EIO" }),
  );
  expect([before.at, before.waiting?.since]).toEqual(["1970-01-01T00:01:05.000Z", "1970-01-01T00:01:05.000Z"]);
  expect([after.at, after.waiting?.since]).toEqual(["2026-05-01T12:00:00.000Z", "2026-05-01T11:00:00.000Z"]);
  expect([seconds(before, before.waiting?.since), seconds(after, after.waiting?.since)]).toEqual([0, 3600]);
  expect(after.waiting_list.map(({ since }) => since)).toEqual(["2026-05-01T11:00:00.000Z"]);
  expect(after.started_at).toBe("2026-05-01T10:59:57.000Z");
});

test("what is held, be it an episode or none, is held for an hour", async () => {
  const [, after] = await reports(
    ({ dirs }) => {
      makeEpisode(dirs, "ep");
      writeFileSync(join(dirs.episodes, "notes.txt"), "");
    },
    () => ({ kind: "unreadable", path: "/d/data.bin", code: "EACCES", detail: "EACCES" }),
  );
  expect(after.held).toMatchObject({ count: 2, since: "2026-05-01T11:00:00.000Z" });
  expect(after.held_list.map(({ episode, since }) => [episode, since])).toEqual([
    ["notes.txt", "2026-05-01T11:00:00.000Z"],
    ["ep", "2026-05-01T11:00:00.000Z"],
  ]);
});

test("a pause lasts for an hour", async () => {
  const fault = { status: 0, reason: "tls", isMarked: false, detail: "certificate expired" };
  const finding = { what: "certificate expired", fix: { text: "renew it", commands: [] } };
  const [before, after] = await reports(({ engine, dirs }) => {
    makeEpisode(dirs, "ep");
    engine.queue.add([{ id: "ep", finishedMs: 1 }]);
    const packed = engine.queue.nextToPack(engine.deps.now());
    if (packed === null) throw new Error("unreachable");
    engine.queue.move(packed, "packed");
    engine.sending.note(packed, { next: "paused", fault, finding, retryAfterS: null, tookMs: 0 }, false);
  });
  expect(before.paused).toMatchObject({
    since: "1970-01-01T00:01:05.000Z",
    next_try_at: "1970-01-01T00:01:08.750Z",
  });
  expect(after.paused?.since).toBe("2026-05-01T11:00:00.000Z");
  expect(seconds(after, after.paused?.since)).toBe(3600);
});
