// Hosts as an operator sees them: literals in, text out.

import { describe, expect, test } from "bun:test";
import type { StoredHeartbeat } from "../../lib/contract/host-document.ts";
import { hostView } from "../../lib/fleet/host-view.ts";
import { withDuplicate } from "../../lib/fleet/senders.ts";
import { renderHost, renderHosts } from "../../lib/fleet/table.ts";
import { briefOf, summarise, unreadableBrief } from "../../lib/fleet/view.ts";
import { heartbeat, PENDING, result, storedAfter, T0 } from "../receiver/heartbeats/support.ts";

const HOSTILE = result({ status: "critical", message: "no\u001b[31m room\n" });
const thrice = [1, 2, 3].map((run) => [{ ...HOSTILE, run }]);

test("all hosts", () => {
  const row = (host: string, stored: StoredHeartbeat, afterS: number) =>
    summarise(briefOf(host, stored), T0 + afterS * 1000);
  const rows = [
    row("a-longer-name", storedAfter(thrice), 7200),
    row("bad", storedAfter(thrice), 1),
    row("calm", storedAfter([[result()]]), 12),
    row("empty", storedAfter([[]]), 3),
    row("fresh", storedAfter([[PENDING]]), 3),
    summarise(unreadableBrief("torn", T0, "torn"), T0),
    row("fast", storedAfter([[result()]], { skew_s: 121 }), 0),
  ];
  expect(renderHosts(rows.map((row) => withDuplicate(row, null))).split("\n")).toEqual([
    "HOST           HEARTBEAT  WORST     WHAT IS WRONG",
    "a-longer-name  2h late    stale     no heartbeat for 2h; fix: switch the host on, or, where it is on, see why no heartbeat comes from it: on the lab host: sudo heartbeat status",
    "bad            1s         critical  load critical: no\\u001b[31m room\\u000a",
    "calm           12s        ok",
    "empty          3s         unknown   its heartbeat holds no result",
    "fresh          3s         unknown   disk_smart unknown: waiting for its turn",
    "torn           not known  unknown   its file cannot be read; its next heartbeat writes it anew",
    "fast           0s         ok        its clock is 2min 1s fast; fix: set it, or this collector's where that is the wrong one: on the lab host: sudo timedatectl set-ntp true",
    "",
  ]);
});

/** lab1 12 s after its heartbeat. */
const shown = (stored: StoredHeartbeat): string[] =>
  renderHost(withDuplicate(hostView("lab1", stored, T0 + 12_000), null)).split("\n");
const line = (stored: StoredHeartbeat, name: string): string | undefined =>
  shown(stored)
    .find((text) => text.startsWith(`${name} `))
    ?.slice(name.length)
    .trim();

test("one host; what came from outside neither breaks a line nor steers the terminal", () => {
  const said = heartbeat({
    results: [{ ...HOSTILE, run: 3 }],
    queue: { pending: 3, outbox: 1, quarantined: 1, oldest_pending_s: 7200, paused_reason: "401\u001b[2J" },
    plugins: [
      { name: "load", state: "loaded", reason: null },
      { name: "nagios_runner", state: "skipped", reason: "no commands\nconfigured" },
      { name: "mine", state: "failed", reason: null },
    ],
  });
  expect(shown(storedAfter(thrice, { heartbeat: said }))).toEqual([
    "host       lab1",
    "heartbeat  12s ago, number 1, every 60 s",
    "up         16min 40s",
    "clock      0s: as this one",
    "queue      3 to ship, oldest 2h, 1 quarantined, PAUSED",
    "paused     401\\u001b[2J",
    "versions   heartbeat 0.1.0",
    "worst      critical",
    "wrong      load critical: no\\u001b[31m room\\u000a; queue paused: 401\\u001b[2J",
    "",
    "RESULT  STATUS    STATE  AGE  MESSAGE",
    "load    critical  hard   12s  no\\u001b[31m room\\u000a",
    "",
    "PLUGIN         STATE    WHY",
    "nagios_runner  skipped  no commands\\u000aconfigured",
    "mine           failed   no reason given",
    "",
  ]);
});

test("one host that checks nothing: that is said where its results would stand", () => {
  expect(shown(storedAfter([[]])).slice(-5)).toEqual([
    "worst      unknown",
    "wrong      its heartbeat holds no result",
    "",
    "its heartbeat holds no result: nobody knows how it is",
    "",
  ]);
});

describe("a result's state", () => {
  const rows = (...heartbeats: Parameters<typeof storedAfter>[0]) => {
    const text = renderHost(withDuplicate(hostView("lab1", storedAfter(heartbeats), T0), null)).split("\n\n")[1] ?? "";
    return text
      .trimEnd()
      .split("\n")
      .map((row) => row.split(/ {2,}/))
      .slice(1);
  };
  const smart = (status: "ok" | "critical", run: number, ttl_s = 130) =>
    ({ ...PENDING, status, run, ttl_s, notes: {} }) as const;
  test.each([
    ["waits for its first run", [[PENDING]], ["unknown", "pending", "0s"]],
    ["waits again", [[smart("ok", 1)], [{ ...PENDING, run: 2 }]], ["unknown", "pending (was ok)", "1min"]],
    [
      "waits for too long",
      [[smart("ok", 1)], [{ ...PENDING, run: 2, ttl_s: 50 }]],
      ["stale (was ok)", "pending", "1min"],
    ],
    ["failed once", [[smart("ok", 1)], [smart("critical", 2)]], ["critical", "soft", "0s"]],
    ["failed at its first run", [[PENDING], [smart("critical", 1)]], ["critical", "soft", "0s"]],
    ["ran well at last", [[PENDING], [smart("ok", 1)]], ["ok", "hard", "0s"]],
  ])("%s", (_, heartbeats, [status, state, age]) => {
    expect(rows(...heartbeats)).toEqual([["disk_smart", status, state, age, "waiting for its turn"]] as string[][]);
  });
  test("flaps", () => {
    const runs = [..."ocococo"].map((letter, n) => [smart(letter === "o" ? "ok" : "critical", n + 1)]);
    expect(rows(...runs, [smart("critical", 8)])[0]?.[2]).toBe("soft, flapping");
  });
});

describe("the line of", () => {
  test.each([
    [null, "not known"],
    [0, "0s: as this one"],
    [1, "1s ahead"],
    [-1, "1s behind"],
    [120, "2min ahead"],
    [121, "2min 1s fast, OFF"],
    [-7200, "2h slow, OFF"],
  ])("the clock: %p s is %s", (skew_s, text) => {
    expect(line(storedAfter([[result()]], { skew_s }), "clock")).toBe(text);
  });
  test("a heartbeat that had lain in the spool", () => {
    expect(line(storedAfter([[]], { late_s: 7200 }), "heartbeat")).toBe(
      "12s ago, 2h old when it came, number 1, every 60 s",
    );
  });
});
