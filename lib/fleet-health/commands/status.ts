// `fleet-health status`: how the fleet stands.

import { join } from "node:path";
import { type HealthRun, parseHealthRun } from "../../contract/health-run.ts";
import { HEALTH_RUN } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { print } from "../../os/answer.ts";
import { readIfExists } from "../../os/files/files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { timesOf } from "../coverage/times.ts";
import { NO_HOSTS } from "../hosts/hosts.ts";
import { readHosts } from "../hosts/read.ts";
import { type Facts, factsOf } from "../judge/facts.ts";
import { silentAfterOf } from "../judge/limits.ts";
import { whyNotRead } from "../not-read.ts";
import { readOrders } from "../orders/read.ts";
import { goneOf, timesBefore } from "../round.ts";
import type { FleetHealthConfig } from "../settings.ts";
import { parseState, type State } from "../state/state.ts";
import { fleetStatus, renderStatus, type Stranger } from "./view.ts";

const STATE_BYTES = 256 * 1024 ** 2;

export interface Standing {
  state: State;
  run: HealthRun | null;
  facts: Facts[];
  /** Why not all is known of the hosts. */
  doubts: readonly Finding[];
}

/** What the last run left. @throws UserError when none has, or it may not be read */
export async function readStanding(config: FleetHealthConfig, nowMs: number): Promise<Standing> {
  const dir = config.stateDir ?? "";
  const state = parseState((await textOf(join(dir, "state.json"))) ?? "");
  if (state === null) {
    const fix = byCommands(here("sudo", "systemctl", "start", "labfleet-fleet-health"));
    throw new UserError(`the health check has left nothing in ${dir} yet`, fix, EXIT.undelivered);
  }
  const { hosts, doubts } = await readHosts(config, nowMs, [...state.index.seen.keys()]);
  const { elapsedMs, isDoubtful } = timesOf(timesBefore(state), { nowMs, ticks: [] });
  const facts = factsOf({
    ...{
      nowMs,
      elapsedMs,
      isDoubtful,
      lastRunMs: state.watch.runsMs[0] ?? null,
      seen: state.index.seen,
      past: state.past,
    },
    ...{ attempts: [], sinceMs: nowMs, hosts: hosts ?? NO_HOSTS },
  });
  const run = parseHealthRun((await textOf(join(dir, HEALTH_RUN))) ?? "");
  return { state, run, facts: [...facts.values()], doubts };
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readIfExists(path, STATE_BYTES);
  } catch (error) {
    const { what, fix } = whyNotRead(path, error, `cannot read ${path}`);
    throw new UserError(what, fix, EXIT.undelivered);
  }
}

/** Hosts that the configuration names, and of whom nothing is known: a slip, or one that has yet to come. Pure. */
export function strangersOf(
  { silentAfterMs, channels }: Pick<FleetHealthConfig, "silentAfterMs" | "channels">,
  known: readonly string[],
): Stranger[] {
  const named = [
    ...Object.keys(silentAfterMs).map((name) => ({ name, where: "[fleet_health.hosts]" })),
    ...channels.flatMap((channel) =>
      (channel.hosts ?? []).map((name) => ({ name, where: `[[notify]] ${quoted(channel.name)}` })),
    ),
  ];
  return named.filter(({ name }) => !known.includes(name)).map((one) => ({ ...one, meant: nearest(one.name, known) }));
}

/** Prints it. @returns exit code 0: what is wrong with a host is an answer */
export async function statusCommand(
  config: FleetHealthConfig,
  { nowMs, json, all }: { nowMs: number; json: boolean; all: boolean },
  log: Pick<Log, "warn">,
): Promise<number> {
  const { state, run, facts, doubts } = await readStanding(config, nowMs);
  const { orders, doubts: unread } = await readOrders(config.stateDir);
  for (const doubt of [...doubts, ...unread]) log.warn(doubt);
  const gone = goneOf(facts, config, orders, nowMs);
  const strangers = strangersOf(
    config,
    facts.map(({ host }) => host),
  );
  const { mailboxes, watch } = state;
  const idleAfterMs = silentAfterOf(config);
  const about = { incidents: watch.incidents, mailboxes, facts, idleAfterMs, gone, strangers };
  const status = fleetStatus({ nowMs, run, ...about });
  await print(json ? `${JSON.stringify(status)}\n` : renderStatus(status, all));
  return EXIT.ok;
}
