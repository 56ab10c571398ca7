// The runs of one plugin, one at a time. A run is over with the plugin's answer, at its deadline, or when the agent stops; what
// goes wrong in it is a result too. A collection takes the newest results, whenever they came.

import type { CheckNotes, CheckResult } from "../../contract/observation.ts";
import { errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { withinBudget } from "./budget.ts";
import { tidy } from "./observations.ts";
import { allOf, stackField } from "./plugin-fault.ts";

export interface RunOptions {
  /** How long a plugin may take that does not say it itself. */
  deadlineMs: number;
  intervalS: number;
  /** Aborts when the agent stops: what is still under way then gives no result. */
  signal: AbortSignal;
  /** The wall clock. */
  nowMs: () => number;
  log: Log;
  /** Counts collections over restarts: the `run` of every result that does not count by itself. */
  run: number;
}

/** How a run ended. */
type Ending =
  | { kind: "returned"; value: unknown }
  | { kind: "threw"; error: unknown }
  | { kind: "late" }
  | { kind: "stopped" };

/** When a run was begun, by both clocks, and which one it is. */
interface Begun {
  ms: number;
  at: string;
  run: number;
}

export class PluginRuns {
  #phase: "idle" | "running" | "late" = "idle";
  /** Collections in a row that have met it late. */
  #overlaps = 0;
  #begun: Begun = { ms: 0, at: "", run: 0 };
  #results: CheckResult[] | null = null;
  #over: Promise<void> = Promise.resolve();
  /** What it said last when it failed, so that the log says it once. */
  #failure: string | null = null;
  #wasLate = false;
  /** It answered the last time within the collection that asked: worth waiting for. */
  isPrompt = true;

  constructor(private readonly plugin: Plugin) {}

  /** Its newest run is over, and by itself. */
  get hasAnswered(): boolean {
    return this.#phase === "idle" && !this.#wasLate;
  }

  /** Its deadline is over, and it has not come back. */
  get isLate(): boolean {
    return this.#phase === "late";
  }

  /** Begins a run unless one is under way. @returns resolves when that has given its results; never rejects */
  begin(options: RunOptions): Promise<void> {
    if (this.isLate) this.#stillLate(options);
    else if (this.#phase === "idle") this.#over = this.#run(options);
    return this.#over;
  }

  /** The newest results; of a first run that is not over, that it is not. [] where none was begun or the agent stops before. */
  report(options: RunOptions): CheckResult[] {
    if (this.#results !== null) return this.#results;
    if (options.signal.aborted || this.#begun.at === "") return [];
    const seconds = Math.floor((performance.now() - this.#begun.ms) / 1000);
    const message = `plugin ${this.plugin.name} has not answered yet: begun ${seconds} s ago`;
    const pending = { status: "unknown", message, duration_ms: 0, run: 0, notes: { pending: true } } as const;
    return [this.#result(pending, this.#begun, options)];
  }

  async #run(options: RunOptions): Promise<void> {
    const begun = { ms: performance.now(), at: new Date(options.nowMs()).toISOString(), run: options.run };
    this.#begun = begun;
    this.#phase = "running";
    const deadlineMs = this.#deadlineMs(options);
    const ending = await this.#end(deadlineMs, options.signal);
    if (ending.kind === "stopped") return;
    this.#wasLate = ending.kind === "late";
    const observations = this.#observationsOf(ending, deadlineMs, options);
    this.#results = observations.map((seen) => this.#result(seen, begun, options));
  }

  /** Runs it to its end, its deadline or the agent's stop, whichever comes first. */
  async #end(deadlineMs: number, signal: AbortSignal): Promise<Ending> {
    const mine = new AbortController();
    const first = Promise.withResolvers<Ending>();
    const giveUp = (ending: Ending): void => {
      first.resolve(ending);
      mine.abort();
    };
    const stop = (): void => giveUp({ kind: "stopped" });
    const timer = setTimeout(() => {
      this.#phase = "late";
      giveUp({ kind: "late" });
    }, deadlineMs);
    signal.addEventListener("abort", stop);
    // In a function of its own, so that a throw at once is a rejection like any other.
    const work = async (): Promise<unknown> => this.plugin.collect(mine.signal);
    const back = (ending: Ending): void => {
      this.#phase = "idle";
      this.#overlaps = 0;
      first.resolve(ending);
    };
    if (signal.aborted) back({ kind: "stopped" });
    else
      work().then(
        (value) => back({ kind: "returned", value }),
        (error: unknown) => back({ kind: "threw", error }),
      );
    const ending = await first.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    return ending;
  }

  /** Each collection counts: one that hangs for good must not stay soft for ever. */
  #stillLate(options: RunOptions): void {
    const count = ++this.#overlaps;
    const problem = `it has not come back from an earlier collection, ${count === 1 ? "one" : count} ago, and is not started again`;
    this.#remember(problem, options, { hangs: true });
    const now = { ms: performance.now(), at: new Date(options.nowMs()).toISOString(), run: options.run };
    this.#results = [this.#result({ ...this.#fault(problem, { overlaps: count }), duration_ms: 0 }, now, options)];
  }

  #observationsOf(
    ending: Exclude<Ending, { kind: "stopped" }>,
    deadlineMs: number,
    options: RunOptions,
  ): Observation[] {
    if (ending.kind === "returned") {
      const { observations, problem } = tidyAnswer(ending.value, this.plugin);
      this.#remember(problem, options);
      return problem === null ? observations : [...observations, this.#fault(problem)];
    }
    if (ending.kind === "threw") {
      const problem = errorText(ending.error);
      this.#remember(problem, options, { error: ending.error });
      return [this.#fault(problem)];
    }
    const problem = `it did not answer within ${deadlineMs / 1000} s`;
    this.#remember(problem, options, { hangs: true });
    return [this.#fault(problem, { timed_out: true })];
  }

  #fault(problem: string, notes?: CheckNotes): Observation {
    const message = `plugin ${this.plugin.name} failed: ${problem}`;
    const [observation] = tidy([{ status: "unknown", message, notes }]).observations;
    return observation ?? { status: "unknown", message: `plugin ${this.plugin.name} failed` };
  }

  #result(seen: Observation, begun: Begun, options: RunOptions): CheckResult {
    return {
      plugin: this.plugin.name,
      name: seen.name ?? this.plugin.name,
      status: seen.status,
      message: seen.message,
      ...(seen.long_text === undefined ? {} : { long_text: seen.long_text }),
      perfdata: seen.perfdata ?? [],
      ...(seen.perf_errors === undefined ? {} : { perf_errors: seen.perf_errors }),
      started_at: seen.started_at ?? begun.at,
      duration_ms: seen.duration_ms ?? Math.round(performance.now() - begun.ms),
      ttl_s: seen.ttl_s ?? ttlS(this.#deadlineMs(options), options.intervalS),
      run: seen.run ?? begun.run,
      ...(seen.notes === undefined ? {} : { notes: seen.notes }),
    };
  }

  #deadlineMs({ deadlineMs }: RunOptions): number {
    return this.plugin.timeoutS === undefined ? deadlineMs : this.plugin.timeoutS * 1000;
  }

  /** Said in the log when it changes, not every minute. */
  #remember(problem: string | null, { log }: RunOptions, more: { error?: unknown; hangs?: boolean } = {}): void {
    const { name } = this.plugin;
    // "Did not answer" and "has not come back" take turns where a deadline is as long as the interval. Counts change anyway.
    const kind = problem === null ? null : more.hangs === true ? "hangs" : problem.replace(/\d+/g, "#");
    if (problem === null && this.#failure !== null) log.info(`Plugin ${name} works again`);
    if (problem !== null && this.#failure !== kind) {
      log.warn(`Plugin ${name} failed: ${quoted(problem)}`, stackField(more.error));
    }
    this.#failure = kind;
  }
}

/** Two collections may be missed until a result is out of date; and the next run may take its time. Seconds. */
export function ttlS(deadlineMs: number, intervalS: number): number {
  return Math.ceil(2 * intervalS + deadlineMs / 1000);
}

/** Getters and proxies may throw even while an answer is read. */
function tidyAnswer(value: unknown, { emptyHint, budgetBytes }: Plugin): ReturnType<typeof tidy> {
  try {
    const found = tidy(value, true);
    const isEmpty = Array.isArray(value) && value.length === 0 && emptyHint !== undefined;
    if (isEmpty) return { ...found, problem: `${found.problem}: ${emptyHint}` };
    const { observations, problem } = withinBudget(found.observations, budgetBytes);
    return { observations, problem: allOf([found.problem, problem]) };
  } catch (error) {
    return { observations: [], problem: `what it returned cannot be read: ${errorText(error)}` };
  }
}
