// The phrases of which a sentence on an end is made. Pure.

import { formatBytes, formatSeconds } from "../../core/units.ts";
import type { RunRecord, StopRecord } from "./end-records.ts";

/** What is known of an end: both records, and what follows from them. */
export interface Facts {
  run: RunRecord | null;
  stop: StopRecord | null;
  /** The signal that the main process died of, such as `SIGKILL`. */
  signal: string | null;
  exitCode: number | null;
  /** Whether a process of its cgroup was killed for memory while it ran; null: not known. */
  oom: boolean | null;
  /** Whether the machine has booted since; null: not known. */
  rebooted: boolean | null;
  /** Whether its stop had begun. */
  stopping: boolean;
  ranS: number | null;
}

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

/** `SIGTERM from systemd(1), ` */
export function causeOf(run: RunRecord | null): string {
  const cause = run?.ended?.cause ?? run?.cause ?? null;
  if (cause === null) return "";
  const sender = run?.sent_by ?? null;
  return `${cause}${sender === null || sender.startsWith("unknown") ? "" : ` from ${sender}`}, `;
}

/** `systemctl edit labfleet-shipper`, to the manager that runs it. */
export function systemctl({ stop }: Facts, verb: string): string {
  return `systemctl${stop?.scope === "user" ? " --user" : ""} ${verb} ${stop?.unit ?? ""}`;
}

/** `; see: journalctl -u labfleet-shipper` */
export function seeLog({ stop }: Facts): string {
  return stop === null ? "" : `; see: journalctl${stop.scope === "user" ? " --user" : ""} -u ${stop.unit}`;
}

const MIB = 1024 * 1024;

/** What there is to do about a kill for memory: raise the unit's own limit, or find out who used the machine's. */
export function memoryFix(facts: Facts): string {
  const limit = facts.stop?.memory_max ?? null;
  if (limit === null)
    return "; its unit sets no MemoryMax=, so the machine or a slice was short; see: journalctl -k -g oom";
  const twice = `MemoryMax=${Math.ceil((2 * limit) / MIB)}M`;
  return `; MemoryMax= of its unit is ${formatBytes(limit)}; fix: ${systemctl(facts, "set-property")} ${twice}`;
}

/** Why nobody else knows. */
export function unseen({ run }: Facts): string {
  return run?.invocation_id == null
    ? ", and no service manager recorded how"
    : ", and its unit's ExecStopPost= recorded nothing";
}

/** What our exit codes mean (DESIGN 3.7), and systemd's own, with which it gives up before the executable starts. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  2: "its command line, configuration or input cannot be read",
  3: "it could not go on, or quit in the middle of its stop",
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

/** `; since then 3 starts failed: exit code 2 (its configuration cannot be read)` */
export function failedStarts(stops: readonly StopRecord[]): string {
  if (stops.length === 0) return "";
  const counts = new Map<string, number>();
  for (const stop of stops) counts.set(outcome(stop), (counts.get(outcome(stop)) ?? 0) + 1);
  const parts = [...counts].map(([what, count]) => (counts.size === 1 ? what : `${count} with ${what}`));
  return `; since then ${stops.length === 1 ? "a start" : `${stops.length} starts`} failed: ${parts.join(", ")}`;
}

function outcome({ service_result, exit_code, exit_status }: StopRecord): string {
  if (exit_code === "exited") return `exit code ${exit_status} (${meaningOf(Number(exit_status))})`;
  return exit_code === null ? service_result : `SIG${exit_status}`;
}
