// --daemon, for hosts without systemd: this executable starts itself again in a session of its own and stays until that
// one works, so that a bad configuration is still said on the terminal, with its exit code. Logs go to syslog then.

import { closeSync, constants, openSync } from "node:fs";
import { complain, print } from "../os/answer.ts";
import { duplicate, writeNow } from "../os/file-calls.ts";
import { DETACHED_MARK, hasLeftTerminal, isDetached, leaveTerminal } from "./log/detached.ts";

/** The last byte on either pipe of a process that works; one that ends before has not written it. */
const READY = 0;
/** A process that closed its pipes without a word is on its way out; so long we wait for that, milliseconds. */
const EXIT_GRACE_MS = 5000;

/** Whether a command line asks for it. */
export function shouldDetach(line: { options: Readonly<Record<string, string | true>> }): boolean {
  return line.options.daemon === true;
}

export interface ThisProcess {
  execPath: string;
  execArgv: readonly string[];
  argv: readonly string[];
}

/** The command that starts this program again, without `--daemon`; compiled or from source. Pure. */
export function commandAgain({ execPath, execArgv, argv }: ThisProcess): string[] {
  const [, program = "", ...args] = argv;
  const end = args.indexOf("--");
  const kept = args.filter((arg, i) => arg !== "--daemon" || (end >= 0 && i > end));
  // In a compiled executable the program lies in Bun's own file system, and the executable finds it by itself.
  return program.startsWith("/$bunfs/") ? [execPath, ...kept] : [execPath, ...execArgv, program, ...kept];
}

/**
 * Starts this program again in the background and waits until it works or has ended. What it says until then goes to our
 * standard error. SIGINT, SIGTERM and SIGHUP end it, too.
 * @returns 0 once it works, after saying its pid on standard output; else its own exit code
 */
export async function detach(tool: string): Promise<number> {
  const child = Bun.spawn(commandAgain(process), {
    // A session of its own: no terminal, and no SIGHUP when that one ends.
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, [DETACHED_MARK]: String(process.pid) },
  });
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    child.kill("SIGTERM");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  const said = await Promise.all([forward(child.stdout), forward(child.stderr)]);
  const works = said.some((ready) => ready) || (await livesOn(child.exited));
  if (works && !stopped && child.exitCode === null && child.signalCode === null) {
    await print(`${tool} runs as pid ${child.pid}\n`);
    return 0;
  }
  const code = await child.exited;
  if (child.signalCode !== null) complain(`${tool}: ended by ${child.signalCode} before it could work\n`);
  return code;
}

/**
 * In the second process, once it works: leaves directory and terminal behind and lets the first one go. Elsewhere, and
 * when called again, does nothing. Never throws. The umask stays.
 */
export function finishDetaching(): void {
  if (!isDetached() || hasLeftTerminal()) return;
  leaveTerminal();
  for (const fd of [1, 2]) writeNow(fd, Uint8Array.of(READY));
  // Where they were used before, Bun holds on to the pipes: what is written there now must not end the daemon.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  try {
    process.chdir("/");
    const nowhere = openSync("/dev/null", constants.O_RDWR);
    for (const fd of [0, 1, 2]) duplicate(nowhere, fd);
    if (nowhere > 2) closeSync(nowhere);
  } catch {
    // A root without /dev/null: the pipes stay, and nobody reads them any more.
  }
}

/** Passes on what a process says, up to its end. @returns whether the end was the sign that it works */
async function forward(stream: ReadableStream<Uint8Array>): Promise<boolean> {
  for await (const chunk of stream) {
    const end = chunk.indexOf(READY);
    complain(end < 0 ? chunk : chunk.subarray(0, end));
    if (end >= 0) return true;
  }
  return false;
}

/** Closed pipes without the sign: it ends, as a rule. */
function livesOn(exited: Promise<number>): Promise<boolean> {
  return Promise.race([exited.then(() => false), Bun.sleep(EXIT_GRACE_MS).then(() => true)]);
}
