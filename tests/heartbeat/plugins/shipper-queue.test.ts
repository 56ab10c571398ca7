import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { QueueReport } from "../../../lib/core/heartbeat.ts";
import { observe as judge, type QueueView, queue, readQueue } from "../../../lib/heartbeat/plugins/shipper-queue.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { figures, lines, observe } from "./support.ts";

const NOW_MS = Date.parse("2026-05-01T06:00:00Z");
const LIVE = {
  pid: process.pid,
  at: "2026-05-01T05:59:58.000Z",
  pending: 3,
  packed: 1,
  sending: 1,
  retrying: 0,
  held: [],
  held_count: 0,
  recording: 1,
  oldest_pending_s: 120,
  paused: null,
  disk_low: false,
};

function places(files: readonly string[], live: unknown = null) {
  const base = tempDir();
  for (const file of files) {
    mkdirSync(join(base, "data", dirname(file)), { recursive: true });
    writeFileSync(join(base, "data", file), "");
  }
  mkdirSync(join(base, "run"));
  if (live !== null)
    writeFileSync(join(base, "run/status.json"), typeof live === "string" ? live : JSON.stringify(live));
  return { dataRoot: join(base, "data"), runDir: join(base, "run") };
}

const FILES = [
  "episodes/a/done.marker",
  "episodes/b/x",
  "episodes/.hidden/x",
  "outbox/a.tar.zst",
  "outbox/a.json",
  "quarantine/q/x",
  "quarantine/note",
];

test("what the shipper says, and what lies on the disk", async () => {
  expect(await readQueue(places(FILES, LIVE), NOW_MS)).toEqual({
    running: true,
    pending: 3,
    outbox: 1,
    quarantined: 1,
    oldest_pending_s: 120,
    paused_reason: null,
    held: 0,
    disk_low: false,
    status_age_s: 2,
    unreadable: [],
  });
});

test("the heartbeat's queue is told at each collection", async () => {
  const reports: (QueueReport | null)[] = [];
  const plugin = queue(
    places(FILES, LIVE),
    (report) => reports.push(report),
    () => NOW_MS,
  );
  expect(lines(await observe(plugin))).toEqual([
    "- warning: 3 to ship, oldest 2min, 1 in quarantine: shipper status shows why",
  ]);
  expect(reports).toEqual([{ pending: 3, outbox: 1, quarantined: 1, oldest_pending_s: 120, paused_reason: null }]);
});

test("without a shipper all that lies there waits, and that is critical", async () => {
  const view = await readQueue(places(FILES.slice(0, 5)), NOW_MS);
  expect(view).toMatchObject({ running: false, pending: 2, oldest_pending_s: null, status_age_s: null });
  const plugin = queue(places(["episodes/a/x", "outbox/.keep", "quarantine/.keep"]));
  expect(lines(await observe(plugin))).toEqual([
    "- critical: the shipper does not run: systemctl status labfleet-shipper, 1 to ship",
  ]);
});

test("no data root: no shipper was ever here", async () => {
  let report: QueueReport | null | undefined;
  const plugin = queue({ dataRoot: "/no/such/root", runDir: "/no/such/run" }, (given) => {
    report = given;
  });
  expect(lines(await observe(plugin))).toEqual(["- ok: no shipper's data at /no/such/root"]);
  expect(report).toBeNull();
});

test.each([
  ["torn", "{"],
  ["of another kind", "[7]"],
  [
    "with wrong types",
    { pid: "x", at: 7, pending: "many", oldest_pending_s: null, paused: "yes", held_count: {}, disk_low: 1 },
  ],
])("a status file that is %s says nothing, and spoils nothing", async (_, live) => {
  expect(await readQueue(places(FILES, live), NOW_MS)).toMatchObject({
    running: false,
    pending: 2,
    oldest_pending_s: null,
    paused_reason: null,
    held: 0,
    disk_low: false,
    status_age_s: null,
  });
});

test("a directory that cannot be counted is said", async () => {
  const view = await readQueue(places(["episodes/a/x", "quarantine", "outbox/.keep"], LIVE), NOW_MS);
  expect(view?.unreadable).toEqual(["quarantine: ENOTDIR"]);
});

const FINE: QueueView = {
  running: true,
  pending: 0,
  outbox: 0,
  quarantined: 0,
  oldest_pending_s: null,
  paused_reason: null,
  held: 0,
  disk_low: false,
  status_age_s: 1,
  unreadable: [],
};

test.each<[Partial<QueueView>, string]>([
  [{}, "ok: nothing to ship"],
  [{ pending: 2, oldest_pending_s: 21_600 }, "ok: 2 to ship, oldest 6h"],
  [{ pending: 2, oldest_pending_s: 21_601 }, "warning: 2 to ship, oldest 6h 1s"],
  [{ pending: 2, oldest_pending_s: 86_401 }, "critical: 2 to ship, oldest 1d 1s"],
  [{ paused_reason: "401: the token is wrong" }, "critical: PAUSED: 401: the token is wrong, nothing to ship"],
  [{ disk_low: true }, "warning: disk low, packing waits, nothing to ship"],
  [{ held: 1 }, "warning: nothing to ship, 1 held: shipper status shows why"],
  [{ status_age_s: 601 }, "warning: the shipper has said nothing for 10min 1s, nothing to ship"],
  [{ running: false }, "warning: the shipper does not run: systemctl status labfleet-shipper, nothing to ship"],
  [{ unreadable: ["outbox: EACCES"] }, "unknown: cannot be counted: outbox: EACCES, nothing to ship"],
])("%p", (more, line) => {
  const seen = judge({ ...FINE, ...more });
  expect(`${seen.status}: ${seen.message}`).toBe(line);
  expect(figures(seen).pending).toBe(more.pending ?? 0);
});

test("a report of a process that is no shipper, or a pipe in its place, is no sign of life and holds nobody up", async () => {
  const ofInit = places(FILES.slice(0, 5), { ...LIVE, pid: 1 });
  expect(await readQueue(ofInit, NOW_MS)).toMatchObject({ running: false });
  const piped = places(FILES.slice(0, 5));
  expect(Bun.spawnSync(["mkfifo", join(piped.runDir, "status.json")]).exitCode).toBe(0);
  expect(await readQueue(piped, NOW_MS)).toMatchObject({ running: false, pending: 2 });
});
