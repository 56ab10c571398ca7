// What is wrong with a host, as a table: each symptom with what it takes, and what it is told from. Pure: now is an argument, by the
// collector's clock.

import { type Fix, fixText } from "../../core/finding.ts";
import type { Ill } from "../incidents/incident.ts";
import type { Facts } from "./facts.ts";
import { backlogGrowing, diskLow, quarantineExpiring, quarantineGrowing, waitsAlone } from "./of-keeping.ts";
import { checkFailing, clockSkew, codeUsedTwice, duplicateHost, heartbeatLate, hostDown } from "./of-machine.ts";
import { fatalOnly, paused, silent, unstamped } from "./of-shipping.ts";
import { refusedTogether } from "./refused-together.ts";
import type { Limits, Told } from "./told.ts";

/** What a symptom is told from: it is not looked for where that is not to be had. */
export type Source = "refusals" | "heartbeats";

interface Symptom {
  name: string;
  needs: Source;
  /** A fresh heartbeat alone says it: without one it stays as it was. */
  isOfHeartbeat?: true;
  /** Each that a host has of it: null, or none, is well. */
  of: (facts: Facts, limits: Limits) => Told | readonly Told[] | null;
}

/** Of one host, or of many at once. */
export const FATAL_ONLY = "fatal-only";

/** Of a host's enrolment, and of nothing that it sends. */
export const CODE_USED_TWICE = "code-used-twice";

export const SYMPTOMS: readonly Symptom[] = [
  { name: CODE_USED_TWICE, needs: "heartbeats", of: codeUsedTwice },
  { name: "duplicate-host", needs: "heartbeats", of: duplicateHost },
  { name: "paused", needs: "heartbeats", isOfHeartbeat: true, of: paused },
  { name: "host-down", needs: "heartbeats", of: hostDown },
  // Without them nobody could tell who has nothing to ship.
  { name: "silent", needs: "heartbeats", of: silent },
  { name: FATAL_ONLY, needs: "refusals", of: fatalOnly },
  { name: "unstamped", needs: "refusals", of: unstamped },
  { name: "heartbeat-late", needs: "heartbeats", of: heartbeatLate },
  { name: "clock-skew", needs: "heartbeats", isOfHeartbeat: true, of: clockSkew },
  { name: "disk-low", needs: "heartbeats", isOfHeartbeat: true, of: diskLow },
  { name: "check-failing", needs: "heartbeats", isOfHeartbeat: true, of: checkFailing },
  { name: "waits-alone", needs: "heartbeats", isOfHeartbeat: true, of: waitsAlone },
  { name: "backlog-growing", needs: "heartbeats", isOfHeartbeat: true, of: backlogGrowing },
  { name: "quarantine-growing", needs: "heartbeats", isOfHeartbeat: true, of: quarantineGrowing },
  { name: "quarantine-expiring", needs: "heartbeats", isOfHeartbeat: true, of: quarantineExpiring },
];

/** What others say of it. */
const NOT_OF_ITS_OWN: ReadonlySet<string> = new Set(["duplicate-host", CODE_USED_TWICE]);

/** What is told from a host's heartbeat: of a host whose heartbeat cannot be read none of it is looked for. */
export const FROM_HEARTBEATS: ReadonlySet<string> = new Set(
  SYMPTOMS.flatMap(({ name, needs }) => (needs === "heartbeats" && !NOT_OF_ITS_OWN.has(name) ? [name] : [])),
);

/** What a run cannot look for, and who was refused together with others in the one before. */
export interface Before {
  missing: ReadonlySet<Source>;
  refused: ReadonlySet<string>;
  /** Hosts whose heartbeats cannot be read. */
  unread: ReadonlySet<string>;
}

/** All that is wrong with these hosts, but for what could not be looked for. */
export function illOf(hosts: Iterable<Facts>, limits: Limits, { missing, refused, unread }: Before): Ill[] {
  const all = [...hosts];
  const asked = SYMPTOMS.filter(({ needs }) => !missing.has(needs));
  const together = missing.has("refusals") ? new Map<string, Told>() : refusedTogether(all, limits, refused);
  return all.flatMap((facts) =>
    asked.flatMap(({ name, of }) => {
      if (unread.has(facts.host) && FROM_HEARTBEATS.has(name)) return [];
      const found = of(facts, limits) ?? (name === FATAL_ONLY ? together.get(facts.host) : undefined) ?? [];
      return [found].flat().map(({ fix, ...told }) => ({ host: facts.host, symptom: name, ...told, fix: textOf(fix) }));
    }),
  );
}

function textOf(fix: Fix | null): string | null {
  return fix === null ? null : fixText(fix, "collector");
}

/** The symptoms that cannot be looked for without these. */
export function unknownWithout(missing: ReadonlySet<Source>): Set<string> {
  return new Set(SYMPTOMS.filter(({ needs }) => missing.has(needs)).map(({ name }) => name));
}
