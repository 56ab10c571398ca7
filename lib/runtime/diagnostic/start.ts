// Starts the process that takes a diagnostic, so that neither the daemon waits for it nor the daemon's end takes it along.
// Who takes it is decided by where the daemon runs, once, without trying.

import { constants, existsSync } from "node:fs";
import { resolve } from "node:path";
import { errorText } from "../../core/failure.ts";
import { printable } from "../../core/text/printable.ts";
import { refusedUse } from "../../os/file-calls.ts";
import { isRunId, RUN_ID_RULE } from "./file.ts";
import type { Subject } from "./report.ts";

export interface DiagnosticRequest extends Subject {
  /** Where reports are kept; need not be there yet. */
  dir: string;
  /** 1 to 64 of A-Z a-z 0-9 -: the report becomes diagnostic-<runId>.txt. */
  runId: string;
}

export interface Handover {
  /** Who has it now; a child may follow where systemd refused. */
  how: "systemd-run" | "child";
  /** Resolves when the report no longer depends on this process and its unit, after HANDOVER_MS or CHILD_MS at the latest. */
  done: Promise<void>;
}

/** Where a daemon runs, and so who can take a report that outlives it. */
export interface Place {
  /** As a service: its end is the end of every process in its cgroup. */
  underSystemd: boolean;
  scope: "system" | "user" | null;
  uid: number;
  /** This executable and the word `diagnostic`. */
  command: readonly string[];
}

/** The process that takes a report is gone after so long, seconds, even if the kernel does not answer it. */
export const LIFE_S = 5;

/** How long a daemon at its end waits for the hand-over to systemd, milliseconds. */
const HANDOVER_MS = 1000;

/** And for a child that is killed with the unit: an idle stop takes no longer, and post-stop takes the report then. */
const CHILD_MS = 150;

/** How a shell would say that SIGTERM ended a process. */
const TERMINATED = 128 + 15;

const CAUSE_CHARACTERS = 300;

/**
 * Starts a process that takes the report, in a few milliseconds at most, and does not wait for it. Who takes it is decided
 * by the place alone. systemd kills what is left in a unit's cgroup when the unit stops, so under systemd the report is
 * a unit of its own; where that would be refused (polkit lets no service's user start units) it is a child, which may be
 * cut off and then leaves no file: `ExecStopPost=` has to take the report then.
 * @param systemdRun null: not on this host
 */
export function startDiagnostic(
  request: DiagnosticRequest,
  place: Place,
  systemdRun: string | null = findSystemdRun(),
): Handover | { failure: string } {
  const failure = obstacle(request);
  if (failure !== null) return { failure };
  const words = [...place.command, ...requestWords(request)];
  const mayStartUnits = place.uid === 0 || place.scope === "user";
  try {
    if (!place.underSystemd || !mayStartUnits || systemdRun === null) return startChild(words, place.underSystemd);
    return startUnit([systemdRun, ...unitOptions(request, place)], words, place.uid);
  } catch (error) {
    return { failure: `cannot start ${words[0]}: ${errorText(error)}` };
  }
}

function findSystemdRun(): string | null {
  return ["/usr/bin/systemd-run", "/bin/systemd-run"].find((path) => existsSync(path)) ?? null;
}

/** Why no report could be saved, in a sentence, or null. */
function obstacle({ dir, runId }: DiagnosticRequest): string | null {
  if (!isRunId(runId)) return `a report cannot be named ${JSON.stringify(runId)}: expected ${RUN_ID_RULE}`;
  try {
    // The ledger made it at the start; where it has gone, so has its disk, and nothing is made in its place.
    const refused = refusedUse(dir, constants.W_OK | constants.X_OK);
    return refused === null ? null : `cannot write to ${dir}: ${refused}`;
  } catch (error) {
    return `cannot write to ${dir}: ${errorText(error)}`;
  }
}

function requestWords({ dir, runId, pid, cause, cgroup }: DiagnosticRequest): string[] {
  const words = [`--save=${resolve(dir)}`, `--run-id=${runId}`, `--pid=${pid}`];
  words.push(`--cause=${printable(cause.slice(0, CAUSE_CHARACTERS))}`);
  if (cgroup !== null) words.push(`--cgroup=${cgroup}`);
  return words;
}

function unitOptions({ tool, runId }: DiagnosticRequest, { scope }: Place): string[] {
  const options = [
    "--quiet",
    "--collect",
    "--no-block",
    `--unit=labfleet-diagnostic-${tool.replace(/[^A-Za-z0-9]+/g, "-")}-${runId}`,
    `--description=Diagnostic of labfleet ${tool.replace(/[^A-Za-z0-9]+/g, "-")}`,
    `--property=RuntimeMaxSec=${LIFE_S}`,
    // It ignores SIGTERM (diagnostic.ts).
    "--property=KillSignal=SIGKILL",
    "--property=UMask=0077",
    // Variables with which a Bun executable would run other code.
    "--property=UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN NODE_OPTIONS",
    "--",
  ];
  return scope === "user" ? ["--user", ...options] : options;
}

/** @param run systemd-run with its options */
function startUnit(run: readonly string[], words: readonly string[], uid: number): Handover {
  const runtimeDir = process.env.XDG_RUNTIME_DIR ?? `/run/user/${uid}`;
  // systemd replaces $NAME in the words of a command; $$ stands for the character.
  const escaped = words.map((word) => word.replaceAll("$", "$$$$"));
  const asked = spawnApart([...run, ...escaped], { XDG_RUNTIME_DIR: runtimeDir });
  const handedOver = asked.then((code) => {
    if (code === 0) return;
    // No bus, or the machine is going down: nothing new is started then.
    handover.how = "child";
    return spawnApart(words);
  });
  const handover: Handover = { how: "systemd-run", done: settled(handedOver, HANDOVER_MS) };
  return handover;
}

/** @param isMortal true when the child is killed with this process */
function startChild(words: readonly string[], isMortal: boolean): Handover {
  const ended = settled(spawnApart(words), CHILD_MS);
  return { how: "child", done: isMortal ? ended : Promise.resolve() };
}

/**
 * Starts a process in a session of its own that holds nothing of ours: no pipe, no terminal, no working directory, no
 * environment with credentials or with systemd's sockets. (Bun opens files O_CLOEXEC.)
 *
 * A stop of the whole control group (systemd.kill(5)) also signals what is started in its first moment, before that can
 * ignore it; what is started a moment later is left alone. So one that SIGTERM ended is started again.
 * @returns its exit code
 */
function spawnApart(words: readonly string[], env: Readonly<Record<string, string>> = {}, tries = 3): Promise<number> {
  const child = Bun.spawn([...words], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8", ...env },
    stdio: ["ignore", "ignore", "ignore"],
    detached: true,
  });
  child.unref();
  return child.exited.then((code) => (code === TERMINATED && tries > 1 ? spawnApart(words, env, tries - 1) : code));
}

/** Resolves when `work` has ended, well or not, or when it has taken too long. */
function settled(work: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  const end = (): void => {
    clearTimeout(timer);
    resolve();
  };
  work.then(end, end);
  return promise;
}
