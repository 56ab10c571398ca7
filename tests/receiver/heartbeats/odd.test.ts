// What is odd about how a result came about, and how old it was when it was first sent: literals in, what is shown out.

import { describe, expect, test } from "bun:test";
import type { CheckResult } from "../../../lib/contract/observation.ts";
import { hostView } from "../../../lib/fleet/host-view.ts";
import { withDuplicate } from "../../../lib/fleet/senders.ts";
import { nextStates } from "../../../lib/fleet/states.ts";
import { renderHost } from "../../../lib/fleet/table.ts";
import { briefOf, summarise } from "../../../lib/fleet/view.ts";
import { PENDING, result, storedAfter, T0 } from "./support.ts";

/** What mends a silence. */
const SPEAK =
  "; fix: switch the host on, or, where it is on, see why no heartbeat comes from it: on the lab host: sudo heartbeat status";

const summary = (results: CheckResult[], afterS = 0) =>
  withDuplicate(summarise(briefOf("lab1", storedAfter([results])), T0 + afterS * 1000), null);

/** An ok that the next run could not renew. */
const BROKEN = result({ name: "flag5", notes: { refresh_failed: "broken (exit code 77)" } });

describe("the list says, and calls no host worse for it, of", () => {
  test.each<[string, CheckResult[], string | null]>([
    ["an ok whose newest run failed", [BROKEN], "flag5: its newest run failed: broken (exit code 77)"],
    [
      "one that is still running when it is due again, and cannot be ended",
      [result({ name: "nfs", notes: { unkillable: true, overlaps: 2 } })],
      "nfs: SIGKILL did not end it; still running when it was due again, 2 times in a row",
    ],
    [
      "two of them, one",
      [result({ name: "a" }), BROKEN, result({ name: "nfs", notes: { overlaps: 1 } })],
      "flag5: its newest run failed: broken (exit code 77) (and 1 more)",
    ],
    [
      "nothing that only the host's own table has",
      [result({ notes: { truncated_bytes: 9, survivors_left: 1 } })],
      null,
    ],
  ])("%s", (_, results, problem) => {
    expect(summary(results)).toMatchObject({ worst: "ok", worst_hard: "ok", problem });
  });
  test("what is graver comes first", () => {
    expect(summary([BROKEN, result({ name: "disk", status: "critical", message: "full" })])).toMatchObject({
      worst: "critical",
      problem: "disk critical (soft, run 1): full; flag5: its newest run failed: broken (exit code 77)",
    });
  });
  test("one that is not ok has it behind its message, once", () => {
    const worse = { ...BROKEN, status: "warning", message: "hot" } as const;
    expect(summary([worse]).problem).toBe(
      "flag5 warning (soft, run 1): hot [its newest run failed: broken (exit code 77)]",
    );
    const waiting = { ...PENDING, notes: { pending: true, overlaps: 1 } } as const;
    expect(summary([waiting]).problem).toBe(
      "disk_smart unknown: waiting for its turn [still running when it was due again, once]",
    );
  });
  test("one that expired so has why", () => {
    expect(summary([BROKEN], 131)).toMatchObject({
      worst: "stale",
      problem: "flag5 stale, was ok [its newest run failed: broken (exit code 77)]",
    });
    // Of a host that is silent that is no news.
    expect(summary([BROKEN], 151).problem).toBe(`no heartbeat for 2min 31s${SPEAK}`);
  });
  test("a long reason as much as is kept of a message", () => {
    const brief = briefOf("lab1", storedAfter([[result({ notes: { refresh_failed: "x".repeat(5000) } })]]));
    expect(withDuplicate(summarise(brief, T0), null).problem).toBe(
      `load: its newest run failed: ${"x".repeat(160 - 23)}`,
    );
    expect(JSON.stringify(brief).length).toBeLessThan(600);
  });
});

test("the table of a host has all that is odd behind the message", () => {
  const odd = result({
    message: "fine",
    notes: { refresh_failed: "no\nroute", survivors_left: 1, survivors_killed: 2, truncated_bytes: 7, lossy: true },
  });
  expect(renderHost(withDuplicate(hostView("lab1", storedAfter([[odd]]), T0), null))).toContain(
    "load    ok      hard   0s   fine [its newest run failed: no\\u000aroute; left 1 process behind; left 2 processes behind, killed; 7 bytes of it left out; not UTF-8]\n",
  );
});

describe("a result that ran long before it was first sent", () => {
  // It ended at 08:40:47 and came at 12:00:00, in a heartbeat of that time.
  const ran = result({ started_at: "2026-05-01T08:40:45Z", duration_ms: 2000, ttl_s: 86_400 });
  const came = storedAfter([[ran]]);
  const shown = (document = came, afterS = 5) => hostView("lab1", document, T0 + afterS * 1000).heartbeat.results[0];
  const AGE = 3 * 3600 + 19 * 60 + 13;
  test("is as old as it is; it changed when it came", () => {
    expect(shown()).toMatchObject({ age_s: AGE + 5, since_wall: "2026-05-01T12:00:00.000000+00:00" });
    expect(renderHost(withDuplicate(hostView("lab1", came, T0 + 5000), null))).toContain(
      "load    ok      hard   3h 19min 18s  fine\n",
    );
  });
  test("is that old however often it is sent again", () => {
    // First two minutes earlier: that much less old then, and two minutes older since.
    expect(shown(storedAfter([[ran], [ran], [ran]]), 0)).toMatchObject({ age_s: AGE });
  });
  test("expires by when it came, not by when it ran", () => {
    expect(shown(came, 86_400)).toMatchObject({ status: "ok", stale: false, age_s: AGE + 86_400 });
    expect(shown(came, 86_401)).toMatchObject({ status: "stale", stale: true, age_s: AGE + 86_401 });
  });
  test("and came before this was counted is as old as it was then", () => {
    const states = nextStates([], [ran], { asOfMs: T0, sentMs: T0 }).map(({ lag_s: _, ...state }) => state);
    expect(shown(storedAfter([[ran]], { states }))).toMatchObject({ age_s: 5 });
  });
});
