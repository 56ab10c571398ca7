// Why a run ended, case by case: its own record, systemd's word and the boot in, the operator's sentence out.

import { describe, expect, test } from "bun:test";
import { END_KINDS, type EndKind, isStartRefused, toldEnd } from "../../../lib/runtime/ends/end-records.ts";
import { explainEnd, type RunRecord, type StopRecord } from "../../../lib/runtime/ends/explain-end.ts";
import { inText } from "../../support/in-text.ts";

const BOOT = "b00t-1";

/** A shipper that started 1000 s after the boot, was ready, and had no stop before it. */
const RUN: RunRecord = {
  run_id: "4f1c",
  tool: "shipper",
  version: "0.1.0",
  pid: 412,
  start_ticks: 100_000,
  boot_id: BOOT,
  invocation_id: "4f1c",
  started_at: "2026-05-01T06:00:00.000000+00:00",
  ready_at: "2026-05-01T06:00:01.000000+00:00",
  phase: "running",
  phase_at_s: null,
  cause: null,
  sent_by: null,
  oom_kills: 0,
  last_stop: null,
  ended: null,
};

/** Its stop, 2 h 3 min 4 s later, of which systemd and the kernel say nothing yet. */
const STOP: StopRecord = {
  run_id: "4f1c",
  at: "2026-05-01T08:03:04.000000+00:00",
  boot_id: BOOT,
  uptime_s: 1000 + 7384,
  unit: "labfleet-shipper",
  scope: "system",
  service_result: "success",
  exit_code: "exited",
  exit_status: "0",
  oom_kills: 0,
  memory_max: null,
};

const ENDED = {
  phase: "close",
  phase_at_s: 0.01,
  cause: "SIGTERM",
  sent_by: "systemd(1)",
  ended: {
    at: "2026-05-04T08:00:00.000000+00:00",
    exit_code: 0,
    total_s: 0.0213,
    ran_s: 3 * 86400 + 7201,
    cause: "SIGTERM",
  },
} as const;
const STOPPING = { phase: "finish uploads", phase_at_s: 4.017, cause: "SIGTERM", sent_by: "systemd(1)" } as const;
const STARTING = { phase: "starting", ready_at: null } as const;
const BY_HAND = { run_id: "b00t-412-100000", invocation_id: null } as const;
const KILLED = { service_result: "signal", exit_code: "killed", exit_status: "KILL" } as const;
const TIMEOUT = { service_result: "timeout", exit_code: "killed", exit_status: "KILL" } as const;

interface Case {
  what: string;
  run: Partial<RunRecord> | null;
  stop: Partial<StopRecord> | null;
  boot?: string | null;
  kind: EndKind;
  /** With its remedy behind it. */
  sentence: string;
}

const CASES: readonly Case[] = [
  {
    what: "a stop by systemd",
    run: ENDED,
    stop: {},
    kind: "clean-stop",
    sentence: "the last run ended cleanly: SIGTERM from systemd(1), stopped in 0.02s after running 3d 2h",
  },
  {
    what: "a stop by hand, before the machine booted again",
    run: { ...ENDED, ...BY_HAND, sent_by: "bash(4242)" },
    stop: null,
    boot: "b00t-2",
    kind: "clean-stop",
    sentence: "the last run ended cleanly: SIGTERM from bash(4242), stopped in 0.02s after running 3d 2h",
  },
  {
    what: "a stop by someone unknown",
    run: { ...ENDED, sent_by: "unknown: the signal left no record" },
    stop: {},
    kind: "clean-stop",
    sentence: "the last run ended cleanly: SIGTERM, stopped in 0.02s after running 3d 2h",
  },
  {
    what: "a stop by hand while it started: exit code 0 before READY=1 is protocol to systemd",
    run: { ...ENDED, ready_at: null },
    stop: { service_result: "protocol" },
    kind: "clean-stop",
    sentence: "the last run ended cleanly: SIGTERM from systemd(1), stopped in 0.02s after running 3d 2h",
  },
  {
    what: "a clean end whose own word could not be written",
    run: STOPPING,
    stop: {},
    kind: "clean-stop",
    sentence:
      'the last run exited with 0, without a word of its own on its end; it was in phase "finish uploads", which began 4.02s into its stop, after running 2h 3min',
  },
  {
    what: "systemctl kill -s KILL",
    run: {},
    stop: KILLED,
    kind: "killed",
    sentence:
      'the last run was killed by SIGKILL: by a person or a program, not by systemd and not for memory; it was in phase "running", after running 2h 3min',
  },
  {
    what: "SIGKILL, and the kernel's count of kills for memory could not be read",
    run: {},
    stop: { ...KILLED, oom_kills: null },
    kind: "killed",
    sentence:
      'the last run was killed by SIGKILL: by a person or a program, or for memory, which its cgroup did not tell; it was in phase "running", after running 2h 3min; fix: see whether it was for memory: sudo journalctl -k -g oom',
  },
  {
    what: "SIGKILL in a cgroup that had counted a kill for memory before it started",
    run: { oom_kills: 2 },
    stop: { ...KILLED, oom_kills: 2 },
    kind: "killed",
    sentence:
      'the last run was killed by SIGKILL: by a person or a program, not by systemd and not for memory; it was in phase "running", after running 2h 3min',
  },
  {
    what: "SIGTERM before it had a handler",
    run: STARTING,
    stop: { exit_code: "killed", exit_status: "TERM" },
    kind: "killed",
    sentence:
      'the last run was called off while it started (SIGTERM); it was in phase "starting", after running 2h 3min',
  },
  {
    what: "systemctl restart of a start that had left no record yet",
    run: null,
    stop: { service_result: "signal", exit_code: "killed", exit_status: "TERM" },
    kind: "killed",
    sentence: "the last run was called off while it started (SIGTERM)",
  },
  {
    what: "a signal that it does not handle",
    run: {},
    stop: { service_result: "signal", exit_code: "killed", exit_status: "USR1" },
    kind: "killed",
    sentence:
      'the last run was ended by SIGUSR1, which it did not handle; it was in phase "running", after running 2h 3min',
  },
  {
    what: "OOM as systemd tells it, with a limit of its unit",
    run: {},
    stop: { ...KILLED, service_result: "oom-kill", oom_kills: 1, memory_max: 96 * 1024 * 1024 },
    kind: "oom-kill",
    sentence:
      "the last run was killed for memory (OOM); it was in phase \"running\", after running 2h 3min; MemoryMax= of its unit is 96.0 MiB; fix: sudo systemctl set-property labfleet-shipper 'MemoryMax=192M'",
  },
  {
    what: "OOM on cgroup version 1, where systemd tells of a SIGKILL alone; the machine was short",
    run: {},
    stop: { ...KILLED, oom_kills: 1 },
    kind: "oom-kill",
    sentence:
      'the last run was killed for memory (OOM); it was in phase "running", after running 2h 3min; its unit sets no MemoryMax=, so the machine or a slice was short; fix: see who used it up: sudo journalctl -k -g oom',
  },
  {
    what: "OOM of another process of the unit (OOMPolicy=stop), in a user's manager",
    run: ENDED,
    stop: { service_result: "oom-kill", oom_kills: 1, memory_max: 64 * 1024 * 1024, scope: "user" },
    kind: "oom-kill",
    sentence:
      "the last run was stopped by systemd, for a process of its unit was killed for memory (OOM); it was in phase \"close\", which began 0.01s into its stop, after running 3d 2h; MemoryMax= of its unit is 64.0 MiB; fix: systemctl --user set-property labfleet-shipper 'MemoryMax=128M'",
  },
  {
    what: "the watchdog, by SIGABRT: no crash",
    run: {},
    stop: { service_result: "watchdog", exit_code: "killed", exit_status: "ABRT" },
    kind: "watchdog",
    sentence:
      'the last run was killed by systemd\'s watchdog: nothing moved for WatchdogSec=; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a stop longer than TimeoutStopSec",
    run: STOPPING,
    stop: TIMEOUT,
    kind: "stop-timeout",
    sentence:
      'the last run was killed by systemd in the middle of its stop: TimeoutStopSec= is too short, or the phase hung; it was in phase "finish uploads", which began 4.02s into its stop, after running 2h 3min; fix: set a larger TimeoutStopSec= in its unit: sudo systemctl edit labfleet-shipper',
  },
  {
    what: "a stop that it never noticed",
    run: {},
    stop: TIMEOUT,
    kind: "stop-timeout",
    sentence:
      'the last run was killed by systemd: it did not react to SIGTERM within TimeoutStopSec=; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "something else in the unit that did not end",
    run: ENDED,
    stop: { service_result: "timeout" },
    kind: "stop-timeout",
    sentence:
      'the last run ended by itself, but a process of its unit outlived it until systemd killed that; it was in phase "close", which began 0.01s into its stop, after running 3d 2h; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a start longer than TimeoutStartSec",
    run: { ...STARTING, phase: "stopping", phase_at_s: 0 },
    stop: TIMEOUT,
    kind: "start-timeout",
    sentence:
      'the last run was ended by systemd: it was not ready within TimeoutStartSec=; it was in phase "stopping", which began 0.00s into its stop, after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a start that came not even to its record",
    run: null,
    stop: TIMEOUT,
    kind: "start-timeout",
    sentence:
      "the last run was ended by systemd: it was not ready within TimeoutStartSec=; fix: see its log: sudo journalctl -u labfleet-shipper",
  },
  {
    what: "a fault",
    run: {},
    stop: { service_result: "signal", exit_code: "killed", exit_status: "SEGV" },
    kind: "crash",
    sentence:
      'the last run crashed: SIGSEGV, a bug; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a core dump of any signal",
    run: {},
    stop: { service_result: "core-dump", exit_code: "dumped", exit_status: "QUIT", scope: "user" },
    kind: "crash",
    sentence:
      'the last run crashed: SIGQUIT, a bug; it was in phase "running", after running 2h 3min; fix: see its log: journalctl --user -u labfleet-shipper',
  },
  {
    what: "a bug",
    run: {},
    stop: { service_result: "exit-code", exit_status: "70" },
    kind: "exit-code",
    sentence:
      'the last run exited with 70, a bug; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a second signal",
    run: STOPPING,
    stop: { service_result: "exit-code", exit_status: "3" },
    kind: "exit-code",
    sentence:
      'the last run quit in the middle of its stop (SIGTERM from systemd(1)): told twice, or over its stop budget; it was in phase "finish uploads", which began 4.02s into its stop, after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a second signal by hand, its sender unknown",
    run: {
      ...STOPPING,
      ...BY_HAND,
      cause: "SIGINT",
      sent_by: "unknown: the signal left no record",
      ended: { ...ENDED.ended, exit_code: 3, cause: "SIGINT" },
    },
    stop: null,
    kind: "exit-code",
    sentence:
      'the last run quit in the middle of its stop (SIGINT): told twice, or over its stop budget; it was in phase "finish uploads", which began 4.02s into its stop, after running 3d 2h',
  },
  {
    what: "a failure of its own, after the whole drain",
    run: { ...STOPPING, cause: "failure", sent_by: null },
    stop: { service_result: "exit-code", exit_status: "3" },
    kind: "exit-code",
    sentence:
      'the last run exited with 3, it could not start or go on; it was in phase "finish uploads", which began 4.02s into its stop, after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a refusal of the machine before any stop",
    run: {},
    stop: { service_result: "exit-code", exit_status: "3" },
    kind: "exit-code",
    sentence:
      'the last run exited with 3, it could not start or go on; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a configuration that cannot be read, before there ever was a run",
    run: null,
    stop: { service_result: "exit-code", exit_status: "2" },
    kind: "exit-code",
    sentence:
      "the last run exited with 2, its command line, configuration or input cannot be read; fix: see its log: sudo journalctl -u labfleet-shipper",
  },
  {
    what: "a directory of the unit that is missing",
    run: null,
    stop: { service_result: "exit-code", exit_status: "226" },
    kind: "exit-code",
    sentence:
      "the last run exited with 226, a directory that its unit names is missing; fix: see its log: sudo journalctl -u labfleet-shipper",
  },
  {
    what: "an exit code of nobody's",
    run: {},
    stop: { service_result: "exit-code", exit_status: "99" },
    kind: "exit-code",
    sentence:
      'the last run exited with 99, none of its own codes; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "an end without a word before READY=1",
    run: STARTING,
    stop: { service_result: "protocol" },
    kind: "exit-code",
    sentence:
      'the last run exited with 0 before it was ready; it was in phase "starting", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a result without a main process",
    run: null,
    stop: { service_result: "resources", exit_code: null, exit_status: null },
    kind: "unknown",
    sentence:
      'the last run ended for a reason that systemd calls "resources"; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "an exit status that is no number",
    run: {},
    stop: { service_result: "exit-code", exit_status: "x" },
    kind: "unknown",
    sentence:
      'the last run ended for a reason that systemd calls "exit-code"; it was in phase "running", after running 2h 3min; fix: see its log: sudo journalctl -u labfleet-shipper',
  },
  {
    what: "a power cut under systemd",
    run: {},
    stop: null,
    boot: "b00t-2",
    kind: "power-loss",
    sentence: 'the last run ended with the machine: power loss or a hard reset; it was in phase "running"',
  },
  {
    what: "a boot after a run by hand",
    run: BY_HAND,
    stop: null,
    boot: "b00t-2",
    kind: "power-loss",
    sentence:
      'the last run ended with the machine (power loss or a hard reset) or was killed before, unseen; it was in phase "running"',
  },
  {
    what: "a shutdown that did not wait",
    run: STOPPING,
    stop: null,
    boot: "b00t-2",
    kind: "reboot",
    sentence:
      'the last run ended with the machine, which did not wait for its stop; it was in phase "finish uploads", which began 4.02s into its stop',
  },
  {
    what: "a stop that systemd recorded before the machine booted again",
    run: { ...STOPPING },
    stop: TIMEOUT,
    boot: "b00t-2",
    kind: "stop-timeout",
    sentence:
      'the last run was killed by systemd in the middle of its stop: TimeoutStopSec= is too short, or the phase hung; it was in phase "finish uploads", which began 4.02s into its stop, after running 2h 3min; fix: set a larger TimeoutStopSec= in its unit: sudo systemctl edit labfleet-shipper',
  },
  {
    what: "kill -9 by hand of a run by hand",
    run: BY_HAND,
    stop: null,
    kind: "unknown",
    sentence:
      'the last run was killed or crashed without a word, and no service manager recorded how; it was in phase "running"',
  },
  {
    what: "a second signal to a run by hand",
    run: { ...STOPPING, ...BY_HAND },
    stop: null,
    kind: "unknown",
    sentence:
      'the last run was cut short in the middle of its stop: by a second signal, a kill or a crash, and no service manager recorded how; it was in phase "finish uploads", which began 4.02s into its stop',
  },
  {
    what: "a failure of its own, by hand, long before the machine booted again",
    run: { ...STOPPING, ...BY_HAND, cause: "failure", sent_by: null },
    stop: null,
    boot: "b00t-2",
    kind: "exit-code",
    sentence:
      'the last run ended by a failure of its own, which its log names; it was in phase "finish uploads", which began 4.02s into its stop',
  },
  {
    what: "a unit without ExecStopPost=, where boots cannot be told apart",
    run: {},
    stop: null,
    boot: null,
    kind: "unknown",
    sentence:
      'the last run was killed or crashed without a word, and its unit\'s ExecStopPost= recorded nothing; it was in phase "running"',
  },
  {
    what: "nothing",
    run: null,
    stop: null,
    kind: "unknown",
    sentence: "the last run left no record that can be read",
  },
];

for (const { what, run, stop, boot = BOOT, kind, sentence } of CASES) {
  test(`${kind}: ${what}`, () => {
    const report = explainEnd(run && { ...RUN, ...run }, stop && { ...STOP, ...stop }, { bootId: boot }, []);
    expect(inText(toldEnd(report))).toBe(sentence);
    expect(report.kind).toBe(kind);
  });
}

test("every kind of end has a case", () => {
  expect(END_KINDS.filter((kind) => !CASES.some((row) => row.kind === kind))).toEqual([]);
});

test("a report says in fields what its sentence says", () => {
  expect(explainEnd({ ...RUN, ...STOPPING }, { ...STOP, ...KILLED }, { bootId: BOOT }, [])).toEqual({
    run_id: "4f1c",
    kind: "killed",
    sentence: expect.stringContaining("SIGKILL"),
    fix: null,
    at: "2026-05-01T08:03:04.000000+00:00",
    started_at: "2026-05-01T06:00:00.000000+00:00",
    ran_s: 7384,
    phase: "finish uploads",
    signal: "SIGKILL",
    exit_code: null,
    failed_starts: 0,
    failed_exit_code: null,
  });
});

test("a remedy ends what is told, behind the starts that failed since then", () => {
  const later = [{ ...STOP, run_id: "5", service_result: "exit-code", exit_status: "2" }];
  const report = explainEnd(RUN, { ...STOP, ...TIMEOUT, service_result: "watchdog" }, { bootId: BOOT }, later);
  expect(report.sentence).toEndWith("(its command line, configuration or input cannot be read)");
  expect(report.fix).toBe("see its log: sudo journalctl -u labfleet-shipper");
  expect(inText(toldEnd(report))).toBe(`${report.sentence}; fix: ${report.fix}`);
});

describe("starts that failed since then", () => {
  const bad: StopRecord = { ...STOP, run_id: "5", service_result: "exit-code", exit_status: "2" };
  const tail = (later: readonly StopRecord[]): string =>
    explainEnd({ ...RUN, ...ENDED }, STOP, { bootId: BOOT }, later)
      .sentence.split("; ")
      .slice(1)
      .join("; ");
  const off: StopRecord = { ...STOP, run_id: "6", service_result: "signal", exit_code: "killed", exit_status: "TERM" };
  const config = "exit code 2 (its command line, configuration or input cannot be read)";

  for (const [later, said] of [
    [[], ""],
    [[bad], `since then a start failed: ${config}`],
    [[bad, bad, bad], `since then 3 starts failed: ${config}`],
    [
      [bad, { ...bad, ...KILLED }, bad, { ...bad, exit_code: null, service_result: "resources" }],
      `since then 4 starts failed: 2 with ${config}, 1 with SIGKILL, 1 with resources`,
    ],
    [[off], "since then a start was called off (SIGTERM)"],
    [[{ ...off, service_result: "success", exit_status: "INT" }], "since then a start was called off (SIGINT)"],
    [
      [off, bad, off, { ...off, exit_status: "HUP" }],
      `since then a start failed: ${config}; since then 3 starts were called off (SIGTERM, SIGHUP)`,
    ],
    // systemd's own limit on starts is a failure, though it ends by SIGTERM too.
    [[{ ...off, service_result: "timeout" }], "since then a start failed: SIGTERM"],
    [[{ ...off, exit_status: "SEGV" }], "since then a start failed: SIGSEGV"],
  ] as const) {
    test(said === "" ? "none" : said, () => expect(tail(later)).toBe(said));
  }

  test("are counted, without those that were called off", () =>
    expect(explainEnd(RUN, { ...STOP, ...KILLED }, { bootId: BOOT }, [bad, off, bad]).failed_starts).toBe(2));

  // Whether another start would be refused as well is told by the newest that nobody called off.
  for (const [what, stop, later, code, refused] of [
    ["none, after a kill", KILLED, [], null, false],
    ["none, after exit code 2", { service_result: "exit-code", exit_code: "exited", exit_status: "2" }, [], null, true],
    ["one with 2", KILLED, [bad], 2, true],
    ["one with 2, and one that was called off", KILLED, [bad, off], 2, true],
    ["one with 3 after one with 2", KILLED, [bad, { ...bad, exit_status: "3" }], 3, false],
    ["one with 2 after one with 3", KILLED, [{ ...bad, exit_status: "3" }, bad], 2, true],
    [
      "one that a signal ended after exit code 2",
      { service_result: "exit-code", exit_code: "exited", exit_status: "2" },
      [{ ...off, exit_status: "SEGV" }],
      null,
      false,
    ],
  ] as const) {
    test(`of which ${what}: exit code ${code}, ${refused ? "" : "not "}refused`, () => {
      const run = "exit_code" in stop && stop.exit_code === "exited" ? null : RUN;
      const end = explainEnd(run, { ...STOP, ...stop }, { bootId: BOOT }, later);
      expect([end.failed_exit_code, isStartRefused(end)]).toEqual([code, refused]);
    });
  }

  test("before there was any end nothing was refused", () => expect(isStartRefused(null)).toBe(false));
});

describe("how long it ran", () => {
  for (const [what, run, stop, seconds] of [
    ["counts from the boot, whatever the wall clock did", { started_at: "1970-01-01" }, {}, 7384],
    ["is known in a container, where service and stop may see two boot ids", {}, { boot_id: "b00t-2" }, 7384],
    ["is not known without a start time", { start_ticks: null }, {}, null],
    ["is its own word where it has one", ENDED, {}, 266401],
    ["is never negative", {}, { uptime_s: 3 }, null],
    ["is not known without the clock", {}, { uptime_s: null }, null],
  ] as const) {
    test(what, () => {
      const report = explainEnd({ ...RUN, ...run }, { ...STOP, ...KILLED, ...stop }, { bootId: BOOT }, []);
      expect(report.ran_s).toBe(seconds);
    });
  }
});
