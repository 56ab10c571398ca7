// A nagios_runner with checks of a test, and a log that remembers.

import { onTestFinished } from "bun:test";
import { join } from "node:path";
import { type Fields, formatFields } from "../../../lib/core/fields.ts";
import { NagiosRunner, type Seams } from "../../../lib/heartbeat/nagios/nagios-runner.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";
import type { Log } from "../../../lib/runtime/log.ts";

export const CHECKS = join(import.meta.dir, "../../fixtures/checks");

export interface Rig {
  runner: NagiosRunner;
  initialised: boolean;
  /** Lines of the log: level, message and fields. */
  lines: string[];
  collect: () => Promise<Observation[]>;
}

/** Closed with the test. */
export function rig(settings: Record<string, unknown>, seams: Seams = {}, intervalS = 60): Rig {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields: Fields = {}): void =>
      void lines.push(`${level} ${message}${formatFields(fields)}`);
  const log: Log = { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
  const runner = new NagiosRunner(seams);
  const initialised = runner.initialise({ log, intervalS, settings, root: "/nonexistent" });
  onTestFinished(() => runner.close());
  return { runner, initialised, lines, collect: () => runner.collect(new AbortController().signal) };
}

/** What one check says, run as a shell's text. */
export async function sayShell(script: string, settings: Record<string, unknown> = {}): Promise<Observation> {
  const { collect } = rig({ commands: [{ name: "it", command: script, shell: true }], ...settings });
  const [said] = await collect();
  if (said === undefined) throw new Error("nothing was said");
  return said;
}
