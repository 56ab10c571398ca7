// Plays a plan: the world goes on, the detector runs every five minutes and may be killed in each of its steps, channels take its notices
// or do not, and the Python fleet's judge looks at the same inputs.

import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { parseFleetHealthConfig } from "../../../lib/fleet-health/config.ts";
import { outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { type Mailbox, type Sent, settle } from "../../../lib/fleet-health/notify/mailbox.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import { hourOf } from "../../../lib/fleet-health/reference/alert-rows.ts";
import { addRow, type Facts, referenceAlerts } from "../../../lib/fleet-health/reference/alerts.ts";
import { addAttempt } from "../../../lib/fleet-health/reference/attempts.ts";
import { type Read, round } from "../../../lib/fleet-health/round.ts";
import type { FleetHealthConfig } from "../../../lib/fleet-health/settings.ts";
import { formatState, parseState, type State } from "../../../lib/fleet-health/state/state.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { type ChannelPlan, MIN, type Plan, RUN_MS, within } from "./plan.ts";
import { minutesOf, World } from "./world.ts";

/** How far a run came. `lost`: nothing was kept; `unsent`: nothing was sent; `unmarked`: nobody knows what was sent. */
type Step = "lost" | "unsent" | "unmarked" | "done";

interface Run {
  ms: number;
  step: Step;
  isBlind: boolean;
}

/** A notice that a channel has taken. */
export interface Delivery {
  channel: string;
  ms: number;
  id: string;
  rows: readonly IncidentRow[];
  /** Whether the detector knows that it was taken. */
  isMarked: boolean;
}

/** A row that the Python fleet's judge adds. */
export interface AlertRow {
  ms: number;
  host: string;
  symptom: string;
}

export interface Played {
  plan: Plan;
  world: World;
  runs: Run[];
  deliveries: Delivery[];
  /** When the run was that made each row of the history, by its number. */
  madeMs: Map<number, number>;
  alerts: AlertRow[];
}

/** Every so often the state is read back from its text, as each run does. */
const REREAD_RUNS = 50;

/** @param withReference whether the Python fleet's judge looks, too */
export function play(plan: Plan, withReference = false): Played {
  const game = new Game(plan, withReference);
  for (const ms of minutesOf(plan)) {
    // A machine that was off at the time of a run makes up for it when it starts, before the receiver has written that it runs.
    const isBoot = plan.collector.off.some(({ toMs }) => toMs === ms);
    if ((ms % RUN_MS === 0 || isBoot) && ms >= plan.watchedMs && !within(plan.collector.off, ms)) game.run(ms);
    game.world.minute(ms);
  }
  const { world, runs, deliveries, madeMs, alerts } = game;
  return { plan, world, runs, deliveries, madeMs, alerts };
}

class Game {
  readonly world: World;
  readonly runs: Run[] = [];
  readonly deliveries: Delivery[] = [];
  readonly madeMs = new Map<number, number>();
  readonly alerts: AlertRow[] = [];
  /** What stands on the disk. */
  private disk: State | null = null;
  private readonly random: Random;
  private readonly config: FleetHealthConfig;
  private readonly alerted = new Set<string>();

  constructor(
    private readonly plan: Plan,
    private readonly withReference: boolean,
  ) {
    this.world = new World(plan);
    this.random = seededRandom(plan.seed * 104_729 + 3);
    this.config = {
      ...parseFleetHealthConfig("", "collector.toml").config,
      expireAfterMs: plan.expireAfterMs,
      channels: plan.channels.map(({ channel }) => channel),
      silentAfterMs: Object.fromEntries(
        plan.hosts.flatMap(({ host, silentAfterMs }) => (silentAfterMs === null ? [] : [[host, silentAfterMs]])),
      ),
    };
  }

  run(ms: number): void {
    const { disk, config } = this;
    const read = this.world.read(ms, disk?.watch.runsMs[0] ?? null, config.recentWindowMin * MIN);
    if (this.withReference) this.refer(ms, read);
    const next = round(config, disk, read);
    const outgoing = outgoingOf(next, config.channels, read.nowMs, { collector: "collector", store: null });
    const step = this.step();
    this.runs.push({ ms, step, isBlind: read.doubts.length > 0 });
    if (step === "lost") return;
    for (const { sequence } of next.rows) this.madeMs.set(sequence, ms);
    this.keep({ ...next, mailboxes: outgoing.map(({ mailbox }) => mailbox) });
    if (step === "unsent") return;
    const mailboxes = outgoing.map(({ channel, mailbox, notice }): Mailbox => {
      const how = this.plan.channels.find((one) => one.channel === channel);
      if (notice === null || how === undefined) return mailbox;
      const { sent, isTaken } = this.send(how, ms);
      const isMarked = step === "done" && sent === "taken";
      if (isTaken) this.deliveries.push({ channel: channel.name, ms, id: notice.id, rows: notice.rows, isMarked });
      return settle(mailbox, sent, read.nowMs);
    });
    if (step === "done") this.keep({ ...next, mailboxes });
  }

  private keep(state: State): void {
    this.disk = this.runs.length % REREAD_RUNS === 0 ? parseState(formatState(state)) : state;
    if (this.disk === null) throw new Error("the state is none");
  }

  private step(): Step {
    return this.random.next() >= this.plan.killChance ? "done" : this.random.pick(["lost", "unsent", "unmarked"]);
  }

  private send({ down }: ChannelPlan, ms: number): { sent: Sent; isTaken: boolean } {
    if (!within(down, ms)) return { sent: "taken", isTaken: true };
    if (this.random.next() < 0.5) return { sent: "refused", isTaken: false };
    return { sent: "unsure", isTaken: this.random.next() < 0.5 };
  }

  /** What the Python fleet's check would add to its file. It reads all of its inputs anew, whatever ours has kept. */
  private refer(ms: number, { nowMs, index, refusals }: Read): void {
    const facts: Facts = new Map();
    for (const [host, { any }] of index.seen) addRow(facts, host, any.text, any.micros);
    const sinceMs = nowMs - this.config.recentWindowMin * MIN;
    if (refusals.kind === "attempts")
      for (const row of refusals.rows) if (Date.parse(row.at) >= sinceMs) addAttempt(facts, row);
    const hour = hourOf(isoText(nowMs * 1000));
    for (const { host, symptom } of referenceAlerts(facts, this.config.thresholds, nowMs * 1000, "labfleet")) {
      const key = `${host}|${symptom}|${hour}`;
      if (!this.alerted.has(key)) this.alerts.push({ ms, host, symptom });
      this.alerted.add(key);
    }
  }
}
