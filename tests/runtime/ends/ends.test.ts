// The ledger of ends: what a run writes down while it lives, and what the next start makes of it.

import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRunRecord } from "../../../lib/runtime/ends/end-records.ts";
import { readEnds, writeEndsPointer } from "../../../lib/runtime/ends/ends.ts";
import {
  addStop,
  cleanRun,
  endsDir,
  historyIn,
  host,
  idsIn,
  killedRun,
  openRun,
  recordIn,
  spawnRun,
} from "../../support/ends.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("a run", () => {
  test("that is the very first has no last end, and writes down who it is", () => {
    const dir = endsDir();
    const ledger = openRun(dir, "4f1c");
    expect(ledger).toMatchObject({ lastEnd: null, runId: "4f1c", dir, failure: null });
    expect(recordIn(dir)).toEqual({
      run_id: "4f1c",
      tool: "shipper",
      version: "0.1.0",
      pid: process.pid,
      start_ticks: 5000,
      boot_id: "boot-1",
      invocation_id: "4f1c",
      started_at: "2026-05-01T06:00:00.000000+00:00",
      ready_at: null,
      phase: "starting",
      phase_at_s: null,
      cause: null,
      sent_by: null,
      oom_kills: 3,
      last_stop: null,
      ended: null,
    });
    expect(readdirSync(dir)).toEqual(["running.json"]);
    expect(statSync(dir).mode & 0o7777).toBe(0o750 & ~process.umask());
    expect(statSync(join(dir, "running.json"))).toMatchObject({ size: 4096, mode: 0o100640 & ~process.umask() });
  });

  test("writes down each step at once", () => {
    const dir = endsDir();
    const ledger = openRun(dir, "4f1c");
    ledger.ready();
    expect(recordIn(dir)).toMatchObject({ phase: "running", ready_at: "2026-05-01T06:00:01.000000+00:00" });
    ledger.stopping("SIGTERM", "bash(4242)");
    expect(recordIn(dir)).toMatchObject({
      phase: "stopping",
      phase_at_s: 0,
      cause: "SIGTERM",
      sent_by: "bash(4242)",
    });
    ledger.phase("finish uploads", 4.02);
    expect(recordIn(dir)).toMatchObject({ phase: "finish uploads", phase_at_s: 4.02, ended: null });
    ledger.ended(0, 5.5);
    expect(recordIn(dir)).toMatchObject({
      phase: "finish uploads",
      ended: {
        at: "2026-05-01T06:00:01.000000+00:00",
        exit_code: 0,
        total_s: 5.5,
        ran_s: expect.any(Number),
        cause: "SIGTERM",
      },
    });
    expect(readdirSync(dir)).toEqual(["running.json"]);
  });

  test("that becomes ready when its stop has begun is not running again", () => {
    const dir = endsDir();
    const ledger = openRun(dir, "4f1c");
    ledger.stopping("SIGTERM", null);
    ledger.ready();
    expect(recordIn(dir)).toMatchObject({ phase: "stopping", phase_at_s: 0, sent_by: null });
  });

  test("whose names are endless or steer terminals keeps a record of the same size", () => {
    const dir = endsDir();
    const ledger = openRun(dir, "x".repeat(500));
    ledger.stopping('"\\\u001b[31m'.repeat(1000), "ä".repeat(5000));
    ledger.phase(`\n\u202e"${"\\".repeat(5000)}`, 1);
    ledger.ended(0, 1);
    expect(statSync(join(dir, "running.json")).size).toBe(4096);
    const run = parseRunRecord(readFileSync(join(dir, "running.json"), "utf8"));
    expect(run).toMatchObject({ phase: expect.stringMatching(/^\\u000a\\u202e"/), ended: { exit_code: 0 } });
    expect(run?.cause).not.toContain("\u001b");
  });

  test("by hand in a session of systemd's is not taken for the one before it in that session", () => {
    const dir = endsDir();
    expect(cleanRun(dir, "5e55").runId).toBe("5e55");
    const second = cleanRun(dir, "5e55");
    expect(second.runId).toBe(`boot-1-${process.pid}-5000`);
    expect(openRun(dir, null).lastEnd?.run_id).toBe(second.runId);
    expect(idsIn(dir)).toEqual(["5e55", second.runId]);
  });

  test("has an id of its own without an invocation, by boot, pid and start", () => {
    expect(openRun(endsDir(), null).runId).toBe(`boot-1-${process.pid}-5000`);
    expect(openRun(endsDir(), "../../etc/passwd").runId).toBe(`boot-1-${process.pid}-5000`);
  });
});

describe("the next start", () => {
  test("tells of a clean stop, and keeps it", () => {
    const dir = endsDir();
    cleanRun(dir, "4f1c");
    const { lastEnd } = openRun(dir, "5");
    expect(lastEnd?.kind).toBe("clean-stop");
    expect(lastEnd?.sentence).toStartWith("the last run ended cleanly: SIGTERM from systemd(1), stopped in 0.50s");
    expect(historyIn(dir)).toEqual([JSON.parse(JSON.stringify(lastEnd))]);
  });

  test("tells in which phase a real run was killed, and leaves no other file", async () => {
    const dir = endsDir();
    await killedRun(dir, "draining");
    expect(readdirSync(dir)).toEqual(["running.json"]);
    const { said } = await spawnRun(dir, "clean");
    expect(said.failure).toBeNull();
    expect(said.lastEnd.sentence).toBe(
      "the last run was cut short in the middle of its stop: by a second signal, a kill or a crash, and no service manager " +
        'recorded how; it was in phase "finish uploads", which began 0.50s into its stop',
    );
    expect(said.lastEnd.run_id).toMatch(/^[0-9a-f]{8}-\d+-\d+$/);
  });

  test("joins systemd's word, by the invocation", () => {
    const dir = endsDir();
    openRun(dir, "4f1c").ready();
    addStop(dir, "4f1c", { service_result: "signal", exit_code: "killed", exit_status: "KILL" });
    const { lastEnd } = openRun(dir, "5");
    expect(lastEnd).toMatchObject({ run_id: "4f1c", kind: "killed", signal: "SIGKILL", ran_s: 3600 });
    expect(lastEnd?.sentence).toBe(
      'the last run was killed by SIGKILL: by a person or a program, not by systemd and not for memory; it was in phase "running", after running 1h',
    );
  });

  test("counts a kill for memory only if it came after the start", () => {
    const dir = endsDir();
    const killed = { service_result: "signal", exit_code: "killed", exit_status: "KILL" };
    openRun(dir, "a").ready();
    addStop(dir, "a", { ...killed, oom_kills: 4 });
    expect(openRun(dir, "b").lastEnd?.kind).toBe("oom-kill");
    addStop(dir, "b", { ...killed, oom_kills: 3 });
    expect(openRun(dir, "c").lastEnd?.kind).toBe("killed");
  });

  test("tells of a power loss when the boot is another, and of none after a clean stop", () => {
    const dir = endsDir();
    openRun(dir, "a").ready();
    expect(openRun(dir, "b", host("boot-2")).lastEnd?.sentence).toBe(
      'the last run ended with the machine: power loss or a hard reset; it was in phase "running"',
    );
    cleanRun(dir, "c", host("boot-3"));
    expect(openRun(dir, "d", host("boot-4")).lastEnd?.kind).toBe("clean-stop");
    expect(historyIn(dir).map(({ kind }) => kind)).toEqual(["power-loss", "power-loss", "clean-stop"]);
  });

  test("counts the starts that failed since, though the wall clock went back", () => {
    const dir = endsDir();
    cleanRun(dir, "a");
    addStop(dir, "a", { service_result: "success", exit_status: "0" });
    for (const id of ["b", "c", "d"]) addStop(dir, id, { at: "1970-01-01T00:00:00.000000+00:00" });
    const { lastEnd } = openRun(dir, "e");
    expect(lastEnd).toMatchObject({ run_id: "a", kind: "clean-stop", failed_starts: 3 });
    expect(lastEnd?.sentence).toEndWith(
      "; since then 3 starts failed: exit code 2 (its command line, configuration or input cannot be read)",
    );
    // They are not counted once more.
    addStop(dir, "e", { exit_status: "70" });
    expect(openRun(dir, "f").lastEnd).toMatchObject({ run_id: "e", exit_code: 70, failed_starts: 0 });
  });

  test("counts the starts that failed since a run by hand", () => {
    const dir = endsDir();
    for (const id of ["old", "older"]) addStop(dir, id);
    cleanRun(dir, null);
    addStop(dir, "x");
    expect(openRun(dir, "y").lastEnd).toMatchObject({ kind: "clean-stop", failed_starts: 1 });
  });

  test("does not take the stop of a run that was replaced for a failed start", () => {
    const dir = endsDir();
    cleanRun(dir, "old");
    const replacer = cleanRun(dir, null);
    addStop(dir, "old", { service_result: "success", exit_status: "0" });
    expect(openRun(dir, "next").lastEnd).toMatchObject({ run_id: replacer.runId, failed_starts: 0 });
  });

  test("tells of the starts that failed before there ever was a run", () => {
    const dir = endsDir();
    for (const id of ["a", "b", "c"]) addStop(dir, id);
    const { lastEnd } = openRun(dir, "d");
    expect(lastEnd).toMatchObject({ run_id: "a", kind: "exit-code", exit_code: 2, failed_starts: 2 });
    cleanRun(dir, "e");
    expect(idsIn(dir)).toEqual(["a", "d"]);
  });

  test("keeps the newest hundred ends", () => {
    const dir = endsDir();
    const root = host("boot-1");
    for (let i = 0; i < 104; i++) cleanRun(dir, `run-${i}`, root);
    const ids = idsIn(dir);
    expect(ids).toHaveLength(100);
    expect([ids[0], ids.at(-1)]).toEqual(["run-3", "run-102"]);
  });
});

describe("a reader without the lock", () => {
  const filesIn = (dir: string): string[] =>
    readdirSync(dir).map((name) => `${name} ${readFileSync(join(dir, name), "utf8")}`);

  test("finds nothing where there is nothing", () => {
    expect(readEnds(endsDir())).toEqual({ last: null, history: [] });
  });

  test("beside a run that lives finds the ends before it", async () => {
    const dir = endsDir();
    await spawnRun(dir, "running");
    expect(readEnds(dir)).toEqual({ last: null, history: [] });
  });

  test("explains the end that no start has explained yet, and writes nothing", async () => {
    const dir = endsDir();
    const { child } = await spawnRun(dir, "clean");
    await child.exited;
    const killed = await killedRun(dir, "running");
    const before = filesIn(dir);
    const { last, history } = readEnds(dir);
    expect(last?.run_id).toBe(killed.runId);
    expect(last?.sentence).toStartWith("the last run was killed or crashed without a word");
    expect(history.map(({ kind }) => kind)).toEqual(["clean-stop"]);
    expect(filesIn(dir)).toEqual(before);
  });

  test("takes a process that has the pid of a run of another boot, or of another start, for another", () => {
    const dir = endsDir();
    openRun(dir, "a").ready();
    expect(readEnds(dir, host("boot-1")).last).toBeNull();
    expect(readEnds(dir, host("boot-2")).last?.kind).toBe("power-loss");
    const later = host("boot-1");
    writeFileSync(join(later, `proc/${process.pid}/stat`), `${process.pid} (a) S 1 ${"0 ".repeat(17)}5001 0\n`);
    expect(readEnds(dir, later).last?.kind).toBe("unknown");
  });

  test("does without what it may not read", () => {
    const dir = endsDir();
    cleanRun(dir, "a");
    chmodSync(dir, 0o000);
    const { last } = readEnds(dir);
    chmodSync(dir, 0o700);
    // Root reads it all the same.
    expect(last?.kind).toBe(process.getuid?.() === 0 ? "clean-stop" : "unknown");
  });
});

describe("the note on where the ledger is", () => {
  test("is an absolute path, and takes the place of whatever was there", () => {
    const runDir = tempDir();
    const victim = join(tempDir(), "victim");
    writeFileSync(victim, "mine");
    symlinkSync(victim, join(runDir, "ends-dir"));
    writeEndsPointer(runDir, "/data/ends");
    expect(readFileSync(join(runDir, "ends-dir"), "utf8")).toBe("/data/ends\n");
    writeEndsPointer(runDir, "ends");
    expect(readFileSync(join(runDir, "ends-dir"), "utf8")).toBe(`${process.cwd()}/ends\n`);
    expect(readFileSync(victim, "utf8")).toBe("mine");
  });

  test("that cannot be written is no failure", () => writeEndsPointer(join(tempDir(), "none"), "/data/ends"));
});
