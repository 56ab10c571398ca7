// Real processes that watch who signals them, and senders of which nothing is gone when it is looked up.

import { onTestFinished } from "bun:test";
import { join } from "node:path";
import type { SignalRecord } from "../../../lib/core/linux/sender.ts";
import { lineReader } from "../../support/lines.ts";

export const PROGRAMS = join(import.meta.dir, "../../fixtures/programs");
export const WATCH = [process.execPath, join(PROGRAMS, "signal-watch.ts")];
/** A shell's script: sends signal $1 to process $2, and stays. */
export const KILL_AND_STAY = 'kill -s "$1" "$2"; read -r _';

/** A line of signal-watch.ts. */
export interface Heard {
  heard: string;
  records: SignalRecord[];
  fields: Record<string, string | number>;
  flood: { heard: number; taken: number; senders: string[] };
}

export interface Ready {
  ready: number;
  failure: string | null;
}

/** A process whose output is read as lines of JSON; killed at the end of the present test. */
export function spawn(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", env: { ...process.env, ...env } });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const nextLine = lineReader(child.stdout);
  return { child, pid: child.pid, next: async <T = Heard>(): Promise<T> => JSON.parse((await nextLine()) ?? "null") };
}

/** A process that watches, once its handlers are installed. */
export async function receiver(mode = "", command = WATCH, env: Record<string, string> = {}) {
  const watching = spawn([...command, mode], env);
  const { ready: pid, failure } = await watching.next<Ready>();
  return { ...watching, pid, failure };
}

/** A shell that sends a signal and stays. */
export function shell(signal: string, pid: number, ...prefix: string[]) {
  return spawn([...prefix, "sh", "-c", KILL_AND_STAY, "sh", signal, String(pid)]);
}
