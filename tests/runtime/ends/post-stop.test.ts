// The command of ExecStopPost= as systemd calls it: a real process with systemd's environment, as root beside a service's
// user and as that user alone. It writes one line, where it belongs and nowhere else, and never fails the unit.

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bootId } from "../../../lib/os/process/proc.ts";
import { parseLines, parseStopRecord, type StopRecord } from "../../../lib/runtime/ends/end-records.ts";
import { openLedger } from "../../../lib/runtime/ends/ends.ts";
import { reportToTake } from "../../../lib/runtime/ends/post-stop.ts";
import { appendStop, stopRecord } from "../../../lib/runtime/ends/stop-record.ts";
import { killedRun } from "../../support/ends.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PROGRAM = join(import.meta.dir, "../../fixtures/programs/ends-post-stop.ts");
const NOBODY = 65534;
const INVOCATION = "4f1c9a";

const isRoot = process.getuid?.() === 0;
const rootTest = (name: string, body: () => Promise<void> | void): void =>
  test.skipIf(!isRoot)(isRoot ? name : `${name} (skipped: needs root)`, body);

/** A service's directories, as systemd makes them: root's parents, and its user's own below. */
function service(user: number = process.getuid?.() ?? 0) {
  const top = tempDir();
  chmodSync(top, 0o755);
  const [runDir, dataRoot] = [join(top, "run"), join(top, "data")];
  for (const dir of [runDir, dataRoot, join(dataRoot, "ends")]) {
    mkdirSync(dir, { mode: 0o755 });
    if (isRoot) chownSync(dir, user, user);
  }
  const dir = join(dataRoot, "ends");
  writeFileSync(join(runDir, "ends-dir"), `${dir}\n`);
  // Of root's, which the service's user may neither read nor write.
  const rootOnly = join(top, "root-only");
  mkdirSync(rootOnly, { mode: 0o700 });
  return { top, runDir, dataRoot, dir, rootOnly };
}

type Env = Record<string, string>;
const KILLED: Env = { SERVICE_RESULT: "signal", EXIT_CODE: "killed", EXIT_STATUS: "KILL", INVOCATION_ID: INVOCATION };

function postStop(env: Env, words: readonly string[] = []) {
  const done = Bun.spawnSync([...words, process.execPath, PROGRAM], {
    env: { PATH: process.env.PATH ?? "", HOME: "/", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  return { code: done.exitCode, said: done.stderr.toString() };
}

const stopsIn = (dir: string): StopRecord[] =>
  parseLines(readFileSync(join(dir, "stops.jsonl"), "utf8"), parseStopRecord).rows;

describe("a stop", () => {
  test("is a line with systemd's words, in a file that the daemon's user owns", () => {
    const { runDir, dir } = service();
    expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir })).toEqual({ code: 0, said: "" });
    const boot = String(bootId("/"));
    expect(stopsIn(dir)).toEqual([
      {
        run_id: INVOCATION,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\+00:00$/),
        boot_id: boot,
        uptime_s: expect.any(Number),
        unit: expect.any(String),
        scope: expect.stringMatching(/^(system|user)$/),
        service_result: "signal",
        exit_code: "killed",
        exit_status: "KILL",
        oom_kills: stopsIn(dir)[0]?.oom_kills ?? null,
        memory_max: stopsIn(dir)[0]?.memory_max ?? null,
      },
    ]);
    expect(statSync(join(dir, "stops.jsonl")).mode & 0o137).toBe(0);
  });

  test("without a main process has no exit code", () => {
    const { runDir, dir } = service();
    postStop({ SERVICE_RESULT: "resources", INVOCATION_ID: INVOCATION, RUNTIME_DIRECTORY: `${runDir}:/none` });
    expect(stopsIn(dir)).toMatchObject([{ service_result: "resources", exit_code: null, exit_status: null }]);
  });

  test("of a first start that failed goes where the state is, for there is no note of the daemon's yet", () => {
    const { runDir, dataRoot, dir } = service();
    rmSync(join(runDir, "ends-dir"));
    rmSync(dir, { recursive: true });
    const failed = { SERVICE_RESULT: "exit-code", EXIT_CODE: "exited", EXIT_STATUS: "2", INVOCATION_ID: INVOCATION };
    const directories = { RUNTIME_DIRECTORY: runDir, STATE_DIRECTORY: `${dataRoot}:/var/lib/other` };
    expect(postStop({ ...failed, ...directories })).toEqual({ code: 0, said: "" });
    expect(stopsIn(dir)).toMatchObject([{ exit_status: "2" }]);
    expect(readdirSync(dir)).toEqual(["stops.jsonl"]);
  });

  test("while the ledger has gone from where the daemon made it, as with its disk, makes none in its place", () => {
    const { runDir, dataRoot, dir } = service();
    rmSync(dir, { recursive: true });
    const { said } = postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
    expect(said).toBe(
      `shipper post-stop: this stop is not recorded: ${dir}, where the last run kept how it ended, is not there any more (ENOENT); fix: mount its disk if that is missing, else nothing: the next start makes it in its data root; what is mounted there is shown by: findmnt -T ${dataRoot}\n`,
    );
    expect(existsSync(dir)).toBe(false);
  });

  test("of a real run is joined with it at the next start", async () => {
    const { runDir, dir } = service();
    const begunMs = performance.now();
    const { runId } = await killedRun(dir, "draining", { invocation: INVOCATION });
    expect(runId).toBe(INVOCATION);
    postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
    const { lastEnd } = openLedger({ dir, tool: "shipper", version: "0.1.0", env: {}, nowMs: Date.now() });
    expect(lastEnd).toMatchObject({ run_id: INVOCATION, kind: "killed", signal: "SIGKILL", phase: "finish uploads" });
    // No longer than this test, to the second.
    expect(lastEnd?.ran_s).toBeWithin(0, (performance.now() - begunMs) / 1000 + 1);
  });

  for (const [what, env, said] of [
    [
      "that nobody but a person asks for",
      {},
      "$INVOCATION_ID and $SERVICE_RESULT are not set; only systemd calls this",
    ],
    [
      "of an invocation that is none",
      { ...KILLED, INVOCATION_ID: "../x" },
      "$INVOCATION_ID and $SERVICE_RESULT are not",
    ],
    ["of a unit without directories", KILLED, "neither $RUNTIME_DIRECTORY nor $STATE_DIRECTORY says where"],
    ["of a unit whose directory is gone", { ...KILLED, STATE_DIRECTORY: "/none/x" }, "ENOENT"],
  ] as const) {
    test(`${what} is not recorded; that is said, and no failure`, () => {
      const done = postStop(env);
      expect(done.said).toStartWith("shipper post-stop: this stop is not recorded: ");
      expect(done.said).toContain(said);
      expect(done.said.split("\n")).toHaveLength(2);
      expect(done.code).toBe(0);
    });
  }
});

describe("the report of a stop", () => {
  for (const [what, result, code, status, isTaken, id] of [
    ["that the daemon has taken is enough after a clean stop", "success", "exited", "0", true, null],
    ["is taken here if the daemon had no chance", "signal", "killed", "KILL", false, "r"],
    ["is taken here if the daemon's was cut off", "success", "exited", "0", false, "r"],
    [
      "gets a second one, with the kernel's log, when the stop was cut short",
      "timeout",
      "killed",
      "KILL",
      true,
      "r-after",
    ],
    ["is none for a start that could not read its configuration", "exit-code", "exited", "2", false, null],
  ] as const) {
    test(what, () => {
      const env = { SERVICE_RESULT: result, EXIT_CODE: code, EXIT_STATUS: status };
      const stop = stopRecord("r", { tool: "shipper", env, root: "/", nowMs: 0 });
      expect(reportToTake(stop, "r", isTaken)).toBe(id);
    });
  }
});

describe("the file of stops", () => {
  const stop = (id: number): StopRecord =>
    stopRecord(`run-${id}`, { tool: "shipper", env: KILLED, root: "/", nowMs: 0 });

  test("never grows beyond 64 KiB, and keeps the newest", () => {
    const dir = tempDir();
    const first = 200;
    const lines = Array.from({ length: first }, (_, id) => `${JSON.stringify(stop(id))}\n`);
    writeFileSync(join(dir, "stops.jsonl"), lines.join(""));
    let largest = 0;
    for (let id = first; id < first + 200; id++) {
      appendStop(dir, stop(id));
      largest = Math.max(largest, statSync(join(dir, "stops.jsonl")).size);
    }
    expect(largest).toBeLessThanOrEqual(64 * 1024);
    expect(largest).toBeGreaterThan(60 * 1024);
    const ids = stopsIn(dir).map(({ run_id }) => Number(run_id.slice(4)));
    expect(ids).toEqual(ids.map((_, index) => 400 - ids.length + index));
    expect(ids.length).toBeGreaterThan(80);
    expect(readdirSync(dir)).toEqual(["stops.jsonl"]);
  });

  test("of any size becomes small again", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "stops.jsonl"), `${JSON.stringify(stop(1))}\n`.repeat(2000));
    appendStop(dir, stop(2));
    expect(statSync(join(dir, "stops.jsonl")).size).toBeLessThan(40 * 1024);
    expect(stopsIn(dir).at(-1)?.run_id).toBe("run-2");
    expect(stopsIn(dir).filter(({ run_id }) => run_id === "run-1").length).toBeGreaterThan(50);
  });

  test("takes a new line after one that was torn", () => {
    const dir = tempDir();
    appendStop(dir, stop(1));
    appendFileSync(join(dir, "stops.jsonl"), '{"run_id":"to');
    appendStop(dir, stop(2));
    expect(stopsIn(dir).map(({ run_id }) => run_id)).toEqual(["run-1", "run-2"]);
  });

  test("that is a pipe or a link is refused, not waited for", () => {
    const dir = tempDir();
    expect(Bun.spawnSync(["mkfifo", join(dir, "stops.jsonl")]).exitCode).toBe(0);
    expect(() => appendStop(dir, stop(1))).toThrow("no regular file");
    rmSync(join(dir, "stops.jsonl"));
    symlinkSync(join(dir, "elsewhere"), join(dir, "stops.jsonl"));
    expect(() => appendStop(dir, stop(1))).toThrow("ELOOP");
    expect(existsSync(join(dir, "elsewhere"))).toBe(false);
  });
});

describe("evidence of a kill for memory, and the limit", () => {
  const unit = "system.slice/labfleet-shipper.service";
  const self = `proc/${process.pid}/cgroup`;
  const boot = { "proc/uptime": "123.45 99.9\n", "proc/sys/kernel/random/boot_id": "boot-1\n" };
  for (const [what, files, seen] of [
    [
      "on cgroup version 2",
      {
        ...boot,
        [self]: `0::/${unit}\n`,
        [`sys/fs/cgroup/${unit}/memory.events`]: "oom 3\noom_kill 1\n",
        [`sys/fs/cgroup/${unit}/memory.max`]: "67108864\n",
      },
      { uptime_s: 123.45, boot_id: "boot-1", unit: "labfleet-shipper", oom_kills: 1, memory_max: 67108864 },
    ],
    [
      "without a limit",
      { [self]: `0::/${unit}\n`, [`sys/fs/cgroup/${unit}/memory.max`]: "max\n" },
      { uptime_s: null, boot_id: null, oom_kills: null, memory_max: null },
    ],
    [
      "where version 1 has the memory",
      {
        [self]: `4:memory:/${unit}\n0::/${unit}\n`,
        [`sys/fs/cgroup/memory/${unit}/memory.oom_control`]: "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        [`sys/fs/cgroup/memory/${unit}/memory.limit_in_bytes`]: "1048576\n",
      },
      { unit: "labfleet-shipper", scope: "system", oom_kills: 2, memory_max: 1048576 },
    ],
    [
      "where version 1 has no limit",
      {
        [self]: `4:cpu,memory:/${unit}\n`,
        [`sys/fs/cgroup/memory/${unit}/memory.limit_in_bytes`]: "9223372036854771712\n",
      },
      { unit: "labfleet-shipper", oom_kills: null, memory_max: null },
    ],
    [
      "in a user's manager",
      { [self]: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/my-shipper.service\n" },
      { unit: "my-shipper", scope: "user" },
    ],
    ["on a host that says nothing", {}, { unit: "labfleet-shipper", scope: "system", oom_kills: null }],
  ] as const) {
    test(what, () => {
      const place = { tool: "shipper", env: KILLED, root: fixtureHost(files as Record<string, string>), nowMs: 0 };
      expect(stopRecord(INVOCATION, place)).toMatchObject(seen);
    });
  }
});

describe("a diagnostic", () => {
  const reports = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith("diagnostic-"));

  test("is taken where the daemon could take none", () => {
    const { runDir, dir } = service();
    expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }).said).toBe("");
    expect(reports(dir)).toEqual([`diagnostic-${INVOCATION}.txt`]);
    const text = readFileSync(join(dir, reports(dir)[0] ?? ""), "utf8");
    expect(text).toContain("signal killed KILL");
    expect(text.trimEnd()).toEndWith("=== end ===");
  });

  test("is not taken twice", () => {
    const { runDir, dir } = service();
    writeFileSync(join(dir, `diagnostic-${INVOCATION}.txt`), "of the daemon");
    postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
    expect(readFileSync(join(dir, `diagnostic-${INVOCATION}.txt`), "utf8")).toBe("of the daemon");
    expect(stopsIn(dir)).toHaveLength(1);
  });

  test("is not taken of a start that failed", () => {
    const { runDir, dir } = service();
    postStop({ ...KILLED, EXIT_CODE: "exited", EXIT_STATUS: "2", RUNTIME_DIRECTORY: runDir });
    expect(reports(dir)).toEqual([]);
  });

  test("bears the name of the run, also where that is not its invocation", async () => {
    const { runDir, dir } = service();
    await killedRun(dir, "running", { invocation: INVOCATION });
    const { runId } = await killedRun(dir, "running", { invocation: INVOCATION });
    expect(runId).not.toBe(INVOCATION);
    postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
    expect(reports(dir)).toEqual([`diagnostic-${runId}.txt`]);
  });
});

function linkInstead(target: string, path: string): void {
  rmSync(path, { recursive: true });
  symlinkSync(target, path);
}

describe("as root", () => {
  rootTest("it writes as the service's user", () => {
    const { runDir, dir } = service(NOBODY);
    expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir })).toEqual({ code: 0, said: "" });
    expect(readdirSync(dir).sort()).toEqual([`diagnostic-${INVOCATION}.txt`, "stops.jsonl"]);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name))).toMatchObject({ uid: NOBODY, gid: NOBODY });
  });

  rootTest("it writes as the owner of the state directory where there is no other", () => {
    const { dataRoot, dir } = service(NOBODY);
    expect(postStop({ ...KILLED, STATE_DIRECTORY: dataRoot }).said).toBe("");
    expect(statSync(join(dir, "stops.jsonl")).uid).toBe(NOBODY);
  });

  rootTest("it follows no link of the service's user to where only root may write", () => {
    for (const [what, attack] of [
      ["the directory is a link", (s) => linkInstead(s.rootOnly, s.dir)],
      ["the note names root's directory", (s) => writeFileSync(join(s.runDir, "ends-dir"), s.rootOnly)],
      ["the file is a link", (s) => symlinkSync(join(s.rootOnly, "stops.jsonl"), join(s.dir, "stops.jsonl"))],
    ] as [string, (paths: ReturnType<typeof service>) => void][]) {
      const paths = service(NOBODY);
      attack(paths);
      const { code, said } = postStop({ ...KILLED, RUNTIME_DIRECTORY: paths.runDir });
      expect(readdirSync(paths.rootOnly), what).toEqual([]);
      expect(said, what).toMatch(/^shipper post-stop: this stop is not recorded: (EACCES|ELOOP)/);
      expect(code, what).toBe(0);
    }
  });

  rootTest("it appends to no file of root's that a link leads to, though it is there", () => {
    const { runDir, dir, rootOnly } = service(NOBODY);
    const victim = join(rootOnly, "victim");
    writeFileSync(victim, "root's\n");
    chmodSync(rootOnly, 0o755);
    symlinkSync(victim, join(dir, "stops.jsonl"));
    symlinkSync(victim, join(dir, `diagnostic-${INVOCATION}.txt`));
    postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
    expect(readFileSync(victim, "utf8")).toBe("root's\n");
    // The report takes the place of the link.
    expect(lstatSync(join(dir, `diagnostic-${INVOCATION}.txt`)).isFile()).toBe(true);
  });

  rootTest("it reads nothing through a note that is a link or no path", () => {
    const { runDir, dataRoot, dir, rootOnly } = service(NOBODY);
    const note = join(runDir, "ends-dir");
    writeFileSync(join(rootOnly, "note"), `${rootOnly}\n`);
    for (const make of [
      () => symlinkSync(join(rootOnly, "note"), note),
      () => writeFileSync(note, "relative/path\n"),
      () => writeFileSync(note, "/zero\0byte\n"),
      () => writeFileSync(note, `/${"x".repeat(5000)}\n`),
      () => mkdirSync(note),
    ]) {
      rmSync(note, { recursive: true, force: true });
      make();
      expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir, STATE_DIRECTORY: dataRoot }).said).toBe("");
    }
    expect(stopsIn(dir)).toHaveLength(5);
  });

  rootTest("it believes no directory that root alone did not put there", () => {
    const { top, runDir, dir } = service(0);
    symlinkSync(runDir, join(top, "link"));
    mkdirSync(join(top, "users/run"), { recursive: true });
    chownSync(join(top, "users"), NOBODY, NOBODY);
    for (const path of [join(top, "link"), join(top, "users/run")]) {
      const { code, said } = postStop({ ...KILLED, RUNTIME_DIRECTORY: path, STATE_DIRECTORY: "/var/lib" });
      expect(said).toStartWith(
        "shipper post-stop: this stop is not recorded: root writes only where nobody else can put a link: ",
      );
      expect(code).toBe(0);
    }
    expect(readdirSync(dir)).toEqual([]);
  });

  rootTest("for a service of root's own it writes as root, but only on root's own ground", () => {
    const { runDir, dataRoot, dir } = service(0);
    expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }).said).toBe("");
    expect(statSync(join(dir, "stops.jsonl")).uid).toBe(0);
    for (const path of [dir, dataRoot]) {
      chownSync(path, NOBODY, NOBODY);
      const { said } = postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir });
      expect(said).toContain("root writes only where nobody else can put a link: ");
      chownSync(path, 0, 0);
    }
    expect(stopsIn(dir)).toHaveLength(1);
    rmSync(dir, { recursive: true });
    chownSync(dataRoot, NOBODY, NOBODY);
    expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }).said).toContain(`${dataRoot} belongs to uid ${NOBODY}`);
    expect(readdirSync(dataRoot)).toEqual([]);
  });
});

const USER_MISSING = !isRoot || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";
test.skipIf(USER_MISSING !== "")(`as the service's user alone it writes what it may${USER_MISSING}`, () => {
  const { runDir, dir } = service(NOBODY);
  const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }, user)).toEqual({ code: 0, said: "" });
  expect(statSync(join(dir, "stops.jsonl")).uid).toBe(NOBODY);
  // A file that root has made by hand is replaced: what can be read of it stays, what cannot is put aside.
  chownSync(join(dir, "stops.jsonl"), 0, NOBODY);
  chmodSync(join(dir, "stops.jsonl"), 0o640);
  expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }, user)).toEqual({ code: 0, said: "" });
  expect(statSync(join(dir, "stops.jsonl")).uid).toBe(NOBODY);
  expect(stopsIn(dir)).toHaveLength(2);
  chownSync(join(dir, "stops.jsonl"), 0, 0);
  chmodSync(join(dir, "stops.jsonl"), 0o600);
  expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }, user)).toEqual({ code: 0, said: "" });
  expect(stopsIn(dir)).toHaveLength(1);
  expect(statSync(join(dir, "stops.jsonl.unreadable")).uid).toBe(0);
  // In a directory that is not its own it can do neither, and says so.
  chownSync(join(dir, "stops.jsonl"), 0, 0);
  chownSync(dir, 0, NOBODY);
  expect(postStop({ ...KILLED, RUNTIME_DIRECTORY: runDir }, user).said).toContain("EACCES");
});
