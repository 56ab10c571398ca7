// The plugin `nagios_runner`: runs the configured checks side by side, at most so many at once, and reports the newest
// result of each. What a check does to its own process is os/check-process.ts's affair.

import { availableParallelism } from "node:os";
import { errorText } from "../../core/failure.ts";
import { openCheckCgroups } from "../../os/check-cgroup.ts";
import type { runCheckProcess } from "../../os/check-process.ts";
import type { Log } from "../../runtime/log.ts";
import type { Observation, Plugin, PluginContext } from "../plugin.ts";
import { type Check, checkEnvironment } from "./check.ts";
import { Limiter } from "./limiter.ts";
import { type RunSurroundings, runCheck } from "./run-check.ts";
import { afterRun, type CheckState, decideTurn, newState, report } from "./schedule.ts";
import { inspectCheck, readChecks } from "./validate.ts";

/** Checks that run at once: they wait more than they compute, but each is a process. */
const AT_ONCE = Math.min(16, 4 * availableParallelism());
/** A collection waits at least so long for its checks, seconds, if the agent's interval allows. */
const WAIT_S = 30;
/** And no longer than this share of the interval: the next one shall find it done. */
const WAIT_SHARE = 0.4;
/** SIGKILL and what comes after it, seconds (os/check-process.ts). */
const AFTER_GRACE_S = 1;

/** For tests. */
export interface Seams {
  runProcess?: typeof runCheckProcess;
  /** Wall clock, ms. */
  nowMs?: () => number;
  /** A clock that only goes forward, ms. */
  elapsedMs?: () => number;
  atOnce?: number;
}

interface Scheduled {
  check: Check;
  state: CheckState;
  /** The number of its newest result. */
  run: number;
}

export class NagiosRunner implements Plugin {
  readonly name = "nagios_runner";
  skipReason: string | null = null;
  timeoutS = WAIT_S;
  readonly #stop = new AbortController();
  readonly #limiter: Limiter;
  readonly #runs = new Set<Promise<void>>();
  readonly #nowMs: () => number;
  readonly #elapsedMs: () => number;
  #checks: Scheduled[] = [];
  #around: RunSurroundings | null = null;
  #log: Log | null = null;
  #waitMs = 0;
  #everyS = 0;

  constructor(private readonly seams: Seams = {}) {
    this.#nowMs = seams.nowMs ?? Date.now;
    this.#elapsedMs = seams.elapsedMs ?? (() => performance.now());
    this.#limiter = new Limiter(seams.atOnce ?? AT_ONCE);
  }

  initialise({ log, intervalS, settings, root }: PluginContext): boolean {
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
      log.info("checks get no cgroup: what leaves its session is not killed, only counted", {
        why: cgroups.unavailable,
      });
    const { runProcess } = this.seams;
    this.#around = { env, cgroups, signal: this.#stop.signal, ...(runProcess !== undefined && { runProcess }) };
    this.#log = log;
    this.#everyS = intervalS;
    this.#checks = checks.map((check) => ({ check, state: newState(), run: 0 }));
    const longestS = Math.max(0, ...checks.map(({ timeoutS, graceS }) => timeoutS + graceS + AFTER_GRACE_S));
    const waitS = Math.min(WAIT_SHARE * intervalS, Math.max(WAIT_S, longestS));
    this.#waitMs = waitS * 1000;
    // The agent drops what comes after this: it must never be reached.
    this.timeoutS = waitS + AFTER_GRACE_S;
    return true;
  }

  /** Starts what is due, waits for that as long as may be, and says the newest of every check. */
  async collect(signal: AbortSignal): Promise<Observation[]> {
    const started = this.#checks.flatMap((each) => this.#turn(each));
    await this.#wait(Promise.all(started), signal);
    const nowMs = this.#elapsedMs();
    return this.#checks.map(({ check, state }) => report(check, state, nowMs)).filter((said) => said !== null);
  }

  /** Ends what still runs; none of it is reported. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#runs);
  }

  #turn(each: Scheduled): Promise<void>[] {
    const turn = decideTurn(each.check, each.state, this.#elapsedMs(), this.#everyS);
    if (turn === "overlap") each.state.overlaps++;
    if (turn !== "start" || this.#stop.signal.aborted) return [];
    each.state = { ...each.state, begunMs: this.#elapsedMs(), underWay: true, overlaps: 0 };
    const run = this.#limiter
      .run(() => this.#run(each))
      .catch((error: unknown) => this.#log?.error("check failed", { check: each.check.name, why: errorText(error) }))
      .finally(() => {
        each.state.underWay = false;
        this.#runs.delete(run);
      });
    this.#runs.add(run);
    return [run];
  }

  async #run(each: Scheduled): Promise<void> {
    const { check } = each;
    const [startedMs, wallMs] = [this.#elapsedMs(), this.#nowMs()];
    // It may have waited for its turn until we were stopped.
    if (this.#around === null || this.#stop.signal.aborted) return;
    const judged = await runCheck(check, this.#around);
    if (judged === null) return;
    // Grows over restarts without being kept anywhere: no check runs more than once a second for long.
    each.run = Math.max(each.run + 1, Math.floor(wallMs / 1000));
    const { observation } = judged;
    Object.assign(observation, { name: check.name, started_at: new Date(wallMs).toISOString(), run: each.run });
    each.state = afterRun(check, each.state, judged, startedMs);
    const { status, message, duration_ms, notes } = observation;
    this.#log?.info("check ended", { check: check.name, status, message, duration_ms, ...notes });
  }

  async #wait(runs: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#waitMs);
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.race([runs, enough]);
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

export function nagiosRunner(): Plugin {
  return new NagiosRunner();
}
