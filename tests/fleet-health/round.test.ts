// One run after another over what was read: who is watched, what each run leaves for the next, and what stands in the history.

import { describe, expect, test } from "bun:test";
import type { AttemptRow } from "../../lib/contract/attempt-row.ts";
import type { IncidentRow } from "../../lib/contract/incident-row.ts";
import type { Tick } from "../../lib/contract/tick.ts";
import { isoWall } from "../../lib/core/clock.ts";
import { inWords } from "../../lib/core/finding.ts";
import { type HostSummary, unknownSummary } from "../../lib/fleet/view.ts";
import { parseFleetHealthConfig } from "../../lib/fleet-health/config.ts";
import { type Hosts, NO_HOSTS } from "../../lib/fleet-health/hosts/hosts.ts";
import { begunBy, withoutFuture } from "../../lib/fleet-health/inputs.ts";
import { blindRound, goneOf, type Read, round } from "../../lib/fleet-health/round.ts";
import { restoredState } from "../../lib/fleet-health/state/restore.ts";
import type { IndexState, State } from "../../lib/fleet-health/state/state.ts";
import { factsWith, hostsWith } from "./support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const HOUR = 60 * MIN;
const CONFIG = parseFleetHealthConfig("", "collector.toml").config;

/** An index with the newest row of each host. */
function indexOf(hosts: Readonly<Record<string, number>>): IndexState {
  const seen = Object.entries(hosts).map(([host, ms]) => {
    const mark = { text: isoWall(ms), micros: ms * 1000 };
    return [host, { any: mark, own: mark }] as const;
  });
  const checkpoint = { device: 1, inode: 1, offset: 1, head: "", before: "" };
  return { checkpoint, seen: new Map(seen), sinceMicros: null };
}

const attempt = (host_id: string, atMs: number, status = 200, reason = "stored"): AttemptRow => ({
  ...{ at: isoWall(atMs), host_id, episode_id: "ep", status, reason, bytes: 1, code_commit: null, remote: "a:1" },
});

function read(nowMs: number, hosts: Readonly<Record<string, number>>, more: Partial<Read> = {}): Read {
  return {
    ...{ nowMs, index: indexOf(hosts), refusals: { kind: "attempts", rows: [], doubt: null }, hosts: NO_HOSTS },
    ...{ lastSequence: 0, ticks: [], orders: { silences: [], retiredMs: new Map() }, doubts: [] },
    ...more,
  };
}

/** Runs every five minutes. @returns the rows of all, as `12:35 lab1 silent pending`, and what the last one left */
function play(reads: readonly Read[]): { rows: string[]; state: State } {
  let state: State | null = null;
  const rows: string[] = [];
  const numbers: number[] = [];
  for (const one of reads) {
    state = round(CONFIG, state, one);
    numbers.push(...state.rows.map(({ sequence }) => sequence));
    rows.push(
      ...state.rows.map(({ at, host, symptom, change, told }) => {
        return `${at.slice(11, 16)} ${host} ${symptom} ${change}${told ? " told" : ""}`;
      }),
    );
  }
  if (state === null) throw new Error("no run");
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  expect(state.sequence).toBe(numbers.length);
  return { rows, state };
}

const every5 = (from: number, count: number, readAt: (nowMs: number) => Read): Read[] =>
  Array.from({ length: count }, (_, i) => readAt(from + i * 5 * MIN));

test("a host that has gone silent is in the history from pending to recovered", () => {
  const ships = [NOON, NOON + 60 * MIN + 1];
  const reads = every5(NOON + 30 * MIN, 9, (nowMs) => read(nowMs, { lab1: ships.findLast((ms) => ms < nowMs) ?? 0 }));
  expect(play(reads).rows).toEqual([
    "12:35 lab1 silent pending",
    "12:45 lab1 silent firing",
    "12:45 lab1 silent firing told",
    "13:05 lab1 silent recovering",
    "13:10 lab1 silent recovered told",
  ]);
});

test("an upload that was answered with success is a sign of life in later runs too, which do not read it again", () => {
  const reads = every5(NOON + 40 * MIN, 3, (nowMs) =>
    read(
      nowMs,
      { lab1: NOON },
      nowMs > NOON + 40 * MIN
        ? {}
        : { refusals: { kind: "attempts", rows: [attempt("lab1", NOON + 35 * MIN, 200, "duplicate")], doubt: null } },
    ),
  );
  const { rows, state } = play(reads);
  expect(rows).toEqual([]);
  expect(state.past.get("lab1")?.takenMs).toBe(NOON + 35 * MIN);
});

test("refusals of the recent window count, and those before it do not", () => {
  const refused = (atMs: number) => Array.from({ length: 10 }, () => attempt("lab1", atMs, 412, "commit-not-accepted"));
  const of = (atMs: number) =>
    play(
      every5(NOON, 3, (nowMs) =>
        read(nowMs, { lab1: nowMs }, { refusals: { kind: "attempts", rows: refused(atMs), doubt: null } }),
      ),
    ).rows.length;
  expect([of(NOON - 20 * MIN), of(NOON - 21 * MIN)]).toEqual([3, 2]);
});

describe("who is watched", () => {
  test("a host is watched for two weeks, and then told once that it is not any more", () => {
    const shipped = NOON - 14 * 24 * HOUR + 20 * MIN;
    const { rows, state } = play(every5(NOON, 6, (nowMs) => read(nowMs, { lab1: shipped })));
    expect(rows).toEqual([
      "12:00 lab1 silent pending",
      "12:10 lab1 silent firing",
      "12:10 lab1 silent firing told",
      "12:25 lab1 silent expired told",
    ]);
    expect(state.watch.incidents).toEqual([]);
  });

  test("a retired one is not, until it ships again, which is told once", () => {
    const orders = { silences: [], retiredMs: new Map([["lab4", NOON + 12 * MIN]]) };
    const ships = [NOON - HOUR, NOON + 23 * MIN];
    const reads = every5(NOON, 9, (nowMs) =>
      read(nowMs, { lab4: ships.findLast((ms) => ms < nowMs) ?? 0 }, nowMs > NOON + 12 * MIN ? { orders } : {}),
    );
    const { rows, state } = play(reads);
    expect(rows.filter((row) => row.endsWith("told"))).toEqual([
      "12:10 lab4 silent firing told",
      "12:15 lab4 silent retired told",
      "12:25 lab4 returned returned told",
    ]);
    expect(state.retired).toEqual([]);
  });

  test("many are one incident by the share of those that are watched", () => {
    const ill = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`lab${i}`, NOON - 31 * MIN]));
    const old = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`gone${i}`, NOON - 30 * 24 * HOUR]));
    const well = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, NOON]));
    const told = (hosts: Record<string, number>) =>
      play([read(NOON, hosts)]).rows.filter((row) => row.endsWith("told"));
    expect(told({ ...ill, ...old, ...well(20) })).toEqual(["12:00 * fleet-silent firing told"]);
    expect(told({ ...ill, ...old, ...well(21) })).toEqual([]);
  });
});

describe("what could not be read", () => {
  const doubts = [{ about: "journal", what: "the journal may not be read", fix: null }];

  test("is told at once, and its symptoms stay as they were", () => {
    const rows = Array.from({ length: 10 }, () => attempt("lab1", NOON, 412, "commit-not-accepted"));
    const reads = every5(NOON, 8, (nowMs) => {
      const isBlind = nowMs >= NOON + 15 * MIN && nowMs < NOON + 25 * MIN;
      return read(
        nowMs,
        { lab1: nowMs },
        isBlind
          ? { refusals: { kind: "unknown", why: doubts[0] ?? { what: "", fix: null } }, doubts }
          : { refusals: { kind: "attempts", rows: nowMs < NOON + 15 * MIN ? rows : [], doubt: null } },
      );
    });
    expect(play(reads).rows.filter((row) => row.endsWith("told"))).toEqual([
      "12:10 lab1 fatal-only firing told",
      "12:15 @ detector-blind firing told",
      "12:30 lab1 fatal-only recovered told",
      "12:30 @ detector-blind recovered told",
    ]);
  });

  test("a journal of a Python receiver names no reason: its hosts are judged by the Python fleet's rule alone", () => {
    const journal: Read["refusals"] = { kind: "journal", text: "", doubt: null };
    const { rows } = play([read(NOON, { lab1: NOON }, { refusals: journal })]);
    expect(rows).toEqual([]);
  });
});

test("a host may have a name that every object knows", () => {
  const { rows } = play(every5(NOON + 31 * MIN, 1, (nowMs) => read(nowMs, { constructor: NOON, toString: nowMs })));
  expect(rows).toEqual(["12:31 constructor silent pending"]);
});

test("nobody is silent or down within five minutes, however low the threshold is", () => {
  const config = { ...CONFIG, thresholds: { ...CONFIG.thresholds, silentThresholdMin: 1 } };
  const isIll = (ageMs: number) => round(config, null, read(NOON, { lab1: NOON - ageMs })).rows.length > 0;
  expect([isIll(5 * MIN), isIll(5 * MIN + 1)]).toEqual([false, true]);
});

test("a queue that fails is paused after a quarter of an hour, and not before", () => {
  const since = (ms: number): string[] => {
    const paused = { kind: "failing", reason: "5xx", detail: "d", since: isoWall(NOON - ms), fix: null };
    const queue = {
      ...{ pending: 1, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null },
      ...{ unverified: 0, oldest_pending_s: null, paused, waiting: null, held: null },
    };
    const times = { received_at_wall: isoWall(NOON), sent_at: isoWall(NOON), age_s: 0, late_s: 0 };
    const beat = { ...unknownSummary("lab1"), ...times, stale: false, never: false, queue } as HostSummary;
    return play([read(NOON, { lab1: NOON }, { hosts: hostsWith([beat]) })]).rows.filter((row) => row.endsWith("told"));
  };
  expect([since(15 * MIN - 1), since(15 * MIN)]).toEqual([[], ["12:00 lab1 paused firing told"]]);
});

test("a host that ships less often than others has a time of its own", () => {
  const daily = { ...CONFIG, silentAfterMs: { lab1: 26 * HOUR } };
  const at = (hours: number) => round(daily, null, read(NOON, { lab1: NOON - hours * HOUR })).watch.incidents.length;
  expect([at(26), at(26.1)]).toEqual([0, 1]);
});

describe("the collector's own time", () => {
  const at = (clock: string): number => {
    const [hours = 0, minutes = 0, seconds = 0] = clock.split(":").map(Number);
    return Date.UTC(2026, 4, 1, hours, minutes, seconds);
  };
  const within =
    (from: string, to: string) =>
    (ms: number): boolean =>
      ms >= at(from) && ms < at(to);
  const never = (): boolean => false;

  interface Night {
    /** When the whole machine was off, the receiver alone down, or unable to store. */
    off?: (ms: number) => boolean;
    down?: (ms: number) => boolean;
    full?: (ms: number) => boolean;
  }

  /** A night in which lab7 ships last at 01:50, and six others do so at 01:55 and again from 04:03 on. @returns what was told before a clock */
  function night({ off = never, down = never, full = never }: Night, before: string): string[] {
    const ticks = Array.from({ length: 6 * 60 }, (_, i) => at("00:00:20") + i * MIN)
      .filter((ms) => !off(ms) && !down(ms))
      .map((wallMs, sequence): Tick => {
        const boot = off === never || wallMs < at("03:00") ? "a" : "b";
        return { sequence, wallMs, boot, uptimeS: wallMs / 1000, isReady: !full(wallMs) };
      });
    const others = ["a", "b", "c", "d", "e", "f"];
    const reads = every5(at("00:00"), 72, (nowMs) => {
      const last = nowMs < at("01:55") ? nowMs : nowMs < at("04:03") ? at("01:55") : nowMs;
      const index = { lab7: Math.min(nowMs, at("01:50")), ...Object.fromEntries(others.map((host) => [host, last])) };
      return read(nowMs, index, { ticks: ticks.filter(({ wallMs }) => wallMs <= nowMs) });
    });
    const rows = play(reads.filter(({ nowMs }) => !off(nowMs))).rows;
    return rows.filter((row) => row.endsWith("told") && row.slice(0, 5) < before);
  }

  test("a machine that was off for two hours: a word of that, and only the host that stays away is silent", () => {
    expect(night({ off: within("02:00", "04:00") }, "05:00")).toEqual([
      "04:05 @ collector-gap noted told",
      "04:35 lab7 silent firing told",
    ]);
  });

  test("a receiver alone that was down for two hours: told while it lasts, and no word of it after", () => {
    expect(night({ down: within("02:01", "04:01") }, "05:00")).toEqual([
      "02:05 @ collector-down firing told",
      "04:05 @ collector-down recovered told",
      "04:35 lab7 silent firing told",
    ]);
  });

  test("a restart of the receiver is no news", () => {
    expect(night({ down: within("01:00", "01:01") }, "02:00")).toEqual([]);
  });

  test("what only ticks tell stays while they cannot be read", () => {
    const ticks = [{ sequence: 1, wallMs: NOON, boot: "a", uptimeS: 1, isReady: true }];
    const unread = (nowMs: number) => nowMs === NOON + 20 * MIN;
    const reads = every5(NOON, 7, (nowMs) =>
      read(
        nowMs,
        {},
        unread(nowMs)
          ? { ticks: [], areTicksUnread: true, doubts: [{ about: "ticks", what: "ticks", fix: null }] }
          : { ticks },
      ),
    );
    expect(play(reads).rows.filter((one) => one.endsWith("told"))).toEqual([
      "12:05 @ collector-down firing told",
      "12:20 @ detector-blind firing told",
      "12:30 @ detector-blind recovered told",
    ]);
  });

  test("a disk that is full is told as that, by what was refused for it, until it stores again", () => {
    const ticks = Array.from({ length: 60 }, (_, i): Tick => {
      const wallMs = NOON + i * MIN;
      return { sequence: i, wallMs, boot: "a", uptimeS: wallMs / 1000, isReady: i < 10 || i >= 50 };
    });
    const reads = (minute: number) =>
      every5(NOON, 12, (nowMs) => {
        const fullMs = NOON + minute * MIN;
        const rows = nowMs >= fullMs ? [attempt("lab1", fullMs, 507, "disk-full")] : [];
        return read(
          nowMs,
          { lab1: NOON },
          {
            ticks: ticks.filter(({ wallMs }) => wallMs <= nowMs),
            refusals: { kind: "attempts", rows, doubt: null },
          },
        );
      });
    const told = (minute: number) =>
      play(reads(minute)).rows.filter((row) => row.includes(" @ ") && row.endsWith("told"));
    expect(told(9)).toEqual(["12:10 @ collector-full firing told", "12:50 @ collector-full recovered told"]);
    // What it was told as first it stays.
    expect(told(12)).toEqual(["12:10 @ collector-failing firing told", "12:50 @ collector-failing recovered told"]);
  });

  test("what was refused for want of room a quarter of an hour ago is not why nothing is stored now", () => {
    const ticks = [{ sequence: 1, wallMs: NOON, boot: "a", uptimeS: 1, isReady: false }];
    const symptom = (ageMs: number) => {
      const rows = [attempt("lab1", NOON - ageMs, 507, "disk-full")];
      const one = read(NOON, { lab1: NOON }, { ticks, refusals: { kind: "attempts", rows, doubt: null } });
      return play([one]).rows.find((row) => row.endsWith("told"));
    };
    expect([symptom(15 * MIN - 1), symptom(15 * MIN)]).toEqual([
      "12:00 @ collector-full firing told",
      "12:00 @ collector-failing firing told",
    ]);
  });

  test("a receiver that cannot store is told at once, and until it can nobody is silent", () => {
    expect(night({ full: within("02:00", "04:00") }, "05:00")).toEqual([
      "02:05 @ collector-failing firing told",
      "04:05 @ collector-failing recovered told",
      "04:35 lab7 silent firing told",
    ]);
  });
});

test("a receiver that cannot store is told with why, as it says, or with what says it", () => {
  const tick: Tick = { sequence: 1, wallMs: NOON, boot: "a", uptimeS: 60, isReady: false };
  const told = (notReady?: Read["notReady"]) =>
    round(CONFIG, null, read(NOON, {}, { ticks: [tick], ...(notReady !== undefined && { notReady }) })).rows.map(
      ({ change, what, fix }) => `${change} ${what}; ${fix}`,
    );
  const what = "its receiver runs and cannot store, so that hosts keep what they have";
  expect(told()).toContain(`firing ${what}; sudo receiver status`);
  const why = { what: "22.1 MiB free, below the reserve of 1.0 GiB", fix: null };
  expect(told(why)).toContain(`firing ${what}: 22.1 MiB free, below the reserve of 1.0 GiB; sudo receiver status`);
  expect(told({ ...why, fix: inWords("make room") })).toContain(
    `firing ${what}: 22.1 MiB free, below the reserve of 1.0 GiB; make room`,
  );
});

test("a disk below the reserve is full, whether somebody has sent something since or not", () => {
  const tick: Tick = { sequence: 1, wallMs: NOON, boot: "a", uptimeS: 60, isReady: false };
  const symptoms = (isFull: boolean) => {
    const notReady = { what: "22.1 MiB free, below the reserve of 1.0 GiB", fix: null, isFull };
    return round(CONFIG, null, read(NOON, {}, { ticks: [tick], notReady })).watch.incidents.map(
      ({ symptom }) => symptom,
    );
  };
  expect([symptoms(true), symptoms(false)]).toEqual([["collector-full"], ["collector-failing"]]);
});

test("a clock that is set back an hour makes nobody silent who ships, and nobody well who does not", () => {
  const stepMs = NOON + 60 * MIN;
  const clockOf = (ms: number): number => (ms < stepMs ? ms : ms - HOUR);
  const reads = every5(NOON, 45, (ms) => {
    const ticks = Array.from({ length: (ms - NOON) / MIN }, (_, i): Tick => {
      const at = NOON + i * MIN + 20_000;
      return { sequence: i, wallMs: clockOf(at), boot: "a", uptimeS: at / 1000, isReady: true };
    });
    return read(clockOf(ms), { lab1: NOON + 10 * MIN, lab2: clockOf(ms - MIN) }, { ticks });
  });
  expect(play(reads).rows.filter((row) => row.endsWith("told"))).toEqual(["12:55 lab1 silent firing told"]);
});

test("what is remembered of the index is what stands in whole lines", () => {
  const whole = indexOf({ lab1: NOON }).seen;
  const { state } = play([read(NOON, {}, { index: { ...indexOf({ lab1: NOON + 1 }), whole } })]);
  expect(state.index.seen.get("lab1")?.own?.micros).toBe(NOON * 1000);
});

test("a silence that was said before the clock was set back holds, for no longer than it was meant to", () => {
  const silence = { host: "lab1", symptom: null, fromMs: NOON, untilMs: NOON + 4 * HOUR, reason: "" };
  const from = (hours: number): number => (begunBy(silence, NOON + hours * HOUR).fromMs - NOON) / HOUR;
  expect([-4.1, -4, -0.5, -0.01, 1].map(from)).toEqual([0, -4, -0.5, 0, 0]);
});

test("a code that two machines have is told at once, stays while that cannot be read, and is over with it", () => {
  const again = { at: isoWall(NOON), remote: "10.0.0.9:4" };
  const at = (minute: number, usedTwice: Hosts["usedTwice"]): Read =>
    read(NOON + minute * MIN, {}, { hosts: { ...NO_HOSTS, usedTwice } });
  const seen = new Map([["lab1", again]]);
  const { rows, state } = play([at(0, seen), at(5, seen), at(10, null), at(15, seen), at(20, new Map())]);
  expect(rows).toEqual([
    "12:00 lab1 code-used-twice firing",
    "12:00 lab1 code-used-twice firing told",
    "12:20 lab1 code-used-twice recovered told",
  ]);
  expect(state.rows[0]).toMatchObject({
    what: "a code that lab1 was enrolled with was sent again, with another token, from 10.0.0.9:4: two machines have it",
    fix: "if lab1 is not the machine that it was meant for: sudo receiver token revoke lab1 --all",
  });
});

describe("a clock that is set back", () => {
  const told = (reads: readonly Read[]): string[] => play(reads).rows.filter((row) => row.endsWith("told"));
  const refused = (nowMs: number, seen: Record<string, number>, rows: readonly AttemptRow[]): Read => {
    const recent = rows.filter(({ at }) => Date.parse(at) <= nowMs && Date.parse(at) > nowMs - 30 * MIN);
    return read(nowMs, seen, { refusals: { kind: "attempts", rows: recent, doubt: null } });
  };

  test("ends no refusals by an upload of before them; one of after does, once its time was shown once", () => {
    const rows = Array.from({ length: 15 }, (_, i) =>
      attempt("lab1", NOON + (i + 1) * MIN, 412, "commit-not-accepted"),
    );
    const before = { lab1: NOON - 24 * HOUR };
    const ill = every5(NOON + 16 * MIN, 4, (nowMs) => refused(nowMs, before, rows));
    const back = every5(NOON - 150 * MIN, 40, (nowMs) => refused(nowMs, before, rows));
    expect(told([...ill, ...back]).filter((row) => row.includes("fatal-only"))).toEqual([
      "12:26 lab1 fatal-only firing told",
    ]);
    const mended = every5(NOON + 50 * MIN, 3, (nowMs) => refused(nowMs, { lab1: NOON + 46 * MIN }, rows));
    expect(told([...ill, ...back, ...mended]).filter((row) => row.includes("fatal-only"))).toEqual([
      "12:26 lab1 fatal-only firing told",
      "12:55 lab1 fatal-only recovered told",
    ]);
  });

  test("makes nobody well whose last upload its time catches up with, where no ticks tell", () => {
    // It shipped at 12:00 by a clock that was two hours ahead, and is dead since.
    const seen = { lab1: NOON };
    const ahead = every5(NOON + 1 * MIN, 2, (nowMs) => read(nowMs, { ...seen, lab2: nowMs }));
    const back = every5(NOON - 110 * MIN, 40, (nowMs) => read(nowMs, { ...seen, lab2: nowMs }));
    const mine = told([...ahead, ...back]).filter((row) => row.includes("lab1"));
    expect(mine).toEqual([expect.stringMatching(/^1[01]:\d\d lab1 silent firing told$/)]);
    const ships = read(NOON + 95 * MIN, { lab1: NOON + 91 * MIN, lab2: NOON + 91 * MIN });
    const again = read(NOON + 100 * MIN, { lab1: NOON + 96 * MIN, lab2: NOON + 96 * MIN });
    expect(told([...ahead, ...back, ships, again]).at(-1)).toBe("13:40 lab1 silent recovered told");
  });

  test("ends nothing where the state was lost, too", () => {
    const row: IncidentRow = {
      ...{ sequence: 3, at: isoWall(NOON + 40 * MIN), host: "lab1", hosts: [], symptom: "silent", cause: "not known" },
      ...{ change: "firing", told: true, since: isoWall(NOON + 30 * MIN), fired_at: isoWall(NOON + 40 * MIN) },
      ...{ began: isoWall(NOON), what: "w", fix: null },
    };
    let state: State | null = restoredState([row], NOON - 60 * MIN);
    for (let minute = -60; minute < 0; minute += 5) {
      state = round(CONFIG, state, read(NOON + minute * MIN, { lab1: NOON }));
      expect(state.rows, String(minute)).toEqual([]);
    }
    expect(state?.watch.incidents.map(({ phase }) => phase)).toEqual(["firing"]);
  });

  test("is remembered by a run that could not look", () => {
    const orders = { silences: [], retiredMs: new Map() };
    const { state } = play([read(NOON, { lab1: NOON })]);
    const blind = blindRound(state, { what: "the index is not there", fix: null }, { nowMs: NOON - 60 * MIN, orders });
    expect(blind.setBacks).toEqual([{ fromMs: NOON + 5 * MIN, toMs: NOON - 60 * MIN, attempts: {} }]);
    expect(round(CONFIG, blind, read(NOON - 55 * MIN, { lab1: NOON })).setBacks).toEqual(blind.setBacks);
  });
});

test("a pause that was told is not over because a heartbeat was late in between", () => {
  const paused = () => ({
    ...{ kind: "misconfigured", reason: "unauthorized", detail: "no token", fix: null, next_try_at: null },
    since: isoWall(NOON - HOUR),
  });
  const beat = (nowMs: number, isLate: boolean): HostSummary => ({
    ...unknownSummary("lab1"),
    ...{ age_s: isLate ? 600 : 5, late_s: 0, late_after_s: 180, stale: isLate, never: false, sent_at: isoWall(nowMs) },
    queue: {
      ...{
        pending: 1,
        outbox: 0,
        quarantined: 0,
        quarantined_bytes: 0,
        expiring: 0,
        announcement: null,
        unverified: 0,
      },
      ...{ oldest_pending_s: 60, paused: paused(), waiting: null, held: null },
    },
  });
  const at = (minute: number, isLate = false): Read =>
    read(NOON + minute * MIN, {}, { hosts: hostsWith([beat(NOON + minute * MIN, isLate)]) });
  const { rows } = play([at(0), at(5), at(10, true), at(15), at(17), at(20)]);
  const beginning = ["12:05 lab1 paused firing", "12:05 lab1 paused firing told"];
  expect(rows.filter((row) => row.includes("paused"))).toEqual(beginning);
  // Then the shipper is stopped: nobody says any more that its queue is paused, or that it is not.
  const stopped = (minute: number, shipped = {}): Read => {
    const nowMs = NOON + minute * MIN;
    return read(nowMs, shipped, { hosts: hostsWith([{ ...beat(nowMs, false), queue: null }]) });
  };
  const after = (...reads: Read[]) => play([at(0), at(5), ...reads]).rows.filter((row) => row.includes("paused"));
  expect(after(stopped(10), stopped(15), stopped(20))).toEqual(beginning);
  const ships = { lab1: NOON + 12 * MIN };
  expect(after(stopped(10), stopped(15, ships), stopped(20, ships)).at(-1)).toBe("12:20 lab1 paused recovered told");
});

test("who was refused with others, and got something through, is refused alone the next time", () => {
  const names = Array.from({ length: 10 }, (_, i) => `lab${i}`);
  const refused = (host: string, atMs: number, reason = "commit-not-accepted") => attempt(host, atMs, 412, reason);
  const at = (nowMs: number, rows: AttemptRow[]): Read =>
    read(nowMs, {}, { refusals: { kind: "attempts", rows, doubt: null } });
  const together = names.map((host) => refused(host, NOON - MIN));
  const through = [...together, attempt("lab3", NOON + 4 * MIN)];
  const first = play([at(NOON, together), ...every5(NOON + 5 * MIN, 3, (nowMs) => at(nowMs, through))]);
  expect(first.rows.filter((row) => row.endsWith("told"))).toEqual(["12:00 * fleet-fatal-only firing told"]);
  const one = refused("lab3", NOON + 60 * MIN, "digest-mismatch");
  const kept = (nowMs: number) =>
    at(nowMs, [...names.map((host) => refused(host, nowMs)).filter(({ host_id }) => host_id !== "lab3"), one]);
  const reads = [
    at(NOON, together),
    ...every5(NOON + 5 * MIN, 3, (nowMs) => at(nowMs, through)),
    ...every5(NOON + 61 * MIN, 4, kept),
  ];
  expect(play(reads).rows.filter((row) => row.includes("lab3 fatal-only firing"))).toEqual([]);
});

describe("hosts of whom nothing is known any more", () => {
  const ill = every5(NOON + 31 * MIN, 3, (nowMs) => read(nowMs, { lab1: NOON, lab2: nowMs }));

  test("are not well by that: what stands of them stays", () => {
    const { rows, state } = play([...ill, ...every5(NOON + 46 * MIN, 3, (nowMs) => read(nowMs, { lab2: nowMs }))]);
    expect(rows.filter((row) => row.endsWith("told"))).toEqual(["12:41 lab1 silent firing told"]);
    expect(state.watch.incidents).toMatchObject([{ host: "lab1", phase: "firing" }]);
  });

  test("are silent when they ship no more, though no row says any more when they did", () => {
    const gone = every5(NOON + 5 * MIN, 9, (nowMs) => read(nowMs, { lab2: nowMs }));
    const { rows } = play([read(NOON, { lab1: NOON - 1, lab2: NOON }), ...gone]);
    expect(rows).toEqual(["12:30 lab1 silent pending", "12:40 lab1 silent firing", "12:40 lab1 silent firing told"]);
  });

  test("have not shipped at a time that has yet to come", () => {
    const gone = every5(NOON + 5 * MIN, 9, (nowMs) => read(nowMs, { lab2: nowMs }));
    const { state } = play([read(NOON, { lab1: NOON + 24 * HOUR, lab2: NOON }), ...gone]);
    expect(state.past.get("lab1")?.takenMs ?? null).toBeNull();
  });

  test("are watched no more when nothing was heard of them for as long as of any other", () => {
    const hours = Array.from({ length: 14 * 24 }, (_, i) => NOON + (i + 1) * HOUR);
    const later = hours.map((nowMs) => read(nowMs, { lab2: nowMs }));
    expect(play([...ill, ...later]).rows.filter((row) => row.endsWith("told"))).toEqual([
      "12:41 lab1 silent firing told",
    ]);
    const last = read(NOON + 14 * 24 * HOUR + 5 * MIN, { lab2: NOON + 14 * 24 * HOUR });
    expect(play([...ill, ...later, last]).rows.at(-1)).toBe("12:05 lab1 silent expired told");
  });

  test("and neither are all of them when this clock is set back", () => {
    const back = read(NOON - 60 * MIN, { lab1: NOON, lab2: NOON - 60 * MIN });
    const after = read(NOON - 55 * MIN, { lab1: NOON, lab2: NOON - 55 * MIN });
    expect(play([...ill, back, after]).rows.filter((row) => row.endsWith("told"))).toEqual([
      "12:41 lab1 silent firing told",
    ]);
  });

  test("but one that was retired before is watched no more, whether anything is known of it or not", () => {
    const orders = { silences: [], retiredMs: new Map([["lab1", NOON + 45 * MIN]]) };
    const { rows } = play([...ill, read(NOON + 46 * MIN, { lab2: NOON + 46 * MIN }, { orders })]);
    expect(rows.at(-1)).toBe("12:46 lab1 silent retired told");
  });

  test("names that no host can have are none", () => {
    expect(play([read(NOON, { "*": NOON - 60 * MIN, "@": NOON - 60 * MIN, "a b": NOON - 60 * MIN })]).rows).toEqual([]);
  });
});

test("a run that cannot look at all is told, once, and ends nothing", () => {
  const before = play(every5(NOON + 31 * MIN, 3, (nowMs) => read(nowMs, { lab1: NOON }))).state;
  const orders = { silences: [], retiredMs: new Map() };
  const first = blindRound(before, { what: "the index is not there", fix: null }, { nowMs: NOON + 46 * MIN, orders });
  expect(
    first.rows.map(({ sequence, host, symptom, change, told }) => [sequence, host, symptom, change, told]),
  ).toEqual([
    [4, "@", "detector-blind", "firing", false],
    [5, "@", "detector-blind", "firing", true],
  ]);
  expect(first.watch.incidents.map(({ symptom, phase }) => `${symptom} ${phase}`)).toEqual([
    "silent firing",
    "detector-blind firing",
  ]);
  expect(
    blindRound(first, { what: "the index is not there", fix: null }, { nowMs: NOON + 51 * MIN, orders }).rows,
  ).toEqual([]);
});

test("a heartbeat that cannot be read ends nothing that it has said, and begins nothing; what ships is silent no more", () => {
  const beat = (clock_off: boolean): HostSummary => ({
    ...{ ...unknownSummary("lab1"), age_s: 5, late_after_s: 150, stale: false, never: false, clock_off },
    problem: clock_off ? { what: "its clock is off", fix: null } : null,
  });
  const told = (...all: ("off" | "on" | "unread")[]): string[] =>
    play(
      all.map((how, i) => {
        const nowMs = NOON + i * 5 * MIN;
        const unread = { hosts: hostsWith([], { unread: new Set(["lab1"]) }) };
        return read(
          nowMs,
          { lab1: NOON - 3 * 60 * MIN },
          how === "unread" ? unread : { hosts: hostsWith([beat(how === "off")]) },
        );
      }),
    ).rows.filter((one) => one.endsWith("told"));
  const fired = "12:10 lab1 clock-skew firing told";
  expect(told("off", "off", "off", "unread", "unread", "unread", "off").filter((one) => one.includes("clock"))).toEqual(
    [fired],
  );
  expect(told("off", "off", "off", "unread", "on", "on").filter((one) => one.includes("clock"))).toEqual([
    ...[fired, "12:25 lab1 clock-skew recovered told"],
  ]);
  expect(told("unread", "unread", "unread", "unread")).toEqual([]);
  const shipping = every5(NOON + 60 * MIN, 6, (nowMs) =>
    nowMs < NOON + 75 * MIN
      ? read(nowMs, { lab1: NOON }, { hosts: hostsWith([]) })
      : read(nowMs, { lab1: nowMs }, { hosts: hostsWith([], { unread: new Set(["lab1"]) }) }),
  );
  expect(play(shipping).rows.filter((one) => one.endsWith("told"))).toEqual([
    ...["13:10 lab1 silent firing told", "13:20 lab1 silent recovered told"],
  ]);
});

test("what ships is silent, down or paused no more, though no heartbeat can be read at all; what does not is as it was", () => {
  const late = (nowMs: number): HostSummary => ({
    ...{ ...unknownSummary("lab2"), received_at_wall: isoWall(NOON), age_s: (nowMs - NOON) / 1000, late_after_s: 150 },
    stale: nowMs > NOON + 150_000,
  });
  const told = (back: boolean): string[] =>
    play(
      every5(NOON + 31 * MIN, 8, (nowMs) => {
        const isBlind = nowMs > NOON + 45 * MIN;
        const shippedMs = back && isBlind ? NOON + 45 * MIN : NOON;
        return read(nowMs, { lab1: shippedMs, lab2: shippedMs }, { hosts: isBlind ? null : hostsWith([late(nowMs)]) });
      }),
    ).rows.filter((row) => row.endsWith("told"));
  const fired = ["12:41 lab1 silent firing told", "12:41 lab2 host-down firing told"];
  expect(told(false)).toEqual(fired);
  expect(told(true)).toEqual([...fired, "12:51 lab1 silent recovered told", "12:51 lab2 host-down recovered told"]);
});

test("on a machine that was started a moment ago the receiver is not down yet", () => {
  const ticks: Tick[] = [{ sequence: 1, wallMs: NOON - 8 * MIN, boot: "a", uptimeS: 1, isReady: true }];
  const at = (upMs: number) => play([read(NOON - 9 * MIN, {}), read(NOON, {}, { ticks, upMs })]).rows;
  expect(at(3 * MIN)).toEqual([]);
  expect(at(3 * MIN + 1)).toContain("12:00 @ collector-down firing told");
});

test("a receiver that is down has not run for a minute less than since it said so last, at the least", () => {
  const ticks: Tick[] = [{ sequence: 1, wallMs: NOON - 193_000, boot: "a", uptimeS: 1, isReady: true }];
  const { state } = play([read(NOON - 5 * MIN, {}, { ticks: [] }), read(NOON, {}, { ticks })]);
  expect(state.rows.map(({ what }) => what)).toContain(
    "its receiver has not run for at least 2min 13s: nothing can come from any host",
  );
});

test("what else could not be read is not over by a run that cannot look at all", () => {
  const orders = { silences: [], retiredMs: new Map() };
  const doubts = [{ about: "journal", what: "no journal", fix: null }];
  const before = play([read(NOON, { lab1: NOON }, { doubts })]).state;
  const first = blindRound(before, { what: "the index is not there", fix: null }, { nowMs: NOON + 5 * MIN, orders });
  const second = blindRound(first, { what: "the index is not there", fix: null }, { nowMs: NOON + 10 * MIN, orders });
  expect(second.rows).toEqual([]);
  expect(second.watch.incidents.map(({ cause, phase, hasNoData }) => [cause, phase, hasNoData])).toEqual([
    ["journal", "firing", true],
    ["the index", "firing", false],
  ]);
});

test("the history goes on where it was, though the state was lost", () => {
  const state = round(CONFIG, null, read(NOON, { lab1: NOON - 60 * MIN }, { lastSequence: 41 }));
  expect([state.rows[0]?.sequence, state.sequence]).toEqual([42, 42]);
});

test("a host that was silent and goes down is not well by that: its silence is over when it ships", () => {
  const beatAt = (ms: number, nowMs: number): HostSummary => {
    const queue = {
      ...{ pending: 2, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null },
      ...{ unverified: 0, oldest_pending_s: null, paused: null, waiting: null, held: null },
    };
    const age_s = Math.max(0, (nowMs - ms) / 1000);
    return { ...unknownSummary("lab1"), age_s, late_after_s: 150, stale: age_s > 150, queue };
  };
  const shipsMs = NOON + 150 * MIN;
  const reads = every5(NOON + 31 * MIN, 28, (nowMs) => {
    // Its heartbeats end at 13:00, and come again with what it ships.
    const heard = nowMs > shipsMs ? nowMs : Math.min(nowMs, NOON + 60 * MIN);
    const hosts = hostsWith([beatAt(heard, nowMs)]);
    return read(nowMs, { lab1: nowMs > shipsMs ? shipsMs : NOON }, { hosts });
  });
  expect(play(reads).rows.filter((row) => row.endsWith("told"))).toEqual([
    "12:41 lab1 silent firing told",
    "13:41 lab1 host-down firing told",
    "14:36 lab1 silent recovered told",
    "14:36 lab1 host-down recovered told",
  ]);
});

test("one that was only about to be called silent when its heartbeats ended is never told so", () => {
  const beatAt = (ms: number, nowMs: number): HostSummary => {
    const age_s = Math.max(0, (nowMs - ms) / 1000);
    return { ...unknownSummary("lab1"), age_s, late_after_s: 150, stale: age_s > 150 };
  };
  // Silent from 12:31 on; its heartbeats, which say that no shipper runs, end at 12:34.
  const reads = every5(NOON + 31 * MIN, 10, (nowMs) =>
    read(nowMs, { lab1: NOON }, { hosts: hostsWith([beatAt(Math.min(nowMs, NOON + 34 * MIN), nowMs)]) }),
  );
  const { rows } = play(reads);
  expect(rows.filter((row) => row.includes("silent"))).toEqual([
    "12:31 lab1 silent pending",
    "12:41 lab1 silent forgotten",
  ]);
  expect(rows.filter((row) => row.endsWith("told"))).toEqual(["13:16 lab1 host-down firing told"]);
});

describe("a clock that was a year ahead for ten minutes", () => {
  const YEAR = 365 * 24 * HOUR;
  /** What the clock shows when so many minutes have passed since noon: it is ahead from 12:01 to 12:11. */
  const clockAt = (minute: number): number => NOON + minute * MIN + (minute >= 1 && minute < 11 ? YEAR : 0);
  const told = (minutes: number, of: (nowMs: number, minute: number) => Read): string[] =>
    play(Array.from({ length: minutes / 5 }, (_, i) => of(clockAt(i * 5), i * 5))).rows.filter((row) =>
      row.endsWith("told"),
    );
  const ticksUntil = (minute: number): Tick[] =>
    Array.from({ length: minute + 1 }, (_, i) => {
      return { sequence: i, wallMs: clockAt(i), boot: "a", uptimeS: i * 60, isReady: true };
    });
  const beat = (minute: number, nowMs: number): HostSummary => {
    const age_s = Math.max(0, (nowMs - clockAt(minute)) / 1000);
    const stale = age_s > 150 || clockAt(minute) > nowMs + 2 * MIN;
    return { ...unknownSummary("lab1"), received_at_wall: isoWall(clockAt(minute)), age_s, late_after_s: 150, stale };
  };

  test("hides no receiver that died meanwhile, by what it wrote before, and none that has written nothing else", () => {
    const dead = (nowMs: number, minute: number) => read(nowMs, {}, { ticks: ticksUntil(Math.min(minute, 7)) });
    expect(told(40, dead)).toEqual(["12:20 @ collector-down firing told"]);
    const blank = (nowMs: number, minute: number) =>
      read(nowMs, {}, { ticks: ticksUntil(Math.min(minute, 7)).slice(1) });
    expect(told(40, blank)).toEqual(["12:20 @ collector-down firing told"]);
    expect(told(40, (nowMs, minute) => read(nowMs, {}, { ticks: ticksUntil(minute) }))).toEqual([]);
    // Its machine was started meanwhile: its own clock tells nothing.
    const boot = (nowMs: number, minute: number) => {
      const ticks = ticksUntil(Math.min(minute, 7)).map((tick, i) => (i === 0 ? tick : { ...tick, boot: "b" }));
      return read(nowMs, {}, { ticks });
    };
    expect(told(40, boot)).toEqual(["12:05 @ collector-gap noted told", "12:20 @ collector-down firing told"]);
  });

  test("hides no host that died meanwhile, whether it ships, sends heartbeats or both, with ticks or without", () => {
    const heard = (diesAt: number, ticks: boolean) => (nowMs: number, minute: number) => {
      const hosts = hostsWith([beat(Math.min(minute, diesAt), nowMs)]);
      return read(nowMs, {}, { hosts, ...(ticks && { ticks: ticksUntil(minute) }) });
    };
    expect(told(75, heard(7, true))).toEqual(["12:50 lab1 host-down firing told"]);
    expect(told(75, heard(7, false))).toEqual(["12:55 lab1 host-down firing told"]);
    expect(told(75, heard(99, true))).toEqual([]);
    const shipped = (diesAt: number, ticks: boolean) => (nowMs: number, minute: number) =>
      read(nowMs, { lab1: clockAt(Math.min(minute, diesAt)) }, ticks ? { ticks: ticksUntil(minute) } : {});
    expect(told(75, shipped(7, true))).toEqual(["12:50 lab1 silent firing told"]);
    expect(told(75, shipped(7, false))).toEqual(["12:55 lab1 silent firing told"]);
    expect(told(75, shipped(99, false))).toEqual([]);
    const { state } = play([5, 15, 20].map((minute) => read(clockAt(minute), { lab1: clockAt(5) })));
    expect(state.past.get("lab1")?.unheardMs).toBe(5 * MIN);
  });

  test("keeps a host that was retired then retired until it comes back, which is told", () => {
    const written = new Map([["lab4", clockAt(7)]]);
    let state: State | null = null;
    const told: string[] = [];
    for (let minute = 5; minute <= 120; minute += 5) {
      const nowMs = clockAt(minute);
      const shipped = minute < 60 ? NOON : NOON + 57 * MIN;
      const retiredMs = minute < 10 ? new Map<string, number>() : withoutFuture(written, state, nowMs);
      state = round(CONFIG, state, read(nowMs, { lab4: shipped }, { orders: { silences: [], retiredMs } }));
      told.push(
        ...state.rows
          .filter((row) => row.told)
          .map(({ at, symptom, change }) => `${at.slice(11, 16)} ${symptom} ${change}`),
      );
    }
    expect(told).toEqual(["13:00 returned returned", "13:40 silent firing"]);
  });
});

describe("a host that was refused and tries no more", () => {
  const tries = Array.from({ length: 12 }, (_, i) => NOON + i * MIN);
  /** Runs every five minutes until midnight, and what was told after each. */
  const refused = (
    reason: string,
    shippedMs: (nowMs: number) => number | null,
    status = 412,
    more: Partial<Read> = {},
  ) =>
    play(
      every5(NOON + 15 * MIN, 140, (nowMs) => {
        const shipped = shippedMs(nowMs);
        const rows = tries.filter((ms) => ms > nowMs - 30 * MIN).map((ms) => attempt("lab1", ms, status, reason));
        const hosts = shipped === null ? {} : { lab1: shipped };
        return read(nowMs, hosts, { refusals: { kind: "attempts", rows, doubt: null }, ...more });
      }),
    ).rows.filter((row) => row.endsWith("told"));

  test("is not well by that: an upload that is taken ends it, and what was told stays till then", () => {
    expect(refused("commit-not-accepted", () => null)).toEqual(["12:25 lab1 fatal-only firing told"]);
    expect(refused("missing-commit", () => null)).toEqual(["12:25 lab1 unstamped firing told"]);
    const back = (nowMs: number) => (nowMs < NOON + 3 * HOUR ? null : NOON + 3 * HOUR);
    for (const [reason, symptom] of [
      ["commit-not-accepted", "fatal-only"],
      ["missing-commit", "unstamped"],
    ] as const)
      expect(refused(reason, back)).toEqual([
        `12:25 lab1 ${symptom} firing told`,
        ...[`15:05 lab1 ${symptom} recovered told`, "15:45 lab1 silent firing told"],
      ]);
  });

  test("what was taken before is no end of it, and it is not silent, too", () => {
    expect(refused("commit-not-accepted", () => NOON - MIN)).toEqual(["12:25 lab1 fatal-only firing told"]);
    expect(refused("missing-commit", () => NOON - MIN)).toEqual(["12:25 lab1 unstamped firing told"]);
  });

  test("is paused by what the collector could not take until it takes something; and silent when nothing comes", () => {
    expect(refused("storage-failed", () => null, 500)).toEqual(["12:15 lab1 paused firing told"]);
    expect(refused("storage-failed", () => NOON - MIN, 500)).toEqual([
      ...["12:15 lab1 paused firing told", "12:40 lab1 silent firing told"],
    ]);
  });

  test("is watched until nothing has come from it for long", () => {
    const [first, ...rest] = refused("commit-not-accepted", () => null);
    expect([first, rest]).toEqual(["12:25 lab1 fatal-only firing told", []]);
    const expiring = { ...CONFIG, expireAfterMs: 2 * HOUR };
    let state: State | null = null;
    const told: string[] = [];
    for (const one of every5(NOON + 15 * MIN, 40, (nowMs) => {
      const rows = tries.filter((ms) => ms > nowMs - 30 * MIN).map((ms) => attempt("lab1", ms, 412, "too-large"));
      return read(nowMs, {}, { refusals: { kind: "attempts", rows, doubt: null } });
    })) {
      state = round(expiring, state, one);
      told.push(...state.rows.filter((row) => row.told).map(({ change }) => change));
    }
    expect(told).toEqual(["firing", "expired"]);
  });
});

describe("time that counts no more", () => {
  /** A minute's runs; of two ticks of one boot a minute apart the one that is not ready counts for nothing. */
  const runs = (minutes: number, of: (nowMs: number, minute: number) => Read): string[] =>
    play(Array.from({ length: minutes }, (_, i) => of(NOON + i * MIN, i))).rows.filter((row) => row.endsWith("told"));
  const ticksAt = (minute: number, isReady: (minute: number) => boolean = () => true, boot = "a"): Tick[] =>
    Array.from({ length: minute + 1 }, (_, i) => {
      return { sequence: i, wallMs: NOON + i * MIN, boot, uptimeS: i * 60, isReady: isReady(i) };
    });
  const beatOf = (ms: number, nowMs: number, pending = 1): HostSummary => {
    const queue = {
      ...{ pending, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null },
      ...{ unverified: 0, oldest_pending_s: 9, paused: null, waiting: null, held: null },
    };
    const age_s = (nowMs - ms) / 1000;
    return {
      ...unknownSummary("lab1"),
      received_at_wall: isoWall(ms),
      age_s,
      late_after_s: 150,
      stale: age_s > 150,
      queue,
    };
  };
  test("makes nobody well who was told as silent, and shipping does, or that there is nothing to ship", () => {
    // The receiver is started anew, and cannot store from 12:30:40 on for a while: what seemed to count since its last tick does not.
    const ticks = ticksAt(50, (minute) => minute < 31 || minute > 33)
      .filter(({ wallMs }) => wallMs <= NOON + 28 * MIN || wallMs > NOON + 30 * MIN)
      .map((tick) => (tick.sequence === 31 ? { ...tick, wallMs: tick.wallMs - 20_000, uptimeS: 31 * 60 - 20 } : tick));
    const quiet = (shipsAt: number, idleAt: number) => {
      const reads = Array.from({ length: 120 }, (_, i) => {
        const nowMs = NOON + 30 * MIN + i * 10_000;
        const pending = nowMs >= NOON + idleAt * MIN ? 0 : 1;
        return read(
          nowMs,
          { lab1: nowMs >= NOON + shipsAt * MIN ? NOON + shipsAt * MIN : NOON },
          { ticks: ticks.filter(({ wallMs }) => wallMs <= nowMs), hosts: hostsWith([beatOf(nowMs, nowMs, pending)]) },
        );
      });
      return play(reads).rows.filter((row) => row.includes("silent") && row.endsWith("told"));
    };
    const fired = "12:30 lab1 silent firing told";
    expect(quiet(99, 99)).toEqual([fired]);
    expect(quiet(45, 99)).toEqual([fired, "12:45 lab1 silent recovered told"]);
    expect(quiet(99, 45)).toEqual([fired, "12:45 lab1 silent recovered told"]);
  });

  test("nor who has no heartbeats, or is down, or sends them late; not where the ticks are others, either", () => {
    const anew = (minute: number): Tick[] => ticksAt(minute).slice(minute < 40 ? 0 : 40);
    const bare = runs(60, (nowMs, minute) => read(nowMs, { lab1: NOON }, { ticks: anew(minute) }));
    expect(bare.filter((row) => row.includes("silent"))).toEqual(["12:33 lab1 silent firing told"]);
    const down = (backAt: number) =>
      runs(60, (nowMs, minute) => {
        const heardMs = minute < backAt ? NOON : NOON + backAt * MIN;
        return read(nowMs, {}, { ticks: anew(minute), hosts: hostsWith([beatOf(heardMs, nowMs)]) });
      });
    expect(down(99)).toEqual(["12:33 lab1 host-down firing told"]);
    expect(down(45)).toEqual(["12:33 lab1 host-down firing told", "12:46 lab1 host-down recovered told"]);
    // Its heartbeats end at noon; it ships on, and nothing comes from it from 12:20 on.
    const late = runs(60, (nowMs, minute) =>
      read(
        nowMs,
        { lab1: Math.min(nowMs, NOON + 20 * MIN) },
        { ticks: ticksAt(minute), hosts: hostsWith([beatOf(NOON, nowMs)]) },
      ),
    );
    expect(late.filter((row) => row.includes("heartbeat-late"))).toEqual(["12:05 lab1 heartbeat-late firing told"]);
  });

  test("of one that is given a longer time than before it is over by that", () => {
    const longer = { ...CONFIG, silentAfterMs: { lab1: 26 * HOUR } };
    const before = play(every5(NOON + 31 * MIN, 3, (nowMs) => read(nowMs, { lab1: NOON }))).state;
    const first = round(longer, before, read(NOON + 46 * MIN, { lab1: NOON }));
    const second = round(longer, first, read(NOON + 51 * MIN, { lab1: NOON }));
    expect(second.rows.map(({ change, told }) => [change, told])).toEqual([["recovered", true]]);
  });
});

test("what could not be read is told again when something else cannot, and not for another count", () => {
  const doubt = (what: string) => ({ about: what.replace(/\d+ /, ""), what, fix: null });
  const told = (...all: (readonly string[])[]) =>
    play(
      every5(NOON, all.length, (nowMs) => {
        const doubts = (all[(nowMs - NOON) / (5 * MIN)] ?? []).map(doubt);
        return read(nowMs, {}, { doubts });
      }),
    ).rows.filter((row) => row.endsWith("told"));
  expect(told(["3 lines"], ["4 lines"], ["4 lines", "heartbeats"], ["heartbeats"])).toEqual([
    "12:00 @ detector-blind firing told",
    "12:10 @ detector-blind firing told",
  ]);
});

test("a host is retired until it ships after that was said, not at the very time", () => {
  const orders = { retiredMs: new Map([["lab1", NOON]]) };
  const gone = (shippedMs: number) =>
    goneOf([factsWith({ shippedMs })], { expireAfterMs: 86_400_000 }, orders, NOON + MIN).get("lab1");
  expect([gone(NOON - 1), gone(NOON), gone(NOON + 1)]).toEqual(["retired", "retired", undefined]);
  // It came before this clock was set back.
  expect(gone(NOON + HOUR)).toBe("retired");
});
