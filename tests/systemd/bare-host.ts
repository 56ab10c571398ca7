// Machines with a real systemd on which nothing of labfleet is, and a release beside them.

import type { MadeRelease } from "../support/made-release.ts";
import { bootHost, type ExecResult, type Host } from "./bed.ts";

export const BUNDLE = "/srv/release/checkout/dist/release/labfleet-0.1.0.tar";

/** A machine on which nothing of labfleet is. */
export function bare(name: string, release: MadeRelease): Promise<Host> {
  const nspawn = ["--system-call-filter=adjtimex clock_adjtime"];
  return bootHost(name, { bind: [`${release.root}:/srv/release`], nspawn });
}

/** With what it needs of the environment: a place where it dies. */
export function installer(host: Host, args: readonly string[], point = ""): Promise<ExecResult> {
  return host.exec(["env", `LABFLEET_FAILPOINT=${point}`, "/srv/release/failpoints/installer", ...args], {
    timeoutMs: 120_000,
  });
}

export const sh = (host: Host, script: string): Promise<string> =>
  host.run(["sh", "-ec", script], { timeoutMs: 60_000 });
