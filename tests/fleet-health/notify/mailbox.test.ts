// What waits for a channel, over runs every five minutes.

import { describe, expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { type Channel, isQuiet, isZone, parseClock, wants } from "../../../lib/fleet-health/notify/channel.ts";
import {
  emptyMailbox,
  type Mailbox,
  put,
  type Sent,
  settle,
  type Teller,
  take,
} from "../../../lib/fleet-health/notify/mailbox.ts";
import { HUB } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const CHANNEL: Channel = {
  ...{
    name: "ops",
    type: "webhook",
    url: "http://127.0.0.1:1",
    urlFile: null,
    tokenFile: null,
    caBundle: null,
    command: [],
  },
  ...{ mail: null, symptoms: null, hosts: null, quiet: null },
};

let sequence = 0;
const row = (change: string, more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: ++sequence, at: isoWall(NOON), host: "lab1", hosts: [], symptom: "silent", cause: "", change },
  ...{ told: true, since: isoWall(NOON), fired_at: isoWall(NOON), what: "it is silent", fix: null },
  ...more,
});

interface Run {
  rows?: IncidentRow[];
  /** How a try ends, if there is one. */
  sent?: Sent;
}

/** Runs every five minutes. @returns of each what was tried, as `id: change, change`, `wait` or `-`; the id without its time */
function play(runs: readonly Run[], channel = CHANNEL, fromMs = NOON): { tries: string[]; mailbox: Mailbox } {
  let mailbox = emptyMailbox(channel.name);
  const tries = runs.map(({ rows = [], sent = "taken" }, i) => {
    const nowMs = fromMs + i * 5 * MIN;
    const taken = take(put(mailbox, channel, rows), channel, nowMs);
    mailbox = taken.mailbox;
    if (taken.notice === null) return taken.isDue ? "wait" : "-";
    mailbox = settle(mailbox, sent, nowMs);
    return `${taken.notice.id.replace(`-${NOON}`, "")}: ${taken.notice.rows.map(({ change, host }) => `${host} ${change}`).join(", ")}`;
  });
  return { tries, mailbox };
}

test("a run tells once all that it has to tell", () => {
  sequence = 0;
  expect(
    play([{ rows: [row("firing"), row("firing", { host: "lab2" })] }, {}, { rows: [row("recovered")] }]).tries,
  ).toEqual(["ops-1-2: lab1 firing, lab2 firing", "-", "ops-3-3: lab1 recovered"]);
});

test("what was not to be told is not, and an end without a beginning neither", () => {
  sequence = 0;
  expect(
    play([{ rows: [row("firing", { told: false }), row("recovered"), row("returned", { symptom: "returned" })] }])
      .tries,
  ).toEqual(["ops-3-3: lab1 returned"]);
});

test("two checks of a host that fail since one run are two: each has its end", () => {
  const of = (change: string, cause: string) => row(change, { symptom: "check-failing", cause });
  const rows = [[of("firing", "raid"), of("firing", "swap")], [of("recovered", "raid")], [of("recovered", "swap")]];
  expect(play(rows.map((some) => ({ rows: some }))).tries.map((line) => line.split(": ")[1])).toEqual([
    ...["lab1 firing, lab1 firing", "lab1 recovered", "lab1 recovered"],
  ]);
  const { mailbox } = play([{ rows: [of("firing", "raid"), of("firing", "swap"), of("recovered", "raid")] }]);
  expect(mailbox.open).toHaveLength(1);
});

test("one beginning has one end: the next incident of the same host has its own", () => {
  sequence = 0;
  const later = { since: isoWall(NOON + MIN) };
  const rows = [row("firing"), row("recovered"), row("recovered"), row("firing", later), row("expired", later)];
  expect(play(rows.map((one) => ({ rows: [one] }))).tries.map((line) => line.split(": ")[1] ?? line)).toEqual([
    "lab1 firing",
    "lab1 recovered",
    "-",
    "lab1 firing",
    "lab1 expired",
  ]);
});

describe("the id of a notice", () => {
  const idOf = (more: Partial<IncidentRow>, from?: Teller, name = "ops"): string | undefined =>
    take(put(emptyMailbox(name), CHANNEL, [row("firing", { sequence: 3, ...more })]), CHANNEL, NOON, from).notice?.id;

  test("says who tells: two collectors have a channel of one name", () => {
    expect(idOf({}, { collector: "hub", store: null })).toBe(`ops-hub-${NOON}-3-3`);
    expect(idOf({}, { collector: "hub", store: "0123456789abcdef0123456789abcdef" })).toBe(
      `ops-0123456789ab-${NOON}-3-3`,
    );
    expect(idOf({}, { collector: "höb\n:x", store: null })).toBe(`ops-h_b__x-${NOON}-3-3`);
  });

  test("is another one when the history was begun anew", () => {
    expect(idOf({ at: isoWall(NOON + MIN) })).not.toBe(idOf({}));
  });

  test("stays, whatever is known of who tells when it is tried again", () => {
    const first = take(put(emptyMailbox("ops"), CHANNEL, [row("firing")]), CHANNEL, NOON, HUB);
    const again = take(first.mailbox, CHANNEL, NOON + MIN, { collector: "hub", store: "0123456789abcdef" });
    expect([again.notice?.id, again.notice?.isRetried]).toEqual([first.notice?.id, true]);
  });
});

describe("a channel that does not take it", () => {
  test("is tried again after 0, 5, 10, 20, … minutes, with all that has come meanwhile", () => {
    sequence = 0;
    const refused: Run = { sent: "refused" };
    const { tries } = play([
      { rows: [row("firing")], ...refused },
      { rows: [row("recovered")], ...refused },
      refused,
      refused,
      refused,
      {},
    ]);
    expect(tries).toEqual([
      "ops-1-1: lab1 firing",
      "ops-1-2: lab1 firing, lab1 recovered",
      "ops-1-2: lab1 firing, lab1 recovered",
      "wait",
      "ops-1-2: lab1 firing, lab1 recovered",
      "wait",
    ]);
  });

  test("or of whom nobody knows whether it did gets the same notice again, under the same id, before anything else", () => {
    sequence = 0;
    const { tries, mailbox } = play([{ rows: [row("firing")], sent: "unsure" }, { rows: [row("recovered")] }, {}, {}]);
    expect(tries).toEqual(["ops-1-1: lab1 firing", "ops-1-1: lab1 firing", "ops-2-2: lab1 recovered", "-"]);
    expect(mailbox).toEqual({ ...emptyMailbox("ops") });
  });

  test("and refuses it when it is tried again after that, gets it as it was all the same: it may have been taken the first time", () => {
    sequence = 0;
    const { tries } = play([
      { rows: [row("firing")], sent: "unsure" },
      { rows: [row("recovered")], sent: "refused" },
      {},
      {},
      {},
    ]);
    expect(tries).toEqual([
      "ops-1-1: lab1 firing",
      "ops-1-1: lab1 firing",
      "ops-1-1: lab1 firing",
      "ops-2-2: lab1 recovered",
      "-",
    ]);
  });
});

describe("a clock that is set back while a channel waits for its next try", () => {
  const failed = (times: number): Mailbox => {
    let box = put(emptyMailbox("ops"), CHANNEL, [row("firing")]);
    for (let i = 0; i < times; i++) box = settle(take(box, CHANNEL, NOON + i).mailbox, "refused", NOON);
    return box;
  };
  const isTried = (box: Mailbox, nowMs: number): boolean => take(box, CHANNEL, nowMs).notice !== null;

  test("keeps it waiting no longer than its failures cost", () => {
    const [twice, often] = [failed(2), { ...failed(2), failures: 9, nextTryMs: NOON + 60 * MIN }];
    const at = (minutes: number) => [isTried(twice, NOON + minutes * MIN), isTried(often, NOON + minutes * MIN)];
    expect([at(4), at(5), at(60)]).toEqual([
      [false, false],
      [true, false],
      [true, true],
    ]);
    expect([at(-1), at(-22 * 60), at(-364 * 24 * 60)]).toEqual(Array(3).fill([true, true]));
  });

  test("what fails then waits by the new time", () => {
    const before = NOON - 364 * 24 * 60 * MIN;
    const again = settle(take(failed(2), CHANNEL, before).mailbox, "refused", before);
    expect([again.failures, again.nextTryMs - before]).toEqual([3, 10 * MIN]);
  });
});

describe("more than a thousand rows", () => {
  const many = (change: string, from: number, to: number): IncidentRow[] =>
    Array.from({ length: to - from }, (_, i) => row(change, { host: `lab${from + i}` }));

  test("are told in more than one notice, and none is lost", () => {
    sequence = 0;
    const { tries, mailbox } = play([{ rows: many("firing", 0, 1190) }, {}, {}]);
    expect(tries.map((line) => [line.split(":")[0], line.split(",").length])).toEqual([
      ["ops-1-1000", 1000],
      ["ops-1001-1190", 190],
      ["-", 1],
    ]);
    expect(mailbox.open).toHaveLength(1190);
  });

  test("of a channel that is away: who began and ended meanwhile goes with both, and is counted; who stands is told", () => {
    sequence = 0;
    const down = put(put(emptyMailbox("ops"), CHANNEL, many("firing", 0, 1190)), CHANNEL, many("recovered", 0, 950));
    const { notice, mailbox } = take(down, CHANNEL, NOON);
    const counts = Object.fromEntries(
      [...Map.groupBy(notice?.rows ?? [], ({ change }) => change)].map(([change, rows]) => [change, rows.length]),
    );
    // 570 pairs have gone, the oldest.
    expect(counts).toEqual({ firing: 620, recovered: 380 });
    expect([notice?.dropped, mailbox.dropped, mailbox.waiting]).toEqual([570, undefined, []]);
    const told = new Set(notice?.rows.filter(({ change }) => change === "firing").map(({ host }) => host));
    expect(many("firing", 950, 1190).every(({ host }) => told.has(host))).toBe(true);
    expect(notice?.rows.filter(({ change, host }) => change === "recovered" && !told.has(host))).toEqual([]);
    expect(mailbox.open).toHaveLength(240);
    // Refused, that is said with the next try.
    const again = take(settle(mailbox, "refused", NOON), CHANNEL, NOON);
    expect([again.notice?.dropped, again.notice?.rows.length]).toEqual([570, 1000]);
    expect(settle(again.mailbox, "taken", NOON)).toEqual({ ...emptyMailbox("ops"), open: mailbox.open });
  });

  test("what was left out of a notice that is refused is counted with what was left out since", () => {
    const { mailbox } = take(put(emptyMailbox("ops"), CHANNEL, [row("firing")]), CHANNEL, NOON);
    const notice = mailbox.notice === null ? null : { ...mailbox.notice, dropped: 2 };
    expect(settle({ ...mailbox, notice, dropped: 3 }, "refused", NOON).dropped).toBe(5);
  });

  test("the end of what was told waits however many do, and so does what grew with it", () => {
    sequence = 0;
    const first = take(put(emptyMailbox("ops"), CHANNEL, many("firing", 0, 3)), CHANNEL, NOON);
    let box = settle(first.mailbox, "taken", NOON);
    box = put(box, CHANNEL, many("recovered", 0, 2));
    for (let day = 1; day <= 30; day++) {
      const later = { since: isoWall(NOON + day * MIN) };
      const rows = ["firing", "growing", "recovered"].flatMap((change) =>
        many(change, 0, 50).map((one) => ({ ...one, ...later })),
      );
      box = put(box, CHANNEL, rows);
    }
    expect(box.waiting.length).toBeLessThanOrEqual(1000);
    expect(box.waiting.slice(0, 2).map(({ host, change }) => `${host} ${change}`)).toEqual([
      "lab0 recovered",
      "lab1 recovered",
    ]);
    const groups = [...Map.groupBy(box.waiting.slice(2), ({ host, since }) => `${host} ${since}`).values()];
    expect(groups.every((rows) => rows.map(({ change }) => change).join() === "firing,growing,recovered")).toBe(true);
    expect(box.dropped).toBe(1500 - groups.length);
  });
});

describe("quiet hours", () => {
  const quiet = { from: 12 * 60, to: 12 * 60 + 10, zone: "UTC" };

  test("hold all back; what began and ended in them nobody hears", () => {
    sequence = 0;
    const { tries } = play(
      [{ rows: [row("firing"), row("firing", { host: "lab2" })] }, { rows: [row("recovered")] }, {}],
      { ...CHANNEL, quiet },
    );
    expect(tries).toEqual(["-", "-", "ops-2-2: lab2 firing"]);
  });

  test("an end of what was told before is told after", () => {
    sequence = 0;
    const { tries } = play(
      [{ rows: [row("firing")] }, { rows: [row("recovered")] }, {}, {}],
      { ...CHANNEL, quiet },
      NOON - 5 * MIN,
    );
    expect(tries).toEqual(["ops-1-1: lab1 firing", "-", "-", "ops-2-2: lab1 recovered"]);
  });

  test("are by the clock of their zone, over midnight too, and in both nights in which it is set", () => {
    const night = { from: 22 * 60, to: 7 * 60, zone: "Europe/Berlin" };
    const at = (iso: string): boolean => isQuiet(night, Date.parse(iso));
    expect(["2026-05-01T19:59Z", "2026-05-01T20:00Z", "2026-05-02T04:59Z", "2026-05-02T05:00Z"].map(at)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    // Set forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC.
    expect(["2026-03-28T20:59Z", "2026-03-28T21:00Z", "2026-03-29T04:59Z", "2026-03-29T05:00Z"].map(at)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(["2026-10-24T19:59Z", "2026-10-24T20:00Z", "2026-10-25T05:59Z", "2026-10-25T06:00Z"].map(at)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isQuiet(null, NOON)).toBe(false);
    expect(["7:05", "23:59", "24:00", "7:60", "7", ""].map(parseClock)).toEqual([425, 1439, null, null, null, null]);
    expect(["Europe/Berlin", "UTC", "Berlin", ""].map(isZone)).toEqual([true, true, false, false]);
  });
});

test("a channel hears of its symptoms and hosts; what is wrong with many, or with the collector, is of every host", () => {
  const of = (symptom: string, host: string) =>
    wants({ ...CHANNEL, symptoms: ["silent"], hosts: ["lab1"] }, { symptom, host });
  expect([
    of("silent", "lab1"),
    of("paused", "lab1"),
    of("silent", "lab2"),
    of("fleet-silent", "*"),
    of("silent", "@"),
  ]).toEqual([true, false, false, true, true]);
  expect(wants(CHANNEL, { symptom: "paused", host: "lab9" })).toBe(true);
});
