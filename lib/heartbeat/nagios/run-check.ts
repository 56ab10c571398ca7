// One run of one check, from its configuration to what it means.

import type { CheckCgroups } from "../checks/cgroup.ts";
import { type CheckExit, runCheckProcess } from "../checks/process.ts";
import { nextMark, STRAY_MARK, type Strays } from "../checks/strays.ts";
import type { Check } from "./check.ts";
import { type Judged, judge, notRun } from "./judge.ts";

export interface RunSurroundings {
  env: Readonly<Record<string, string>>;
  cgroups: CheckCgroups;
  /** Aborts when the agent stops: the check is ended and gives no result. */
  signal: AbortSignal;
  /** The grace is no longer than this then, seconds. */
  cancelGraceS: number;
  /** Told of each run that may have left processes behind, however it ended. */
  strays: Strays;
  runProcess?: typeof runCheckProcess;
}

export interface Ran {
  /** Null when it was cancelled. */
  judged: Judged | null;
  /** What SIGKILL has not ended lives on until this resolves; null where nothing does. */
  gone: Promise<void> | null;
  /** What its processes are known by when they have got away; null where none can. */
  mark: string | null;
}

/** Runs a check to its end. */
export async function runCheck(check: Check, around: RunSurroundings): Promise<Ran> {
  const { command, timeoutS, graceS } = check;
  if ("broken" in command) return { judged: notRun(command.broken), gone: null, mark: null };
  const { env, cgroups, signal, cancelGraceS, strays, runProcess = runCheckProcess } = around;
  const mark = nextMark();
  let leader: number | null = null;
  const exit: CheckExit = await runProcess({
    words: command.words,
    shell: command.shell,
    timeoutMs: timeoutS * 1000,
    graceMs: graceS * 1000,
    cancelGraceMs: Math.min(graceS, cancelGraceS) * 1000,
    env: { ...env, [STRAY_MARK]: mark },
    cgroup: "make" in cgroups && !signal.aborted ? cgroups.make() : null,
    signal,
    started: (pid) => {
      leader = pid;
    },
  });
  if (leader !== null && !exit.contained) strays.add(mark, leader);
  return { judged: judge(exit, timeoutS, command.hint), gone: exit.gone, mark: exit.contained ? null : mark };
}
