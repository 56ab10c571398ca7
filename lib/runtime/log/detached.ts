// Whether this process is the second one of --daemon (detach.ts), and how far it is from its terminal.

/** Tells the second process what it is: it holds the pid of the first. Nobody else has that parent. */
export const DETACHED_MARK = "LABFLEET_DETACHED_BY";

let detached: boolean | null = null;
let hasLeft = false;

/** Whether this is the second process, which logs to syslog. Takes the mark out of the environment. */
export function isDetached(): boolean {
  detached ??= process.env[DETACHED_MARK] === String(process.ppid);
  delete process.env[DETACHED_MARK];
  return detached;
}

/** Whether the terminal is behind us: `finishDetaching` was called in the second process. */
export function hasLeftTerminal(): boolean {
  return hasLeft;
}

/** From now on nobody reads what is written to the terminal. */
export function leaveTerminal(): void {
  hasLeft = true;
}
