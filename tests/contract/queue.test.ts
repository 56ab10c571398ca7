// The queue as a heartbeat carries it.

import { describe, expect, test } from "bun:test";
import {
  isQueueGroup,
  isQueuePause,
  QUEUE_TEXT_MAX,
  type QueuePause,
  type QueueReport,
  sentQueue,
} from "../../lib/contract/queue.ts";
import { checkHeartbeat } from "../../lib/receiver/heartbeats/wire.ts";
import { heartbeat } from "../receiver/heartbeats/support.ts";

const AT = "2026-05-01T05:12:00.000Z";
const PAUSE: QueuePause = { kind: "failing", reason: "r", detail: "d", fix: "f", since: AT, next_try_at: null };
const GROUP = { count: 1, reason: "g", since: AT };
const REPORT: QueueReport = {
  pending: 1,
  outbox: 2,
  quarantined: 3,
  quarantined_bytes: 4,
  expiring: 5,
  announcement: 6,
  unverified: 7,
  oldest_pending_s: 8,
  paused: PAUSE,
  waiting: GROUP,
  held: GROUP,
};

test("a report is sent whole, its pause also in the words that older receivers ask for", () => {
  expect(sentQueue(REPORT)).toEqual({ ...REPORT, paused_reason: "d" });
  expect(sentQueue({ ...REPORT, paused: null, waiting: null, held: null })).toMatchObject({
    paused: null,
    paused_reason: null,
    waiting: null,
    held: null,
  });
});

test("whatever the shipper says, the receiver takes it: texts are cut to what it allows", () => {
  const long = "x".repeat(QUEUE_TEXT_MAX + 1);
  const whole = "x".repeat(QUEUE_TEXT_MAX);
  const cut = `${"x".repeat(QUEUE_TEXT_MAX - 1)}…`;
  const of = (text: string): QueueReport => {
    const group = { ...GROUP, reason: text };
    return { ...REPORT, paused: { ...PAUSE, reason: text, detail: text, fix: text }, waiting: group, held: group };
  };
  expect(sentQueue(of(long))).toEqual({ ...sentQueue(of(cut)), paused_reason: cut });
  expect(sentQueue(of(whole))).toEqual({ ...of(whole), paused_reason: whole });
  const body = Buffer.from(JSON.stringify(heartbeat({ queue: sentQueue(of(long)) })));
  expect(checkHeartbeat(body, "lab1").kind).toBe("heartbeat");
});

describe("a pause or a group", () => {
  test.each([
    [{ ...PAUSE }, true],
    [{ ...PAUSE, fix: null, next_try_at: AT }, true],
    [{ ...PAUSE, since: "yesterday" }, false],
    [{ ...PAUSE, since: "2026-13-01T05:12:00Z" }, false],
    [{ ...PAUSE, next_try_at: "soon" }, false],
    [{ ...PAUSE, fix: undefined }, false],
    ["paused", false],
  ])("%j: %p", (value, is) => {
    expect(isQueuePause(value)).toBe(is);
  });
  test.each([
    [GROUP, true],
    [{ ...GROUP, count: "1" }, false],
    [{ ...GROUP, since: 7 }, false],
    [null, false],
  ])("%j: %p", (value, is) => {
    expect(isQueueGroup(value)).toBe(is);
  });
});
