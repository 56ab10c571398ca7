// What is a heartbeat, and the words for what is none.

import { describe, expect, test } from "bun:test";
import { checkHeartbeat } from "../../../lib/receiver/heartbeats/wire.ts";
import { heartbeat, result } from "./support.ts";

const check = (body: unknown, host = "lab1") =>
  checkHeartbeat(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), host);

const full = result({
  long_text: "more",
  perfdata: [
    {
      label: "x",
      value: 1.5,
      uom: "s",
      warning: { inside: false, low: null, high: 3 },
      critical: null,
      min: 0,
      max: null,
    },
    { label: "y", value: null, uom: "", warning: null, critical: null, min: null, max: null },
  ],
  perf_errors: ["z="],
  notes: { exit_code: 2, timed_out: true, overlaps: -1, refresh_failed: "", mood: ["odd"] } as never,
});

test("a heartbeat with everything in it is one, and what we do not know is kept", () => {
  const body = heartbeat({
    results: [{ ...full, colour: "red" } as typeof full],
    queue: { pending: 1, outbox: 0, quarantined: 0, oldest_pending_s: null, paused_reason: null },
    plugins: [{ name: "nagios_runner", state: "skipped", reason: "no commands configured" }],
    moon: { phase: [1, 2] },
  });
  expect(check(body)).toEqual({ kind: "heartbeat", heartbeat: body });
});

const AT = "2026-05-01T12:00:00.000Z";
const PAUSE = { kind: "failing", reason: "r", detail: "d", fix: null, since: AT, next_try_at: AT };
const QUEUE = { pending: 1, outbox: 0, quarantined: 0, oldest_pending_s: null };
const ofQueue = (more: object) => heartbeat({ queue: { ...QUEUE, ...more } as never });

test("a queue of this release and one of an older agent are both one", () => {
  const group = { count: 1, reason: "r", since: AT };
  const whole = { quarantined_bytes: 1, expiring: 0, announcement: 0, unverified: null, paused_reason: "d" };
  for (const more of [
    { ...whole, paused: PAUSE, waiting: group, held: group },
    { ...whole, paused: { ...PAUSE, kind: "of a later release" }, waiting: null, held: null },
    { paused_reason: "no route" },
    { paused_reason: null },
    {},
  ]) {
    expect(check({ ...ofQueue(more), receiver_id: "a".repeat(32) }).kind).toBe("heartbeat");
  }
});

describe("a queue is bounded:", () => {
  const long = "x".repeat(2001);
  const group = (more: object) => ({ count: 1, reason: "r", since: AT, ...more });
  test.each<[string, object, string]>([
    ["its pause", { paused: { ...PAUSE, detail: long } }, "queue.paused.detail must be at most length 2000, found "],
    ["its remedy", { paused: { ...PAUSE, fix: long } }, "queue.paused.fix must be at most length 2000"],
    ["its pause's reason", { paused: { ...PAUSE, reason: long } }, "queue.paused.reason must be at most length 2000"],
    ["its pause's kind", { paused: { ...PAUSE, kind: "x".repeat(65) } }, "queue.paused.kind must be at most length 64"],
    [
      "when it is tried",
      { paused: { ...PAUSE, next_try_at: "soon" } },
      "queue.paused.next_try_at must be a time such as",
    ],
    ["since when", { paused: { ...PAUSE, since: 7 } }, "queue.paused.since must be a string, found 7"],
    ["what waits", { waiting: group({ reason: long }) }, "queue.waiting.reason must be at most length 2000"],
    ["since when it waits", { waiting: group({ since: "x" }) }, "queue.waiting.since must be a time such as"],
    ["what is held", { held: group({ reason: long }) }, "queue.held.reason must be at most length 2000"],
    ["how many are held", { held: group({ count: -1 }) }, "queue.held.count must be non-negative, found -1"],
    ["what expires", { expiring: "x" }, 'queue.expiring must be a number or null, found "x"'],
    ["an older pause", { paused_reason: "x".repeat(16_385) }, "queue.paused_reason must be at most length 16384"],
  ])("%s", (_, more, detail) => {
    expect(check(ofQueue(more))).toMatchObject({ kind: "refused", detail: expect.stringContaining(detail) });
  });
  test("whom it trusts is an id", () => {
    expect(check(heartbeat({ receiver_id: "A".repeat(32) }))).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("receiver_id must be an id of 32 hex digits"),
    });
    expect(check(heartbeat({ receiver_id: null })).kind).toBe("heartbeat");
    expect(check(heartbeat({ answered_by: "a".repeat(32) })).kind).toBe("heartbeat");
    expect(check(heartbeat({ answered_by: "me" }))).toMatchObject({
      detail: expect.stringContaining("answered_by must be an id of 32 hex digits"),
    });
  });
});

describe("is none, and says where, the rule and what was found:", () => {
  test.each([
    ["no JSON", "{", 'the body is not JSON, found "{"'],
    ["a list", [], "boot_id must be a string, found none; "],
    ["nothing", null, "the body must be an object, found null"],
    ["another host", heartbeat({ host_id: "lab2" }), 'host_id must be lab1, as in the path, found "lab2"'],
    ["no sequence", { ...heartbeat(), sequence: undefined }, "sequence must be a number, found none"],
    ["half a sequence", heartbeat({ sequence: 1.5 }), "sequence must be an integer, found 1.5"],
    ["a negative one", heartbeat({ sequence: -1 }), "sequence must be non-negative, found -1"],
    [
      "a sequence that is two things wrong",
      heartbeat({ sequence: -1.5 }),
      "sequence must be an integer and non-negative, found -1.5",
    ],
    [
      "a sequence that nobody can count on",
      heartbeat({ sequence: 2 ** 53 }),
      "sequence must be at most 9007199254740991",
    ],
    ["no interval", heartbeat({ interval_s: 0 }), "interval_s must be positive, found 0"],
    [
      "no time",
      heartbeat({ sent_at: "yesterday" }),
      'sent_at must be a time such as 2026-05-01T06:37:53Z, found "yesterday"',
    ],
    ["a day that is none", heartbeat({ sent_at: "2026-13-01T00:00:00Z" }), "sent_at must be a time such as"],
    [
      "a version that is none",
      heartbeat({ versions: { "a\nb": 4 as never } }),
      'versions["a\\nb"] must be a string, found 4',
    ],
    ["a queue that is none", heartbeat({ queue: 3 as never }), "queue must be an object or null, found 3"],
    [
      "another status",
      heartbeat({ results: [result(), result({ name: "b", status: "fine\nforged" as never })] }),
      'results[1].status must be "critical", "ok", "unknown" or "warning", found "fine\\nforged"',
    ],
    [
      "a range that is none",
      heartbeat({ results: [{ ...full, perfdata: [{ ...full.perfdata[0], warning: 3 } as never] }] }),
      "results[0].perfdata[0].warning must be an object or null, found 3",
    ],
    [
      "a note that no words can be made of",
      heartbeat({ results: [result({ notes: { refresh_failed: { toString: 1 } } as never })] }),
      "results[0].notes.refresh_failed must be a string, found an object",
    ],
    [
      "a name twice",
      heartbeat({ results: [result(), result()] }),
      'results[1].name must be unique, found "load" again',
    ],
    ["a long value", heartbeat({ sent_at: "x".repeat(1000) }), `found "${"x".repeat(60)}…"`],
  ])("%s", (_, body, detail) => {
    const answer = check(body);
    expect(answer).toMatchObject({ kind: "refused", reason: "malformed" });
    expect("detail" in answer ? answer.detail : "").toStartWith(detail.startsWith("found") ? "sent_at" : detail);
    expect("detail" in answer ? answer.detail : "").toContain(detail);
  });
  // JSON.stringify would write it as null.
  test.each([
    ['"uptime_s":1000', '"uptime_s":1e999', "uptime_s must be at most 9007199254740991, found Infinity"],
    [
      '"duration_ms":12',
      '"duration_ms":1e999',
      "results[0].duration_ms must be at most 9007199254740991, found Infinity",
    ],
    ['"value":1.5', '"value":-1e999', "results[0].perfdata[0].value must be finite, found -Infinity"],
    ['"high":3', '"high":1e999', "results[0].perfdata[0].warning.high must be finite, found Infinity"],
    ['"oldest_pending_s":3', '"oldest_pending_s":1e999', "queue.oldest_pending_s must be finite, found Infinity"],
  ])("a number too large for any: %s as %s", (text, large, detail) => {
    const queue = { pending: 1, outbox: 0, quarantined: 0, oldest_pending_s: 3, paused_reason: null };
    const body = JSON.stringify(heartbeat({ results: [full], queue }));
    expect(body).toContain(text);
    expect(check(body.replace(text, large))).toMatchObject({ kind: "refused", reason: "malformed", detail });
  });
  test("no UTF-8", () => {
    expect(checkHeartbeat(Uint8Array.of(0x22, 0xff, 0x22), "lab1")).toMatchObject({ detail: "the body is not UTF-8" });
  });
  test("three problems are named, the others counted", () => {
    const results = Array.from({ length: 2000 }, (_, n) => result({ name: `n${n}`, run: -1 }));
    const answer = check(heartbeat({ results }));
    expect("detail" in answer ? answer.detail : "").toEndWith(
      "results[2].run must be non-negative, found -1; and 1997 more",
    );
  });
  test.each([
    [62, "heartbeat"],
    [64, "refused"],
    [400_000, "refused"],
  ])("what is nested %i deep in a field that we do not know: %s", (levels, kind) => {
    const deep = `${"[".repeat(levels)}${"]".repeat(levels)}`;
    const answer = check(JSON.stringify(heartbeat()).replace('"queue":null', `"queue":null,"deep":${deep}`));
    expect(answer.kind).toBe(kind as typeof answer.kind);
    if (answer.kind === "refused") expect(answer.detail).toBe("the body is nested more than 64 deep");
  });
});
