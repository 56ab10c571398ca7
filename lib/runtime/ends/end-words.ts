// The phrases of which a sentence on an end is made. Pure.

import { byCommands, type Command, type Finding, here } from "../../core/finding.ts";
import { formatBytes, formatSeconds } from "../../core/text/quantity.ts";
import type { Facts } from "./end-facts.ts";
import type { RunRecord, StopRecord } from "./end-records.ts";

/** `; it was in phase "finish uploads", which began 4.02s into its stop, after running 3d 2h` */
export function where({ run, ranS }: Facts): string {
  if (run === null) return "";
  const into = run.phase_at_s === null ? "" : `, which began ${run.phase_at_s.toFixed(2)}s into its stop`;
  return `; it was in phase ${JSON.stringify(run.phase)}${into}${ranS === null ? "" : `,${after(ranS)}`}`;
}

/** ` after running 3d 2h`: the two largest units tell enough. */
export function after(ranS: number | null): string {
  return ranS === null ? "" : ` after running ${formatSeconds(ranS).split(" ").slice(0, 2).join(" ") || "0s"}`;
}

/** `SIGTERM from systemd(1)`; null when it does not say why it stopped. */
export function causeOf(run: RunRecord | null): string | null {
  const cause = run?.ended?.cause ?? run?.cause ?? null;
  const sender = run?.sent_by ?? null;
  return cause === null || sender === null || sender.startsWith("unknown") ? cause : `${cause} from ${sender}`;
}

/** `SIGTERM, ` */
export function withComma(text: string | null): string {
  return text === null ? "" : `${text}, `;
}

/** `sudo systemctl edit labfleet-shipper`, to the manager that runs it. */
export function systemctl({ stop }: Facts, verb: string, ...more: readonly string[]): Command {
  const manager = stop?.scope === "user" ? ["systemctl", "--user"] : ["sudo", "systemctl"];
  return here(...manager, verb, stop?.unit ?? "", ...more);
}

/** What only the log of its unit says more of; without a unit nobody knows where that is. */
export function inItsLog(what: string, { stop }: Facts): Finding {
  if (stop === null) return { what, fix: null };
  const journal = stop.scope === "user" ? ["journalctl", "--user"] : ["sudo", "journalctl"];
  return { what, fix: { text: "see its log", commands: [here(...journal, "-u", stop.unit)] } };
}

/** Shows whom the kernel has killed for memory, and who had it. */
export const KERNELS_KILLS: Command = here("sudo", "journalctl", "-k", "-g", "oom");

const MIB = 1024 * 1024;

/** A kill for memory, and what there is to do: raise the unit's own limit, or find out who used the machine's. */
export function forMemory(told: string, facts: Facts): Finding {
  const limit = facts.stop?.memory_max ?? null;
  if (limit === null)
    return {
      what: `${told}; its unit sets no MemoryMax=, so the machine or a slice was short`,
      fix: { text: "see who used it up", commands: [KERNELS_KILLS] },
    };
  const twice = `MemoryMax=${Math.ceil((2 * limit) / MIB)}M`;
  const fix = byCommands(systemctl(facts, "set-property", twice));
  return { what: `${told}; MemoryMax= of its unit is ${formatBytes(limit)}`, fix };
}

/** Why nobody else knows. */
export function unseen({ run }: Facts): string {
  return run?.invocation_id == null
    ? ", and no service manager recorded how"
    : ", and its unit's ExecStopPost= recorded nothing";
}

/** What our exit codes mean (docs/operating.md), and systemd's own, with which it gives up before the executable starts. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  2: "its command line, configuration or input cannot be read",
  3: "it could not start or go on",
  70: "a bug",
  203: "systemd could not start the executable",
  216: "its group does not exist",
  217: "its user does not exist",
  226: "a directory that its unit names is missing",
};

/** What an exit code means, in words. */
export function meaningOf(code: number): string {
  const bySystemd =
    code >= 200 && code <= 245 ? "systemd could not set it up (systemd.exec(5))" : "none of its own codes";
  return EXIT_CODES[code] ?? bySystemd;
}

/** The signals by which a person or systemd takes a start back. */
const CALLS_OFF: ReadonlySet<string> = new Set(["TERM", "INT", "HUP"]);

/** Whether a start was ended on purpose, by `systemctl stop` or `restart`, before it could handle the signal. */
export function isCalledOff({ service_result, exit_code, exit_status }: StopRecord): boolean {
  const byItself = service_result === "success" || service_result === "signal";
  return byItself && exit_code === "killed" && CALLS_OFF.has(exit_status ?? "");
}

/** `; since then 3 starts failed: exit code 2 (its configuration cannot be read); since then a start was called off (SIGTERM)` */
export function laterStarts(stops: readonly StopRecord[]): string {
  const calledOff = stops.filter(isCalledOff);
  const failed = stops.filter((stop) => !isCalledOff(stop));
  const signals = [...new Set(calledOff.map(outcome))].join(", ");
  return [
    failed.length === 0 ? "" : `; since then ${starts(failed.length)} failed: ${outcomes(failed)}`,
    calledOff.length === 0
      ? ""
      : `; since then ${starts(calledOff.length)} ${calledOff.length === 1 ? "was" : "were"} called off (${signals})`,
  ].join("");
}

function starts(count: number): string {
  return count === 1 ? "a start" : `${count} starts`;
}

function outcomes(stops: readonly StopRecord[]): string {
  const counts = new Map<string, number>();
  for (const stop of stops) counts.set(outcome(stop), (counts.get(outcome(stop)) ?? 0) + 1);
  return [...counts].map(([what, count]) => (counts.size === 1 ? what : `${count} with ${what}`)).join(", ");
}

function outcome({ service_result, exit_code, exit_status }: StopRecord): string {
  if (exit_code === "exited") return `exit code ${exit_status} (${meaningOf(Number(exit_status))})`;
  return exit_code === null ? service_result : `SIG${exit_status}`;
}
