// What became of uploads, by literals.

import { describe, expect, test } from "bun:test";
import type { AttemptRow } from "../../../lib/contract/attempt-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { uploadsOf } from "../../../lib/fleet-health/judge/uploads.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;

const row = (minute: number, status: number, reason: string, what?: "heartbeat"): AttemptRow => ({
  ...{ at: isoWall(NOON + minute * MIN), host_id: "lab1", episode_id: "ep", status, reason, bytes: 1 },
  ...{ code_commit: null, remote: "a:1", ...(what && { what }) },
});
/** The recent window begins at noon. */
const of = (...rows: AttemptRow[]) => {
  const { taken, refused, takenMs, failed, unable } = uploadsOf(rows, NOON).get("lab1") ?? {
    ...{ taken: 0, refused: new Map(), takenMs: null, failed: [], unable: [] },
  };
  return {
    ...{ taken, refused: Object.fromEntries(refused), takenMs: takenMs === null ? null : (takenMs - NOON) / MIN },
    ...{ failed: failed.map(({ ms }) => (ms - NOON) / MIN), unable: unable.map(({ ms }) => (ms - NOON) / MIN) },
  };
};

describe("uploads", () => {
  test("of the window are counted, those before it are known to have been taken or refused", () => {
    expect(of(row(-1, 201, "stored"), row(0, 412, "commit-not-accepted"))).toEqual({
      ...{ taken: 0, refused: { "commit-not-accepted": 1 }, takenMs: -1, failed: [0], unable: [] },
    });
    expect(of(row(-1, 412, "commit-not-accepted"), row(0, 200, "duplicate"))).toEqual({
      ...{ taken: 1, refused: {}, takenMs: 0, failed: [], unable: [] },
    });
  });

  test("that were refused before one was taken have failed no more", () => {
    expect(of(row(1, 413, "too-large"), row(2, 201, "stored"), row(3, 413, "too-large")).failed).toEqual([3]);
  });

  test("that a client went away from are none, and heartbeats neither", () => {
    expect(of(row(1, 499, "client-gone"), row(2, 422, "malformed", "heartbeat"))).toMatchObject({
      ...{ taken: 0, refused: {}, failed: [] },
    });
  });

  test("that met the collector's own fault say nothing of themselves", () => {
    const reasons = ["disk-full", "stopping", "too-many-uploads", "too-slow", "internal", "not-ready"];
    expect(of(...reasons.map((reason, i) => row(i, 503, reason))).failed).toEqual([]);
  });
});

describe("what the collector could not take", () => {
  test("is of the window, heartbeats too, and over with the next upload that is taken", () => {
    expect(
      of(row(-1, 500, "internal"), row(1, 500, "internal"), row(2, 500, "storage-failed", "heartbeat")).unable,
    ).toEqual([1, 2]);
    expect(of(row(1, 500, "internal"), row(2, 201, "stored")).unable).toEqual([]);
    expect(of(row(1, 507, "disk-full")).unable).toEqual([]);
  });
});
