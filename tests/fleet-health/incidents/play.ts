// A time line of a fleet: runs every five minutes, what is wrong in each, and what is told.

import { type Event, type Ill, MANY } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import { NO_WATCH, type Watch, watch } from "../../../lib/fleet-health/incidents/watch.ts";

const DAY = Date.UTC(2026, 4, 4);
/** `10:45` of that Monday. */
export const at = (clock: string): number => {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return DAY + (hours * 60 + minutes) * 60_000;
};
export const clockOf = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

export const ill = (host: string, symptom = "silent", cause = "not known"): Ill => ({
  ...{ host, symptom, cause, what: "it has shipped nothing", fix: null },
});

interface Scene {
  /** What is wrong at an instant. */
  ill: (nowMs: number) => Ill[];
  from: string;
  to: string;
  hosts?: number;
  silences?: readonly Silence[];
  unknown?: (nowMs: number) => string[];
  lost?: (nowMs: number) => string[];
  gone?: (nowMs: number) => [string, "retired" | "expired"][];
}

/** Every run from one clock to another. @returns what was told: `F 10:45 lab1 silent`, and what stands at the end */
export function play({
  ill: illAt,
  from,
  to,
  hosts = 1,
  silences = [],
  unknown = () => [],
  lost = () => [],
  gone = () => [],
}: Scene) {
  let state: Watch = NO_WATCH;
  const told: string[] = [];
  const all: Event[] = [];
  for (let nowMs = at(from); nowMs <= at(to); nowMs += 5 * 60_000) {
    const round = {
      ...{ nowMs, ill: illAt(nowMs), hosts, silences },
      unknown: new Set(unknown(nowMs)),
      lost: new Set(lost(nowMs)),
      unsure: new Set<string>(),
      gone: new Map(gone(nowMs)),
    };
    const { next, events } = watch(state, round);
    state = next;
    all.push(...events);
    told.push(...events.filter(({ isTold }) => isTold).map(shown));
  }
  return { told, state, all };
}

const LETTERS: Readonly<Record<string, string>> = {
  firing: "F",
  growing: "G",
  recovered: "R",
  retired: "R retired",
  expired: "R expired",
};

export function shown({ atMs, change, incident }: Event): string {
  const { symptom, host, hosts, flappingMs } = incident;
  const who = host === MANY ? `${hosts.length} hosts` : host;
  return `${LETTERS[change]} ${clockOf(atMs)} ${who} ${symptom}${flappingMs === null ? "" : " flapping"}`;
}
