// The commands that every daemon has (lib/cli/daemon-table.ts) besides its own.

import { EXIT } from "../core/exit.ts";
import { complain, print } from "../os/answer.ts";
import { heldBy, type Instance, isFree, lockHolder, notedPid, openLock } from "../os/files/lock.ts";
import { diagnosticCommand } from "./diagnostic/diagnostic.ts";
import { postStop } from "./ends/post-stop.ts";
import { endHolder } from "./instance.ts";

type Options = Readonly<Record<string, string | true>>;

/** The exit code of a command that needs no configuration, or null if `command` is none of them. */
export async function runWithoutConfig(tool: string, command: string, options: Options): Promise<number | null> {
  switch (command) {
    case "diagnostic":
      return diagnosticCommand({ tool, options });
    case "post-stop":
      return postStop({ tool, env: process.env, nowMs: Date.now() });
    default:
      return null;
  }
}

/**
 * The command `stop`: leaves a planned-stop marker, sends SIGTERM and waits.
 * @param waitS its stop budget, seconds
 * @throws UserError when systemd runs it, when it may not be stopped, or when it does not go
 */
export async function stopRunning(instance: Instance, waitS: number, options: Options): Promise<number> {
  const pid = await waitForHolder(instance);
  if (pid === null) {
    await print(`no ${instance.tool} runs on ${instance.dataRoot}\n`);
    return EXIT.ok;
  }
  const by = process.env.SUDO_USER ?? process.env.USER ?? `uid ${process.getuid?.() ?? "?"}`;
  const reason = typeof options.reason === "string" ? options.reason : "stop command";
  const said = (problem: string): void => complain(`${instance.tool}: ${problem}\n`);
  await endHolder({ ...instance, waitS }, openLock(instance), pid, {
    kind: "planned-stop",
    marker: { target_pid: pid, by, reason },
    said,
  });
  await print(`stopped (pid ${pid})\n`);
  return EXIT.ok;
}

/** Who has just taken the lock notes its pid in a moment; another command that only tries it notes none. */
const STARTING_MS = 2000;

/** Who holds the lock; null: nobody. @throws UserError when nobody knows */
async function waitForHolder(instance: Instance): Promise<number | null> {
  const deadline = performance.now() + STARTING_MS;
  for (;;) {
    if (isFree(instance)) return null;
    const pid = lockHolder(instance);
    const isLate = performance.now() > deadline;
    // A daemon with another run directory notes it there.
    if (pid !== null && (pid === notedPid(instance) || isLate)) return pid;
    if (isLate) throw heldBy(instance, null);
    await Bun.sleep(20);
  }
}
