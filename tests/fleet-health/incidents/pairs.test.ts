// Weeks of a random fleet: hosts that come and go alone and together, readings that fail, silences, retired hosts, channels that fail,
// kills at every step. Whatever happens, what a channel has heard makes sense.

import { expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { type Event, type Ill, MANY } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import { NO_WATCH, type Watch, watch } from "../../../lib/fleet-health/incidents/watch.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { emptyMailbox, type Mailbox, put, settle, take } from "../../../lib/fleet-health/notify/mailbox.ts";
import { seededRandom } from "../../support/random.ts";

const START = Date.UTC(2026, 2, 27);
const RUN_MS = 5 * 60_000;
const HOSTS = Array.from({ length: 20 }, (_, i) => `lab${i}`);
const SYMPTOMS = ["silent", "paused", "fatal-only", "host-down"];
/** Of which one host may have several. */
const CHECKS = ["load", "raid", "raid: critical", "disk"];

const rowOf = ({ atMs, change, incident, isTold }: Event, sequence: number): IncidentRow => {
  const { host, hosts, symptom, cause, sinceMs, firedMs, what, fix } = incident;
  return {
    ...{ sequence, at: isoWall(atMs), host, hosts, symptom, cause, change, told: isTold },
    ...{ since: isoWall(sinceMs), fired_at: firedMs === null ? null : isoWall(firedMs), what, fix },
  };
};

/** What stands on the disk. */
interface Disk {
  watch: Watch;
  mailbox: Mailbox;
  sequence: number;
}

/** Runs a fleet. @returns all notices that a channel has taken, with their ids, and what stands at the end */
function live(seed: number, runs: number, quiet: Channel["quiet"] = null) {
  const random = seededRandom(seed);
  const chance = (of: number): boolean => random.next() < of;
  const channel: Channel = {
    ...{ name: "ops", type: "webhook", url: "http://x/", urlFile: null, tokenFile: null, caBundle: null, command: [] },
    ...{ mail: null, symptoms: null, hosts: null, quiet },
  };
  let disk: Disk = { watch: NO_WATCH, mailbox: emptyMailbox("ops"), sequence: 0 };
  const taken: { id: string; rows: readonly IncidentRow[] }[] = [];
  const ill = new Set<string>();
  const retired = new Map<string, "retired" | "expired">();
  let silences: Silence[] = [];
  let isDown = false;
  for (let run = 0; run < runs; run++) {
    const nowMs = START + run * RUN_MS;
    for (const host of HOSTS) for (const symptom of SYMPTOMS) if (chance(0.01)) toggle(ill, `${host}|${symptom}`);
    for (const host of HOSTS)
      for (const check of CHECKS) if (chance(0.005)) toggle(ill, `${host}|check-failing|${check}`);
    if (chance(0.01)) for (const host of HOSTS) if (chance(0.7)) ill.add(`${host}|silent`);
    if (chance(0.01))
      for (const host of HOSTS) if (chance(0.7)) ill.add(`${host}|check-failing|${random.pick(CHECKS)}`);
    if (chance(0.01)) for (const host of HOSTS) ill.delete(`${host}|silent`);
    if (chance(0.02)) silences = [...silences.slice(-3), silence(random.pick(HOSTS), nowMs, random.between(1, 40))];
    if (chance(0.005)) retired.set(random.pick(HOSTS), chance(0.5) ? "retired" : "expired");
    if (chance(0.01)) retired.clear();
    if (chance(0.02)) isDown = !isDown;
    const found: Ill[] = [...ill].map((key) => {
      const [host = "", symptom = "", check] = key.split("|");
      // Half of them have another cause, which changes for all now and then.
      const cause = check ?? (Number(host.slice(3)) % 2 === 0 ? "even" : run % 700 < 350 ? "odd" : "even");
      return { host, symptom, cause, what: "it is ill", fix: null };
    });
    const unknown = new Set(chance(0.05) ? ["fatal-only"] : []);
    const seen = {
      nowMs,
      ill: found.filter(({ symptom }) => !unknown.has(symptom)),
      unknown,
      lost: new Set<string>(),
      unsure: new Set<string>(),
      gone: retired,
    };
    const { next, events } = watch(disk.watch, { ...seen, hosts: HOSTS.length, silences });
    const rows = events.map((event, i) => rowOf(event, disk.sequence + i + 1));
    const out = take(put(disk.mailbox, channel, rows), channel, nowMs);
    if (chance(0.02)) continue; // killed before anything is kept: the next run does it all again
    disk = { watch: next, mailbox: out.mailbox, sequence: disk.sequence + rows.length };
    if (out.notice === null || chance(0.02)) continue; // killed before it is sent
    const sent = isDown ? (chance(0.5) ? "refused" : "unsure") : "taken";
    if (sent === "taken" || (sent === "unsure" && chance(0.5))) taken.push(out.notice);
    if (chance(0.02)) continue; // killed before it is marked
    disk = { ...disk, mailbox: settle(disk.mailbox, sent, nowMs) };
  }
  return { taken, disk };
}

function toggle(set: Set<string>, key: string): void {
  if (!set.delete(key)) set.add(key);
}

function silence(host: string, nowMs: number, runs: number): Silence {
  return { host, symptom: null, fromMs: nowMs, untilMs: nowMs + runs * RUN_MS, reason: "" };
}

/** By what a person tells two incidents apart. */
function nameOf({ host, symptom, cause }: { host: string; symptom: string; cause: string }): string {
  return host === MANY || symptom === "check-failing" ? `${host}|${symptom}|${cause}` : `${host}|${symptom}`;
}

const ENDS = ["recovered", "retired", "expired"];

/** What a channel has heard, each notice once: those that came twice have one id, and say the same. */
function heard(taken: readonly { id: string; rows: readonly IncidentRow[] }[]): IncidentRow[] {
  const known = new Map<string, readonly IncidentRow[]>();
  for (const { id, rows } of taken) {
    if (known.has(id)) expect(rows).toEqual(known.get(id) ?? []);
    known.set(id, rows);
  }
  return [...known.values()].flat();
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  "fleet %i: each beginning once, and one end after it",
  (seed) => {
    const { taken, disk } = live(seed, 2000);
    const rows = heard(taken);
    expect(rows.length).toBeGreaterThan(100);
    const numbers = rows.map(({ sequence }) => sequence);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    const open = new Map<string, string>();
    for (const { host, symptom, cause, change, since, sequence } of rows) {
      const key = nameOf({ host, symptom, cause });
      if (change === "firing") {
        expect(open.get(key), `${sequence}: ${key} begins twice`).toBeUndefined();
        open.set(key, since);
      } else {
        expect([...ENDS, "growing"]).toContain(change);
        expect(open.get(key), `${sequence}: ${key} ends without its beginning`).toBe(since);
        if (change !== "growing") open.delete(key);
      }
    }
    // Whatever the channel holds for open stands, or waits to be told as over.
    const waits = [...disk.mailbox.waiting, ...(disk.mailbox.notice?.rows ?? [])];
    for (const key of open.keys()) {
      const stands = disk.watch.incidents.some((one) => nameOf(one) === key && one.isTold);
      const isWaiting = waits.some((one) => nameOf(one) === key);
      expect(stands || isWaiting, key).toBe(true);
    }
  },
);

test.each([21, 22, 23, 24])("fleet %i with quiet hours: the same, and nothing is heard in them", (seed) => {
  const { taken } = live(seed, 2000, { from: 22 * 60, to: 7 * 60, zone: "Europe/Berlin" });
  const open = new Set<string>();
  for (const { host, symptom, cause, change } of heard(taken)) {
    const key = nameOf({ host, symptom, cause });
    if (change === "firing") expect(open.size).toBe(open.add(key).size - 1);
    else if (change === "growing") expect(open.has(key)).toBe(true);
    else expect(open.delete(key), `${key} ${change}`).toBe(true);
  }
});
