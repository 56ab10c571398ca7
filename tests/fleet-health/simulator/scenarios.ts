// What may happen to a fleet, each with its chances drawn from a seed.

import { Maker, type Size } from "./maker.ts";
import { DAY, HOUR, MIN, type Plan } from "./plan.ts";
import { NIGHT } from "./quiet.ts";

const KINDS: Record<string, (make: Maker) => void> = {
  "nothing happens": () => {},
  "hosts go dark": (make) => make.outages(),
  "short blips": blips,
  "hosts are dead for days": (make) => {
    const longMs = make.plan.endMs - make.plan.startMs - 12 * HOUR;
    for (const host of make.share(0.1)) make.break(host, "off", make.span(longMs * 0.8, longMs));
  },
  "heartbeats end": (make) => {
    for (const host of make.share(0.25)) if (host.hasBeats) make.break(host, "agent", make.span(HOUR, 6 * HOUR));
  },
  "clocks of hosts are wrong": (make) => {
    for (const host of make.share(0.25)) if (host.hasBeats) make.break(host, "clock", make.span(HOUR, 6 * HOUR));
  },
  "hosts come and go": flapping,
  "half the fleet behind one dead link": link,
  "first run, half the fleet is dead": (make) => {
    link(make);
    const [fault] = make.plan.hosts.flatMap(({ faults }) => faults);
    make.plan.watchedMs = (fault?.fromMs ?? make.plan.startMs) + HOUR;
  },
  "bad release, fast hosts": (make) => badRelease(make, 2 * MIN),
  "bad release, slow hosts": (make) => badRelease(make, 25 * MIN),
  "tokens are revoked": (make) => {
    for (const host of make.share(0.15)) make.break(host, "misconfigured", make.span(HOUR, 6 * HOUR));
  },
  "hosts ship once a day": daily,
  "uploads that take hours": (make) => {
    for (const host of make.share(0.3)) make.break(host, "upload", make.span(HOUR, 4 * HOUR));
  },
  "two machines under one name": (make) => {
    for (const host of make.share(0.15)) {
      // Both are heard within the hour: else there is one again, as far as anybody knows.
      host.everyMs = Math.min(host.everyMs, 3 * MIN);
      make.break(host, "clone", make.span(2 * HOUR, 6 * HOUR));
    }
  },
  "receiver restarts": (make) => {
    make.plan.collector.down.push(...Array.from({ length: 6 }, () => make.span(MIN, MIN)));
    make.outages(0.1);
  },
  "collector is off for hours": (make) => {
    make.plan.collector.off.push(make.outage());
    make.outages();
  },
  "receiver is down for hours": (make) => {
    make.plan.collector.down.push(make.outage());
    make.outages();
  },
  "collector is full for hours": (make) => {
    make.plan.collector.full.push(make.outage());
    make.outages();
  },
  "clock set forward two hours": (make) => clockStep(make, 2 * HOUR),
  "clock set back an hour": (make) => clockStep(make, -HOUR),
  "clock set back some minutes": (make) => clockStep(make, -make.long(3 * MIN, 40 * MIN)),
  "inputs cannot be read for hours": (make) => {
    make.plan.collector.blind.push(make.span(HOUR, 4 * HOUR));
    make.outages(0.4);
  },
  "quiet hours, over the change to summer time": (make) => {
    make.channel("by day", NIGHT);
    make.outages(0.2);
  },
  "a channel is down for hours": (make) => {
    make.channel("pager", null, [make.span(HOUR, 8 * HOUR)]);
    make.outages();
  },
  "hosts are silenced": silenced,
  "hosts are retired, and some return": retired,
  "hosts are forgotten after a day": (make) => {
    make.plan.expireAfterMs = DAY / 2;
    for (const host of make.share(0.1)) make.break(host, "off", make.span(15 * HOUR, 20 * HOUR));
  },
  "runs are killed": (make) => {
    make.plan.killChance = 0.15;
    make.channel("pager", null, [make.span(HOUR, 4 * HOUR)]);
    make.outages();
    link(make);
  },
};

export const SCENARIOS: readonly string[] = Object.keys(KINDS);

export function planOf(scenario: string, seed: number, size: Size): Plan {
  const make = new Maker(seed, size);
  KINDS[scenario]?.(make);
  return make.plan;
}

/** Too short for anybody to be told: a restart, an update, a cable. */
function blips(make: Maker): void {
  for (const host of make.plan.hosts)
    for (let i = 0; i < 3; i++)
      make.break(host, make.random.pick(["off", "cut", "shipper"]), make.span(3 * MIN, 16 * MIN));
}

function flapping(make: Maker): void {
  for (const host of make.share(0.1)) {
    const times = make.random.between(4, 7);
    const firstMs = make.time(times * HOUR);
    for (let i = 0; i < times; i++) {
      const fromMs = firstMs + i * HOUR;
      host.faults.push({ kind: "off", fromMs, toMs: fromMs + 50 * MIN, reason: "", group: null });
    }
  }
}

/** All of one link's hosts, some of which may stay away for longer. */
function link(make: Maker): void {
  const beats = make.random.pick([true, false]);
  const span = make.span(2 * HOUR, 6 * HOUR);
  for (const [i, host] of make.share(0.5).entries()) {
    host.hasBeats = beats;
    host.everyMs = Math.min(host.everyMs, 7 * MIN);
    host.faults = [];
    make.break(host, "cut", { ...span, toMs: span.toMs + (i === 3 ? 2 * HOUR : 0) }, { group: "link" });
  }
}

function badRelease(make: Maker, everyMs: number): void {
  const span = make.span(5 * HOUR, 8 * HOUR);
  const hosts = make.share(0.6);
  const most = Math.floor(hosts.length * 0.8);
  for (const [i, host] of hosts.entries()) {
    host.everyMs = everyMs;
    host.hasBeats = true;
    const reason = i < most ? "commit-not-accepted" : "missing-commit";
    make.break(host, "refused", span, { reason, group: reason });
  }
}

/** Some are idle between, and say so; of those that say nothing the configuration knows. Some die. */
function daily(make: Maker): void {
  for (const [i, host] of make.share(0.5).entries()) {
    host.dailyMs = 6 * HOUR;
    host.silentAfterMs = host.hasBeats ? null : 26 * HOUR;
    if (i % 5 === 0 && host.hasBeats) make.break(host, "off", make.span(2 * HOUR, 6 * HOUR));
  }
}

function clockStep(make: Maker, byMs: number): void {
  const atMs = make.time(8 * HOUR);
  make.plan.collector.steps.push({ atMs, byMs });
  make.outages();
}

function silenced(make: Maker): void {
  make.outages(0.3);
  for (const { host, faults } of make.plan.hosts)
    for (const { fromMs } of faults) {
      const silenceMs = fromMs + make.long(-HOUR, HOUR);
      make.plan.silences.push({ host, fromMs: silenceMs, toMs: silenceMs + make.long(HOUR, 5 * HOUR) });
    }
}

function retired(make: Maker): void {
  make.outages(0.3);
  for (const { host, faults } of make.plan.hosts)
    for (const { fromMs, toMs } of faults)
      if (make.random.next() < 0.7)
        make.plan.retired.push({ host, atMs: fromMs + Math.round(((toMs - fromMs) * make.random.between(3, 9)) / 10) });
}
