// The plugin `nagios_runner`: runs the configured checks side by side, at most so many at once, and reports the newest
// result of each. What a check does to its own process is checks/process.ts's affair.

import { availableParallelism } from "node:os";
import { errorText } from "../../core/failure.ts";
import type { Log } from "../../runtime/log/log.ts";
import { openCheckCgroups } from "../checks/cgroup.ts";
import type { runCheckProcess } from "../checks/process.ts";
import { Strays } from "../checks/strays.ts";
import { ConfiguredList, saidBy } from "../collect/observations.ts";
import type { Observation, Plugin, PluginContext } from "../plugin.ts";
import { type Check, checkEnvironment } from "./check.ts";
import { type Judged, notRun } from "./judge.ts";
import { checksAtOnce, Limiter } from "./limiter.ts";
import { type RunSurroundings, runCheck } from "./run-check.ts";
import { afterRun, afterTurn, type CheckState, decideTurn, newState, report } from "./schedule.ts";
import { inspectCheck, readChecks } from "./validate.ts";

/** A collection waits at least so long for its checks, seconds, if the agent's interval allows. */
const WAIT_S = 30;
/** And no longer than this share of the interval: the next one shall find it done. */
const WAIT_SHARE = 0.4;
/** For a check that hung the last time it waits only so long, milliseconds. */
const HUNG_WAIT_MS = 2000;
/** SIGKILL and what comes after it, seconds (checks/process.ts). */
const AFTER_GRACE_S = 1;
/** Of the time that closing has, what is kept for SIGKILL and for what comes after it, seconds. */
const CLOSE_RESERVE_S = 1.5;

/** For tests. */
export interface Seams {
  runProcess?: typeof runCheckProcess;
  /** Wall clock, ms. */
  nowMs?: () => number;
  /** A clock that only goes forward, ms. */
  elapsedMs?: () => number;
  atOnce?: number;
  /** A collection waits no longer than for this. */
  enough?: () => Promise<unknown>;
}

interface Scheduled {
  check: Check;
  state: CheckState;
  /** The number of its newest result. */
  run: number;
  /** When that run of it began that SIGKILL has not ended and that lives on; null when there is none. */
  stuckSince: string | null;
}

interface Started {
  run: Promise<void>;
  /** The run before did not end by itself. */
  hung: boolean;
}

export class NagiosRunner implements Plugin {
  readonly name = "nagios_runner";
  /** Thousands of checks, and a quarter of a heartbeat is left to the other plugins. */
  readonly budgetBytes = 768 * 1024;
  skipReason: string | null = null;
  timeoutS = WAIT_S;
  readonly #stop = new AbortController();
  readonly #atOnce: number;
  readonly #limiter: Limiter;
  readonly #runs = new Set<Promise<void>>();
  /** Runs that are over and whose strays are not counted yet, by their mark. */
  readonly #uncounted = new Map<string, Observation>();
  readonly #nowMs: () => number;
  readonly #elapsedMs: () => number;
  #checks: Scheduled[] = [];
  #around: RunSurroundings | null = null;
  #log: Log | null = null;
  #waitMs = 0;
  #everyS = 0;
  #round = 0;

  constructor(private readonly seams: Seams = {}) {
    this.#nowMs = seams.nowMs ?? Date.now;
    this.#elapsedMs = seams.elapsedMs ?? (() => performance.now());
    this.#atOnce = seams.atOnce ?? checksAtOnce(availableParallelism());
    this.#limiter = new Limiter(this.#atOnce);
  }

  initialise({ log, intervalS, settings, root, closeS = Infinity }: PluginContext): boolean {
    const { entries, checks, remarks } = readChecks(settings, intervalS);
    if (entries === 0) {
      this.skipReason = "no commands configured (add nagios_runner.commands to config)";
      return false;
    }
    const env = checkEnvironment(process.env);
    for (const { level, message, fields } of [
      ...remarks,
      ...checks.flatMap((check) => inspectCheck(check, env.PATH ?? "")),
    ])
      log[level](message, fields);
    const cgroups = openCheckCgroups(root);
    if ("unavailable" in cgroups)
      log.info("no cgroups: processes that leave a check's session are counted, not killed", {
        why: cgroups.unavailable,
      });
    const { runProcess } = this.seams;
    this.#around = {
      ...{ env, cgroups, signal: this.#stop.signal, strays: new Strays() },
      // SIGKILL comes before anybody stops waiting for us.
      cancelGraceS: Math.max(0, closeS - CLOSE_RESERVE_S),
      ...(runProcess !== undefined && { runProcess }),
    };
    this.#log = log;
    this.#everyS = intervalS;
    this.#checks = checks.map((check) => ({ check, state: newState(), run: 0, stuckSince: null }));
    const longestS = Math.max(0, ...checks.map(({ timeoutS, graceS }) => timeoutS + graceS + AFTER_GRACE_S));
    const waitS = Math.min(WAIT_SHARE * intervalS, Math.max(WAIT_S, longestS));
    this.#waitMs = waitS * 1000;
    // The agent drops what comes after this: it must never be reached.
    this.timeoutS = waitS + AFTER_GRACE_S;
    return true;
  }

  /** Starts what is due, waits for that as long as may be, and says the newest of every check. */
  async collect(signal: AbortSignal): Promise<Observation[]> {
    this.#round++;
    const started = this.#checks.flatMap((each) => this.#turn(each));
    const runs = (hung: boolean) => started.filter((one) => one.hung === hung).map(({ run }) => run);
    // One that hung would have every collection wait for its time-out: what comes of it then is said by the next one.
    const hungMs = Math.min(HUNG_WAIT_MS, this.#waitMs);
    await Promise.all([this.#wait(runs(false), signal, this.#waitMs), this.#wait(runs(true), signal, hungMs)]);
    // Nobody wants to know any more, and what was cut off is no fault of a check.
    if (signal.aborted) return [];
    await this.#countStrays();
    const nowMs = this.#elapsedMs();
    const said = this.#checks.map(({ check, state }) => report(check, state, nowMs, this.#atOnce));
    return ConfiguredList.from(said.filter((one) => one !== null));
  }

  /** Ends what still runs, and what runs have left behind; none of it is reported. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#runs);
    await this.#countStrays();
  }

  #turn(each: Scheduled): Started[] {
    const nowMs = this.#elapsedMs();
    const turn = decideTurn(each.check, each.state, nowMs, this.#everyS);
    if (turn === "overlap") each.state.overlaps++;
    if (turn !== "start" || this.#stop.signal.aborted) return [];
    each.state = afterTurn(each.state, nowMs, new Date(this.#nowMs()).toISOString());
    const place = { round: this.#round, hung: each.state.hung };
    const run = this.#limiter.run(place, () => this.#run(each)).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
    return [{ run, hung: place.hung }];
  }

  async #run(each: Scheduled): Promise<void> {
    // It may have waited for its turn until we were stopped.
    if (this.#around === null || this.#stop.signal.aborted) return;
    const { check } = each;
    const [startedMs, wallMs] = [this.#elapsedMs(), this.#nowMs()];
    const startedAt = new Date(wallMs).toISOString();
    each.state = { ...each.state, phase: "running", begunMs: startedMs };
    const judged = await this.#judge(each, this.#around, startedAt);
    if (judged === null) return;
    // Grows over restarts without being kept anywhere: no check runs more than once a second for long.
    each.run = Math.max(each.run + 1, Math.floor(wallMs / 1000));
    const { observation } = judged;
    Object.assign(observation, { name: check.name, started_at: startedAt, run: each.run });
    each.state = afterRun(check, each.state, judged, this.#elapsedMs(), new Date(this.#nowMs()).toISOString());
    const { status, duration_ms, notes } = observation;
    this.#log?.info("check ended", { check: check.name, status, message: saidBy(observation), duration_ms, ...notes });
  }

  /** Never throws; null when the run was cancelled. */
  async #judge(each: Scheduled, around: RunSurroundings, startedAt: string): Promise<Judged | null> {
    const { check, stuckSince } = each;
    // Another one each time would fill the host with processes that nobody can end.
    if (stuckSince !== null) {
      return notRun(`not started: its run begun ${stuckSince} cannot be killed and lives on`, { unkillable: true });
    }
    try {
      const { judged, gone, mark } = await runCheck(check, around);
      if (judged !== null && mark !== null) this.#uncounted.set(mark, judged.observation);
      each.stuckSince = gone === null ? null : startedAt;
      void gone?.then(() => {
        each.stuckSince = null;
      });
      return judged;
    } catch (error) {
      this.#log?.error("check failed", { check: check.name, why: errorText(error) });
      return notRun(`not run, by a fault of labfleet: ${errorText(error)}`);
    }
  }

  /** Ends and counts what they have left behind, once for all runs that are over: it looks at every process. */
  async #countStrays(): Promise<void> {
    const ended = new Map(this.#uncounted);
    this.#uncounted.clear();
    for (const [mark, found] of (await this.#around?.strays.end()) ?? []) {
      const observation = ended.get(mark);
      // Of one that was cancelled nothing is said.
      if (observation === undefined) continue;
      const { survivors_killed = 0, survivors_left = 0, ...notes } = observation.notes ?? {};
      const killed = survivors_killed + found.killed;
      const left = Math.max(found.left, survivors_left - found.killed);
      const counted = { ...(killed > 0 && { survivors_killed: killed }), ...(left > 0 && { survivors_left: left }) };
      observation.notes = { ...notes, ...counted };
      this.#log?.info("check left processes behind", { check: observation.name ?? "", ...counted });
    }
  }

  async #wait(runs: readonly Promise<unknown>[], signal: AbortSignal, ms: number): Promise<void> {
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.race([Promise.all(runs), enough, ...(this.seams.enough === undefined ? [] : [this.seams.enough()])]);
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

export function nagiosRunner(): Plugin {
  return new NagiosRunner();
}
