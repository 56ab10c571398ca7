// Why a run ended, in one sentence: decided from its own record, from systemd's word on it, and from the boot. Pure.
// The rules are a table; the first that holds is the answer.

import { EXIT } from "../../core/exit.ts";
import { type Finding, fixOrNull } from "../../core/finding.ts";
import { type Facts, factsOf } from "./end-facts.ts";
import type { EndKind, EndReport, RunRecord, StopRecord } from "./end-records.ts";
import {
  after,
  causeOf,
  forMemory,
  inItsLog,
  isCalledOff,
  KERNELS_KILLS,
  laterStarts,
  meaningOf,
  systemctl,
  unseen,
  where,
  withComma,
} from "./end-words.ts";

export type { EndKind, EndReport, RunRecord, StopRecord } from "./end-records.ts";

interface Rule {
  kind: EndKind;
  because: string;
  when: (facts: Facts) => boolean;
  /** What follows "the last run ", with what mends it where something is known to. */
  say: (facts: Facts) => string | Finding;
}

/** Signals that a fault of the program raises, or that its run time raises on one. */
const FAULTS: ReadonlySet<string> = new Set(
  ["ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "SYS"].map((name) => `SIG${name}`),
);

const result = ({ stop }: Facts): string | null => stop?.service_result ?? null;

const RULES: readonly Rule[] = [
  {
    kind: "unknown",
    because: "there is nothing to decide by",
    when: ({ run, stop }) => run === null && stop === null,
    say: () => "left no record that can be read",
  },
  {
    kind: "oom-kill",
    because:
      "where memory is counted by cgroup version 1, systemd says no more than SIGKILL; the kernel's count says more",
    when: (f) => (result(f) === "oom-kill" && f.signal !== null) || (f.signal === "SIGKILL" && f.oom === true),
    say: (f) => forMemory(`was killed for memory (OOM)${where(f)}`, f),
  },
  {
    kind: "oom-kill",
    because: "systemd stops a service when the kernel has killed another process of it for memory (OOMPolicy=stop)",
    when: (f) => result(f) === "oom-kill",
    say: (f) =>
      forMemory(`was stopped by systemd, for a process of its unit was killed for memory (OOM)${where(f)}`, f),
  },
  {
    kind: "watchdog",
    because: "only the watchdog gives this result; the signal alone would look like a crash",
    when: (f) => result(f) === "watchdog",
    say: (f) => inItsLog(`was killed by systemd's watchdog: nothing moved for WatchdogSec=${where(f)}`, f),
  },
  {
    kind: "stop-timeout",
    because: "its own record says that it had ended: what ran out of time is another process of the unit",
    when: (f) => result(f) === "timeout" && f.run !== null && f.run.ended !== null,
    say: (f) =>
      inItsLog(`ended by itself, but a process of its unit outlived it until systemd killed that${where(f)}`, f),
  },
  {
    kind: "start-timeout",
    because: "a run that never was ready cannot have been asked to stop by a limit on stops",
    when: (f) => result(f) === "timeout" && (f.run === null || f.run.ready_at === null),
    say: (f) => inItsLog(`was ended by systemd: it was not ready within TimeoutStartSec=${where(f)}`, f),
  },
  {
    kind: "stop-timeout",
    because: "SIGTERM begins a phase at once unless the event loop stands still",
    when: (f) => result(f) === "timeout" && !f.stopping,
    say: (f) => inItsLog(`was killed by systemd: it did not react to SIGTERM within TimeoutStopSec=${where(f)}`, f),
  },
  {
    kind: "stop-timeout",
    because: "the stop had begun and systemd ended it",
    when: (f) => result(f) === "timeout",
    say: (f) => ({
      what: `was killed by systemd in the middle of its stop: TimeoutStopSec= is too short, or the phase hung${where(f)}`,
      fix: { text: "set a larger TimeoutStopSec= in its unit", commands: [systemctl(f, "edit")] },
    }),
  },
  {
    kind: "crash",
    because: "nobody sends these to a daemon, but for trying it",
    when: (f) => f.signal !== null && (FAULTS.has(f.signal) || f.stop?.exit_code === "dumped"),
    say: (f) => inItsLog(`crashed: ${f.signal}, a bug${where(f)}`, f),
  },
  {
    kind: "killed",
    because: "systemd's own SIGKILLs have results of their own, and the kernel counts those for memory",
    when: (f) => f.signal === "SIGKILL" && f.oom === false,
    say: (f) => `was killed by SIGKILL: by a person or a program, not by systemd and not for memory${where(f)}`,
  },
  {
    kind: "killed",
    because: "without the kernel's count a kill for memory looks the same",
    when: (f) => f.signal === "SIGKILL",
    say: (f) => ({
      what: `was killed by SIGKILL: by a person or a program, or for memory, which its cgroup did not tell${where(f)}`,
      fix: { text: "see whether it was for memory", commands: [KERNELS_KILLS] },
    }),
  },
  {
    kind: "killed",
    because: "who stops or restarts the unit sends it to a start too: nothing has failed",
    when: ({ run, stop }) => stop !== null && isCalledOff(stop) && (run === null || run.ready_at === null),
    say: (f) => `was called off while it started (${f.signal})${where(f)}`,
  },
  {
    kind: "killed",
    because: "those that it handles end it by an exit code: this one came before, or is none of them",
    when: (f) => f.signal !== null,
    say: (f) => `was ended by ${f.signal}, which it did not handle${where(f)}`,
  },
  {
    kind: "clean-stop",
    because: "it wrote down its own end, and nobody says otherwise",
    when: (f) => f.run !== null && f.run.ended !== null && f.exitCode === 0,
    say: ({ run, ranS }) =>
      `ended cleanly: ${withComma(causeOf(run))}stopped in ${(run?.ended?.total_s ?? 0).toFixed(2)}s${after(ranS)}`,
  },
  {
    kind: "exit-code",
    because: "a drain that comes to its end is exit code 0, or the code of the failure that began it",
    when: (f) => f.exitCode === EXIT.undelivered && f.stopping && f.run?.cause !== "failure",
    say: (f) =>
      inItsLog(
        `quit in the middle of its stop (${causeOf(f.run) ?? "cause unknown"}): told twice, or over its stop budget${where(f)}`,
        f,
      ),
  },
  {
    kind: "exit-code",
    because: "it ended by itself, and its exit code says of what kind that was",
    when: (f) => f.exitCode !== null && f.exitCode !== 0,
    say: (f) => inItsLog(`exited with ${f.exitCode}, ${meaningOf(f.exitCode ?? 0)}${where(f)}`, f),
  },
  {
    kind: "exit-code",
    because: "exit code 0 before READY=1 is no success to systemd",
    when: (f) => f.exitCode === 0 && result(f) === "protocol",
    say: (f) => inItsLog(`exited with 0 before it was ready${where(f)}`, f),
  },
  {
    kind: "clean-stop",
    because: "systemd saw a success; the ledger could not be written then",
    when: (f) => f.exitCode === 0,
    say: (f) => `exited with 0, without a word of its own on its end${where(f)}`,
  },
  {
    kind: "unknown",
    because: "there was no main process, or nobody knows how it ended: systemd's word is all there is",
    when: ({ stop }) => stop !== null,
    say: (f) => inItsLog(`ended for a reason that systemd calls ${JSON.stringify(result(f))}${where(f)}`, f),
  },
  {
    kind: "exit-code",
    because: "a stop that a failure of its own began ends with that failure, which the log names",
    when: ({ run }) => run?.cause === "failure",
    say: (f) => `ended by a failure of its own, which its log names${where(f)}`,
  },
  {
    kind: "reboot",
    because: "its stop had begun, and the machine did not wait for the end of it",
    when: ({ rebooted, stopping }) => rebooted === true && stopping,
    say: (f) => `ended with the machine, which did not wait for its stop${where(f)}`,
  },
  {
    kind: "power-loss",
    because: "under systemd every other end is recorded by ExecStopPost=, a clean reboot too",
    when: ({ run, rebooted }) => rebooted === true && run !== null && run.invocation_id !== null,
    say: (f) => `ended with the machine: power loss or a hard reset${where(f)}`,
  },
  {
    kind: "power-loss",
    because: "by hand, a kill some time before the reboot looks the same",
    when: ({ rebooted }) => rebooted === true,
    say: (f) => `ended with the machine (power loss or a hard reset) or was killed before, unseen${where(f)}`,
  },
  {
    kind: "unknown",
    because: "whoever ends in the middle of a stop without a word was not let finish it",
    when: ({ stopping }) => stopping,
    say: (f) => `was cut short in the middle of its stop: by a second signal, a kill or a crash${unseen(f)}${where(f)}`,
  },
  {
    kind: "unknown",
    because: "same boot, no end of its own, and nobody watched",
    when: () => true,
    say: (f) => `was killed or crashed without a word${unseen(f)}${where(f)}`,
  },
];

/**
 * Explains the end of a run.
 * @param run its own record; null when there is none that can be read
 * @param stop what ExecStopPost= recorded of it, or null
 * @param laterStops what ExecStopPost= recorded since, of starts that left no record of their own
 */
export function explainEnd(
  run: RunRecord | null,
  stop: StopRecord | null,
  now: { bootId: string | null },
  laterStops: readonly StopRecord[],
): EndReport {
  const facts = factsOf(run, stop, now.bootId);
  const rule = RULES.find(({ when }) => when(facts));
  const said = rule?.say(facts) ?? "ended, nobody knows how";
  const { what, fix } = typeof said === "string" ? { what: said, fix: null } : said;
  const failed = laterStops.filter((later) => !isCalledOff(later));
  const newest = failed.at(-1);
  return {
    run_id: run?.run_id ?? stop?.run_id ?? "unknown",
    kind: rule?.kind ?? "unknown",
    sentence: `the last run ${what}${laterStarts(laterStops)}`,
    fix: fixOrNull(fix),
    at: run?.ended?.at ?? stop?.at ?? null,
    started_at: run?.started_at ?? null,
    ran_s: facts.ranS,
    phase: run?.phase ?? null,
    signal: facts.signal,
    exit_code: facts.exitCode,
    failed_starts: failed.length,
    failed_exit_code: newest?.exit_code === "exited" ? Number(newest.exit_status) : null,
  };
}
