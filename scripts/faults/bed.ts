// What the fault table does with its hosts, as its rows see it; pair.ts has the hosts.

import type { Host } from "../../tests/systemd/bed.ts";
import type { Place, Step } from "./remedy.ts";

export const DATA = "/var/lib/labfleet/data";

/** Where scripts are run; only one row has a clone. */
export type Machine = Place | "clone";

export interface Bed extends AsyncDisposable {
  readonly lab: Host;
  readonly collector: Host;
  /** Runs a shell script on a machine; throws unless it succeeds; gives what it printed. */
  sh(on: Machine, script: string, stdin?: string): Promise<string>;
  /** Everything that was installed is as it was, and all services run. */
  reset(): Promise<void>;
  /** From here on counts what `log` shows. */
  mark(): Promise<void>;
  log(on: Place, unit: string): Promise<string>;
  /** What a command prints, whatever its exit code. */
  look(on: Place, command: string): Promise<string>;
  /** Changes lab-host.toml, and has it read. */
  host(change: (toml: string) => string): Promise<void>;
  /** Changes collector.toml, and restarts the receiver. */
  collect(change: (toml: string) => string): Promise<void>;
  /** A file of this text, for the group of the daemons. */
  write(on: Place, path: string, text: string): Promise<void>;
  /** Settings of a unit, and its restart. */
  dropIn(on: Place, unit: string, text: string): Promise<void>;
  /** An episode of the recorder, finished; with more commands in its directory before it is. @returns its id */
  record(more?: string): Promise<string>;
  /** The id of the last one. */
  readonly latest: string;
  /** Whether an episode, the last one if left out, lies in shipped/ with its receipt. */
  arrived(id?: string): Promise<boolean>;
  /** A third machine, made from the lab host's card: the same name, token and machine id. Until `endClone`. */
  cloneLab(): Promise<void>;
  endClone(): Promise<void>;
  /**
   * Pastes lines, each on its machine; what one prints is what the next one reads, and the first one what is typed.
   * @param how.there the machine that is meant by the lab host
   */
  paste(steps: readonly Step[], how?: { typed?: string; there?: Machine }): Promise<void>;
}

const POLL_MS = 400;

/** Polls until it holds; what throws does not hold yet. @throws Error when it does not within the limit, seconds */
export async function until(what: string, holds: () => Promise<boolean>, limitS = 180): Promise<void> {
  const deadline = performance.now() + limitS * 1000;
  let why: unknown = "";
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
      why = "";
    } catch (error) {
      why = error;
    }
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`not within ${limitS} s: ${what} ${why}`);
}
