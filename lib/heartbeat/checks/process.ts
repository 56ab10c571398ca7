// Runs one check, a program of somebody else, so that nothing that it does can hurt us: it may hang, flood, fork, ignore
// signals and leave children behind. A result always comes, in time, and is never an exception. What it means for the
// host's health is decided elsewhere.

import { existsSync } from "node:fs";
import { errorCode, errorText } from "../../core/failure.ts";
import { signalNumber } from "../../core/linux/signals.ts";
import type { CheckCgroup } from "./cgroup.ts";
import { Ladder } from "./ladder.ts";
import { isEnding, killSession } from "./session.ts";
import { type Kept, KeptStreams } from "./streams.ts";
import { CHECK_TIMING_MS } from "./timing.ts";

/** Bytes kept of each output. */
export const KEEP_BYTES = 65_536;

export interface CheckOptions {
  /** The program, by path or by its name on `env.PATH`, and its arguments; with `shell` one text for `/bin/sh -c`. */
  words: readonly string[];
  shell?: boolean;
  /** SIGTERM to the whole process group after so long, milliseconds, 1 to 2^31-1. */
  timeoutMs: number;
  /** SIGKILL to all of it so long after SIGTERM, milliseconds. */
  graceMs: number;
  /** The same after a cancellation, where that has less time. */
  cancelGraceMs?: number;
  /** Exactly the environment that it gets. */
  env: Readonly<Record<string, string>>;
  keepBytes?: number;
  /** Its own, which this function kills and removes at the end. */
  cgroup?: CheckCgroup | null;
  /** Ends the check as its time-out would: we stop, or nobody wants to know any more. */
  signal?: AbortSignal;
  /** Told the number of its first process, which is that of its session too. */
  started?: (pid: number) => void;
}

export interface CheckExit {
  /** `timed_out` and `cancelled` say why it was ended, however it took that. The last three: it never ran. */
  kind: "exited" | "signalled" | "timed_out" | "cancelled" | "not_found" | "not_executable" | "not_started";
  /** Its exit code; null when a signal ended it, or nothing did. */
  code: number | null;
  /** The signal that ended it: the real one, which is not the same as an exit code above 128. */
  signal: number | null;
  /** Why it never ran; else null. */
  why: string | null;
  stdout: Kept;
  stderr: Kept;
  durationMs: number;
  /** Processes that it left behind and that were killed. */
  survivorsKilled: number;
  /** Processes that it left behind and that live on, as far as we know: at least so many. */
  survivorsLeft: number;
  /** It was still there after SIGKILL: stuck in the kernel, or another user's. It is collected when it ends. */
  unkillable: boolean;
  /** Resolves when an unkillable one has ended after all; null for every other. */
  gone: Promise<void> | null;
  /** It ran in a cgroup of its own: nothing that it started can have got away. */
  contained: boolean;
}

type Child = Bun.Subprocess<"ignore", number, number>;

interface Started {
  child: Child;
  streams: KeptStreams;
  contained: boolean;
}

/**
 * Runs a check in a session of its own (setsid(2)), from `/`, with an empty standard input. Never throws or rejects.
 *
 * The check is over when its first process is, and the result comes at most 250 ms later. What it left behind is killed:
 * all of it with a cgroup, else its process group, and its session where somebody still holds an output. Who is in no cgroup
 * and made a session of its own lives on, and is seen only by such an output: as one. A job in a group of its own that holds
 * none is not seen here, but by strays.ts. After SIGKILL there is a result within one second.
 */
export async function runCheckProcess(options: CheckOptions): Promise<CheckExit> {
  const began = performance.now();
  const { cgroup = null, signal } = options;
  const since = (): number => performance.now() - began;
  let outcome: CheckExit;
  if (signal?.aborted === true) outcome = neverRan("cancelled", "it was cancelled before it started");
  else {
    const started = start(options);
    outcome = "kind" in started ? started : await watch(started, started.contained ? cgroup : null, options);
  }
  // Where it was not used, nothing is in it.
  if (!outcome.contained) cgroup?.remove();
  return { ...outcome, durationMs: since() };
}

function start(options: CheckOptions): Started | CheckExit {
  const { words, shell = false, cgroup = null, keepBytes = KEEP_BYTES } = options;
  const argv = shell ? ["/bin/sh", "-c", ...words] : [...words];
  let streams: KeptStreams | null = null;
  try {
    streams = new KeptStreams(keepBytes);
    return { ...spawnIn(cgroup, argv, options.env, streams), streams };
  } catch (error) {
    streams?.close();
    return startFailure(argv[0] ?? "", error);
  } finally {
    streams?.started();
  }
}

type Environment = Readonly<Record<string, string>>;

function spawnIn(cgroup: CheckCgroup | null, argv: string[], env: Environment, streams: KeptStreams) {
  if (cgroup !== null) {
    try {
      return { child: spawn(argv, env, streams, cgroup.directory), contained: true };
    } catch {
      // The program's fault or the cgroup's: without one we shall know.
    }
  }
  return { child: spawn(argv, env, streams, null), contained: false };
}

function spawn(argv: string[], env: Environment, { stdout, stderr }: KeptStreams, cgroup: string | null): Child {
  return Bun.spawn(argv, {
    cwd: "/",
    env: { ...env },
    detached: true,
    stdin: "ignore",
    stdout: stdout.writeEnd,
    stderr: stderr.writeEnd,
    ...(cgroup !== null && { cgroup }),
  });
}

function startFailure(name: string, error: unknown): CheckExit {
  const said = JSON.stringify(name);
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      if (name.includes("/") && existsSync(name))
        return neverRan("not_found", `${said} is there, but the program that its first line names is not`);
      return neverRan("not_found", name.includes("/") ? `${said} not found` : `${said} not found on PATH`);
    case "EACCES":
    case "EPERM":
      return neverRan("not_executable", `${said} not executable: ${errorCode(error)}`);
    case "ENOEXEC":
      return neverRan("not_executable", `${said} not executable: no program of this machine, and no #! line`);
    default:
      return neverRan("not_started", `${said} cannot be started: ${errorText(error)}`);
  }
}

function neverRan(kind: CheckExit["kind"], why: string): CheckExit {
  const nothing: Kept = { bytes: new Uint8Array(), dropped: 0 };
  return {
    ...{ kind, code: null, signal: null, why, stdout: nothing, stderr: nothing, durationMs: 0 },
    ...{ survivorsKilled: 0, survivorsLeft: 0, unkillable: false, gone: null, contained: false },
  };
}

async function watch(
  { child, streams }: Started,
  cgroup: CheckCgroup | null,
  options: CheckOptions,
): Promise<CheckExit> {
  streams.follow();
  options.started?.(child.pid);
  const ladder = new Ladder(child.pid, cgroup, options);
  const gone = await Promise.race([child.exited.then(() => true), ladder.givenUp]);
  ladder.end();
  const left = await (gone ? sweep(child.pid, cgroup, (ms) => streams.drain(ms)) : streams.drain(0).then(() => NONE));
  const after = gone ? null : child.exited.then(async () => void (await sweep(child.pid, cgroup, async () => true)));
  // Whoever may still write, or be stuck in the kernel: it does not hold us.
  streams.close();
  child.unref();
  const [stdout, stderr] = [streams.stdout.kept(), streams.stderr.kept()];
  const signal = gone ? numberOf(child.signalCode) : null;
  return {
    kind: ladder.cause ?? (signal === null ? "exited" : "signalled"),
    code: gone ? child.exitCode : null,
    signal,
    why: null,
    stdout,
    stderr,
    durationMs: 0,
    survivorsKilled: left.killed,
    survivorsLeft: left.left,
    unkillable: !gone,
    gone: after,
    contained: cgroup !== null,
  };
}

/** Bun has a name for signals 1 to 31 and a number for the others. */
function numberOf(signal: string | number | null): number | null {
  return typeof signal === "string" ? signalNumber(signal) : signal;
}

interface Left {
  killed: number;
  left: number;
}

const NONE: Left = { killed: 0, left: 0 };

/** Takes what is left of the outputs. @param ms below 0: one look @returns whether they came to their end in time */
type Drain = (ms: number) => Promise<boolean>;

/** After the first process: kills what it left behind and waits a moment for the outputs to end. */
function sweep(pid: number, cgroup: CheckCgroup | null, drain: Drain): Promise<Left> {
  return cgroup === null ? sweepSession(pid, drain) : sweepCgroup(cgroup, drain);
}

async function sweepCgroup(cgroup: CheckCgroup, drain: Drain): Promise<Left> {
  const until = performance.now() + CHECK_TIMING_MS.drain;
  const found = cgroup.count();
  if (found > 0) cgroup.kill();
  const [removed] = await Promise.all([removeCgroup(cgroup, until), drain(CHECK_TIMING_MS.drain)]);
  const left = removed ? 0 : Math.max(1, cgroup.count());
  return { killed: Math.max(0, found - left), left };
}

async function sweepSession(pid: number, drain: Drain): Promise<Left> {
  const group = killSession(pid, "if its group is alive");
  if (await drain(CHECK_TIMING_MS.drain)) return { killed: group.killed.length, left: group.left };
  // Somebody still holds an output: a job in a group of its own, one of the group that is about to end, or one that has left
  // the session too and that we know of only by this.
  const jobs = killSession(pid, "look for it");
  const killed = [...new Set([...group.killed, ...jobs.killed])];
  const left = Math.max(group.left, jobs.left);
  const isClosed =
    (jobs.killed.length > 0 && (await drain(CHECK_TIMING_MS.drain))) ||
    // On a busy machine those that were killed may hold it for longer, or have let go of it since the last look.
    killed.some((one) => isEnding(one, pid)) ||
    (await drain(-1));
  return { killed: killed.length, left: isClosed ? left : Math.max(1, left) };
}

async function removeCgroup(cgroup: CheckCgroup, until: number): Promise<boolean> {
  for (;;) {
    if (cgroup.remove()) return true;
    if (performance.now() > until) return false;
    await Bun.sleep(CHECK_TIMING_MS.look);
  }
}
