// Without a cgroup nothing holds together what a check has started: a process that left its group and closed its outputs is
// known only by its environment. Each run puts a mark of its own there. What is still in the run's session is ended: that is
// a job of its shell. What made a session of its own is counted and not ended: where there are no cgroups, a check may be
// what starts a service.

import { readdirSync } from "node:fs";
import { isUnreadable } from "../../core/reading.ts";
import { readText } from "../../os/process/proc.ts";
import { reach, readSession } from "./session.ts";

/** The variable that holds the mark. */
export const STRAY_MARK = "LABFLEET_CHECK";

/** Processes that are looked at in one go: a few milliseconds. */
const AT_ONCE = 200;
/** One that was just killed may still be seen for a moment, milliseconds. */
const DYING_MS = 50;
/** Whoever forks or starts another program while it is looked for is found by the next look. */
const LOOKS = 3;

let runs = 0;

/** A mark that no other run has, of this agent or of another one. */
export function nextMark(): string {
  return `${process.pid}.${Date.now()}.${++runs}`;
}

/** Processes that a run has left behind. */
export interface Left {
  killed: number;
  /** They live on, in sessions of their own or as another user's. */
  left: number;
}

interface Found {
  /** Marks by the numbers of processes. */
  killed: Map<string, string>;
  left: Map<string, string>;
  /** Some in these sessions have no environment just now. */
  unsure: boolean;
}

/** Runs that are over and whose strays nobody has looked for yet. */
export class Strays {
  #leaders = new Map<string, number>();

  /** @param leader its first process, which is gone: the session has its number */
  add(mark: string, leader: number): void {
    this.#leaders.set(mark, leader);
  }

  /**
   * Ends and counts what these runs have left behind, by their marks; a run that has left nothing is not among them. What
   * belongs to another user cannot be seen, nor what has cleared its environment (environ in proc(5)).
   */
  async end(): Promise<Map<string, Left>> {
    const leaders = this.#leaders;
    this.#leaders = new Map();
    const killed = new Map<string, string>();
    let left = new Map<string, string>();
    for (let look = 0; look < LOOKS && leaders.size > 0; look++) {
      const found = await lookFor(leaders);
      for (const [pid, mark] of found.killed) killed.set(pid, mark);
      left = found.left;
      const isNews = found.killed.size > 0 || found.unsure;
      if (isNews || left.size > 0) await Bun.sleep(DYING_MS);
      if (!isNews) break;
    }
    // It may have been about to end.
    const lasting = [...left].filter(([pid, mark]) => !killed.has(pid) && markOf(pid) === mark);
    return countByMark(killed, new Map(lasting));
  }
}

/** Kills those in their run's session. That a mark is in an environment proves whose it is, whatever numbers went round. */
async function lookFor(leaders: ReadonlyMap<string, number>): Promise<Found> {
  const found: Found = { killed: new Map(), left: new Map(), unsure: false };
  const sessions = new Set(leaders.values());
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const [index, pid] of pids.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await Bun.sleep(0);
    const mark = markOf(pid);
    if (mark === null) found.unsure ||= isStarting(pid, sessions);
    const leader = leaders.get(mark ?? "");
    // The first process itself is there only where nothing can end it.
    if (mark === null || leader === undefined || leader === Number(pid)) continue;
    const isInSession = readSession(pid)?.session === leader;
    const isKilled = isInSession && reach(Number(pid), "SIGKILL") === "reached";
    found[isKilled ? "killed" : "left"].set(pid, mark);
  }
  return found;
}

function countByMark(killed: ReadonlyMap<string, string>, left: ReadonlyMap<string, string>): Map<string, Left> {
  const counts = new Map<string, Left>();
  const of = (mark: string): Left => {
    const count = counts.get(mark) ?? { killed: 0, left: 0 };
    counts.set(mark, count);
    return count;
  };
  for (const mark of killed.values()) of(mark).killed++;
  for (const mark of left.values()) of(mark).left++;
  return counts;
}

/** For a moment a process that becomes another program has no environment at all (execve(2)); a dead one has none either. */
function isStarting(pid: string, sessions: ReadonlySet<number>): boolean {
  const found = readSession(pid);
  return found !== null && sessions.has(found.session) && !"ZX".includes(found.state);
}

/** "" for a process without, null for one whose environment is empty. */
function markOf(pid: string): string | null {
  const environ = readText("/", `proc/${pid}/environ`);
  if (isUnreadable(environ)) return "";
  if (environ === "") return null;
  const variable = environ.split("\0").find((text) => text.startsWith(`${STRAY_MARK}=`));
  return variable?.slice(STRAY_MARK.length + 1) ?? "";
}
