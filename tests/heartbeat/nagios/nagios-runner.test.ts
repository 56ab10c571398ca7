// nagios_runner with real processes: what every kind of check comes to, X01 to X16 and X19. How checks stand beside each
// other is in beside.test.ts, and X20, one that cannot be killed, in unkillable.test.ts.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { judge } from "../../../lib/heartbeat/nagios/judge.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";
import { endWithTest, isGone, until } from "../checks/process-support.ts";
import { CHECKS, exited, rig, sayShell } from "./support.ts";

/** Without what differs from run to run. */
function said({ duration_ms, started_at, run, ttl_s, name, ...rest }: Observation) {
  return rest;
}

describe("what a check says", () => {
  test("exit codes 0 to 3 are the status, and the performance data is read", async () => {
    for (const [code, status] of ["ok", "warning", "critical", "unknown"].entries()) {
      expect(said(await sayShell(`echo 'TEXT | a=1'; exit ${code}`))).toMatchObject({
        ...{ status, message: "TEXT", perfdata: [{ label: "a", value: 1 }], notes: { exit_code: code } },
      });
    }
  });

  test("X01 other exit codes are unknown and named", async () => {
    for (const code of [4, 77, 255]) {
      expect(said(await sayShell(`echo TEXT; exit ${code}`))).toEqual({
        ...{ status: "unknown", message: `TEXT (exit code ${code} out of range)`, perfdata: [] },
        notes: { exit_code: code },
      });
    }
  });

  test("X02 a command that a shell could not run, and one that we could not run", async () => {
    expect(said(await sayShell("labfleet-no-such"))).toMatchObject({
      ...{ status: "unknown", message: expect.stringMatching(/not found \(exit code 127: not found\)$/) },
    });
    expect(said(await sayShell("echo TEXT; exit 126"))).toMatchObject({
      ...{ status: "unknown", message: "TEXT (exit code 126: not executable)" },
    });
    const commands = [
      { name: "a", command: "/nonexistent/check -w 5" },
      { name: "b", command: [join(CHECKS, "not-executable.sh")] },
    ];
    expect((await rig({ commands }).collect()).map(said)).toEqual([
      {
        status: "unknown",
        message: '"/nonexistent/check" not found; fix: install it, or correct its command in [nagios_runner]',
        perfdata: [],
      },
      {
        ...{ status: "unknown", perfdata: [] },
        message: `${JSON.stringify(join(CHECKS, "not-executable.sh"))} not executable: EACCES`,
      },
    ]);
  });

  test("X03 death by a signal is unknown, with the text so far", async () => {
    expect(said(await sayShell("echo 'part | a=1'; kill -9 $$"))).toMatchObject({
      ...{ status: "unknown", message: "Process killed by signal 9", long_text: "part" },
      ...{ perfdata: [{ label: "a", value: 1 }], notes: { signal: 9 } },
    });
  });

  test("X04 exit 137 is no signal", async () => {
    expect(said(await sayShell("echo OK; exit 137"))).toEqual({
      ...{ status: "unknown", message: "OK (exit code 137 out of range)", perfdata: [], notes: { exit_code: 137 } },
    });
  });

  test("X05 without standard output, standard error is the message", async () => {
    expect(said(await sayShell("echo boom >&2; exit 2"))).toMatchObject({ status: "critical", message: "boom" });
  });

  test("X06 standard error is added as text, and is never performance data", async () => {
    const both = said(await sayShell("echo 'OK | a=1'; echo 'warn x=9 | y=1' >&2"));
    expect(both).toMatchObject({ status: "ok", message: "OK", long_text: "warn x=9 | y=1" });
    expect(both.perfdata?.map(({ label }) => label)).toEqual(["a"]);
  });

  test("X07 a check that says nothing is what its exit code says", async () => {
    for (const [code, status] of [
      [0, "ok"],
      [1, "warning"],
      [2, "critical"],
      [3, "unknown"],
    ] as const)
      expect(said(await sayShell(`exit ${code}`))).toMatchObject({
        status,
        message: "no output",
        notes: { exit_code: code },
      });
    expect(said(await sayShell("exit 4"))).toMatchObject({
      status: "unknown",
      message: "no output (exit code 4 out of range)",
    });
  });

  test("X08 what is no UTF-8 is replaced and said, and can be sent", async () => {
    const odd = said(await sayShell(join(CHECKS, "bytes.sh")));
    expect(odd).toMatchObject({ status: "ok", message: "OK t\ufffdst \ufffdend", notes: { lossy: true } });
    expect(JSON.parse(JSON.stringify(odd))).toEqual(odd as never);
  });

  test("X09 X10 survivors are noted", async () => {
    expect(said(await sayShell("sleep 300 & echo OK"))).toMatchObject({ status: "ok", notes: { survivors_killed: 1 } });
    expect(said(await sayShell("setsid sleep 1 & echo OK"))).toMatchObject({ status: "ok", message: "OK" });
  });

  test("X10 without a cgroup a daemon that holds nothing of the check is counted all the same, and left alone", async () => {
    const script = `for i in 1 2; do setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!
      until [ "$(ps -o sid= -p $! | tr -d ' ')" = $! ]; do :; done; done`;
    const { collect, lines } = rig({ commands: [{ name: "it", command: script, shell: true }] });
    const [found] = await collect();
    const pids = [found?.message, found?.long_text].map(Number);
    expect(found).toMatchObject({ status: "ok", notes: { survivors_left: 2 } });
    expect(lines).toContain("info check left processes behind check=it survivors_left=2");
    expect(pids.map(isGone)).toEqual([false, false]);
    for (const pid of pids) process.kill(pid);
  });

  test("X10 without a cgroup a job of its shell that holds nothing of the check is killed and counted", async () => {
    const script = "set -m; sleep 300 </dev/null >/dev/null 2>&1 & echo $!";
    const { collect, lines } = rig({ commands: [{ name: "it", command: ["bash", "-c", script] }] });
    const [found] = await collect();
    const pid = Number(found?.message);
    endWithTest(pid);
    expect(found).toMatchObject({ status: "ok", notes: { survivors_killed: 1 } });
    expect(found?.notes?.survivors_left).toBeUndefined();
    // On a busy machine it may have been ended with its run, before it had left the group.
    expect(lines.filter((line) => line.startsWith("info check ") && line.includes("survivors_killed=1"))).toHaveLength(
      1,
    );
    await until(() => isGone(pid));
  });

  test("X11 X14 X19 a check that does not end in time is unknown, with the text so far", async () => {
    const settings = { timeout: 0.4, grace: 0.1 };
    for (const script of [
      "echo part; exec sleep 300",
      "echo part; trap '' TERM; while :; do sleep 1; done",
      "echo part; kill -STOP $$",
    ]) {
      const { collect } = rig({ ...settings, commands: [{ name: "it", command: script, shell: true }] });
      const [late] = await collect();
      expect(late).toMatchObject({ status: "unknown", message: "timed out after 0.4 s", long_text: "part" });
      expect(late?.notes).toMatchObject({ timed_out: true });
    }
  });

  test("X12 exit 0 after SIGTERM is a time-out all the same, with text and performance data", async () => {
    // Not before it said so: its trap must stand.
    for (const timeout of [0.3, 3, 30]) {
      const commands = [{ name: "it", command: [join(CHECKS, "traps-term.sh")] }];
      const [late] = await rig({ timeout, grace: 60, commands }, {}, 600).collect();
      if (late?.long_text === undefined) continue;
      // Its shell may add on standard error that its sleep was ended.
      expect(said(late)).toMatchObject({
        ...{ status: "unknown", message: `timed out after ${timeout} s` },
        long_text: expect.stringMatching(/^ready\nOK after all(\n|$)/),
        ...{ perfdata: [{ label: "a", value: 1 }], notes: { timed_out: true, exit_code: 0 } },
      });
      return;
    }
    throw new Error("the check never got its turn");
  }, 180_000);

  test("X13 what was not kept is counted", async () => {
    const flood = said(await sayShell("head -c 100000 /dev/zero | tr '\\0' y; echo; exit 1"));
    expect(flood).toMatchObject({ status: "warning", notes: { truncated_bytes: 100_001 - 65_536 } });
  });

  test("X13 one that prints for ever is ended, and what it printed is bounded and counted", async () => {
    const { collect } = rig({ timeout: 0.3, commands: [{ name: "it", command: "yes" }] });
    const [flood] = await collect();
    expect(flood).toMatchObject({ status: "unknown", message: "timed out after 0.3 s", notes: { timed_out: true } });
    // Of very many lines the first and the last 1000, and an empty one between them.
    expect(flood?.long_text?.split("\n").length).toBe(2001);
    expect(flood?.notes?.truncated_bytes).toBeGreaterThanOrEqual(65_536 - 4000);
  });

  test("X13 of very many lines the middle is left out and counted; performance data at an end is kept", () => {
    const lines = (count: number): string => Array.from({ length: count }, () => "x\n").join("");
    const observed = (text: string) =>
      judge({ ...exited, stdout: { bytes: new TextEncoder().encode(text), dropped: 7 } }, 10)?.observation;
    const all = observed(`OK | a=1\n${lines(1999)}`);
    expect([all?.long_text?.length, all?.notes?.truncated_bytes]).toEqual([1999 * 2 - 1, 7]);
    const cut = observed(`OK | a=1\n${lines(999)}left out é\n${lines(999)}x | b=2\n`);
    expect(cut?.perfdata?.map(({ label }) => label)).toEqual(["a", "b"]);
    expect(cut?.long_text?.includes("left out")).toBe(false);
    expect(cut?.notes?.truncated_bytes).toBe(7 + 12);
    // The lines that meet there did not follow each other.
    const met = observed(`OK\n${lines(998)}more |\nleft out\nb=2\n${lines(999)}`);
    expect(met?.perfdata).toEqual([]);
  });

  test("a number that the limit cuts is listed and not taken", async () => {
    const script = "head -c 65500 /dev/zero | tr '\\0' x; echo '| aaaaaaaaaa=123456 bbbbbbbbbb=987654321'";
    const half = said(await sayShell(script));
    expect(half.perfdata).toMatchObject([{ label: "aaaaaaaaaa", value: 123456 }]);
    expect(half).toMatchObject({ status: "ok", perf_errors: ["bbbbbbbbbb=98765"] });
  });

  test("so is one in which a signal came, and one of which a shell says so", async () => {
    expect(said(await sayShell("printf 'OK | a=1 b=98'; kill -9 $$"))).toMatchObject({
      ...{ perfdata: [{ label: "a", value: 1 }], perf_errors: ["b=98"] },
    });
    const stdout = (text: string) => ({ bytes: new TextEncoder().encode(text), dropped: 0 });
    for (const [kind, code, text, labels, bad] of [
      ["timed_out", null, "OK | a=1 b=98", ["a"], ["b=98"]],
      ["timed_out", 0, "OK | a=1 b=98", ["a"], ["b=98"]],
      ["signalled", null, "OK | a=1 b=98\n", ["a", "b"], undefined],
      ["exited", 137, "OK | a=1 b=98", ["a"], ["b=98"]],
      ["exited", 2, "OK | a=1 b=98", ["a", "b"], undefined],
    ] as const) {
      const { perfdata, perf_errors } = judge({ ...exited, kind, code, stdout: stdout(text) }, 10)?.observation ?? {};
      expect([perfdata?.map(({ label }) => label), perf_errors]).toEqual([[...labels], bad && [...bad]]);
    }
  });

  test("X15 X16 it has no input and an environment of its own", async () => {
    process.env.NOTIFY_SOCKET = "/run/canary";
    const { long_text, message } = await sayShell("cat; env | sort");
    delete process.env.NOTIFY_SOCKET;
    const lines = [message, ...(long_text ?? "").split("\n")];
    expect(lines).toContain("LC_ALL=C.UTF-8");
    expect(lines).toContain("LC_NUMERIC=C");
    expect(
      lines
        .map((line) => line.split("=")[0])
        .filter((name) => !/^(HOME|USER|TZ|PATH|PWD|_|SHLVL|OLDPWD|LC_.*|LABFLEET_CHECK)$/.test(name ?? "")),
    ).toEqual([]);
  });

  test("a command without a shell is taken literally", async () => {
    const { collect } = rig({ commands: [{ name: "it", command: "echo $(id) '|' ; *" }] });
    expect((await collect())[0]).toMatchObject({ status: "ok", message: "$(id) | ; *" });
  });

  test("every result is logged at INFO, on one line whatever it holds", async () => {
    const commands = [{ name: "it", command: "printf 'bad\\033[31m\\rFORGED level=error'; exit 2", shell: true }];
    const { collect, lines } = rig({ commands });
    await collect();
    expect(lines.at(-1)).toMatch(
      /^info check ended check=it status=critical message="bad\\u001b\[31m.*FORGED level=error" /,
    );
    for (const control of ["\r", "\n", "\u001b"]) expect(lines.some((line) => line.includes(control))).toBe(false);
  });
});
