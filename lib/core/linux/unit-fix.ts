// What brings a daemon back that does not run, or does not answer. Pure.

import { EXIT } from "../exit.ts";
import { byCommands, type Command, type Finding, type Fix, here } from "../finding.ts";
import { shellLine } from "../text/shell-quote.ts";
import { type DaemonName, TOOLS, unitName } from "../tools.ts";

/** Starts a unit of ours, on the machine that says it. What hangs is ended by a restart first. */
export function unitCommand(tool: string, verb: "start" | "restart"): Command {
  return here("sudo", "systemctl", verb, unitName(tool));
}

/**
 * What a status says of a daemon that is not there.
 * @param isRefused its last start ended for its configuration, or for what that names: one more would end so, too
 * @param startFailure systemd could not even begin it (os/process/start-failure.ts): neither could it now; null: nothing of the kind
 * @param exitCode with which of our exit codes its last run ended, as systemd knows it; null: not known
 */
export function notRunning(
  tool: DaemonName,
  isRefused: boolean,
  startFailure: string | null,
  exitCode: number | null = null,
): Finding {
  const { config, startLines } = TOOLS[tool];
  const log = here("sudo", "journalctl", "-u", unitName(tool), "-n", String(startLines));
  const mended = (text: string): Fix => ({ text, commands: [log] });
  // In words: between the look at the log and the start a person mends something.
  const start = shellLine(unitCommand(tool, "start").argv);
  if (startFailure !== null)
    return {
      what: `not running: systemd cannot start it (status ${startFailure})`,
      fix: mended(`mend the line of its unit that this names, then sudo systemctl daemon-reload && ${start}`),
    };
  if (exitCode === EXIT.undelivered || exitCode === EXIT.bug)
    return {
      what: `not running: its last run ended with exit code ${exitCode}, and the next one may, too`,
      fix: mended("mend what its log names; systemd starts it again by itself"),
    };
  if (!isRefused && exitCode !== EXIT.usage)
    return { what: "not running", fix: byCommands(unitCommand(tool, "start")) };
  return {
    what: "not running: its last start was refused (exit code 2)",
    fix: mended(`mend what this names, in ${config.file} or elsewhere, then ${start}`),
  };
}

/** What systemd does not start again by itself (RestartPreventExitStatus=2) is started by whoever has mended it. */
export function thenStarted(fix: Fix, unit: string): Fix {
  const { text, commands } = fix;
  if (text.includes("systemctl ") || commands.some(({ argv }) => argv.includes("systemctl"))) return fix;
  const start = here("sudo", "systemctl", "start", unit);
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
