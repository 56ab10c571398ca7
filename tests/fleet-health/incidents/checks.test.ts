// Checks that fail, of one host and of many, each an incident of its own: who is told of what, by time lines.

import { describe, expect, test } from "bun:test";
import type { Ill } from "../../../lib/fleet-health/incidents/incident.ts";
import { MANY } from "../../../lib/fleet-health/incidents/incident.ts";
import { rowOfEvent } from "../../../lib/fleet-health/incidents/row.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import { watch } from "../../../lib/fleet-health/incidents/watch.ts";
import { lineOf } from "../../../lib/fleet-health/notify/words.ts";
import { at, play, shown } from "./play.ts";

/** What fails of the host with this number. */
type Checks = (host: number, nowMs: number) => readonly string[];

const count = 20;
const failing =
  (checks: Checks, symptom = "check-failing") =>
  (nowMs: number): Ill[] =>
    Array.from({ length: count }, (_, i) => checks(i, nowMs)).flatMap((causes, i) =>
      causes.map((cause) => {
        const name = cause.replace(/: critical$/, "");
        return { host: `lab${i}`, symptom, cause, what: `${name} fails`, fix: `mend ${name}` };
      }),
    );

const scene = (checks: Checks, to: string, more: { silences?: readonly Silence[]; symptom?: string } = {}) =>
  play({ ill: failing(checks, more.symptom), from: "10:00", to, hosts: count, silences: more.silences ?? [] });
const told = (...args: Parameters<typeof scene>): string[] =>
  scene(...args).told.map((line) => line.replace("fleet-check-failing", "fleet").replace(" check-failing", ""));

const isAfter = (nowMs: number, clock: string): boolean => nowMs >= at(clock);
const isBetween = (nowMs: number, from: string, to: string): boolean => nowMs >= at(from) && nowMs < at(to);
const silence = (host: string, from: string, until: string, symptom: string | null = null): Silence => ({
  ...{ host, symptom, fromMs: at(from), untilMs: at(until), reason: "" },
});
const MANY_F = "F 10:00 10 hosts fleet";

describe("more that is wrong with one of many", () => {
  const some = (least: number) => (i: number, nowMs: number) =>
    i >= 10 ? [] : i < least && isAfter(nowMs, "11:00") ? ["load", "disk"] : ["load"];

  test("is told of it alone; what all have is not", () => {
    expect(told((i) => (i < 10 ? ["load", "load: critical"] : []), "12:00")).toEqual([MANY_F]);
    expect(told(some(1), "12:00")).toEqual([MANY_F, "F 11:10 lab0"]);
  });

  test("is told where it was so from the beginning, and nobody is told of what is over by then", () => {
    expect(told((i) => (i === 3 ? ["load", "disk"] : i < 10 ? ["load"] : []), "12:00")).toEqual([
      ...[MANY_F, "F 10:10 lab3"],
    ]);
    const brief: Checks = (i, ms) => (i === 3 && ms === at("11:00") ? ["load", "disk"] : i < 10 ? ["load"] : []);
    expect(told(brief, "12:00")).toEqual([MANY_F]);
  });

  test("is told once of all where as many have it as are told as one: in one run, or one before the others", () => {
    const alone = ["lab0", "lab1", "lab2", "lab3"].map((host) => `F 11:10 ${host}`);
    expect(told(some(4), "12:00")).toEqual([MANY_F, ...alone]);
    expect(told(some(5), "12:00")).toEqual([MANY_F, "F 11:00 5 hosts fleet"]);
    const slow: Checks = (i, ms) =>
      i >= 10 ? [] : isAfter(ms, i < 4 ? "11:00" : "11:05") ? ["load", "disk"] : ["load"];
    expect(told(slow, "12:00")).toEqual([MANY_F, "F 11:05 10 hosts fleet"]);
  });

  test("has an end of its own; whoever still has what all had is told of that when it is over for the others", () => {
    const checks: Checks = (i, ms) =>
      isBetween(ms, "10:00", "11:30")
        ? some(1)(i, ms)
        : i === 0 && isBetween(ms, "10:00", "12:00")
          ? some(1)(i, ms)
          : [];
    expect(told(checks, "13:00")).toEqual([
      ...[MANY_F, "F 11:10 lab0", "R 11:40 10 hosts fleet", "F 11:40 lab0", "R 12:05 lab0", "R 12:05 lab0"],
    ]);
  });

  test("that was told alone is not told what all are told, then or when that is over", () => {
    const more: Checks = (i, ms) => {
      if (i >= 10) return [];
      const own = i < 4 && isAfter(ms, "10:20") ? ["raid"] : [];
      return ["load", ...own, ...(isAfter(ms, "10:40") ? ["swap"] : [])];
    };
    const alone = ["lab0", "lab1", "lab2", "lab3"].map((host) => `F 10:30 ${host}`);
    expect(told(more, "11:00")).toEqual([MANY_F, ...alone, "F 10:40 10 hosts fleet"]);
    const left: Checks = (i, ms) => {
      if (i >= (isAfter(ms, "11:00") ? 1 : 10)) return [];
      return [
        "load",
        ...(i < 1 && isBetween(ms, "10:20", "10:35") ? ["raid"] : []),
        ...(isAfter(ms, "10:40") ? ["swap"] : []),
      ];
    };
    expect(told(left, "11:30")).toEqual([
      ...[MANY_F, "F 10:30 lab0", "R 10:40 lab0", "F 10:40 10 hosts fleet"],
      // Of load and of swap.
      ...["R 11:10 10 hosts fleet", "R 11:10 10 hosts fleet", "F 11:10 lab0", "F 11:10 lab0"],
    ]);
  });
});

describe("many who have something in common", () => {
  test("are over when half of them have it no more, whatever else they have, which is told of each", () => {
    const checks: Checks = (i, ms) => {
      if (i >= 10) return [];
      const more = i < 3 && isAfter(ms, "10:30") ? ["raid"] : [];
      return isAfter(ms, "11:00") ? (i < 6 && more.length === 0 ? ["swap"] : more) : ["load", ...more];
    };
    const swaps = ["lab3", "lab4", "lab5"].map((host) => `F 11:10 ${host}`);
    const raids = ["lab0", "lab1", "lab2"].map((host) => `F 10:40 ${host}`);
    expect(told(checks, "11:30")).toEqual([MANY_F, ...raids, "R 11:10 10 hosts fleet", ...swaps]);
  });

  test("are told with that, and not with what one of them has beside it", () => {
    const checks: Checks = (i) => (i >= 10 ? [] : i === 0 ? ["load", "load: critical", "disk"] : ["load"]);
    const { state } = scene(checks, "11:00");
    expect(state.incidents.find(({ host }) => host === MANY)?.what).toBe("load fails");
  });

  test("are told once more of who is left when one was told alone before: the next one is alone, too", () => {
    const checks: Checks = (i, ms) => {
      if (i >= 10) return [];
      return (i < 4 && isAfter(ms, "10:30")) || (i === 4 && isAfter(ms, "11:00")) ? ["load", "raid"] : ["load"];
    };
    const alone = ["lab0", "lab1", "lab2", "lab3"].map((host) => `F 10:40 ${host}`);
    expect(told(checks, "11:30")).toEqual([MANY_F, ...alone, "F 11:10 lab4"]);
  });
});

describe("another check", () => {
  test("of the same hosts is one of its own", () => {
    const checks: Checks = (i, ms) => (i >= 10 ? [] : isAfter(ms, "10:05") ? ["raid", "load"] : ["load"]);
    expect(told(checks, "10:30")).toEqual([MANY_F, "F 10:05 10 hosts fleet"]);
  });

  test("of some of them, and of others, is one of its own, too", () => {
    const checks: Checks = (i, ms) => {
      if (i < 4) return isAfter(ms, "10:05") ? ["raid", "load"] : ["load"];
      return i < 10 ? ["load"] : i < 18 && isAfter(ms, "10:05") ? ["raid"] : [];
    };
    expect(told(checks, "10:30")).toEqual([MANY_F, "F 10:05 12 hosts fleet"]);
  });

  test("of disks that are others on each host: they are one incident, and another disk later is told alone", () => {
    const checks: Checks = (i, ms) =>
      i >= 12 ? [] : i === 1 && isAfter(ms, "11:00") ? [`m${i % 3}`, "m9"] : [`m${i % 3}`];
    expect(told(checks, "12:00", { symptom: "disk-low" })).toEqual([
      ...["F 10:00 12 hosts fleet-disk-low", "F 11:10 lab1 disk-low"],
    ]);
  });
});

test("of disks that are others on each host: who joins is told with his own", () => {
  const checks: Checks = (i, ms) => (i < 6 ? ["/data"] : i < 12 && isAfter(ms, "11:00") ? ["/"] : []);
  const { all } = scene(checks, "11:30", { symptom: "disk-low" });
  expect(all.find(({ change }) => change === "growing")?.about?.what).toBe("/ fails");
});

describe("who joins many", () => {
  test("as many as are told as one, with more that is wrong, is told once", () => {
    const checks: Checks = (i, ms) => (i < 6 ? ["load"] : i < 12 && isAfter(ms, "10:30") ? ["load", "raid"] : []);
    expect(told(checks, "11:00")).toEqual([
      ...["F 10:00 6 hosts fleet", "G 10:30 12 hosts fleet", "F 10:30 6 hosts fleet"],
    ]);
    const [grown] = scene(checks, "11:00").all.filter(({ change }) => change === "growing");
    expect([grown?.about?.what, grown?.about?.hosts.length]).toEqual(["load fails", 6]);
  });

  test("long after is told alone, whoever of them has fallen ill anew before", () => {
    const checks: Checks = (i, ms) => {
      if (i === 2 && isBetween(ms, "11:00", "12:00")) return [];
      return i < 10 || (i === 15 && isAfter(ms, "12:05")) ? ["load"] : [];
    };
    expect(told(checks, "14:00")).toEqual([MANY_F, "F 12:15 lab15"]);
  });

  test("one after the other is told alone: nobody is swallowed", () => {
    const checks: Checks = (i, ms) => (i < 10 || ms >= at("10:20") + (i - 10) * 600_000 ? ["load"] : []);
    expect(told(checks, "14:00")).toHaveLength(1 + 10);
  });

  test("and is well when a silence of all ends was never told", () => {
    const checks: Checks = (i, ms) => (i < 6 || (i < 12 && isBetween(ms, "10:30", "11:00")) ? ["load"] : []);
    expect(told(checks, "12:00", { silences: [silence(MANY, "10:20", "11:30")] })).toEqual(["F 10:00 6 hosts fleet"]);
  });

  test("and has something else when a silence of all ends is not told as one of them", () => {
    const checks: Checks = (i, ms) => {
      if (i === 11 && isAfter(ms, "11:00")) return ["raid"];
      return i < 6 || (i < 12 && isAfter(ms, "10:30")) ? ["load"] : [];
    };
    const { all } = scene(checks, "12:00", { silences: [silence(MANY, "10:20", "11:30")] });
    const [grown] = all.filter(({ change }) => change === "growing");
    expect(grown?.about?.hosts).toEqual(["lab6", "lab7", "lab8", "lab9", "lab10"]);
  });

  test("during a silence of all is told when it ends", () => {
    const checks: Checks = (i, ms) => (i < 6 || (i < 12 && isAfter(ms, "10:30")) ? ["load"] : []);
    expect(told(checks, "12:00", { silences: [silence(MANY, "10:20", "11:30")] })).toEqual([
      ...["F 10:00 6 hosts fleet", "G 11:30 12 hosts fleet"],
    ]);
  });
});

describe("who belongs to many, and has something else by now", () => {
  const load: Checks = (i) => (i < 10 ? ["load"] : []);
  /** Well from 11:00, and ill again from 11:30 on. */
  const anew =
    (hosts: (i: number) => boolean, parts: readonly string[], end = "23:00"): Checks =>
    (i, ms) => {
      if (hosts(i) && isAfter(ms, "11:00")) return isAfter(ms, "11:30") ? parts : [];
      return isAfter(ms, end) ? [] : load(i, ms);
    };

  test("is told of it, alone or with as many as are told as one", () => {
    expect(
      told(
        anew((i) => i === 9, ["raid"]),
        "12:30",
      ),
    ).toEqual([MANY_F, "F 11:40 lab9"]);
    expect(
      told(
        anew((i) => i >= 5 && i < 10, ["raid"]),
        "12:30",
      ),
    ).toEqual([MANY_F, "F 11:30 5 hosts fleet"]);
    // Who has the same anew belongs to them, as ever.
    expect(
      told(
        anew((i) => i === 9, ["load"]),
        "12:30",
      ),
    ).toEqual([MANY_F]);
  });

  test("keeps them from being over no longer than they have what they were told with", () => {
    const { told: lines, state } = scene(
      anew((i) => i === 9, ["raid"], "11:45"),
      "12:30",
    );
    expect(lines.slice(1)).toEqual(["F 11:40 lab9 check-failing", "R 11:55 10 hosts fleet-check-failing"]);
    expect(state.incidents.map(({ host }) => host)).toEqual(["lab9"]);
  });

  test("since the second run is told alone", () => {
    const checks: Checks = (i, ms) => (i < 3 && isAfter(ms, "10:05") ? ["raid"] : load(i, ms));
    expect(told(checks, "11:00")).toEqual([MANY_F, ...["lab0", "lab1", "lab2"].map((host) => `F 10:15 ${host}`)]);
  });

  test("each something of its own, is told of each", () => {
    const checks: Checks = (i, ms) => (i < 10 && isAfter(ms, "10:05") ? [`own${i}`] : load(i, ms));
    expect(told(checks, "11:00").filter((line) => line.startsWith("F "))).toHaveLength(1 + 10);
  });

  test("since a silence is not told as having what the others have", () => {
    const checks: Checks = (i, ms) => (i === 3 && isAfter(ms, "11:00") ? ["raid"] : load(i, ms));
    const { told: lines, all } = scene(checks, "12:30", { silences: [silence(MANY, "09:00", "12:00")] });
    expect(lines).toEqual(["F 12:00 lab3 check-failing", "F 12:00 9 hosts fleet-check-failing"]);
    expect(all.findLast(({ isTold }) => isTold)?.incident.hosts).not.toContain("lab3");
  });
});

describe("what as many have as are told as one", () => {
  test("beside the cause is told by itself, each thing with those who have it", () => {
    const checks: Checks = (i) =>
      i >= 10 ? [] : ["load", "load: critical", ...(i < 5 ? ["raid", "raid: critical"] : ["swap"])];
    const { all } = scene(checks, "10:30");
    expect(all.filter(({ isTold }) => isTold).map((event) => lineOf({ sequence: 1, ...rowOfEvent(event) }))).toEqual([
      `FIRING 10 hosts: fleet-check-failing (load: critical) since 2026-05-04 10:00 UTC: load fails, as each of ${Array.from({ length: 10 }, (_, i) => `lab${i}`).join(", ")}; fix: mend load`,
      "FIRING 5 hosts: fleet-check-failing (raid: critical) since 2026-05-04 10:00 UTC: raid fails, as each of lab0, lab1, lab2, lab3, lab4; fix: mend raid",
      "FIRING 5 hosts: fleet-check-failing (swap) since 2026-05-04 10:00 UTC: swap fails, as each of lab5, lab6, lab7, lab8, lab9; fix: mend swap",
    ]);
  });

  test("of whom some were told of something else before is told of all of them once", () => {
    const checks: Checks = (i, ms) =>
      isAfter(ms, "11:00") ? (i < 4 ? [`own${i}`, "ntp"] : ["ntp"]) : i < 4 ? [`own${i}`] : [];
    expect(told(checks, "12:00")).toEqual([
      ...["lab0", "lab1", "lab2", "lab3"].map((host) => `F 10:10 ${host}`),
      "F 11:00 20 hosts fleet",
    ]);
    const few: Checks = (i, ms) => (i < 4 ? checks(i, ms) : []);
    expect(told(few, "12:00").slice(4)).toEqual(["lab0", "lab1", "lab2", "lab3"].map((host) => `F 11:10 ${host}`));
  });

  test("names nobody who was told of it alone, or is silenced by name", () => {
    const checks: Checks = (i, ms) => {
      if (i >= 10) return [];
      return (i < 4 && isAfter(ms, "11:00")) || isAfter(ms, "11:30") ? ["load", "raid"] : ["load"];
    };
    const silences = [silence("lab9", "11:20", "23:00")];
    const { all } = scene(checks, "12:00", { silences });
    expect(all.filter(({ isTold }) => isTold).at(-1)?.incident.hosts).toEqual(["lab4", "lab5", "lab6", "lab7", "lab8"]);
  });
});

test("what many had is told again of all of them when it comes back after it was over", () => {
  const checks: Checks = (i, ms) => {
    const own = i < 9 ? [`own${i}`] : [];
    const ntp = i < 14 && (isBetween(ms, "11:00", "11:30") || isAfter(ms, "12:30"));
    return ntp ? [...own, "ntp"] : own;
  };
  expect(told(checks, "13:00").filter((line) => line.includes("fleet"))).toEqual([
    ...["F 11:00 14 hosts fleet", "R 11:40 14 hosts fleet", "F 12:30 14 hosts fleet"],
  ]);
});

test("many who are all silenced by name when a silence of all ends are told when these end, or never", () => {
  const by = (until: string): readonly Silence[] => [
    silence(MANY, "09:00", "11:00"),
    ...Array.from({ length: 10 }, (_, i) => silence(`lab${i}`, "10:30", until)),
  ];
  const all: Checks = (i) => (i < 10 ? ["load"] : []);
  expect(told(all, "12:30", { silences: by("12:00") })).toEqual(["F 12:00 10 hosts fleet"]);
  const well: Checks = (i, ms) => (i < 10 && !isAfter(ms, "11:30") ? ["load"] : []);
  const { told: lines, state } = scene(well, "12:30", { silences: by("12:00") });
  expect([lines, state.incidents]).toEqual([[], []]);
});

test("who joins is told with what they have, and not with what one of the others has beside it", () => {
  const checks: Checks = (i, ms) => {
    if (i === 0) return isAfter(ms, "10:30") ? ["fan", "load"] : ["load"];
    return i < 6 || (i < 12 && isAfter(ms, "11:00")) ? ["load"] : [];
  };
  // Of a host that went dark it is known that it was ill, and with nothing to say of each thing.
  const dark = (nowMs: number): Ill[] =>
    failing(checks)(nowMs).flatMap((one) => (one.host === "lab0" && isAfter(nowMs, "10:45") ? [] : [one]));
  const lost = (nowMs: number): string[] => (isAfter(nowMs, "10:45") ? ["lab0"] : []);
  const { all } = play({ ill: dark, from: "10:00", to: "11:30", hosts: count, lost });
  const [grown] = all.filter(({ change }) => change === "growing");
  expect(grown?.about).toEqual({
    what: "load fails",
    fix: "mend load",
    hosts: ["lab6", "lab7", "lab8", "lab9", "lab10", "lab11"],
  });
  expect(all.every(({ incident }) => incident.host !== MANY || !incident.what.includes("fan"))).toBe(true);
});

describe("silences", () => {
  test("what begins and ends during one counts as told of nobody, and tells nothing when it ends", () => {
    const checks: Checks = (i, ms) => {
      if (i >= 10) return [];
      const raid = isBetween(ms, "10:30", "11:00") || (i === 3 && isAfter(ms, "12:30"));
      return raid ? ["load", "raid"] : ["load"];
    };
    expect(told(checks, "14:00", { silences: [silence(MANY, "09:00", "12:00")] })).toEqual([
      ...["F 12:00 10 hosts fleet", "F 12:40 lab3"],
    ]);
    expect(told(checks, "11:40", { silences: [silence(MANY, "10:20", "11:30")] })).toEqual([MANY_F]);
  });

  test("what stands when one of all ends is told then: of all, and of one", () => {
    const silences = { silences: [silence(MANY, "10:20", "11:30")] };
    const all: Checks = (i, ms) => (i >= 10 ? [] : isAfter(ms, "10:30") ? ["load", "raid"] : ["load"]);
    expect(told(all, "12:00", silences)).toEqual([MANY_F, "F 11:30 10 hosts fleet"]);
    const one: Checks = (i, ms) => (i >= 10 ? [] : i === 3 && isAfter(ms, "10:30") ? ["load", "raid"] : ["load"]);
    expect(told(one, "12:00", { silences: [silence(MANY, "09:00", "11:30")] })).toEqual([
      ...["F 11:30 lab3", "F 11:30 10 hosts fleet"],
    ]);
  });

  test("of hosts by name keep what is wrong with them from being told of all", () => {
    const silences = Array.from({ length: 5 }, (_, i) => silence(`lab${i}`, "10:20", "13:00"));
    const checks: Checks = (i, ms) => (i >= 10 ? [] : i < 5 && isAfter(ms, "10:30") ? ["load", "raid"] : ["load"]);
    expect(told(checks, "12:00", { silences })).toEqual([MANY_F]);
  });

  test("of all by a symptom hold back many that have it", () => {
    const all = (symptom: string) => ({ silences: [silence(MANY, "09:00", "12:00", symptom)] });
    const checks: Checks = (i) => (i < 10 ? ["load"] : []);
    expect(told(checks, "12:10", all("check-failing"))).toEqual(["F 12:00 10 hosts fleet"]);
    expect(told(checks, "12:10", all("silent"))).toEqual([MANY_F]);
  });
});

test("three checks that fail one after the other are no coming and going, and one that does is", () => {
  const of = (...names: string[]): string[] => {
    const checks: Checks = (i, ms) => {
      const name = names[Math.floor((ms - at("10:00")) / 3_600_000)];
      return i === 0 && name !== undefined && new Date(ms).getUTCMinutes() < 30 ? [name] : [];
    };
    return told(checks, "12:20").filter((line) => line.startsWith("F"));
  };
  expect(of("load", "raid", "swap")).toEqual(["F 10:10 lab0", "F 11:10 lab0", "F 12:10 lab0"]);
  expect(of("load", "load", "load").at(-1)).toBe("F 12:10 lab0 flapping");
});

/** What a host has from each of these times on. */
const steps =
  (...all: [clock: string, causes: string[]][]): Checks =>
  (i, ms) =>
    i === 0 ? (all.findLast(([clock]) => at(clock) <= ms)?.[1] ?? []) : [];
/** `F 10:10 raid`: what was told of one host, by the check. */
const ofOne = (checks: Checks, to: string, more?: Parameters<typeof scene>[2]): string[] =>
  scene(checks, to, more)
    .all.filter(({ isTold }) => isTold)
    .map((event) => `${event.change} ${new Date(event.atMs).toISOString().slice(11, 16)} ${event.incident.cause}`);

describe("each check of a host is told by itself", () => {
  test("and again when it comes back, though another has failed all the time", () => {
    const checks = steps(
      ["10:00", ["swap"]],
      ["11:00", ["swap", "raid", "raid: critical"]],
      ["11:30", ["swap"]],
      ["13:00", ["swap", "raid", "raid: critical"]],
    );
    expect(ofOne(checks, "14:00")).toEqual([
      ...["firing 10:10 swap", "firing 11:10 raid: critical", "recovered 11:35 raid: critical"],
      "firing 13:10 raid: critical",
    ]);
  });

  test("that gets graver is told as that, and as well when it eases; that it is bad all the same was told", () => {
    const checks = steps(
      ["10:00", ["raid"]],
      ["11:00", ["raid", "raid: critical"]],
      ["12:00", ["raid"]],
      ["13:00", ["raid", "raid: critical"]],
      ["13:30", []],
    );
    expect(ofOne(checks, "14:00")).toEqual([
      ...["firing 10:10 raid", "firing 11:10 raid: critical", "recovered 12:05 raid: critical"],
      ...["firing 13:10 raid: critical", "recovered 13:35 raid", "recovered 13:35 raid: critical"],
    ]);
  });

  test("that is grave from the beginning is told as that alone, and as bad when it eases", () => {
    const checks = steps(["10:00", ["raid", "raid: critical"]], ["11:00", ["raid"]], ["12:00", []]);
    expect(ofOne(checks, "13:00")).toEqual([
      ...["firing 10:10 raid: critical", "recovered 11:05 raid: critical", "firing 11:05 raid", "recovered 12:05 raid"],
    ]);
  });

  test("that gets graver while it is watched is told once", () => {
    const checks = steps(["10:00", ["raid"]], ["10:05", ["raid", "raid: critical"]]);
    expect(ofOne(checks, "11:00")).toEqual(["firing 10:15 raid: critical"]);
  });

  test("that is grave in every other run is told as bad", () => {
    const checks: Checks = (i, ms) => (i > 0 ? [] : ms % 600_000 === 0 ? ["raid"] : ["raid", "raid: critical"]);
    expect(ofOne(checks, "12:00")).toEqual(["firing 10:10 raid"]);
  });

  test("that is critical and unknown by turns is told as unknown, which it is all the time", () => {
    const by =
      (runs: number): Checks =>
      (i, ms) => {
        if (i > 0) return [];
        const isCritical = Math.floor((ms - at("10:00")) / (runs * 300_000)) % 2 === 0;
        return isCritical ? ["raid", "raid: unknown", "raid: critical"] : ["raid", "raid: unknown"];
      };
    expect(ofOne(by(1), "12:00")).toEqual(["firing 10:10 raid: unknown"]);
    expect(ofOne(by(2), "12:00")).toEqual(["firing 10:10 raid: unknown"]);
  });

  test("that gets worse step by step is told at once, and not when it is as bad as it gets", () => {
    const checks = steps(
      ["10:00", ["raid"]],
      ["10:10", ["raid", "raid: unknown"]],
      ["10:20", ["raid", "raid: unknown", "raid: critical"]],
    );
    expect(ofOne(checks, "11:00")).toEqual([
      "firing 10:10 raid",
      "firing 10:20 raid: unknown",
      "firing 10:30 raid: critical",
    ]);
  });

  test("that is critical and then unknown is told so in one run", () => {
    const checks = steps(["10:00", ["raid", "raid: unknown", "raid: critical"]], ["11:00", ["raid", "raid: unknown"]]);
    expect(ofOne(checks, "12:00")).toEqual([
      ...["firing 10:10 raid: critical", "recovered 11:05 raid: critical", "firing 11:05 raid: unknown"],
    ]);
  });

  test("is not kept from being told by a graver one that nobody was told of", () => {
    const lab0 = (nowMs: number): Ill[] =>
      failing((i) => (i > 0 ? [] : isAfter(nowMs, "11:00") ? ["raid"] : ["raid", "raid: critical"]))(nowMs);
    const { told: lines } = play({
      ...{ ill: lab0, from: "10:00", to: "11:10", silences: [silence("lab0", "09:00", "11:00")] },
    });
    expect(lines).toEqual(["F 11:00 lab0 check-failing"]);
  });

  test("of what is no check a word like that says nothing", () => {
    const { told: lines } = play({
      ill: () =>
        ["raid", "raid: critical"].map(
          (cause) => ({ ...failing(() => [cause])(0)[0], symptom: "detector-blind" }) as Ill,
        ),
      from: "10:00",
      to: "10:30",
    });
    expect(lines).toEqual(["F 10:00 lab0 detector-blind", "F 10:00 lab0 detector-blind"]);
  });
});

describe("many checks that ease", () => {
  const checks: Checks = (i, ms) => (i >= 10 ? [] : isAfter(ms, "11:00") ? ["raid"] : ["raid", "raid: critical"]);

  test("are told as many again, and not each", () => {
    expect(ofOne(checks, "12:00")).toEqual([
      ...["firing 10:00 raid: critical", "firing 11:05 raid", "recovered 11:10 raid: critical"],
    ]);
    expect(told(checks, "12:00").at(1)).toBe("F 11:05 10 hosts fleet");
  });

  test("one after the other are told each", () => {
    const slow: Checks = (i, ms) =>
      i >= 10 ? [] : ms >= at("11:00") + i * 1_800_000 ? ["raid"] : ["raid", "raid: critical"];
    const lines = told(slow, "16:30");
    expect(lines.slice(0, 6)).toEqual([
      MANY_F,
      ...[0, 1, 2, 3, 4].map((i) => `F ${["11:05", "11:35", "12:05", "12:35", "13:05"][i]} lab${i}`),
    ]);
  });
});

describe("disks", () => {
  test("of which one is mended and another fills, while many are low, are told of that host", () => {
    const checks: Checks = (i, ms) => {
      if (i !== 0) return i < 10 ? ["disk:/"] : [];
      return isAfter(ms, "12:00") ? ["disk:/data"] : isAfter(ms, "11:00") ? [] : ["disk:/"];
    };
    expect(told(checks, "13:00", { symptom: "disk-low" })).toEqual([
      ...["F 10:00 10 hosts fleet-disk-low", "F 12:10 lab0 disk-low"],
    ]);
  });

  test("of one host are not as many as hosts", () => {
    const all: Checks = (i) => (i === 0 ? ["disk:/a", "disk:/b", "disk:/c", "disk:/d", "disk:/e"] : []);
    expect(told(all, "11:00", { symptom: "disk-low" })).toEqual(Array(5).fill("F 10:10 lab0 disk-low"));
  });

  test("that are grave on many hosts are told as that", () => {
    const all: Checks = (i) => (i < 10 ? [`disk:/${i}`, `disk:/${i}: critical`] : []);
    expect(ofOne(all, "11:00", { symptom: "disk-low" })).toEqual(["firing 10:00 disk: critical"]);
  });
});

test("who was well when a silence of all ended, and the others were told of, is told when it is ill anew", () => {
  const checks: Checks = (i, ms) => (i < 7 && !(i === 0 && isBetween(ms, "10:30", "12:00")) ? ["load"] : []);
  expect(told(checks, "13:00", { silences: [silence(MANY, "09:00", "11:00")] })).toEqual([
    ...["F 11:00 6 hosts fleet", "F 12:10 lab0"],
  ]);
});

test("who joins many while their clock is set back is told, as at any other time", () => {
  const checks: Checks = (i, ms) => (i < 6 || (i === 8 && isBetween(ms, "02:00", "09:00")) ? ["load"] : []);
  let { state } = scene((i) => (i < 6 ? ["load"] : []), "10:30");
  const lines: string[] = [];
  for (let nowMs = at("01:00"); nowMs <= at("02:30"); nowMs += 300_000) {
    const { next, events } = watch(state, {
      ...{ nowMs, ill: failing(checks)(nowMs), hosts: count, silences: [], gone: new Map() },
      ...{ unknown: new Set<string>(), lost: new Set<string>(), unsure: new Set<string>() },
    });
    state = next;
    lines.push(...events.filter(({ isTold }) => isTold).map(shown));
  }
  expect(lines).toEqual(["F 02:10 lab8 check-failing"]);
});

test("those who are left when many are over are told each, and not as many anew", () => {
  const checks: Checks = (i, ms) => (i < (isAfter(ms, "11:00") ? 9 : 20) ? ["load"] : []);
  const left = Array.from({ length: 9 }, (_, i) => `F 11:10 lab${i}`);
  expect(told(checks, "12:00")).toEqual(
    ["F 10:00 20 hosts fleet", "R 11:10 20 hosts fleet", ...left].toSorted(byClock),
  );
});

const byClock = (a: string, b: string): number => (a.slice(2) < b.slice(2) ? -1 : 1);

test("who falls ill one after the other in a silence of all is told as many when that ends, and is not before", () => {
  const checks: Checks = (i, ms) => (i < 6 && ms >= at("10:00") + i * 1_800_000 ? ["load"] : []);
  const { told: lines, all } = scene(checks, "14:30", { silences: [silence(MANY, "09:00", "14:00")] });
  expect(lines).toEqual(["F 14:00 6 hosts fleet-check-failing"]);
  expect(all.filter(({ incident, atMs }) => incident.host === MANY && atMs < at("14:00"))).toEqual([]);
});
