// What brings a daemon back that does not run, or does not answer. Pure.

import { EXIT } from "../exit.ts";
import type { Fix } from "../finding.ts";
import { shellLine } from "../text/shell-quote.ts";
import { type DaemonName, TOOLS, unitName } from "../tools.ts";

/** A line for the shell of its machine. What hangs is ended by a restart first. */
export function unitLine(tool: string, verb: "start" | "restart"): string {
  return `sudo systemctl ${verb} ${unitName(tool)}`;
}

/**
 * What a status says of a daemon that is not there.
 * @param isRefused its last start ended for its configuration, or for what that names: one more would end so, too
 * @param startFailure systemd could not even begin it (os/start-failure.ts): neither could it now; null: nothing of the kind
 * @param exitCode with which of our exit codes its last run ended, as systemd knows it; null: not known
 */
export function notRunningText(
  tool: DaemonName,
  isRefused: boolean,
  startFailure: string | null,
  exitCode: number | null = null,
): string {
  const { config, startLines } = TOOLS[tool];
  const log = `sudo journalctl -u ${unitName(tool)} -n ${startLines}`;
  if (startFailure !== null)
    return `not running: systemd cannot start it (status ${startFailure}); fix: mend the line of its unit that this names, then sudo systemctl daemon-reload && ${unitLine(tool, "start")}: ${log}`;
  if (exitCode === EXIT.undelivered || exitCode === EXIT.bug)
    return `not running: its last run ended with exit code ${exitCode}, and the next one may, too; fix: mend what its log names; systemd starts it again by itself: ${log}`;
  if (!isRefused && exitCode !== EXIT.usage) return `not running; fix: ${unitLine(tool, "start")}`;
  const mend = `mend what this names, in ${config.file} or elsewhere, then ${unitLine(tool, "start")}`;
  return `not running: its last start was refused (exit code 2); fix: ${mend}: ${log}`;
}

/** What systemd does not start again by itself (RestartPreventExitStatus=2) is started by whoever has mended it. */
export function thenStarted(fix: Fix, unit: string): Fix {
  const { text, commands } = fix;
  if (text.includes("systemctl ")) return fix;
  const start = { argv: ["sudo", "systemctl", "start", unit], on: "host" } as const;
  return { text: commands.length === 0 ? `${text}, then` : text, commands: [...commands, start] };
}

/**
 * A line for a shell that gives a unit settings of its own, and restarts it.
 * @param service with its suffix
 * @param name of the drop-in
 * @param settings lines of its [Service]
 */
export function dropInLine(service: string, name: string, settings: readonly string[]): string {
  const file = `/etc/systemd/system/${service}.d/${name}.conf`;
  const text = shellLine(["printf", "%s\\n", "[Service]", ...settings]);
  return [
    `${text} | ${shellLine(["sudo", "install", "-D", "-m", "0644", "/dev/stdin", file])}`,
    "sudo systemctl daemon-reload",
    shellLine(["sudo", "systemctl", "restart", service]),
  ].join(" && ");
}
