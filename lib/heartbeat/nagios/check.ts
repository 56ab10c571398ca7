// What a configured check is ([nagios_runner] in lab-host.toml), and the environment that checks run in. Data only.

/** How to start it; `hint`: it was written for a shell, and there is none; `broken` says why it cannot be, at every run. */
export type Command = { words: readonly string[]; shell: boolean; hint?: string } | { broken: string };

export interface Check {
  name: string;
  command: Command;
  timeoutS: number;
  graceS: number;
  /** It runs no more often than this, and its last result counts in between; null: at every collection. */
  intervalS: number | null;
  /** A result counts for so long. */
  ttlS: number;
}

/** Where plugins lie that are named without a path: behind the system's own, so that none of them can hide a program. */
const PATH = [
  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/local/nagios/libexec",
].join(":");

/** Passed on as they are. Everything else stays here: sockets and watchdogs of systemd, credentials, our own settings. */
const PASSED_ON = ["HOME", "USER", "TZ"];

/** The environment of every check: the same wherever the agent was started, and numbers with a decimal point. */
export function checkEnvironment(ours: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const env: Record<string, string> = { PATH, LC_ALL: "C.UTF-8", LC_NUMERIC: "C" };
  for (const name of PASSED_ON) {
    const value = ours[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
