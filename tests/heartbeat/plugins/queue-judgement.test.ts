// What the state of the queue means: literals in, a line out.

import { describe, expect, test } from "bun:test";
import type { QueueReport } from "../../../lib/contract/queue.ts";
import type { ShipperStatus } from "../../../lib/contract/shipper-status.ts";
import { saidBy } from "../../../lib/heartbeat/collect/observations.ts";
import { observe, type QueueView } from "../../../lib/heartbeat/plugins/queue-judgement.ts";
import type { ShipperView } from "../../../lib/heartbeat/plugins/shipper-view.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { figures } from "./support.ts";

const REPORT: QueueReport = {
  pending: 0,
  outbox: 0,
  quarantined: 0,
  quarantined_bytes: 0,
  expiring: 0,
  announcement: 0,
  unverified: 0,
  oldest_pending_s: null,
  paused: null,
  waiting: null,
  held: null,
};
const LIVE: ShipperStatus = { ...IDLE_SHIPPER, at: "2026-05-02T06:00:00.000Z", delivered_since_start: 214 };
const SHIPPER: ShipperView = { state: "running", pid: 42, live: LIVE, ageS: 1, problem: null };
const SETTLED = { shipped: 0, unverified: 0, quarantined: 4, quarantined_bytes: 4096, expiring: 0, announcement: 0 };
const CONFLICT = {
  reason: "conflict",
  count: 1,
  bytes: 3072,
  newest_at: "2026-05-01T00:00:00Z",
  newest_detail: "it is another",
};
const REFUSED = {
  reason: "commit-not-accepted",
  count: 3,
  bytes: 1024,
  newest_at: "2026-05-02T00:00:00Z",
  newest_detail: "commit abc is not accepted",
};
const PAUSE = {
  kind: "misconfigured",
  reason: "unauthorized",
  detail: "401: the token is wrong",
  fix: "sudo receiver token add lab1",
  since: "2026-05-02T05:12:09.123Z",
  next_try_at: "2026-05-02T06:00:40.000Z",
} as const;

type Over = { report?: Partial<QueueReport>; shipper?: Partial<ShipperView>; live?: Partial<ShipperStatus> };
const line = ({ report, shipper, live }: Over, unreadable: string[] = [], isRootMissing = false): string => {
  const view: QueueView = {
    shipper: { ...SHIPPER, live: { ...LIVE, ...live }, ...shipper },
    report: { ...REPORT, ...report },
    dataRoot: "/data",
    unreadable,
    isRootMissing,
  };
  const seen = observe(view);
  expect(figures(seen).pending).toBe(report?.pending ?? 0);
  return `${seen.status}: ${saidBy(seen)}`;
};

const waiting = { count: 1, reason: "403, Server: waf", since: "2026-05-02T05:03:00.000Z" };
const long = { ...waiting, since: "2026-05-01T05:59:59.000Z" };
const day = { ...waiting, since: "2026-05-01T06:00:00.000Z" };
const NOT_PROVED =
  "give up what is shipped and not proved, which frees 4.0 KiB, if nobody needs it here: sudo shipper discard --shipped-unverified";
const GIVE_UP = "give up refused ones, which frees 3.0 KiB: sudo shipper discard --reason conflict";

describe("what waits", () => {
  test.each<[string, Over, string]>([
    ["nothing", {}, "ok: nothing to ship"],
    ["young", { report: { pending: 2, oldest_pending_s: 21_600 } }, "ok: 2 to ship, oldest 6h"],
    ["older", { report: { pending: 2, oldest_pending_s: 21_601 } }, "warning: 2 to ship, oldest 6h 1s"],
    ["a day old", { report: { pending: 2, oldest_pending_s: 86_401 } }, "critical: 2 to ship, oldest 1d 1s"],
    [
      "being sent",
      {
        report: { pending: 2 },
        live: {
          under_way: [
            { episode: "ep1", what: "sending", since: "2026-05-02T05:58:59.600Z", done_bytes: 1024, bytes: 4096 },
            { episode: "ep2", what: "packing", since: "", done_bytes: 7, bytes: null },
          ],
        },
      },
      "ok: 2 to ship, sending ep1: 1.0 KiB of 4.0 KiB for 1min and 1 more",
    ],
    [
      "being packed",
      {
        report: { pending: 1 },
        live: {
          under_way: [
            { episode: "ep1", what: "packing", since: "2026-05-02T05:59:57.000Z", done_bytes: 1024, bytes: 4096 },
          ],
        },
      },
      "ok: 1 to ship, packing ep1: 1.0 KiB of 4.0 KiB for 3s",
    ],
    [
      "paused",
      { report: { pending: 1, paused: PAUSE, waiting } },
      "critical: PAUSED since 2026-05-02 05:12 UTC, next try 06:00: 401: the token is wrong · 1 to ship; fix: sudo receiver token add lab1",
    ],
    [
      "paused, while a probe is under way and nothing mends it",
      { report: { pending: 1, paused: { ...PAUSE, next_try_at: null, fix: null } } },
      "critical: PAUSED since 2026-05-02 05:12 UTC: 401: the token is wrong · 1 to ship",
    ],
    [
      "alone",
      { report: { pending: 1, waiting } },
      "ok: 1 waits alone since 2026-05-02 05:03 UTC, 214 others went: 403, Server: waf · 1 to ship",
    ],
    [
      "alone, and is tried again",
      { report: { pending: 1, waiting }, live: { waiting: { ...waiting, next_try_at: "2026-05-02T06:07:30.000Z" } } },
      "ok: 1 waits alone since 2026-05-02 05:03 UTC, next try 06:07, 214 others went: 403, Server: waf · 1 to ship",
    ],
    [
      "for more than a day, while the queue is paused: with the next try of the pause alone",
      {
        report: { pending: 1, paused: { ...PAUSE, fix: null }, waiting: long },
        live: { waiting: { ...long, next_try_at: "2026-05-02T06:07:30.000Z" } },
      },
      "critical: PAUSED since 2026-05-02 05:12 UTC, next try 06:00: 401: the token is wrong · 1 waits alone since 2026-05-01 05:59 UTC, 214 others went: 403, Server: waf · 1 to ship",
    ],
    [
      "alone for a day",
      { report: { pending: 1, waiting: day } },
      "ok: 1 waits alone since 2026-05-01 06:00 UTC, 214 others went: 403, Server: waf · 1 to ship",
    ],
    [
      "alone for more than a day",
      { report: { pending: 1, waiting: long } },
      "warning: 1 waits alone since 2026-05-01 05:59 UTC, 214 others went: 403, Server: waf · 1 to ship",
    ],
    [
      "for a person, and was never tried",
      { report: { held: { ...waiting, count: 2, reason: "mode 0700; fix: chmod" } } },
      "warning: 2 held since 2026-05-02 05:03 UTC: mode 0700; fix: chmod",
    ],
  ])("%s", (_, over, text) => {
    expect(line(over)).toBe(text);
  });
});

describe("what is refused", () => {
  test.each<[string, Over, string]>([
    [
      "and not counted yet",
      { report: { quarantined: 1, quarantined_bytes: null } },
      "warning: 1 in quarantine · nothing to ship; fix: see why: sudo shipper status",
    ],
    [
      "with reasons, the newest words, and what frees how much",
      {
        report: { quarantined: 4, quarantined_bytes: 4096 },
        live: { settled: { ...SETTLED, refused: [CONFLICT, REFUSED] } },
      },
      `warning: 4 in quarantine (4.0 KiB): conflict 1, commit-not-accepted 3; the newest: commit abc is not accepted · nothing to ship; fix: see what mends each: sudo shipper status; or ${GIVE_UP}`,
    ],
    [
      "and about to go",
      { report: { expiring: 1 } },
      "warning: 1 refused episode is removed in a week or later · nothing to ship; fix: let the collector take their commit (accepted_commits_file), copy them from quarantine/, or let them go; this names them: sudo shipper status",
    ],
    [
      "while the disk is low",
      { live: { disk_low: true, settled: { ...SETTLED, refused: [CONFLICT, REFUSED] } } },
      `warning: disk low, packing waits · nothing to ship; fix: ${GIVE_UP}`,
    ],
    [
      "not at all, while the disk is low",
      { live: { disk_low: true } },
      "warning: disk low, packing waits · nothing to ship; fix: make room on the disk of /data",
    ],
    [
      "while the disk is low, where more is shipped and not proved",
      { live: { disk_low: true, settled: { ...SETTLED, refused: [CONFLICT], unverified_bytes: 4096 } } },
      `warning: disk low, packing waits · nothing to ship; fix: ${NOT_PROVED}`,
    ],
    [
      "while the disk is low, and frees more",
      { live: { disk_low: true, settled: { ...SETTLED, refused: [CONFLICT], unverified_bytes: 3071 } } },
      `warning: disk low, packing waits · nothing to ship; fix: ${GIVE_UP}`,
    ],
    [
      "while the disk is low, and frees nothing",
      { live: { disk_low: true, settled: { ...SETTLED, refused: [{ ...CONFLICT, bytes: 0 }] } } },
      "warning: disk low, packing waits · nothing to ship; fix: make room on the disk of /data",
    ],
    [
      "by nobody, and proved by nobody",
      { report: { unverified: 3 }, live: { settled: { ...SETTLED, refused: [], unverified_bytes: 4096 } } },
      `ok: 3 shipped and not proved, never removed by themselves · nothing to ship; fix: ${NOT_PROVED}`,
    ],
    [
      "by nobody, and proved by nobody, as an older shipper tells it",
      { report: { unverified: 3 }, live: { settled: { ...SETTLED, refused: [] } } },
      "ok: 3 shipped and not proved, never removed by themselves · nothing to ship; fix: give up what is shipped and not proved, if nobody needs it here: sudo shipper discard --shipped-unverified",
    ],
  ])("%s", (_, over, text) => {
    expect(line(over)).toBe(text);
  });
});

describe("a shipper", () => {
  const gone = { state: "stopped", pid: null, live: null, ageS: null } as const;
  test.each<[string, Over, string]>([
    [
      "that does not answer is not healthy",
      { shipper: { state: "silent", ageS: 61 } },
      "critical: the shipper (pid 42) has not answered for 1min 1s · nothing to ship; fix: sudo systemctl restart labfleet-shipper",
    ],
    [
      "that never answered",
      { shipper: { state: "silent", live: null, ageS: null } },
      "critical: the shipper (pid 42) has never answered · no episode lies here; fix: sudo systemctl restart labfleet-shipper",
    ],
    [
      "that does not run",
      { shipper: gone },
      "warning: the shipper does not run · no episode lies here; fix: sudo systemctl start labfleet-shipper",
    ],
    [
      "that does not run while something waits",
      { shipper: gone, report: { pending: 2 } },
      "critical: the shipper does not run · 2 lie here, finished or not; fix: sudo systemctl start labfleet-shipper",
    ],
    [
      "that is being restarted",
      { shipper: { ...gone, state: "starting" }, report: { pending: 2 } },
      "warning: the shipper does not run yet, or is being restarted · 2 lie here, finished or not",
    ],
    [
      "that is starting raises no alarm: not for what is old, not for a network that is not there yet",
      {
        shipper: { state: "starting" },
        report: { pending: 1, oldest_pending_s: 1e6, paused: { ...PAUSE, fix: null } },
      },
      "warning: the shipper is starting · PAUSED since 2026-05-02 05:12 UTC, next try 06:00: 401: the token is wrong · 1 to ship, oldest 11d 13h 46min 40s",
    ],
    ["that is starting", { shipper: { state: "starting" } }, "ok: the shipper is starting · nothing to ship"],
    [
      "of another release",
      {
        shipper: { live: null, ageS: null, problem: { what: "/run/s is of another release", fix: null } },
        report: { pending: 1 },
      },
      "unknown: how it does is not known: /run/s is of another release · 1 lie here, finished or not",
    ],
  ])("%s", (_, over, text) => {
    expect(line({ ...over })).toBe(text);
  });
  test("whose directories cannot be read", () => {
    expect(line({}, ["outbox: EACCES"])).toBe("unknown: cannot be counted: outbox: EACCES · nothing to ship");
  });

  test("is not to be trusted where nobody but the shipper finds its data root", () => {
    const said =
      "critical: the shipper (pid 77) runs, but nobody else finds /data/episodes: its disk was unmounted, or that directory removed; what is recorded now does not reach it · nothing to ship; fix: mount its disk there again, then: sudo systemctl restart labfleet-shipper";
    expect(line({ shipper: { pid: 77 } }, ["episodes: ENOENT"], true)).toBe(said);
    expect(line({ shipper: { pid: 77, state: "starting" } }, ["episodes: ENOENT"], true)).toBe(
      "unknown: the shipper is starting · cannot be counted: episodes: ENOENT · nothing to ship",
    );
  });
});
