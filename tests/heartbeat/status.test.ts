// What a person and a program read about the agent.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isUnreadable } from "../../lib/core/reading.ts";
import { parseHeartbeatConfig } from "../../lib/heartbeat/config.ts";
import { Spool } from "../../lib/heartbeat/send/spool.ts";
import { readStatus } from "../../lib/heartbeat/status.ts";
import { type LiveStatus, parseLive, statusLine } from "../../lib/heartbeat/status-live.ts";
import { renderStatus, type Status } from "../../lib/heartbeat/status-text.ts";
import { startTicks } from "../../lib/os/process/proc.ts";
import { CALM } from "../support/heartbeat-report.ts";
import { lineReader } from "../support/lines.ts";
import { REFUSED_START } from "../support/refused-start.ts";
import { tempDir } from "../support/temp-dir.ts";

const HOLDER = join(import.meta.dir, "../fixtures/programs/hold-lock.ts");

const collected = CALM.collected ?? expect.unreachable();

describe("the line that systemd shows", () => {
  for (const [what, change, line] of [
    ["at the start", { collected: null }, "collecting for the first time"],
    ["when all is well", {}, "ok: 0 of 14 not ok"],
    [
      "with checks that have no answer yet",
      { collected: { ...collected, pending: 3 } },
      "ok: 0 of 14 not ok, 3 not known yet",
    ],
    [
      "without a receiver",
      { waiting: 2, failing: { why: "network: refused", tries: 2 } },
      "ok: 0 of 14 not ok, 2 heartbeats to send, NOT SENT: network: refused",
    ],
    ["on a full disk", { waiting: 1, waiting_in_memory: 1 }, "ok: 0 of 14 not ok, 1 heartbeat to send, IN MEMORY ONLY"],
    [
      "when none is taken",
      { refused: { count: 3, why: "status 422", lasts: true } },
      "ok: 0 of 14 not ok, REFUSED: status 422",
    ],
    ["when they are taken again", { refused: { count: 3, why: "status 422", lasts: false } }, "ok: 0 of 14 not ok"],
  ] as [string, Partial<LiveStatus>, string][]) {
    test(`${what} is "${line}"`, () => expect(statusLine({ ...CALM, ...change })).toBe(line));
  }

  test("is one line that cannot steer a terminal, whatever a receiver answered", () => {
    const line = statusLine({ ...CALM, failing: { why: "no\nREADY=1\u001b[31m\u2028\u009b2J", tries: 1 } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
    expect(line).toContain("no\\u000aREADY=1");
  });
});

describe("the status that a person reads", () => {
  const IDLE: Status = {
    host_id: "lab1",
    receiver: "https://collector.wg",
    state_dir: "/var/lib/labfleet/heartbeat",
    run_dir: "/run/labfleet/heartbeat",
    running: false,
    pid: null,
    running_s: null,
    collected_age_s: null,
    arrived_age_s: null,
    told_to_wait_s: null,
    waiting: 0,
    live: null,
    live_unreadable: null,
    report_problem: null,
    last_end: null,
    start_failure: null,
  };
  const RUNNING: Status = {
    ...IDLE,
    running: true,
    pid: 42,
    running_s: 3612,
    collected_age_s: 12,
    arrived_age_s: 12,
    live: CALM,
  };
  const rows = (status: Status): string[] => renderStatus(status).split("\n");

  test("when it does not run", () => {
    expect(rows(IDLE)).toEqual([
      "host       lab1 -> https://collector.wg",
      "heartbeat  not running; fix: sudo systemctl start labfleet-heartbeat",
      "waiting    none",
      "last end   none is known",
    ]);
    expect(rows({ ...IDLE, waiting: 3 })[2]).toBe("waiting    3 heartbeats");
    expect(rows({ ...IDLE, waiting: null })[2]).toBe(
      "waiting    not to be seen: /var/lib/labfleet/heartbeat/spool may not be read",
    );
  });

  test("when its last start was refused: what shows why, before the start", () => {
    expect(rows({ ...IDLE, last_end: REFUSED_START })[1]).toBe(
      "heartbeat  not running: its last start was refused (exit code 2); fix: mend what this names, in /etc/labfleet/lab-host.toml or elsewhere, then sudo systemctl start labfleet-heartbeat: sudo journalctl -u labfleet-heartbeat -n 10",
    );
  });

  test("when all is well", () => {
    expect(rows(RUNNING)).toEqual([
      "host       lab1 -> https://collector.wg",
      "heartbeat  running (pid 42) for 1h 12s",
      "collected  12s ago, every 1min: ok: 0 of 14 not ok",
      "arrived    the newest 12s ago",
      "waiting    none",
      "plugins    9 loaded",
      "last end   none is known",
    ]);
  });

  test("while it starts", () => {
    expect(rows({ ...IDLE, running: true, pid: 42 })[1]).toBe("heartbeat  running (pid 42): starting");
    expect(rows({ ...IDLE, running: true, pid: 42, running_s: 59 })[1]).toBe("heartbeat  running (pid 42): starting");
    const live = { ...CALM, collected: null, arrived: null };
    expect(rows({ ...RUNNING, live }).slice(2, 4)).toEqual([
      "collected  for the first time just now",
      "waiting    none",
    ]);
  });

  test("of one that cannot report any more says so at once, before its last report", () => {
    const report_problem = "the file system at /run is full; fix: sudo du -a -k -x /run | sort -n | tail -n 20";
    const rows = renderStatus({ ...RUNNING, report_problem }).split("\n");
    expect(rows[2]).toBe(`report     the last one, nothing newer is known: ${report_problem}`);
    expect(rows[3]).toStartWith("collected  12s ago");
  });

  test("of one that cannot report says why, in its first minute, too", () => {
    const report_problem = "the file system at /run is full; fix: sudo du -a -k -x /run | sort -n | tail -n 20";
    const [, line] = renderStatus({ ...RUNNING, live: null, running_s: 12, report_problem }).split("\n");
    expect(line).toBe(`heartbeat  running (pid 42) for 12s; there is no report of it: ${report_problem}`);
  });

  test("when it has been running for long, and says nothing: not that it starts, but what may be the cause", () => {
    const cause = "is /run/labfleet/heartbeat full, or not its own? Look at its log";
    expect(rows({ ...IDLE, running: true, pid: 42, running_s: 3612 })[1]).toBe(
      `heartbeat  running (pid 42) for 1h 12s; there is no report of it: ${cause}`,
    );
    // The last one that it could write is not how it stands.
    const old = `report     the last one, nothing newer is known: ${cause}`;
    expect(rows({ ...RUNNING, collected_age_s: 181 })[2]).toBe(old);
    expect(rows({ ...RUNNING, collected_age_s: 180 })).not.toContain(old);
    const rare = { ...CALM, interval_s: 3600 };
    expect(rows({ ...RUNNING, live: rare, collected_age_s: 7200 })).not.toContain(old);
  });

  test("when the receiver has asked to wait: how long yet", () => {
    const live = { ...CALM, failing: { why: "status 503", tries: 1 }, told_uptime_s: 5000 };
    expect(rows({ ...RUNNING, live, told_to_wait_s: 1770 }).slice(5, 7)).toEqual([
      "not sent   status 503",
      "next try   in 29min 30s: the receiver asked to wait so long",
    ]);
  });

  test("before anything has arrived", () => {
    expect(rows({ ...RUNNING, live: { ...CALM, arrived: null } })[3]).toBe("arrived    none since it started");
  });

  test("when everything is wrong: each thing on a line of its own, with what mends it", () => {
    const live: LiveStatus = {
      ...CALM,
      collected: {
        ...collected,
        worst: "critical",
        not_ok: 3,
        problems: [
          { name: "disk:/", status: "critical", message: "97 %\u001b[2J full" },
          { name: "load", status: "warning", message: "high" },
        ],
      },
      waiting: 100,
      waiting_in_memory: 60,
      disk_failure: "cannot write /s/spool: ENOSPC: heartbeats wait in memory only; fix: make room on its disk",
      unreadable: "1 of the heartbeats that wait cannot be read: /s/1: EACCES; fix: sudo chown labfleet /s/1",
      failing: { why: 'status 403: "not yours"', tries: 7 },
      refused: { count: 1, why: "status 422", lasts: false },
      dropped: 39,
      damaged: 1,
      plugins_out: [{ name: "gpu", state: "failed", reason: "line 3\nx" }],
      plugins_out_count: 2,
    };
    expect(rows({ ...RUNNING, waiting: 100, live, arrived_age_s: null }).slice(2, -1)).toEqual([
      "collected  12s ago, every 1min: critical: 3 of 14 not ok",
      "           CRITICAL  disk:/  97 %\\u001b[2J full",
      "           WARNING   load    high",
      "           … and 1 more",
      "arrived    the newest at an unknown time",
      "waiting    100 heartbeats, 60 of them in memory only",
      'not sent   7 tries in a row: status 403: "not yours"',
      "refused    1 heartbeat for good, the newest: status 422; heartbeats are taken again",
      "disk       cannot write /s/spool: ENOSPC: heartbeats wait in memory only; fix: make room on its disk",
      "unreadable 1 of the heartbeats that wait cannot be read: /s/1: EACCES; fix: sudo chown labfleet /s/1",
      "dropped    39 heartbeats: too many waited",
      "damaged    1 heartbeat: torn, as by a power cut",
      "plugins    9 loaded, 2 not",
      "           failed gpu: line 3\\u000ax",
      "           … and 1 more: heartbeat plugins lists all",
    ]);
  });
});

describe("a report in the run directory", () => {
  test("with all its fields is one, and those of a later version do not matter", () => {
    expect(parseLive(JSON.stringify({ ...CALM, more: 1 }))).toMatchObject(CALM);
    expect(parseLive(JSON.stringify({ ...CALM, collected: null, arrived: null }))).not.toBeNull();
  });
  for (const [what, change] of [
    ["no number as pid", { pid: "42" }],
    ["a collection that is none", { collected: 5 }],
    ["a collection without its worst", { collected: { ...collected, worst: undefined } }],
    ["a problem that is none", { collected: { ...collected, problems: [null] } }],
    ["no list of plugins", { plugins_out: {} }],
    ["a failure without tries", { failing: { why: "x" } }],
    ["a refusal that is a word", { refused: "yes" }],
    ["a number that is none", { waiting: null }],
  ] as const) {
    test(`with ${what} is none`, () => expect(parseLive(JSON.stringify({ ...CALM, ...change }))).toBeNull());
  }
});

describe("reading the status", () => {
  function host() {
    const root = tempDir();
    const stateDir = join(root, "state");
    const runDir = join(root, "run");
    const toml = `host_id = "lab1"\n[receiver]\nurl = "http://x"\n[heartbeat]\nstate_dir = "${stateDir}"\nrun_dir = "${runDir}"\n`;
    const { config } = parseHeartbeatConfig(toml, "f");
    for (const dir of [stateDir, runDir]) mkdirSync(dir);
    const write = (text: string): void => writeFileSync(join(runDir, "status.json"), text);
    return { config, stateDir, runDir, write };
  }

  /** A process that holds the lock, as an agent does; gone after the test. */
  async function holder(stateDir: string, runDir: string) {
    const child = Bun.spawn([process.execPath, HOLDER, stateDir, runDir], { stdin: "pipe", stdout: "pipe" });
    onTestFinished(() => child.kill("SIGKILL"));
    expect(await lineReader(child.stdout)()).toBe("locked");
    return child;
  }

  test("of a host on which it has never run needs nothing", () => {
    const { config, stateDir, runDir } = host();
    rmSync(stateDir, { recursive: true });
    rmSync(runDir, { recursive: true });
    expect(readStatus(config)).toMatchObject({ running: false, pid: null, waiting: 0, live: null, last_end: null });
  });

  test("counts what lies in the spool, in both places, when it does not run", () => {
    const { config, stateDir, runDir, write } = host();
    const spool = new Spool(stateDir, () => 10, runDir);
    for (const n of [1, 2]) spool.keep(n, true, "{}");
    spool.hold(2, true, "{}");
    spool.hold(3, true, "{}");
    writeFileSync(join(stateDir, "spool/README"), "");
    write(JSON.stringify({ ...CALM, pid: process.pid, waiting: 99 }));
    expect(readStatus(config)).toMatchObject({ running: false, waiting: 3, live: null, running_s: null });
  });

  test("shows the report of the one that holds the lock, with ages that no set clock moves; after SIGKILL none", async () => {
    const { config, stateDir, runDir, write } = host();
    const child = await holder(stateDir, runDir);
    const root = tempDir();
    mkdirSync(join(root, "proc"));
    writeFileSync(join(root, "proc/uptime"), "3712.34 9000.00\n");
    symlinkSync("/proc/locks", join(root, "proc/locks"));
    symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
    write(JSON.stringify({ ...CALM, pid: child.pid, waiting: 5 }));
    expect(readStatus(config, root)).toMatchObject({
      running: true,
      pid: child.pid,
      running_s: 3612,
      collected_age_s: 12,
      arrived_age_s: 12,
      waiting: 5,
      live: { waiting: 5 },
    });
    child.kill("SIGKILL");
    await child.exited;
    expect(readStatus(config)).toMatchObject({ running: false, pid: null, live: null, waiting: 0 });
  });

  test("without a report says for how long the process has been running", async () => {
    const { config, stateDir, runDir } = host();
    const { pid } = await holder(stateDir, runDir);
    const root = tempDir();
    mkdirSync(join(root, "proc"));
    symlinkSync("/proc/locks", join(root, "proc/locks"));
    symlinkSync(`/proc/${pid}`, join(root, `proc/${pid}`));
    const ticks = startTicks("/", pid);
    writeFileSync(join(root, "proc/uptime"), `${(isUnreadable(ticks) ? 0 : ticks) / 100 + 100} 9000.00\n`);
    expect(readStatus(config, root)).toMatchObject({ running: true, pid, live: null, running_s: 100 });
  });

  test("believes no report of another process, none that is torn, and none behind a link", async () => {
    const { config, stateDir, runDir, write } = host();
    const { pid } = await holder(stateDir, runDir);
    for (const text of [JSON.stringify({ ...CALM, pid: pid + 1 }), `{"pid":${pid}}`, "", "null\n", '{"pid": 1']) {
      write(text);
      expect(readStatus(config)).toMatchObject({ running: true, pid, live: null, collected_age_s: null });
    }
    const elsewhere = join(tempDir(), "status.json");
    writeFileSync(elsewhere, JSON.stringify({ ...CALM, pid }));
    rmSync(join(runDir, "status.json"));
    symlinkSync(elsewhere, join(runDir, "status.json"));
    const status = readStatus(config);
    const where = `${runDir}/status.json: ELOOP`;
    expect(status).toMatchObject({ running: true, pid, live: null, live_unreadable: where });
    // Not "starting": that it would never stop doing.
    expect(renderStatus(status).split("\n")[1]).toBe(
      `heartbeat  running (pid ${pid}); what it does cannot be read (${where}); fix: sudo heartbeat status`,
    );
  });

  test("says that a spool cannot be counted, and that a state directory cannot be looked into", () => {
    const { config, stateDir } = host();
    writeFileSync(join(stateDir, "spool"), "a file");
    expect(readStatus(config).waiting).toBeNull();
    writeFileSync(join(stateDir, "file"), "");
    expect(() => readStatus({ ...config, stateDir: join(stateDir, "file/state") })).toThrow(
      "cannot read the state directory",
    );
  });
});
