// The commands that every daemon has (lib/cli/daemon-table.ts) besides its own.

import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { formatSeconds } from "../core/units.ts";
import { heldBy, type Instance, lockHolder, openLock } from "../os/lock.ts";
import { diagnosticCommand } from "./forensics/diagnostic.ts";
import { writeMarker } from "./forensics/markers.ts";
import { postStop } from "./forensics/post-stop.ts";
import { askToStop, unitOf } from "./instance.ts";

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
  const lock = openLock(instance);
  if (lock.take()) {
    process.stdout.write(`no ${instance.tool} runs on ${instance.dataRoot}\n`);
    return EXIT.ok;
  }
  const pid = lockHolder(instance);
  if (pid === null) throw heldBy(instance, null);
  const unit = unitOf(pid);
  if (unit !== null) {
    throw new UserError(
      `the ${instance.tool} with pid ${pid} is ${unit}, which systemd would start again`,
      `sudo systemctl stop ${unit}`,
    );
  }
  const by = process.env.SUDO_USER ?? process.env.USER ?? `uid ${process.getuid?.() ?? "?"}`;
  const reason = typeof options.reason === "string" ? options.reason : "stop command";
  writeMarker(instance.runDir, "planned-stop", { target_pid: pid, by, reason, at: new Date().toISOString() });
  askToStop(instance.tool, pid);
  const deadline = performance.now() + waitS * 1000;
  while (!lock.take()) {
    if (performance.now() > deadline) {
      const message = `the ${instance.tool} with pid ${pid} has not stopped within ${formatSeconds(waitS)}`;
      throw new UserError(message, `wait for it, or end it: kill -KILL ${pid}`, EXIT.undelivered);
    }
    await Bun.sleep(20);
  }
  process.stdout.write(`stopped (pid ${pid})\n`);
  return EXIT.ok;
}
