// What a running shipper says of itself, and the one line of it for systemd.

import { describe, expect, onTestFinished, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { QueuePause } from "../../../lib/contract/queue.ts";
import { isAnswering, parseShipperStatus, type ShipperStatus } from "../../../lib/contract/shipper-status.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { outboxPaths } from "../../../lib/shipper/pack/outbox.ts";
import { newEntry, type Trouble } from "../../../lib/shipper/queue/entry.ts";
import { liveStatus, statusLine } from "../../../lib/shipper/status/live-status.ts";
import { inode, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SINCE = "2026-05-01T12:03:00.000Z";
const PAUSE: QueuePause = {
  kind: "misconfigured",
  reason: "tls",
  detail: "certificate expired",
  fix: "renew it",
  since: SINCE,
  next_try_at: "2026-05-01T12:05:00.000Z",
};

describe("the status line", () => {
  for (const [what, change, line] of [
    ["when idle", {}, "nothing to ship"],
    ["with a backlog", { pending: 3, oldest_pending_s: 3725 }, "3 to ship, oldest 1h 2min 5s"],
    [
      "while sending",
      {
        at: "2026-05-01T12:03:07.000Z",
        pending: 2,
        oldest_pending_s: 4,
        under_way: [
          { episode: "a", what: "sending", since: SINCE, done_bytes: 0, bytes: 2048 },
          { episode: "b", what: "packing", since: SINCE, done_bytes: null, bytes: null },
        ],
      },
      "2 to ship, oldest 4s, sending a: 0 B of 2.0 KiB for 7s and 1 more",
    ],
    [
      "while one waits alone",
      {
        pending: 1,
        delivered_since_start: 214,
        waiting: {
          count: 1,
          reason: "403 from waf, not the receiver",
          since: SINCE,
          next_try_at: "2026-05-01T12:08:00.000Z",
        },
      },
      "1 to ship, 1 waits alone since 12:03, next try 12:08, 214 others went: 403 from waf, not the receiver",
    ],
    [
      "when somebody has to mend something",
      { pending: 1, held: { count: 7, reason: "belongs to root", since: SINCE } },
      "1 to ship, 7 held: belongs to root",
    ],
    [
      "when all that lies there was never tried",
      { held: { count: 1, reason: "it is a file; fix: sudo mv x y", since: SINCE } },
      "1 held: it is a file; fix: sudo mv x y",
    ],
    [
      "when one waits that is in no count",
      { waiting: { count: 1, reason: "403", since: SINCE, next_try_at: null } },
      "1 waits alone since 12:03, 0 others went: 403",
    ],
    [
      "when paused on a full disk",
      { disk_low: true, paused: PAUSE },
      "nothing to ship, disk low, packing waits, PAUSED, next try 12:05: certificate expired; fix: renew it",
    ],
    [
      "while a probe is under way",
      { paused: { ...PAUSE, next_try_at: null, fix: null } },
      "nothing to ship, PAUSED: certificate expired",
    ],
  ] as [string, Partial<ShipperStatus>, string][]) {
    test(`${what} is "${line}"`, () => expect(statusLine({ ...IDLE_SHIPPER, ...change })).toBe(line));
  }

  test("is one line that cannot steer a terminal, whatever a receiver answered", () => {
    const detail = "no\nREADY=1\u001b[31m\u2028\u009b2J";
    const line = statusLine({ ...IDLE_SHIPPER, paused: { ...PAUSE, detail } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
    expect(line).toContain("no\\u000aREADY=1");
  });
});

describe("a live report", () => {
  const waiter = { episode: "ep", reason: "r", since: SINCE, detail: "d", fix: null };
  const full: ShipperStatus = {
    ...IDLE_SHIPPER,
    oldest_pending_s: 5,
    paused: PAUSE,
    under_way: [{ episode: "ep", what: "asking", since: SINCE, done_bytes: null, bytes: null }],
    waiting: { count: 1, reason: "r", since: SINCE, next_try_at: null },
    waiting_list: [waiter],
    held: { count: 1, reason: "r", since: SINCE },
    held_list: [waiter],
  };

  test("is read as it was written, with what a newer version adds, and without what an older one does not say", () => {
    expect(parseShipperStatus(JSON.stringify(full))).toEqual(full);
    const counts = { shipped: 1, unverified: 1, quarantined: 0, quarantined_bytes: 0, refused: [], expiring: 0 };
    for (const unverified_bytes of [undefined, 4096]) {
      const settled = { ...counts, announcement: 0, ...(unverified_bytes !== undefined && { unverified_bytes }) };
      expect(parseShipperStatus(JSON.stringify({ ...full, settled }))).toEqual({ ...full, settled });
    }
    const odd = { ...counts, announcement: 0, unverified_bytes: "many" };
    expect(parseShipperStatus(JSON.stringify({ ...full, settled: odd }))).toBeNull();
    expect(parseShipperStatus(JSON.stringify({ ...full, more: 1 }))).toMatchObject(full);
  });

  test("without any one of its fields is none", () => {
    for (const field of Object.keys(full)) {
      expect([field, parseShipperStatus(JSON.stringify({ ...full, [field]: undefined }))]).toEqual([field, null]);
    }
  });

  for (const [what, change] of [
    ["no number as pid", { pid: "42" }],
    ["a held one that is none", { held_list: [null] }],
    ["a held one without a reason", { held_list: [{ episode: "ep" }] }],
    ["a pause without its detail", { paused: { ...PAUSE, detail: null } }],
    ["a pause that is a word", { paused: "yes" }],
    ["a number that is none", { pending: null }],
  ] as const) {
    test(`with ${what} is none`, () => expect(parseShipperStatus(JSON.stringify({ ...full, ...change }))).toBeNull());
  }

  for (const [interval, age, answers] of [
    [20, 60, true],
    [20, 61, false],
    [1, 30, true],
    [1, 31, false],
  ] as const) {
    test(`of every ${interval} s that is ${age} s old is ${answers ? "" : "not "}that of one who answers`, () => {
      expect(isAnswering({ ...full, uptime_s: 1000, interval_s: interval }, 1000 + age)).toBe(answers);
    });
  }
});

describe("the daemon's view", () => {
  const now = { nowMs: 10_000, offsetMs: 1_080_000, uptimeS: 5, startedMs: 0, pid: 1, receiverId: null, settled: null };
  const trouble = (detail: string, sinceMs: number): Trouble => ({ reason: "r", detail, fix: null, sinceMs });

  test("tells counts, ages, what is held, what waits, what is under way, and the pause", () => {
    const { engine } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    engine.queue.add([{ id: "fresh", finishedMs: 1_000_000 }]);
    engine.queue.restore({ ...newEntry("stuck", 2_000_000, "held"), trouble: trouble("belongs to root", 1000) });
    engine.queue.restore({ ...newEntry("old", 3, "packed"), trouble: trouble("older", 2000), notBeforeMs: 40_000 });
    engine.queue.restore({ ...newEntry("new", 4, "packed"), trouble: trouble("newer", 3000), notBeforeMs: 30_000 });
    const work = { what: "sending", sinceMs: 5000, doneBytes: 7, bytes: 40 } as const;
    engine.queue.restore({ ...newEntry("going", 5, "sending"), work });
    const fault = { status: 0, reason: "tls", isMarked: false, detail: "certificate expired" };
    engine.sending.finding = { what: "certificate expired", fix: { text: "renew it", commands: [] } };
    engine.sending.pausing.misconfigured("old", fault, 7000, () => 63_000);
    expect(liveStatus(engine, now)).toMatchObject({
      pid: 1,
      at: "1970-01-01T00:18:10.000Z",
      started_at: "1970-01-01T00:18:00.000Z",
      uptime_s: 5,
      interval_s: 5,
      pending: 5,
      held: { count: 1, reason: "belongs to root", since: "1970-01-01T00:18:01.000Z" },
      held_list: [{ episode: "stuck", detail: "belongs to root" }],
      waiting: {
        count: 2,
        reason: "newer",
        since: "1970-01-01T00:18:02.000Z",
        next_try_at: "1970-01-01T00:18:30.000Z",
      },
      waiting_list: [{ episode: "old" }, { episode: "new" }],
      under_way: [{ episode: "going", what: "sending", since: "1970-01-01T00:18:05.000Z", done_bytes: 7, bytes: 40 }],
      oldest_pending_s: 1090,
      paused: {
        kind: "misconfigured",
        reason: "tls",
        detail: "certificate expired",
        fix: "renew it",
        since: "1970-01-01T00:18:07.000Z",
        next_try_at: "1970-01-01T00:19:10.000Z",
      },
    });
  });

  test("tells of what is no episode since when it stands there, however often it looks and wherever the clock goes", async () => {
    const { engine, dirs, pass } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    writeFileSync(join(dirs.episodes, "notes.txt"), "");
    pass(1000);
    await engine.scan();
    const since = (): string | undefined => liveStatus(engine, { ...now, nowMs: engine.deps.now() }).held?.since;
    const first = "1970-01-01T00:18:01.000Z";
    expect(since()).toBe(first);
    pass(3_600_000);
    engine.deps.wallMs = () => 0;
    await engine.scan();
    expect(since()).toBe(first);
    rmSync(join(dirs.episodes, "notes.txt"));
    await engine.scan();
    writeFileSync(join(dirs.episodes, "notes.txt"), "");
    await engine.scan();
    expect(since()).toBe("1970-01-01T01:18:01.000Z");
  });

  test("tells how far packing is, and shows each step of it", async () => {
    const { promise, resolve } = Promise.withResolvers<PackResult>();
    let shown = 0;
    const { engine, dirs, pass } = scriptedEngine(tempDir(), (_id, _job, moved) => {
      moved(null);
      moved({ doneBytes: 7, bytes: 40 });
      return promise;
    });
    engine.deps.changed = () => shown++;
    makeEpisode(dirs, "ep");
    await engine.scan();
    pass(5000);
    engine.pump();
    const atStart = shown;
    while (engine.queue.get("ep")?.work?.bytes !== 40) await Bun.sleep(1);
    expect(liveStatus(engine, now).under_way).toEqual([
      { episode: "ep", what: "packing", since: "1970-01-01T00:18:05.000Z", done_bytes: 7, bytes: 40 },
    ]);
    expect(shown).toBe(atStart + 1);
    resolve({ kind: "cancelled" });
    await engine.stop(0);
  });

  test("tells how far sending is, from the first moment on, and shows each step of it", async () => {
    const quiet = createServer(() => {});
    onTestFinished(() => {
      quiet.closeAllConnections();
      quiet.close();
    });
    await new Promise<void>((resolve) => quiet.listen(0, "127.0.0.1", resolve));
    const { port } = quiet.address() as AddressInfo;
    const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }), `http://127.0.0.1:${port}`);
    let shown = 0;
    engine.deps.changed = () => shown++;
    const record = recordOf("ep", { directory_inode: inode(makeEpisode(dirs, "ep")), fingerprint: "fingerprint" });
    writeFileSync(outboxPaths(dirs.outbox, "ep").archive, "0123456789");
    writeFileSync(outboxPaths(dirs.outbox, "ep").record, JSON.stringify(record));
    engine.records.set("ep", record);
    engine.queue.restore(newEntry("ep", 1, "packed"));
    engine.pump();
    const atStart = shown;
    const since = "1970-01-01T00:18:00.000Z";
    const sending = { episode: "ep", what: "sending", since, done_bytes: null, bytes: 10 } as const;
    expect(liveStatus(engine, now).under_way).toEqual([sending]);
    while (engine.queue.get("ep")?.work?.doneBytes !== 10) await Bun.sleep(10);
    expect(liveStatus(engine, now).under_way).toEqual([{ ...sending, done_bytes: 10 }]);
    expect(shown).toBeGreaterThan(atStart);
    await engine.stop(0);
  });

  test("lists twenty of a thousand held episodes", () => {
    const { engine } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    for (let i = 0; i < 1000; i++) engine.queue.restore({ ...newEntry(`ep${i}`, i, "held"), trouble: trouble("d", i) });
    const live = liveStatus(engine, { ...now, offsetMs: -now.nowMs });
    expect([live.held_list.length, live.held?.count, live.oldest_pending_s]).toEqual([20, 1000, 0]);
  });
});
