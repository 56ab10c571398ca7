// The watch over a fleet by time lines: runs every five minutes, what is wrong in each, and what is told.

import { describe, expect, test } from "bun:test";
import { type Ill, type Incident, keyOf, MANY } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import { tell } from "../../../lib/fleet-health/incidents/tell.ts";
import { type Watch, watch } from "../../../lib/fleet-health/incidents/watch.ts";
import { at, clockOf, ill, play } from "./play.ts";

/** Ill while nothing was shipped for more than half an hour. */
const silentSince =
  (host: string, ...ships: string[]) =>
  (nowMs: number): Ill[] => {
    const last = ships
      .map(at)
      .filter((ms) => ms < nowMs)
      .at(-1);
    return last !== undefined && nowMs - last > 30 * 60_000 ? [ill(host)] : [];
  };

describe("one host", () => {
  test("is pending for two runs, then fires; it is over in the second run that sees it well", () => {
    const { told, all } = play({ ill: silentSince("lab1", "06:00", "10:00"), from: "06:00", to: "10:30" });
    expect(told).toEqual(["F 06:45 lab1 silent", "R 10:10 lab1 silent"]);
    expect(all.map(({ atMs, change }) => `${clockOf(atMs)} ${change}`)).toEqual([
      "06:35 pending",
      "06:45 firing",
      "06:45 firing",
      "10:05 recovering",
      "10:10 recovered",
    ]);
    const [, , fired] = all;
    expect([fired?.incident.sinceMs, fired?.incident.firedMs]).toEqual([at("06:35"), at("06:45")]);
  });

  test("that is well again while it is pending was never told", () => {
    const { told, state } = play({ ill: silentSince("lab1", "06:00", "06:41"), from: "06:00", to: "07:10" });
    expect(told).toEqual([]);
    expect(state.incidents).toEqual([]);
  });

  test("that is ill again while it recovers has one incident", () => {
    const now = (nowMs: number) => (nowMs === at("07:00") ? [] : [ill("lab1")]);
    expect(play({ ill: now, from: "06:00", to: "08:00" }).told).toEqual(["F 06:10 lab1 silent"]);
  });

  test("fires at once where there is nothing to wait for", () => {
    const { told } = play({
      ill: (ms) => (ms < at("06:20") ? [ill("lab1", "paused")] : []),
      from: "06:00",
      to: "07:00",
    });
    expect(told).toEqual(["F 06:00 lab1 paused", "R 06:25 lab1 paused"]);
  });

  test("keeps its incident when the cause changes, and shows the newest", () => {
    const now = (nowMs: number) => [ill("lab1", "silent", nowMs < at("06:30") ? "a" : "b")];
    const { told, state } = play({ ill: now, from: "06:00", to: "07:00" });
    expect(told).toHaveLength(1);
    expect(state.incidents).toMatchObject([{ cause: "b", phase: "firing" }]);
  });
});

describe("another cause than was told", () => {
  const paused =
    (...all: [clock: string, cause: string | null][]) =>
    (nowMs: number): Ill[] => {
      const cause = all.findLast(([clock]) => at(clock) <= nowMs)?.[1] ?? null;
      return cause === null ? [] : [ill("lab1", "paused", cause)];
    };
  const causes = paused(["10:00", "connect"], ["11:00", "unauthorized"], ["11:30", "connect"], ["13:00", null]);

  test("is told once, and the end of all once", () => {
    expect(play({ ill: causes, from: "10:00", to: "14:00" }).told).toEqual([
      ...["F 10:00 lab1 paused", "G 11:00 lab1 paused", "R 13:05 lab1 paused"],
    ]);
  });

  test("is told when a silence is over, and not in it; what was over by then is not", () => {
    const silence = (to: string) => ({ host: "lab1", symptom: null, fromMs: at("10:30"), untilMs: at(to), reason: "" });
    const scene = { ill: causes, from: "10:00", to: "12:30" };
    expect(play({ ...scene, silences: [silence("11:15")] }).told).toEqual([
      "F 10:00 lab1 paused",
      "G 11:15 lab1 paused",
    ]);
    expect(play({ ...scene, silences: [silence("12:00")] }).told).toEqual(["F 10:00 lab1 paused"]);
  });

  test("of what another symptom explains by now is not told, and what was told is not held", () => {
    const both = (nowMs: number): Ill[] => [
      ill("lab1", "fatal-only", nowMs < at("11:00") ? "412" : "400"),
      ...(nowMs >= at("10:30") ? [ill("lab1", "paused", "tls")] : []),
    ];
    const { told, state } = play({ ill: both, from: "10:00", to: "12:00" });
    expect(told).toEqual(["F 10:10 lab1 fatal-only", "F 10:30 lab1 paused"]);
    expect(state.incidents.map(({ heldBy }) => heldBy)).toEqual([null, null]);
  });

  test("of a symptom that is one thing to mend is not told", () => {
    const silent = (nowMs: number) => causes(nowMs).map((one) => ({ ...one, symptom: "silent" }));
    expect(play({ ill: silent, from: "10:00", to: "12:30" }).told).toEqual(["F 10:10 lab1 silent"]);
  });

  const names = Array.from({ length: 10 }, (_, i) => `lab${i}`);
  const many = (cause: (host: number, nowMs: number) => string | null, to = "12:00") =>
    play({
      ill: (ms) => names.flatMap((host, i) => ((it) => (it === null ? [] : [ill(host, "paused", it)]))(cause(i, ms))),
      ...{ from: "10:00", to, hosts: 20 },
    }).told;

  test("of one of many is told of that one in the second run; of as many as are told as one it is told at once", () => {
    const after = (least: number) => (i: number, ms: number) =>
      i < least && ms >= at("11:00") ? "unauthorized" : "connect";
    expect(many(after(1))).toEqual(["F 10:00 10 hosts fleet-paused", "F 11:05 lab0 paused"]);
    expect(many(after(5))).toEqual(["F 10:00 10 hosts fleet-paused", "F 11:00 5 hosts fleet-paused"]);
    expect(many(after(10))).toEqual([
      ...["F 10:00 10 hosts fleet-paused", "F 11:00 10 hosts fleet-paused", "R 11:05 10 hosts fleet-paused"],
    ]);
  });

  test("that some of many have a run before the others is told of all", () => {
    const slow = (i: number, ms: number) => (ms >= at(i < 4 ? "11:00" : "11:05") ? "unauthorized" : "connect");
    expect(many(slow).slice(0, 2)).toEqual(["F 10:00 10 hosts fleet-paused", "F 11:05 10 hosts fleet-paused"]);
  });

  test("of one of many that has the same as the others again is told no more", () => {
    const back = (i: number, ms: number) => (i === 0 && ms === at("11:00") ? "unauthorized" : "connect");
    expect(many(back)).toEqual(["F 10:00 10 hosts fleet-paused"]);
  });

  test("of one of many that was well between is told, where the same again is not", () => {
    const silent = (cause: string) => (nowMs: number) =>
      names.flatMap((host, i) => {
        if (i > 0 || nowMs < at("11:00")) return [ill(host, "silent", "queue")];
        return nowMs < at("11:30") ? [] : [ill(host, "silent", cause)];
      });
    const scene = { from: "10:00", to: "13:00", hosts: 20 };
    expect(play({ ...scene, ill: silent("clock") }).told).toEqual([
      "F 10:00 10 hosts fleet-silent",
      "F 11:40 lab0 silent",
    ]);
    expect(play({ ...scene, ill: silent("queue") }).told).toEqual(["F 10:00 10 hosts fleet-silent"]);
    const changed = (nowMs: number) =>
      names.map((host, i) => ill(host, "silent", i === 0 && nowMs >= at("11:00") ? "clock" : "queue"));
    expect(play({ ...scene, ill: changed }).told).toEqual(["F 10:00 10 hosts fleet-silent"]);
  });
});

test("since when it is so is kept as it was first known, of many the earliest", () => {
  const now = (nowMs: number) => [{ ...ill("lab1"), beganMs: nowMs - 3 * 60_000 }];
  expect(play({ ill: now, from: "10:00", to: "11:00" }).state.incidents[0]?.beganMs).toBe(at("09:57"));
  const later = (nowMs: number) => (nowMs < at("10:30") ? [ill("lab1")] : now(nowMs));
  expect(play({ ill: later, from: "10:00", to: "11:00" }).state.incidents[0]?.beganMs).toBe(at("10:27"));
  const many = (nowMs: number) =>
    Array.from({ length: 6 }, (_, i) => ({ ...ill(`lab${i}`), beganMs: nowMs - (i + 1) * 60_000 }));
  const { state } = play({ ill: many, from: "10:00", to: "10:00", hosts: 10 });
  expect(state.incidents.find(({ host }) => host === MANY)?.beganMs).toBe(at("09:54"));
});

describe("coming and going", () => {
  const hourly = ["10:00", "11:00", "12:00"];
  const often = Array.from({ length: 60 }, (_, i) => `13:${String(i * 5).padStart(2, "0")}`);
  const ships = [...hourly, ...often];

  test("the third time in six hours is one incident that flaps, until nothing has changed for two hours", () => {
    const { told } = play({ ill: silentSince("lab5", ...ships), from: "10:00", to: "17:00" });
    expect(told).toEqual([
      "F 10:45 lab5 silent",
      "R 11:10 lab5 silent",
      "F 11:45 lab5 silent",
      "R 12:10 lab5 silent",
      "F 12:45 lab5 silent flapping",
      "R 15:10 lab5 silent flapping",
    ]);
  });

  test("what stays ill for two hours flaps no more, and ends as any other", () => {
    const { told } = play({ ill: silentSince("lab5", ...hourly, "16:00", "16:10"), from: "10:00", to: "16:30" });
    expect(told.slice(4)).toEqual(["F 12:45 lab5 silent flapping", "R 16:10 lab5 silent"]);
  });

  test("what has flapped for two hours to the minute, ill, flaps no more", () => {
    const ships = silentSince("lab5", ...hourly, "16:00");
    const at1440 = play({ ill: ships, from: "10:00", to: "14:40" }).state.incidents[0]?.flappingMs;
    const at1445 = play({ ill: ships, from: "10:00", to: "14:45" }).state.incidents[0]?.flappingMs;
    expect([at1440, at1445]).toEqual([at("12:45"), null]);
  });

  test("and not yet when it was well for a moment in these two hours", () => {
    const now = (nowMs: number): Ill[] =>
      nowMs === at("14:30") || nowMs >= at("15:00") ? [] : silentSince("lab5", ...hourly)(nowMs);
    const { told } = play({ ill: now, from: "10:00", to: "18:00" });
    expect(told.slice(4)).toEqual(["F 12:45 lab5 silent flapping", "R 17:05 lab5 silent flapping"]);
  });

  test("a third time after more than six hours is one like the first", () => {
    const { told } = play({
      ill: silentSince("lab5", "01:00", "02:00", "03:00", "08:10"),
      from: "01:00",
      to: "10:00",
    });
    expect(told.filter((line) => line.includes("flapping"))).toEqual(["F 03:45 lab5 silent flapping"]);
    // To the minute six hours after the first, it is the third within them.
    const six = play({ ill: silentSince("lab5", "00:00", "03:00", "06:00"), from: "00:00", to: "09:00" });
    expect(six.told.filter((line) => line.includes("flapping"))).toEqual(["F 06:45 lab5 silent flapping"]);
    const late = play({ ill: silentSince("lab5", "00:00", "03:00", "07:00"), from: "00:00", to: "09:00" });
    expect(late.told.filter((line) => line.includes("flapping"))).toEqual([]);
  });
});

describe("a clock that was set back", () => {
  const one = (nowMs: number): Ill[] => (nowMs < at("10:15") ? [ill("lab1")] : []);
  const from = (state: Watch, clock: string, seen: Ill[], hosts = 1) =>
    watch(state, {
      ...{ nowMs: at(clock), ill: seen, hosts, silences: [], unknown: new Set<string>(), gone: new Map() },
      ...{ lost: new Set<string>(), unsure: new Set<string>() },
    });

  test("makes nothing flap that fired in a time that has yet to come", () => {
    const fires = new Map([["lab1|silent", [at("20:00"), at("20:30"), at("20:50")]]]);
    let state: Watch = { ...play({ ill: () => [], from: "10:00", to: "10:00" }).state, fires };
    for (const clock of ["10:05", "10:10", "10:15"]) state = from(state, clock, [ill("lab1")]).next;
    expect(state.incidents).toMatchObject([{ phase: "firing", flappingMs: null }]);
  });

  test("ends what flapped in such a time after two hours", () => {
    const { state } = play({ ill: one, from: "10:00", to: "10:10" });
    const [incident] = state.incidents;
    if (incident === undefined) throw new Error("nothing fires");
    let next: Watch = { ...state, incidents: [{ ...incident, phase: "steady", flappingMs: at("20:00") }] };
    next = from(next, "10:15", []).next;
    expect(next.incidents).toHaveLength(1);
    expect(from(next, "12:15", []).next.incidents).toEqual([]);
  });

  test("keeps many from being told one by one no more than before", () => {
    const all = Array.from({ length: 10 }, (_, i) => ill(`lab${i}`, "paused"));
    const { state } = play({ ill: () => [], from: "20:00", to: "20:10", hosts: 20 });
    const { events } = from(state, "10:00", all, 20);
    expect(events.filter(({ isTold }) => isTold).map(({ incident }) => incident.symptom)).toEqual(["fleet-paused"]);
  });
});

describe("silences", () => {
  const silence = (from: string, until: string, symptom: string | null = null): Silence => ({
    ...{ host: "lab2", symptom, fromMs: at(from), untilMs: at(until), reason: "moved" },
  });

  test("an end is told during one, if the beginning was", () => {
    const silences = [silence("11:00", "13:00")];
    const well = play({ ill: silentSince("lab2", "10:00", "12:00"), from: "10:00", to: "12:30", silences });
    expect(well.told).toEqual(["F 10:45 lab2 silent", "R 12:10 lab2 silent"]);
    const ill = play({ ill: silentSince("lab2", "10:00"), from: "10:00", to: "14:00", silences });
    expect(ill.told).toEqual(["F 10:45 lab2 silent"]);
  });

  test("what began during one is told at its end if it still stands, with its own beginning; else never", () => {
    const silences = [silence("10:40", "12:40", "silent")];
    const ill = play({ ill: silentSince("lab2", "10:00"), from: "10:00", to: "14:00", silences });
    expect(ill.told).toEqual(["F 12:40 lab2 silent"]);
    expect(ill.state.incidents).toMatchObject([{ firedMs: at("10:45"), heldBy: null }]);
    const well = play({ ill: silentSince("lab2", "10:00", "12:00"), from: "10:00", to: "12:25", silences });
    expect(well.told).toEqual([]);
    expect(
      play({ ill: silentSince("lab2", "10:00"), from: "10:00", to: "12:00", silences }).state.incidents,
    ).toMatchObject([{ phase: "firing", isTold: false, heldBy: "silenced" }]);
  });

  test("one of all is of each host, and of many, and not of the collector", () => {
    const silences = [{ ...silence("00:00", "23:00"), host: MANY }];
    const many = (nowMs: number): Ill[] =>
      nowMs < at("10:30") ? [] : Array.from({ length: 6 }, (_, i) => ill(`lab${i}`));
    expect(play({ ill: many, from: "10:00", to: "11:00", hosts: 10, silences }).told).toEqual([]);
    const down = (): Ill[] => [ill("@", "collector-down"), ill("lab2")];
    expect(play({ ill: down, from: "10:00", to: "11:00", silences }).told).toEqual(["F 10:00 @ collector-down"]);
  });

  test("one is of its host and symptom alone", () => {
    const silences = [silence("00:00", "23:00", "paused"), { ...silence("00:00", "23:00"), host: "lab3" }];
    expect(play({ ill: silentSince("lab2", "10:00"), from: "10:00", to: "11:00", silences }).told).toHaveLength(1);
  });
});

describe("many hosts", () => {
  const names = Array.from({ length: 10 }, (_, i) => `lab${i}`);
  /** Behind one link: the last ones shipped at 09:50, 09:51, …; back at 12:01, and all ship within minutes but lab3. */
  const behind = (nowMs: number): Ill[] =>
    names.flatMap((host, i) =>
      silentSince(host, `09:${50 + i}`, ...(host === "lab3" ? [] : [`12:0${Math.min(i, 4)}`]))(nowMs),
    );

  test("that fall ill of one cause are one incident; whoever is left when that ends is told in the same run", () => {
    const { told, state } = play({ ill: behind, from: "10:00", to: "12:30", hosts: 20 });
    expect(told).toEqual(["F 10:25 5 hosts fleet-silent", "R 12:15 10 hosts fleet-silent", "F 12:15 lab3 silent"]);
    expect(state.incidents.map(keyOf)).toEqual(["lab3|silent"]);
  });

  test("ten are in it by 10:30, each held", () => {
    const { state } = play({ ill: behind, from: "10:00", to: "11:00", hosts: 20 });
    expect(state.incidents.find(({ host }) => host === MANY)?.hosts).toHaveLength(10);
    expect(state.incidents.filter(({ heldBy }) => heldBy === "fleet-silent")).toHaveLength(10);
  });

  test("fewer than five, or than a fifth of all, are told each", () => {
    const four = (nowMs: number) => behind(nowMs).filter(({ host }) => Number(host.slice(3)) < 4);
    expect(play({ ill: four, from: "10:00", to: "11:00", hosts: 20 }).told).toHaveLength(4);
    const { told } = play({ ill: behind, from: "10:00", to: "11:00", hosts: 51 });
    expect(told).toHaveLength(10);
  });

  test("of two causes are not one incident, and neither are those that fell ill long apart", () => {
    const two = (nowMs: number) => behind(nowMs).map((one, i) => ({ ...one, cause: i % 2 === 0 ? "a" : "b" }));
    expect(play({ ill: (ms) => two(ms).slice(0, 8), from: "10:00", to: "11:00", hosts: 8 }).told).toHaveLength(8);
    const slow = (nowMs: number) => names.flatMap((host, i) => silentSince(host, `0${Math.min(i, 9)}:00`)(nowMs));
    expect(play({ ill: slow, from: "00:00", to: "11:00", hosts: 10 }).told).toHaveLength(10);
  });

  test("may fall ill over three runs, and not over four", () => {
    const shipping =
      (...at: string[]) =>
      (nowMs: number) =>
        at.flatMap((clock, i) => silentSince(`lab${i}`, clock)(nowMs));
    const three = play({
      ill: shipping("09:50", "09:50", "09:55", "09:55", "10:00"),
      from: "10:00",
      to: "11:00",
      hosts: 5,
    });
    expect(three.told).toEqual(["F 10:35 5 hosts fleet-silent"]);
    expect(three.state.incidents.find(({ host }) => host === MANY)).toMatchObject({
      sinceMs: at("10:25"),
      firedMs: at("10:35"),
    });
    const four = play({
      ill: shipping("09:50", "09:55", "10:00", "10:00", "10:05"),
      from: "10:00",
      to: "11:00",
      hosts: 5,
    });
    expect(four.told).toHaveLength(5);
  });

  test("are over when fewer than half are ill: of ten, four", () => {
    const left = (count: number) => (nowMs: number) =>
      (nowMs < at("11:00") ? names : names.slice(0, count)).map((host) => ill(host));
    expect(play({ ill: left(5), from: "10:00", to: "12:00", hosts: 20 }).told).toEqual([
      "F 10:00 10 hosts fleet-silent",
    ]);
    expect(play({ ill: left(4), from: "10:00", to: "12:00", hosts: 20 }).told.slice(1)).toEqual([
      "R 11:10 10 hosts fleet-silent",
      ...names.slice(0, 4).map((host) => `F 11:10 ${host} silent`),
    ]);
  });

  test("stay one while some are ill again in the run in which that was to end", () => {
    const back = (nowMs: number) => (nowMs === at("11:00") ? [] : names.map((host) => ill(host)));
    const { told, all } = play({ ill: back, from: "10:00", to: "12:00", hosts: 20 });
    expect(told).toEqual(["F 10:00 10 hosts fleet-silent"]);
    expect(all.filter(({ incident }) => incident.host === MANY).map(({ change }) => change)).toEqual([
      "firing",
      "firing",
    ]);
  });

  test("belong to it whatever the cause of each is found to be later", () => {
    const now = (nowMs: number) =>
      names.map((host) => ill(host, "silent", nowMs < at("11:00") ? "no heartbeat" : "queue"));
    const { told, state } = play({ ill: now, from: "10:00", to: "12:00", hosts: 20 });
    expect(told).toEqual(["F 10:00 10 hosts fleet-silent"]);
    expect(state.incidents.filter(({ heldBy }) => heldBy === "fleet-silent")).toHaveLength(10);
  });

  test("of two causes are two incidents where each has enough", () => {
    const now = (nowMs: number) =>
      nowMs < at("11:00") ? names.map((host, i) => ill(host, "silent", i % 2 === 0 ? "a" : "b")) : [];
    const { told } = play({ ill: now, from: "10:00", to: "12:00", hosts: 20 });
    expect(told).toEqual([
      ...Array<string>(2).fill("F 10:00 5 hosts fleet-silent"),
      ...Array<string>(2).fill("R 11:10 5 hosts fleet-silent"),
    ]);
  });

  test("one that falls ill long after is told by itself, and as many as would be one are told as more", () => {
    const first = names.slice(0, 5);
    const now = (nowMs: number) => [
      ...first.map((host) => ill(host)),
      ...(nowMs >= at("11:00") ? [ill("lab9")] : []),
      ...(nowMs >= at("12:00") ? ["a", "b", "c", "d", "e"].map((host) => ill(host)) : []),
    ];
    const { told, state } = play({ ill: now, from: "10:00", to: "13:00", hosts: 20 });
    expect(told).toEqual(["F 10:00 5 hosts fleet-silent", "F 11:10 lab9 silent", "G 12:00 10 hosts fleet-silent"]);
    expect(state.incidents.filter(({ heldBy }) => heldBy === "fleet-silent")).toHaveLength(10);
  });

  test("that a person has silenced one by one are told of as many when these end, and not before", () => {
    const silences = names.map((host) => ({
      host,
      symptom: null,
      fromMs: at("10:00"),
      untilMs: at("12:00"),
      reason: "",
    }));
    const now = () => names.map((host) => ill(host));
    const { told } = play({ ill: now, from: "10:00", to: "12:30", hosts: 20, silences });
    expect(told).toEqual(["F 12:00 10 hosts fleet-silent"]);
    const few = play({ ill: now, from: "10:00", to: "10:30", hosts: 20, silences: silences.slice(0, 6) });
    expect(few.told).toEqual(names.slice(6).map((host) => `F 10:10 ${host} silent`));
  });

  test("are those who are ill when they are told of", () => {
    const now = (nowMs: number) => (nowMs < at("11:00") ? names : names.slice(2)).map((host) => ill(host));
    const silences = [{ host: MANY, symptom: null, fromMs: at("10:00"), untilMs: at("12:00"), reason: "" }];
    const { told, state } = play({ ill: now, from: "10:00", to: "12:30", hosts: 20, silences });
    expect(told).toEqual(["F 12:00 8 hosts fleet-silent"]);
    expect(state.incidents.find(({ host }) => host === MANY)?.hosts).toEqual(names.slice(2));
  });

  test("are told with what is true when they are told", () => {
    const now = (nowMs: number) => names.map((host) => ({ ...ill(host), what: clockOf(nowMs), fix: clockOf(nowMs) }));
    const silences = [{ host: MANY, symptom: null, fromMs: at("10:00"), untilMs: at("12:00"), reason: "" }];
    const { told, state } = play({ ill: now, from: "10:00", to: "12:00", hosts: 20, silences });
    expect(told).toEqual(["F 12:00 10 hosts fleet-silent"]);
    expect(state.incidents.find(({ host }) => host === MANY)).toMatchObject({ what: "12:00", fix: "12:00" });
  });

  test.each(["retired", "expired"] as const)("that are all %s are told so", (why) => {
    const gone = (nowMs: number): [string, typeof why][] =>
      nowMs >= at("11:00") ? names.map((host) => [host, why]) : [];
    const now = (nowMs: number) => (nowMs < at("11:00") ? names.map((host) => ill(host)) : []);
    const { told } = play({ ill: now, from: "10:00", to: "12:00", hosts: 20, gone });
    expect(told).toEqual(["F 10:00 10 hosts fleet-silent", `R ${why} 11:00 10 hosts fleet-silent`]);
  });

  test("who was told before is told well, and not again as one of many", () => {
    const early = (nowMs: number) => [...silentSince("lab11", "09:00", "12:00")(nowMs), ...behind(nowMs)];
    const { told } = play({ ill: early, from: "09:00", to: "12:30", hosts: 20 });
    expect(told).toEqual([
      "F 09:45 lab11 silent",
      "F 10:25 5 hosts fleet-silent",
      "R 12:10 lab11 silent",
      "R 12:15 10 hosts fleet-silent",
      "F 12:15 lab3 silent",
    ]);
  });
});

describe("one symptom explains another of the same host", () => {
  test("a queue that is paused is told, and not that the host is silent; whoever stays silent after it is", () => {
    const now = (nowMs: number) => [
      ...(nowMs < at("11:00") ? [ill("lab1", "paused", "unauthorized")] : []),
      ...silentSince("lab1", "10:00")(nowMs),
    ];
    expect(play({ ill: now, from: "10:00", to: "12:00" }).told).toEqual([
      "F 10:00 lab1 paused",
      "R 11:05 lab1 paused",
      "F 11:05 lab1 silent",
    ]);
  });
});

test("whose uploads are all refused is told as that, and not as silent each time an episode waits, alone or with others", () => {
  const names = Array.from({ length: 6 }, (_, i) => `lab${i}`);
  const refused = (nowMs: number) => (nowMs < at("09:00") ? names.map((host) => ill(host, "fatal-only", "412")) : []);
  const waiting = (nowMs: number) =>
    nowMs >= at("07:00") && nowMs < at("08:00") ? names.map((host) => ill(host)) : [];
  const one = (nowMs: number) => [...refused(nowMs), ...waiting(nowMs)].filter(({ host }) => host === "lab0");
  expect(play({ ill: one, from: "06:00", to: "10:00" }).told).toEqual([
    "F 06:10 lab0 fatal-only",
    "R 09:05 lab0 fatal-only",
  ]);
  const all = (nowMs: number) => [...refused(nowMs), ...waiting(nowMs)];
  expect(play({ ill: all, from: "06:00", to: "10:00", hosts: 20 }).told).toEqual([
    "F 06:00 6 hosts fleet-fatal-only",
    "R 09:10 6 hosts fleet-fatal-only",
  ]);
});

test("many who are still silent when what explained it is over are told as many", () => {
  const names = Array.from({ length: 10 }, (_, i) => `lab${i}`);
  const now = (nowMs: number) =>
    names.flatMap((host) => [ill(host), ...(nowMs < at("12:00") ? [ill(host, "paused", "unauthorized")] : [])]);
  expect(play({ ill: now, from: "10:00", to: "13:00", hosts: 20 }).told).toEqual([
    ...["F 10:00 10 hosts fleet-paused", "F 12:05 10 hosts fleet-silent", "R 12:10 10 hosts fleet-paused"],
  ]);
});

describe("what could not be looked for", () => {
  test("stays as it was, firing or not, and is neither begun nor ended", () => {
    const now = (nowMs: number) => (nowMs < at("07:00") ? [ill("lab1", "fatal-only")] : []);
    const unknown = (nowMs: number) => (nowMs >= at("06:30") && nowMs < at("08:00") ? ["fatal-only"] : []);
    const { told } = play({
      ill: (ms) => (unknown(ms).length > 0 ? [] : now(ms)),
      from: "06:00",
      to: "09:00",
      unknown,
    });
    expect(told).toEqual(["F 06:10 lab1 fatal-only", "R 08:05 lab1 fatal-only"]);
    const during = play({ ill: (ms) => (ms < at("06:30") ? now(ms) : []), from: "06:00", to: "07:30", unknown });
    expect(during.state.incidents).toMatchObject([{ phase: "firing", hasNoData: true }]);
    expect(play({ ill: now, from: "06:00", to: "06:55" }).state.incidents).toMatchObject([{ hasNoData: false }]);
    const after = play({ ill: () => [ill("lab1", "fatal-only")], from: "06:00", to: "08:30", unknown });
    expect(after.state.incidents).toMatchObject([{ phase: "firing", hasNoData: false }]);
  });
});

test("a host of whom a run can tell nothing is not well by that", () => {
  const now = (nowMs: number) => (nowMs < at("07:00") ? [ill("lab1")] : []);
  const lost = (nowMs: number) => (nowMs >= at("07:00") && nowMs < at("08:00") ? ["lab1"] : []);
  expect(play({ ill: now, from: "06:00", to: "09:00", lost }).told).toEqual([
    "F 06:10 lab1 silent",
    "R 08:05 lab1 silent",
  ]);
});

describe("a host that is watched no more", () => {
  test.each(["retired", "expired"] as const)("is told once that it is %s, and nothing after", (why) => {
    const gone = (nowMs: number): [string, typeof why][] => (nowMs >= at("10:00") ? [["lab4", why]] : []);
    const { told, state } = play({ ill: silentSince("lab4", "06:00"), from: "06:00", to: "12:00", gone });
    expect(told).toEqual(["F 06:45 lab4 silent", `R ${why} 10:00 lab4 silent`]);
    expect(state.incidents).toEqual([]);
  });

  test("and that nobody was told of ends without a word", () => {
    const gone = (nowMs: number): [string, "retired"][] => (nowMs >= at("06:40") ? [["lab4", "retired"]] : []);
    expect(play({ ill: silentSince("lab4", "06:00"), from: "06:00", to: "08:00", gone }).told).toEqual([]);
  });
});

describe("two machines of one name", () => {
  const from = at("13:20");
  const two = (nowMs: number): Ill[] => [
    ...(nowMs >= from && nowMs < at("15:00") ? [ill("lab1", "duplicate-host", "duplicate")] : []),
    ...(nowMs >= from ? [ill("lab1"), ill("lab1", "clock-skew"), ill("lab1", "check-failing")] : []),
  ];

  test("are told in the next run, and their end in the first that sees one again; what follows from it is not", () => {
    expect(play({ ill: two, from: "13:00", to: "15:00" }).told).toEqual([
      "F 13:20 lab1 duplicate-host",
      "R 15:00 lab1 duplicate-host",
      "F 15:00 lab1 silent",
      "F 15:00 lab1 clock-skew",
      "F 15:00 lab1 check-failing",
    ]);
  });
});

test("a queue that grows is no news of a host that ships nothing at all", () => {
  const of = (why: string) => {
    const both = (nowMs: number): Ill[] => [
      ...(nowMs < at("11:00") ? [ill("lab1", why)] : []),
      ...(nowMs >= at("10:30") && nowMs < at("12:00") ? [ill("lab1", "backlog-growing", "backlog")] : []),
    ];
    return play({ ill: both, from: "10:00", to: "10:55" }).told;
  };
  expect(of("paused")).toEqual(["F 10:00 lab1 paused"]);
  expect(of("silent")).toEqual(["F 10:10 lab1 silent"]);
  expect(of("clock-skew")).toEqual(["F 10:10 lab1 clock-skew", "F 10:40 lab1 backlog-growing"]);
});

describe("a host whose uploads are refused", () => {
  const both = (why: string, from: string, to = "12:00") =>
    play({
      ill: (nowMs) => [ill("lab1"), ...(nowMs >= at(from) && nowMs < at(to) ? [ill("lab1", why, "too-large")] : [])],
      ...{ from: "10:00", to: "11:00" },
    }).told;

  test("is not told as silent as well, where both are found one run after the other", () => {
    for (const why of ["fatal-only", "unstamped"]) {
      expect(both(why, "10:00")).toEqual([`F 10:10 lab1 ${why}`]);
      expect(both(why, "10:10")).toEqual([`F 10:20 lab1 ${why}`]);
      // What was told before is.
      expect(both(why, "10:15")).toEqual(["F 10:10 lab1 silent", `F 10:25 lab1 ${why}`]);
    }
  });

  test("is told as silent when that was for a moment", () => {
    expect(both("fatal-only", "10:10", "10:20")).toEqual(["F 10:20 lab1 silent"]);
    expect(both("clock-skew", "10:10", "10:20")).toEqual(["F 10:10 lab1 silent"]);
  });
});

test("what comes and goes has fired since it was told, and not since it came back", () => {
  const spells = ["06:00", "07:00", "08:00", "09:00"].map(at);
  const { state } = play({
    ill: (nowMs) => (spells.some((ms) => nowMs >= ms && nowMs < ms + 30 * 60_000) ? [ill("lab1")] : []),
    ...{ from: "06:00", to: "09:20" },
  });
  expect(state.incidents.map(({ phase, firedMs }) => [phase, clockOf(firedMs ?? 0)])).toEqual([["firing", "08:10"]]);
});

test("who is well by now, though for how long nobody can tell, is none of many who are told", () => {
  const of = (host: string, phase: Incident["phase"]): Incident => ({
    ...{ ...ill(host), phase, pendingRuns: 2, sinceMs: at("10:00"), firedMs: at("10:10"), isTold: false, heldBy: null },
    ...{ hasNoData: false, flappingMs: phase === "steady" ? at("10:30") : null, hosts: [] },
  });
  const single = [of("lab1", "firing"), of("lab2", "firing"), of("lab3", "steady")];
  const many: Incident = {
    ...{ ...of(MANY, "firing"), symptom: "fleet-silent", hosts: ["lab1", "lab2", "lab3"] },
    members: Object.fromEntries(single.map((one) => [keyOf(one), one.sinceMs])),
  };
  const { events } = tell([...single, many], [], at("10:40"));
  expect(events.map(({ incident: { host, hosts } }) => [host, hosts])).toEqual([[MANY, ["lab1", "lab2"]]]);
});
