// nagios_runner with real processes: what every kind of check comes to, X01 to X19, and how checks stand beside each other.
// X20, a check that cannot be killed, is a real one in tests/os/check-process-unkillable.test.ts, and what it means is here.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { judge } from "../../../lib/heartbeat/nagios/judge.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";
import { type CheckExit, runCheckProcess } from "../../../lib/os/check-process.ts";
import { isGone, until } from "../../os/check-process-support.ts";
import { CHECKS, rig, sayShell } from "./support.ts";

/** Without what differs from run to run. */
function said({ duration_ms, started_at, run, ttl_s, name, ...rest }: Observation) {
  return rest;
}

const nothing = { bytes: new Uint8Array(), dropped: 0 };
const exit: CheckExit = {
  ...{ kind: "exited", code: 0, signal: null, why: null, stdout: nothing, stderr: nothing, durationMs: 5 },
  ...{ survivorsKilled: 0, survivorsLeft: 0, unkillable: false, contained: false },
};

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
      { status: "unknown", message: '"/nonexistent/check" not found', perfdata: [] },
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

  test("X07 a check that says nothing is unknown, whatever its exit code", async () => {
    expect(said(await sayShell("true"))).toMatchObject({ status: "unknown", message: "no output" });
    expect(said(await sayShell("exit 2"))).toMatchObject({ message: "no output", notes: { exit_code: 2 } });
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

  test("X12 exit 0 after SIGTERM is a time-out all the same", () => {
    const stdout = { bytes: new TextEncoder().encode("ready\nOK after all | a=1\n"), dropped: 0 };
    expect(judge({ ...exit, kind: "timed_out", stdout }, 10)).toMatchObject({
      failed: true,
      observation: { status: "unknown", message: "timed out after 10 s", notes: { timed_out: true, exit_code: 0 } },
    });
  });

  test("X13 what was not kept is counted", async () => {
    const flood = said(await sayShell("head -c 100000 /dev/zero | tr '\\0' y; echo; exit 1"));
    expect(flood).toMatchObject({ status: "warning", notes: { truncated_bytes: 100_001 - 65_536 } });
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
        .filter((name) => !/^(HOME|USER|TZ|PATH|PWD|_|SHLVL|OLDPWD|LC_.*)$/.test(name ?? "")),
    ).toEqual([]);
  });

  test("X20 one that could not be killed is unknown and said to be so", () => {
    expect(judge({ ...exit, kind: "timed_out", code: null, unkillable: true }, 10)?.observation).toMatchObject({
      ...{ status: "unknown", message: "timed out after 10 s", notes: { timed_out: true, unkillable: true } },
    });
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

describe("checks beside each other", () => {
  /** Checks that end when they are told to. */
  function byHand(names: string[], options: { atOnce?: number; interval?: number } = {}) {
    const ends = new Map<string, (end: Partial<CheckExit>) => void>();
    const started: string[] = [];
    let now = 0;
    const commands = names.map((name) => ({
      name,
      command: [name],
      ...(options.interval && { interval: options.interval }),
    }));
    const it = rig(
      { commands },
      {
        runProcess: ({ words: [name = ""], signal }) => {
          started.push(name);
          const { promise, resolve } = Promise.withResolvers<CheckExit>();
          ends.set(name, (end) => resolve({ ...exit, ...end }));
          signal?.addEventListener("abort", () => resolve({ ...exit, kind: "cancelled" }));
          return promise;
        },
        elapsedMs: () => now,
        nowMs: () => 1_750_000_000_000 + now,
        ...(options.atOnce !== undefined && { atOnce: options.atOnce }),
      },
    );
    const collectUntil = async (enough: () => boolean): Promise<Observation[]> => {
      const deadline = new AbortController();
      const collected = it.runner.collect(deadline.signal);
      await until(enough);
      await Bun.sleep(0);
      deadline.abort();
      return collected;
    };
    const end = (name: string, text: string, more: Partial<CheckExit> = {}) =>
      ends.get(name)?.({ stdout: { bytes: new TextEncoder().encode(text), dropped: 0 }, ...more });
    return {
      ...it,
      started,
      end,
      collectUntil,
      pass: (seconds: number) => {
        now += seconds * 1000;
      },
    };
  }

  test("a collection returns at its deadline with what there is; the rest comes with the next", async () => {
    const { started, end, collectUntil, runner } = byHand(["fast", "slow"]);
    const first = await collectUntil(() => {
      if (started.length === 2) end("fast", "A");
      return started.length === 2;
    });
    expect(first.map(({ name, message }) => [name, message])).toEqual([["fast", "A"]]);
    end("slow", "B");
    await Bun.sleep(0);
    const second = await collectUntil(() => started.length === 4);
    expect(second.map(({ name, message }) => [name, message])).toEqual([
      ["fast", "A"],
      ["slow", "B"],
    ]);
    await runner.close();
  });

  test("X17 a check is not started beside itself, and that is counted and shown with the last result", async () => {
    const { started, end, collectUntil, pass } = byHand(["it"]);
    await collectUntil(() => started.length === 1);
    pass(60);
    expect(await collectUntil(() => true)).toEqual([
      { name: "it", status: "unknown", message: "its first run has not ended yet", notes: { overlaps: 1 } },
    ]);
    end("it", "A");
    await Bun.sleep(0);
    pass(60);
    const [again] = await collectUntil(() => started.length === 2);
    expect(again).toMatchObject({ message: "A", started_at: "2025-06-15T15:06:40.000Z", ttl_s: 130 });
    pass(5);
    const [overlapped] = await collectUntil(() => true);
    expect(overlapped).toMatchObject({ message: "A", started_at: "2025-06-15T15:06:40.000Z", notes: { overlaps: 1 } });
    expect(started).toEqual(["it", "it"]);
  });

  test("between its runs a check with an interval keeps its result, time and number; a failed refresh is shown", async () => {
    const { started, end, collectUntil, pass, runner } = byHand(["it"], { interval: 300 });
    const run = async (text: string, more: Partial<CheckExit> = {}) => {
      const count = started.length;
      const collected = runner.collect(new AbortController().signal);
      await until(() => started.length === count + 1);
      end("it", text, more);
      return (await collected)[0];
    };
    const first = await run("A");
    expect(first).toMatchObject({ message: "A", ttl_s: 610 });
    pass(60);
    expect((await collectUntil(() => true))[0]).toMatchObject({
      ...{ message: "A", run: first?.run, started_at: first?.started_at, ttl_s: 610 },
    });
    expect(started.length).toBe(1);
    pass(240);
    const failed = await run("", { kind: "timed_out", code: null });
    expect(failed).toMatchObject({
      ...{ status: "ok", message: "A", run: first?.run, ttl_s: 610 },
      notes: { refresh_failed: "timed out after 10 s" },
    });
    pass(300);
    const second = await run("B");
    expect(second).toMatchObject({ message: "B", ttl_s: 610 });
    expect(second?.notes).toEqual({ exit_code: 0 });
    expect(second?.run ?? 0).toBeGreaterThan(first?.run ?? 0);
  });

  test("X18 never more than the limit run at once, in the order of the configuration", async () => {
    const names = Array.from({ length: 5 }, (_, i) => `c${i}`);
    const { started, end, collectUntil, runner } = byHand(names, { atOnce: 2 });
    await collectUntil(() => started.length === 2);
    expect(started).toEqual(["c0", "c1"]);
    end("c1", "x");
    await until(() => started.length === 3);
    expect(started).toEqual(["c0", "c1", "c2"]);
    await runner.close();
    expect(started).toEqual(["c0", "c1", "c2"]);
  });

  test("a fault of ours in one check is logged and takes nobody along", async () => {
    const { collect, lines } = rig(
      {
        commands: [
          { name: "a", command: ["bad"] },
          { name: "b", command: ["good"] },
        ],
      },
      {
        runProcess: async (options) => {
          if (options.words[0] === "bad") throw new Error("ours");
          return runCheckProcess({ ...options, words: ["echo", "OK"] });
        },
      },
    );
    expect((await collect()).map(({ name }) => name)).toEqual(["b"]);
    expect(lines).toContain("error check failed check=a why=ours");
  });
});

test("a stop while checks run ends them, and none of them is reported", async () => {
  const commands = Array.from({ length: 40 }, (_, i) => ({ name: `c${i}`, command: "sleep 300" }));
  const { runner, lines } = rig({ commands, grace: 1 });
  const stop = new AbortController();
  const collected = runner.collect(stop.signal);
  const children = (): number[] =>
    readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0 && isOurSleep(pid));
  await until(() => children().length > 3);
  const pids = children();
  stop.abort();
  expect(await collected).toEqual([]);
  await runner.close();
  expect(pids.every(isGone)).toBe(true);
  expect(lines.filter((line) => line.includes("check ended"))).toEqual([]);
});

function isOurSleep(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.includes("(sleep)") && Number(stat.split(" ")[3]) === process.pid;
  } catch {
    return false;
  }
}
