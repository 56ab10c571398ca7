// The session of a check whose first process is gone (setsid(2), credentials(7)): who is left in it, and their end.

import { readdirSync } from "node:fs";
import { errorCode } from "../../core/failure.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readText } from "../../os/process/proc.ts";
import { CHECK_TIMING_MS } from "./timing.ts";

/**
 * Kills the process group of a check and whatever else is in its session, such as a shell's background jobs with `set -m`.
 * To be called soon after its first process was collected: the number stays taken while group or session has members.
 * @param when the members of a session are found by reading all of /proc, so nobody looks without a reason
 * @returns those that were killed, who may still be about to end, and how many are not ours to kill
 */
export function killSession(
  session: number,
  when: "if its group is alive" | "look for it",
): { killed: readonly number[]; left: number } {
  const groupLives = reach(-session, 0) !== "gone";
  if (!groupLives && when !== "look for it") return { killed: [], left: 0 };
  // Its number goes round already: those are no children of ours.
  if (reach(session, 0) !== "gone") return { killed: [], left: 0 };
  const members = readMembers(session);
  if (groupLives) reach(-session, "SIGKILL");
  const killed = members.filter((pid) => reach(pid, "SIGKILL") !== "not ours");
  return { killed, left: members.length - killed.length };
}

/** As many as are found in time: the group as a whole is killed all the same. */
function readMembers(session: number): number[] {
  const late = performance.now() + CHECK_TIMING_MS.scan;
  const members: number[] = [];
  for (const pid of likeliestFirst(readdirSync("/proc"), session)) {
    if (performance.now() > late) break;
    const found = readSession(String(pid));
    if (found?.session === session && !"ZX".includes(found.state)) members.push(pid);
  }
  return members;
}

/** Whether one that was killed is still about to end: it is there, and nothing in the kernel holds it (state D in proc(5)). */
export function isEnding(pid: number, session: number): boolean {
  const found = readSession(String(pid));
  return found?.session === session && !"DZX".includes(found.state);
}

/** No Linux counts further (proc_sys_kernel(5)). */
const PID_MAX = 2 ** 22;

/** The processes of a listing of /proc, those that began after the session's first one before all others: its members did. Pure. */
export function likeliestFirst(names: readonly string[], session: number): number[] {
  const after = (pid: number): number => (pid - session + PID_MAX) % PID_MAX;
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return pids.sort((a, b) => after(a) - after(b));
}

/** A process's session and state (stat in proc(5)); null when it is gone. */
export function readSession(pid: string): { session: number; state: string } | null {
  const stat = readText("/", `proc/${pid}/stat`);
  if (isUnreadable(stat)) return null;
  // state ppid pgrp session: the name before them may hold anything, but ends with the last parenthesis.
  const [state = "", , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { session: Number(session), state };
}

/** Sends a signal to a process, or to a group with a minus before its number. */
export function reach(pid: number, signal: 0 | "SIGKILL"): "reached" | "gone" | "not ours" {
  try {
    process.kill(pid, signal);
    return "reached";
  } catch (error) {
    return errorCode(error) === "EPERM" ? "not ours" : "gone";
  }
}
