// What the queue's plugin reads: the shipper's report, and what lies on the disk.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { QueueReport } from "../../../lib/contract/queue.ts";
import type { ShipperStatus } from "../../../lib/contract/shipper-status.ts";
import { openKnownShipper } from "../../../lib/heartbeat/plugins/known-shipper.ts";
import { queue, readQueue } from "../../../lib/heartbeat/plugins/shipper-queue.ts";
import { readUptimeS } from "../../../lib/os/uptime.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { lines, observe } from "./support.ts";

// Long after this process began.
const NOW = { wallMs: Date.now() + 3_600_000, uptimeS: readUptimeS() + 3600 };
const ID = "1".repeat(32);
const GROUP = { count: 2, reason: "403 from a box", since: "2026-05-01T05:00:00.000Z" };
const PAUSE = {
  kind: "failing",
  reason: "no-receipt",
  detail: "3 of 3 got 413",
  fix: "mend the box",
  since: "2026-05-01T05:00:00.000Z",
  next_try_at: null,
} as const;

/** A report whose every field of the queue says something. */
const LIVE: ShipperStatus = {
  ...IDLE_SHIPPER,
  pid: process.pid,
  uptime_s: NOW.uptimeS - 2,
  receiver_id: ID,
  pending: 3,
  packed: 1,
  oldest_pending_s: 120,
  paused: PAUSE,
  waiting: { ...GROUP, next_try_at: null },
  held: { ...GROUP, count: 1 },
  settled: {
    shipped: 9,
    unverified: 5,
    quarantined: 1,
    quarantined_bytes: 4096,
    refused: [],
    expiring: 4,
    announcement: 7,
  },
};

function places(files: readonly string[], live: unknown = null) {
  const base = tempDir();
  for (const file of files) {
    mkdirSync(join(base, "data", dirname(file)), { recursive: true });
    writeFileSync(join(base, "data", file), "");
  }
  mkdirSync(join(base, "run"));
  if (live !== null) writeFileSync(join(base, "run/status.json"), JSON.stringify(live));
  return { dataRoot: join(base, "data"), runDir: join(base, "run") };
}

const FILES = [
  "episodes/a/done.marker",
  "episodes/b/x",
  "episodes/.hidden/x",
  "outbox/a.tar.zst",
  "outbox/a.json",
  "quarantine/q/x",
  "quarantine/r/x",
  "quarantine/note",
];

const REPORT = {
  pending: 3,
  outbox: 1,
  // Counted now: the shipper counts once an hour.
  quarantined: 2,
  quarantined_bytes: 4096,
  expiring: 4,
  announcement: 7,
  unverified: 5,
  oldest_pending_s: 120,
  paused: PAUSE,
  waiting: GROUP,
  held: { ...GROUP, count: 1 },
};

test("what the shipper says, field for field, and what lies on the disk: told at each collection", async () => {
  const seen: (QueueReport | null)[] = [];
  const plugin = queue(
    places(FILES, LIVE),
    (one) => seen.push(one),
    () => NOW,
  );
  expect((await observe(plugin))[0]?.status).toBe("critical");
  expect(seen).toEqual([REPORT]);
});

test("without a report all that lies there waits, and the rest is not known", async () => {
  const view = await readQueue(places(FILES), NOW);
  expect(view?.shipper).toMatchObject({ state: "stopped", live: null });
  expect(view?.report).toEqual({
    pending: 2,
    outbox: 1,
    quarantined: 2,
    quarantined_bytes: null,
    expiring: null,
    announcement: null,
    unverified: null,
    oldest_pending_s: null,
    paused: null,
    waiting: null,
    held: null,
  });
});

test("the last words of a shipper that was killed are not what is so now", async () => {
  const view = await readQueue(places(FILES, { ...LIVE, pid: 2 ** 22 }), NOW);
  expect(view?.report).toMatchObject({ pending: 2, paused: null, held: null, announcement: null });
});

test("no data root: no shipper was ever here", async () => {
  let seen: QueueReport | null | undefined;
  const plugin = queue({ dataRoot: "/no/such/root", runDir: "/no/such/run" }, (given) => {
    seen = given;
  });
  expect(lines(await observe(plugin))).toEqual(["- ok: no shipper's data at /no/such/root"]);
  expect(seen).toBeNull();
});

test("no data root, but a shipper that runs: its disk is there for it alone", async () => {
  const view = await readQueue(places([], LIVE), NOW);
  expect(view).toMatchObject({ isRootMissing: true, shipper: { pid: process.pid } });
});

describe("a data root that has gone with its shipper", () => {
  const where = () => {
    const { dataRoot, runDir } = places(["episodes/a/x"], LIVE);
    const stateDir = tempDir();
    const open = () => queue({ dataRoot, runDir }, undefined, () => NOW, openKnownShipper(stateDir));
    return { dataRoot, runDir, stateDir, open };
  };

  test("is missed, by the next agent too, until a person says that none is to run here", async () => {
    const { dataRoot, runDir, stateDir, open } = where();
    await observe(open());
    rmSync(dataRoot, { recursive: true });
    rmSync(join(runDir, "status.json"));
    expect(lines(await observe(open()))).toEqual([
      `- critical: the shipper's data root has gone: there is no ${dataRoot}/episodes, and what waits on it is not shipped; fix: if no shipper is to run on this host any more, remove ${stateDir}/shipper-known; else mount its disk there, then: sudo systemctl start labfleet-shipper`,
    ]);
    rmSync(join(stateDir, "shipper-known"));
    expect(lines(await observe(open()))).toEqual([`- ok: no shipper's data at ${dataRoot}`]);
  });

  test("is not missed where none was ever at work, be its directories there", async () => {
    const { dataRoot, runDir, open } = where();
    rmSync(join(runDir, "status.json"));
    await observe(open());
    rmSync(dataRoot, { recursive: true });
    expect(lines(await observe(open()))).toEqual([`- ok: no shipper's data at ${dataRoot}`]);
  });

  test("that cannot be remembered stops no check", async () => {
    const { dataRoot, runDir } = where();
    const plugin = queue({ dataRoot, runDir }, undefined, () => NOW, openKnownShipper("/proc/none"));
    expect(lines(await observe(plugin))[0]).not.toContain("no shipper's data");
  });
});

test("what the shipper makes at its start is not uncountable before it", async () => {
  const view = await readQueue(places(["episodes/a/x"]), NOW);
  expect(view).toMatchObject({ unreadable: [], report: { outbox: 0, quarantined: 0 } });
});

test("a directory that cannot be counted is said", async () => {
  const view = await readQueue(places(["episodes/a/x", "quarantine", "outbox/.keep"], LIVE), NOW);
  expect(view?.unreadable).toEqual(["quarantine: ENOTDIR"]);
});
