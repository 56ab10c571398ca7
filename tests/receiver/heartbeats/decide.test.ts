// Which heartbeat is the latest: a table of hosts whose clocks, sequences and boots are wrong in turn.

import { describe, expect, test } from "bun:test";
import type { SeenBoot } from "../../../lib/contract/host-document.ts";
import { decideHeld, decidePlace, hostOfPath, judgeClock, POLICY } from "../../../lib/receiver/heartbeats/decide.ts";

const at = (time: string): number => Date.parse(`2026-05-01T${time}Z`);

function beat(boot: string, sequence: number, uptime: number, sent: string) {
  return { boot_id: boot, sequence, uptime_s: uptime, sent_at: sent, interval_s: 60 };
}

const known = (seen: SeenBoot[], latest: ReturnType<typeof beat>, received = "12:00:00") => ({
  heartbeat: latest,
  seen,
  received_at_wall: `2026-05-01T${received}.000000+00:00`,
});

/** Boot a is over; boot b is at its number 100. */
const KNOWN = known(
  [
    {
      boot_id: "b",
      ranges: [
        [50, 97],
        [100, 100],
      ],
    },
    { boot_id: "a", ranges: [[10, 20]] },
  ],
  beat("b", 100, 6000, "2026-05-01T12:00:00Z"),
);

describe("a heartbeat is", () => {
  test.each([
    ["stored: the first of its host", null, beat("x", 7, 1, "2026-05-01T12:01:00Z"), true, "stored"],
    ["stored: the next one", KNOWN, beat("b", 101, 6060, "2026-05-01T12:01:00Z"), true, "stored"],
    ["stored: after a gap", KNOWN, beat("b", 140, 8400, "2026-05-01T12:40:00Z"), true, "stored"],
    [
      "stored: after the clock was set back by years",
      KNOWN,
      beat("b", 101, 6060, "1970-01-01T00:01:00Z"),
      true,
      "stored",
    ],
    [
      "stored: the next one, without a Date header",
      KNOWN,
      beat("b", 101, 6060, "1970-01-01T00:01:00Z"),
      null,
      "stored",
    ],
    [
      "stored: from the spool, newer than the latest",
      KNOWN,
      beat("b", 101, 6060, "2026-05-01T12:01:00Z"),
      false,
      "stored",
    ],
    ["duplicate: the latest again", KNOWN, beat("b", 100, 6000, "2026-05-01T12:00:00Z"), true, "duplicate"],
    ["duplicate: an earlier one again", KNOWN, beat("b", 60, 3600, "2026-05-01T11:20:00Z"), false, "duplicate"],
    ["duplicate: one of the boot before again", KNOWN, beat("a", 15, 900, "2026-05-01T09:00:00Z"), false, "duplicate"],
    ["old: one of this boot from the spool", KNOWN, beat("b", 98, 5880, "2026-05-01T11:58:00Z"), false, "old"],
    ["old: one of a boot that is over", KNOWN, beat("a", 21, 1300, "2026-05-01T09:10:00Z"), false, "old"],
    [
      "old: of a boot that is over, by a clock that ran ahead",
      KNOWN,
      beat("a", 21, 1300, "2035-05-01T09:10:00Z"),
      false,
      "old",
    ],
    ["old: of a boot we never heard of", KNOWN, beat("z", 30, 100, "2026-05-01T10:00:00Z"), false, "old"],
    ["stored: a new boot", KNOWN, beat("c", 101, 20, "2026-05-01T12:05:00Z"), true, "stored"],
    ["stored: a new boot with a clock of 1970", KNOWN, beat("c", 101, 20, "1970-01-01T00:00:20Z"), true, "stored"],
    ["stored: installed anew, new boot, number 1", KNOWN, beat("c", 1, 20, "2026-05-01T12:05:00Z"), true, "stored"],
    [
      "stored: installed anew, new boot, number 1, clock of 1970",
      KNOWN,
      beat("c", 1, 20, "1970-01-01T00:00:20Z"),
      true,
      "stored",
    ],
    ["stored: installed anew in the same boot", KNOWN, beat("b", 1, 6100, "2026-05-01T12:02:00Z"), true, "stored"],
    [
      "stored: installed anew in the same boot, at a number it had",
      KNOWN,
      beat("b", 60, 6100, "2026-05-01T12:02:00Z"),
      true,
      "stored",
    ],
    ["stored: the same without a Date header", KNOWN, beat("b", 60, 6100, "2026-05-01T12:02:00Z"), null, "stored"],
    [
      "stored: a container that started again in the boot of its machine",
      KNOWN,
      beat("b", 101, 5, "2026-05-01T12:02:00Z"),
      true,
      "stored",
    ],
    [
      "stored: such a container, installed anew at a number it had",
      KNOWN,
      beat("b", 60, 5, "2026-05-01T12:02:00Z"),
      true,
      "stored",
    ],
    [
      "stored: installed anew, without a Date header, later",
      KNOWN,
      beat("c", 1, 20, "2026-05-01T12:02:00Z"),
      null,
      "stored",
    ],
  ] as const)("%s", (_, before, heartbeat, live, place) => {
    expect(decidePlace(before, { heartbeat, live, nowMs: at("12:02:00") })).toBe(place);
  });

  describe("live, and its body was slow:", () => {
    // The latest is number 100 of boot b, uptime 6000, sent at 12:00:00.
    const [earlier, same, later] = ["2026-05-01T11:59:59Z", "2026-05-01T12:00:00Z", "2026-05-01T12:00:01Z"];
    test.each([
      ["overtaken by the next one", beat("b", 99, 5999, earlier), "old"],
      ["overtaken within its second", beat("b", 99, 6000, same), "old"],
      ["overtaken, and its clock stood still", beat("b", 99, 5999, same), "old"],
      ["overtaken by one of an agent that was installed anew", beat("b", 4000, 5999, earlier), "old"],
      ["the next one within a second", beat("b", 101, 6000, same), "stored"],
      ["the next one after the clock was set back", beat("b", 101, 6001, earlier), "stored"],
      ["installed anew, the clock set back", beat("b", 1, 6001, earlier), "stored"],
      ["a container that started again", beat("b", 101, 5, later), "stored"],
      ["installed anew within a second", beat("b", 1, 6000, later), "stored"],
      ["another boot by an earlier clock", beat("c", 99, 5, earlier), "stored"],
    ] as const)("%s", (_, heartbeat, place) => {
      const begun = known([{ boot_id: "b", ranges: [[100, 100]] }], KNOWN.heartbeat);
      expect(decidePlace(begun, { heartbeat, live: true, nowMs: at("11:59:59") })).toBe(place);
    });
    test("never held back for ever: nothing newer came for three intervals", () => {
      // A container that started again in the boot of its machine, after the clock was set back by years.
      const container = beat("b", 101, 5, "1970-01-01T00:00:20Z");
      expect(decidePlace(KNOWN, { heartbeat: container, live: true, nowMs: at("12:03:00") })).toBe("old");
      expect(decidePlace(KNOWN, { heartbeat: container, live: true, nowMs: at("12:03:01") })).toBe("stored");
      // What came before the latest is no silence after it, however long it took.
      expect(decidePlace(KNOWN, { heartbeat: container, live: true, nowMs: at("11:00:00") })).toBe("old");
    });
  });

  test("within a boot, where it is not later by uptime: the next of the same second, or after three intervals of silence", () => {
    const next = beat("b", 101, 6000, "2026-05-01T12:00:00Z");
    expect(decidePlace(KNOWN, { heartbeat: next, live: false, nowMs: at("12:00:01") })).toBe("stored");
    const container = beat("b", 101, 5, "1970-01-01T00:00:20Z");
    expect(decidePlace(KNOWN, { heartbeat: container, live: null, nowMs: at("12:03:00") })).toBe("old");
    expect(decidePlace(KNOWN, { heartbeat: container, live: null, nowMs: at("12:03:01") })).toBe("stored");
  });
  test("stored, though the clock of the latest was in the future", () => {
    const future = known([{ boot_id: "b", ranges: [[100, 100]] }], beat("b", 100, 6000, "2035-01-01T00:00:00Z"));
    const anew = beat("c", 1, 20, "2026-05-01T12:02:00Z");
    expect(decidePlace(future, { heartbeat: anew, live: null, nowMs: at("12:02:00") })).toBe("stored");
  });
  test("never held back for ever: where nothing else tells, three intervals of silence do", () => {
    const anew = beat("c", 1, 20, "1970-01-01T00:00:20Z");
    expect(decidePlace(KNOWN, { heartbeat: anew, live: null, nowMs: at("12:03:00") })).toBe("old");
    expect(decidePlace(KNOWN, { heartbeat: anew, live: null, nowMs: at("12:03:01") })).toBe("stored");
    // Nor when the latest came by a clock of the collector that ran a year ahead and was set back.
    const ahead = { ...KNOWN, received_at_wall: "2027-05-01T12:00:00.000000+00:00" };
    expect(decidePlace(ahead, { heartbeat: anew, live: null, nowMs: at("12:00:30") })).toBe("stored");
    // One that says that it is from the spool waits for the live one behind it.
    expect(decidePlace(KNOWN, { heartbeat: anew, live: false, nowMs: at("12:03:01") })).toBe("old");
  });
});

describe("the host's clock", () => {
  const now = at("12:00:00");
  test.each([
    ["right", "12:00:00", now, { live: true, lateS: 0, skewS: 0 }],
    ["right, cut to whole seconds", "12:00:00.900", now, { live: true, lateS: 0, skewS: 0 }],
    ["half an interval ago: tried again", "11:59:30", now, { live: true, lateS: 30, skewS: 0 }],
    ["longer ago: it lay in the spool", "11:59:29", now, { live: false, lateS: 31, skewS: 0 }],
    ["ten minutes fast, spooled for an hour", "11:10:00", now + 600_000, { live: false, lateS: 3600, skewS: 600 }],
    ["set back since it was taken", "12:30:00", now, { live: false, lateS: 0, skewS: 0 }],
    ["not told", "11:00:00", null, { live: null, lateS: 0, skewS: null }],
  ] as const)("is %s", (_, sent, date, facts) => {
    expect(judgeClock(at(sent), date, now, 60)).toEqual(facts);
  });
  test("tells a live heartbeat of a host without a clock", () => {
    expect(judgeClock(20_000, 21_000, now, 60)).toEqual({ live: true, lateS: 1, skewS: 21 - now / 1000 });
  });
  test.each([0, 10, 500, 999])("is right, though its header is cut off to whole seconds, at %i ms of one", (ms) => {
    expect(judgeClock(now + ms, now, now + ms, 60)).toEqual({ live: true, lateS: 0, skewS: 0 });
  });
  test.each([
    // A Date header has whole seconds, so what was sent in the same moment may seem to be up to a second off, either way.
    [1, -2001, false],
    [1, -2000, true],
    [1, 2000, true],
    [1, 2001, false],
    // Half an interval after, where that is longer, the next one is not due.
    [60, 30_000, true],
    [60, 30_001, false],
  ])("of an interval of %d s, sent after %d ms: live is %p", (intervalS, lainMs, live) => {
    expect(judgeClock(1_000_000, 1_000_000 + lainMs, 1_000_000, intervalS).live).toBe(live);
  });

  test("may say anything: a heartbeat is never older than can be reckoned with", () => {
    const sent = Date.parse("0000-01-01T00:00:00Z");
    const facts = judgeClock(sent, Date.parse("Sat, 13 Sep 275760 00:00:00 GMT"), now, 60);
    expect(facts).toMatchObject({ live: false, lateS: POLICY.oldestS });
    expect(Number.isFinite(new Date(now - facts.lateS * 1000).getTime())).toBe(true);
  });
});

test.each([
  ["/v1/heartbeats/lab1", "lab1"],
  ["/v1/heartbeats/lab%31", "lab1"],
  ["/v1/heartbeats/lab%2531", null],
  ["/v1/heartbeats/%2e%2e", null],
  ["/v1/heartbeats/a%2Fb", null],
  ["/v1/heartbeats/a/b", null],
  ["/v1/heartbeats/lab1/", null],
  ["/v1/heartbeats/", null],
  ["/v1/heartbeats/%zz", null],
  ["/v1/heartbeats/a%00", null],
  ["/v1/other/lab1", null],
])("the host of %s is %p", (path, host) => {
  expect(hostOfPath(path, "/v1/heartbeats/")).toBe(host);
});

test("bodies are held up to a limit", () => {
  expect(decideHeld(POLICY.heldBytes - 10, 10)).toBeNull();
  expect(decideHeld(POLICY.heldBytes - 10, 11)).toMatchObject({ reason: "too-many-uploads", retryAfterS: 5 });
});
