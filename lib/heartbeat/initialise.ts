// Whether a plugin takes part: asks it, under a deadline, and says in the log and in words why it does not. Closing them is
// here as well.

import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { PluginState } from "../core/heartbeat.ts";
import { printable } from "../core/printable.ts";
import type { Log } from "../runtime/log.ts";
import type { Plugin, PluginContext } from "./plugin.ts";
import { stackField } from "./plugin-fault.ts";

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
    (yes): Answer => ({ kind: "said", yes: yes === true }),
    (error: unknown): Answer => ({ kind: "threw", error }),
  );
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}

/** Closes all of them, each within a deadline; what goes wrong is logged. */
export async function closeAll(plugins: readonly Plugin[], deadlineMs: number, log: Log): Promise<void> {
  await Promise.all(
    plugins.map(async (plugin) => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        log.warn(`Plugin ${plugin.name} was not closed within ${deadlineMs / 1000} s`);
        late.resolve();
      }, deadlineMs);
      const work = async (): Promise<void> => plugin.close?.();
      const closed = work().catch((error: unknown) =>
        log.warn(`Plugin ${plugin.name}: close failed: ${quoted(errorText(error))}`),
      );
      await Promise.race([closed, late.promise]).finally(() => clearTimeout(timer));
    }),
  );
}
