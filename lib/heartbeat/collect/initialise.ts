// Whether a plugin takes part: asks it, under a deadline, and says in the log and in words why it does not. Closing them is
// here as well.

import type { PluginState } from "../../contract/observation.ts";
import { errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { printable } from "../../core/text/printable.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Plugin, PluginContext } from "../plugin.ts";
import { kindOf } from "./observations.ts";
import { PluginFault, stackField } from "./plugin-fault.ts";

export interface InitialiseOptions {
  /** How long one may take, milliseconds. */
  deadlineMs: number;
  log: Log;
  contextFor: (plugin: Plugin) => PluginContext;
  /** Aborts when the agent stops: what a plugin says then is its end, and not logged. */
  signal: AbortSignal;
}

type Answer = { kind: "said"; yes: boolean } | { kind: "threw"; error: unknown } | { kind: "late" };

/** Asks one. Never throws. */
export async function initialise(plugin: Plugin, options: InitialiseOptions): Promise<PluginState> {
  const { log, signal } = options;
  const { name } = plugin;
  const answer = await ask(plugin, options);
  if (answer.kind === "said" && answer.yes) return { name, state: "loaded", reason: null };
  if (signal.aborted) return { name, state: "failed", reason: "the agent stops" };
  if (answer.kind === "threw") {
    const reason = errorText(answer.error);
    log.error(`Plugin ${name} failed initialization: ${quoted(reason)}`, stackField(answer.error));
    return { name, state: "failed", reason };
  }
  if (answer.kind === "late") {
    const reason = `initialise did not answer within ${options.deadlineMs / 1000} s`;
    log.warn(`Plugin ${name} failed initialization, skipping: ${reason}`);
    return { name, state: "failed", reason };
  }
  const reason = plugin.skipReason ?? null;
  if (reason === null) {
    log.warn(`Plugin ${name} failed initialization, skipping`);
    return { name, state: "failed", reason: "initialise said no, and gave no reason" };
  }
  log.info(`Plugin ${name} skipped: ${printable(reason)}`);
  return { name, state: "skipped", reason };
}

async function ask(plugin: Plugin, { deadlineMs, contextFor }: InitialiseOptions): Promise<Answer> {
  const late = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => late.resolve({ kind: "late" }), deadlineMs);
  const work = async (): Promise<unknown> => plugin.initialise(contextFor(plugin));
  const answer = work().then(
    (yes): Answer =>
      typeof yes === "boolean" ? { kind: "said", yes } : { kind: "threw", error: new PluginFault(noBoolean(yes)) },
    (error: unknown): Answer => ({ kind: "threw", error }),
  );
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}

/** What is wrong with what `initialise` returned: what looks like no may have been meant as yes. */
export function noBoolean(found: unknown): string {
  return `initialise must return true or false, found ${kindOf(found)}`;
}

/** A plugin, as far as it can be closed. `signal` aborts when it has had its time: whatever it holds is to be let go. */
interface Closable {
  readonly name: string;
  close?(signal: AbortSignal): void | Promise<void>;
}

/** Closes all of them, each within a deadline, the only one there is; what goes wrong is logged. */
export async function closeAll(plugins: readonly Closable[], deadlineMs: number, log: Log): Promise<void> {
  await Promise.all(plugins.map((plugin) => closeOne(plugin, deadlineMs, log)));
}

async function closeOne(plugin: Closable, deadlineMs: number, log: Log): Promise<void> {
  const late = new AbortController();
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    log.warn(`Plugin ${plugin.name} was not closed within ${deadlineMs / 1000} s`);
    over.resolve();
    late.abort();
  }, deadlineMs);
  const work = async (): Promise<void> => plugin.close?.(late.signal);
  const closed = work().catch((error: unknown) => {
    // One that was ended for being late has been said.
    if (!late.signal.aborted) log.warn(`Plugin ${plugin.name}: close failed: ${quoted(errorText(error))}`);
  });
  await Promise.race([closed, over.promise]).finally(() => clearTimeout(timer));
}
