// Weeks of a random fleet whose checks come, get worse, ease and go, alone and together: whatever fails for long enough is told at every
// moment, and what is told is so.

import { expect, test } from "bun:test";
import { type Event, type Ill, MANY } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import { NO_WATCH, type Watch, watch } from "../../../lib/fleet-health/incidents/watch.ts";
import { seededRandom } from "../../support/random.ts";

const START = Date.UTC(2026, 2, 27);
const RUN_MS = 5 * 60_000;
const HOSTS = Array.from({ length: 20 }, (_, i) => `lab${i}`);
const CHECKS = ["load", "raid", "swap"];
const GRADES = ["warning", "unknown", "critical"] as const;
type Grade = (typeof GRADES)[number];
/** What a check with that grade is ill of. */
const causesOf = (check: string, grade: Grade): string[] =>
  [check, `${check}: unknown`, `${check}: critical`].slice(0, GRADES.indexOf(grade) + 1);

/** What a channel believes: incidents that were told and have not ended, with the hosts that they name. */
class Belief {
  private readonly open = new Map<string, Set<string>>();

  hear({ change, incident: { host, hosts, symptom, cause } }: Event): void {
    const key = `${host}|${symptom}|${cause}`;
    if (change === "firing") {
      expect(this.open.has(key), `${key} begins twice`).toBe(false);
      this.open.set(key, new Set(host === MANY ? hosts : [host]));
    } else if (change === "growing") for (const one of hosts) this.open.get(key)?.add(one);
    else expect(this.open.delete(key), `${key} ends without its beginning`).toBe(true);
  }

  /** @param hosts of many that stand, by their causes: who joins in the runs after it began does so without a word */
  says(host: string, cause: string, hosts: ReadonlyMap<string, readonly string[]>): boolean {
    if (this.open.has(`${host}|check-failing|${cause}`)) return true;
    return this.open.has(`${MANY}|fleet-check-failing|${cause}`) && hosts.get(cause)?.includes(host) === true;
  }

  all(): [who: string, cause: string, hosts: ReadonlySet<string>][] {
    return [...this.open].map(([key, hosts]) => [key.split("|")[0] ?? "", key.split("|")[2] ?? "", hosts]);
  }
}

/** How long each has been as it is, in runs: above zero bad, below zero well. */
class Streaks {
  private readonly runs = new Map<string, number>();

  note(key: string, isBad: boolean): void {
    const before = this.runs.get(key) ?? 0;
    this.runs.set(key, isBad ? Math.max(before, 0) + 1 : Math.min(before, 0) - 1);
  }

  of(key: string): number {
    return this.runs.get(key) ?? -1000;
  }
}

function live(seed: number, runs: number): number {
  const random = seededRandom(seed);
  const chance = (of: number): boolean => random.next() < of;
  const grades = new Map<string, Grade>();
  const streaks = new Streaks();
  /** For how many runs each should have been told, and was not. */
  const waits = new Map<string, number>();
  const belief = new Belief();
  let state: Watch = NO_WATCH;
  let silences: Silence[] = [];
  let checked = 0;
  const change = (key: string): void => {
    if (!grades.delete(key)) grades.set(key, random.pick(GRADES));
  };
  for (let run = 0; run < runs; run++) {
    const nowMs = START + run * RUN_MS;
    for (const host of HOSTS)
      for (const check of CHECKS) {
        const key = `${host}|${check}`;
        if (chance(0.004)) change(key);
        const grade = grades.get(key);
        // Some of them are never the same for long.
        if (grade !== undefined && chance(host === "lab0" ? 0.5 : 0.01)) grades.set(key, random.pick(GRADES));
      }
    const all = random.pick(CHECKS);
    if (chance(0.01)) for (const host of HOSTS) if (chance(0.6)) grades.set(`${host}|${all}`, "critical");
    if (chance(0.01))
      for (const host of HOSTS) if (grades.has(`${host}|${all}`)) grades.set(`${host}|${all}`, "warning");
    if (chance(0.01)) for (const host of HOSTS) grades.delete(`${host}|${all}`);
    if (chance(0.01))
      silences = [
        {
          host: random.pick([...HOSTS, MANY]),
          symptom: null,
          fromMs: nowMs,
          untilMs: nowMs + 2 * 3_600_000,
          reason: "",
        },
      ];
    const ill = [...grades].flatMap(([key, grade]): Ill[] => {
      const [host = "", check = ""] = key.split("|");
      const of = (cause: string): Ill => ({
        host,
        symptom: "check-failing",
        cause,
        what: `${check} ${grade}`,
        fix: null,
      });
      return causesOf(check, grade).map(of);
    });
    const { next, events } = watch(state, {
      ...{ nowMs, ill, hosts: HOSTS.length, silences, unknown: new Set(), lost: new Set(), unsure: new Set() },
      gone: new Map(),
    });
    state = next;
    for (const event of events) if (event.isTold) belief.hear(event);
    const many = new Map(state.incidents.flatMap((one) => (one.host === MANY ? [[one.cause, one.hosts]] : [])));
    const isQuiet = (host: string): boolean =>
      silences.some((one) => (one.host === host || one.host === MANY) && nowMs < one.untilMs);
    for (const host of HOSTS)
      for (const check of CHECKS) {
        const grade = grades.get(`${host}|${check}`);
        const levels = causesOf(check, "critical");
        const bad = grade === undefined ? [] : causesOf(check, grade);
        for (const cause of levels) streaks.note(`${host}|${cause}`, bad.includes(cause));
        if (isQuiet(host)) continue;
        const says = levels.map((cause) => belief.says(host, cause, many));
        for (const [i, cause] of levels.entries()) {
          const runs = streaks.of(`${host}|${cause}`);
          // What has just got worse waits to be told as that, and what has just eased for a second look; no longer than that.
          const graver = levels.slice(i + 1).map((one) => streaks.of(`${host}|${one}`));
          const isSettled = graver.every((one) => one >= 3 || one <= -2);
          const isTold = says.slice(i).includes(true);
          const untold = runs >= 3 && !isTold ? (waits.get(`${host}|${cause}`) ?? 0) + 1 : 0;
          waits.set(`${host}|${cause}`, untold);
          expect(untold, `run ${run}: ${host} ${cause}`).toBeLessThanOrEqual(isSettled ? 0 : 2);
        }
        checked += Number(says.includes(true));
      }
    for (const [who, cause, hosts] of belief.all()) {
      const flaps = state.incidents.some((one) => one.host === who && one.cause === cause && one.flappingMs !== null);
      const well = (who === MANY ? (many.get(cause) ?? []) : [...hosts]).filter(
        (host) => streaks.of(`${host}|${cause}`) <= -3,
      );
      if (!flaps)
        expect(
          well.length * 2 > (many.get(cause)?.length ?? 1),
          `run ${run}: ${who} ${cause} is well, and told as ill`,
        ).toBe(false);
    }
  }
  return checked;
}

test.each(Array.from({ length: 6 }, (_, i) => i + 1))(
  "fleet %i: what fails is told, and what is told fails",
  (seed) => {
    expect(live(seed, 2000)).toBeGreaterThan(1000);
  },
);
