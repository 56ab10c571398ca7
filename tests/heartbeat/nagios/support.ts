// A nagios_runner with checks of a test, and a log that remembers; with real processes, or with checks that end when told to.

import { onTestFinished } from "bun:test";
import { join } from "node:path";
import { fixTail } from "../../../lib/core/finding.ts";
import { type Fields, formatFields } from "../../../lib/core/text/fields.ts";
import type { CheckExit } from "../../../lib/heartbeat/checks/process.ts";
import { saidBy } from "../../../lib/heartbeat/collect/observations.ts";
import { NagiosRunner, type Seams } from "../../../lib/heartbeat/nagios/nagios-runner.ts";
import type { Observation, Seen } from "../../../lib/heartbeat/plugin.ts";
import type { Log, LogMessage } from "../../../lib/runtime/log/log.ts";
import { until } from "../checks/process-support.ts";

export const CHECKS = join(import.meta.dir, "../../fixtures/checks");

export interface Rig {
  runner: NagiosRunner;
  initialised: boolean;
  /** Lines of the log: level, message, fields and remedy. */
  lines: string[];
  collect: () => Promise<Observation[]>;
}

/** Closed with the test. */
export function rig(settings: Record<string, unknown>, seams: Seams = {}, intervalS = 60): Rig {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: LogMessage, fields: Fields = {}): void => {
      const { what, fix } = typeof message === "string" ? { what: message, fix: null } : message;
      lines.push(`${level} ${what}${formatFields(fields)}${fixTail(fix)}`);
    };
  const log: Log = { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
  const runner = new NagiosRunner(seams);
  const initialised = runner.initialise({ log, intervalS, settings, root: "/nonexistent" });
  onTestFinished(() => runner.close());
  // As it is sent.
  const collect = async (): Promise<Observation[]> =>
    (await runner.collect(new AbortController().signal)).map(({ fix, ...seen }: Seen) =>
      fix === undefined ? seen : { ...seen, message: saidBy({ message: seen.message, fix }) },
    );
  return { runner, initialised, lines, collect };
}

/** What one check says, run as a shell's text. */
export async function sayShell(script: string, settings: Record<string, unknown> = {}): Promise<Observation> {
  const { collect } = rig({ commands: [{ name: "it", command: script, shell: true }], ...settings });
  const [said] = await collect();
  if (said === undefined) throw new Error("nothing was said");
  return said;
}

const nothing = { bytes: new Uint8Array(), dropped: 0 };

/** A check that ended by itself and said nothing. */
export const exited: CheckExit = {
  ...{ kind: "exited", code: 0, signal: null, why: null, stdout: nothing, stderr: nothing, durationMs: 5 },
  ...{ survivorsKilled: 0, survivorsLeft: 0, unkillable: false, gone: null, contained: false },
};

/** Checks that end when they are told to, and a clock that is moved by hand. */
export function byHand(names: string[], options: { atOnce?: number; interval?: number } = {}) {
  const ends = new Map<string, (end: Partial<CheckExit>) => void>();
  const started: string[] = [];
  let now = 0;
  let enough: (() => boolean) | null = null;
  const { interval, atOnce } = options;
  const commands = names.map((name) => ({ name, command: [name], ...(interval !== undefined && { interval }) }));
  const it = rig(
    { commands },
    {
      runProcess: ({ words: [name = ""], signal }) => {
        started.push(name);
        const { promise, resolve } = Promise.withResolvers<CheckExit>();
        ends.set(name, (end) => resolve({ ...exited, ...end }));
        signal?.addEventListener("abort", () => resolve({ ...exited, kind: "cancelled" }));
        return promise;
      },
      elapsedMs: () => now,
      nowMs: () => 1_750_000_000_000 + now,
      ...(atOnce !== undefined && { atOnce }),
      enough: () => (enough === null ? new Promise(() => {}) : until(enough).then(() => Bun.sleep(0))),
    },
  );
  const end = (name: string, text: string, more: Partial<CheckExit> = {}): void =>
    ends.get(name)?.({ stdout: { bytes: new TextEncoder().encode(text), dropped: 0 }, ...more });
  return {
    ...it,
    started,
    end,
    /** What came of a run that was ended is known when this resolves. */
    ended: (name: string, text: string, more: Partial<CheckExit> = {}): Promise<void> => {
      end(name, text, more);
      return Bun.sleep(0);
    },
    /** Collects, and waits no longer than until `condition` holds. */
    collectUntil: (condition: () => boolean): Promise<Observation[]> => {
      enough = condition;
      const collected = it.collect();
      enough = null;
      return collected;
    },
    pass: (seconds: number): void => {
      now += seconds * 1000;
    },
  };
}
