// What a person and a program read about the shipper.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { newEntry } from "../../lib/shipper/queue.ts";
import {
  type LiveStatus,
  liveStatus,
  parseLive,
  readStatus,
  reasonOf,
  renderStatus,
  type Status,
  statusLine,
} from "../../lib/shipper/status.ts";
import { makeDirs, makeEpisode, writeFiles } from "../support/lab-host.ts";
import { lineReader } from "../support/lines.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const HOLDER = join(import.meta.dir, "../fixtures/programs/hold-lock.ts");

const IDLE: LiveStatus = {
  pid: 42,
  at: "2026-05-01T00:00:00.000Z",
  pending: 0,
  packed: 0,
  sending: 0,
  retrying: 0,
  held: [],
  held_count: 0,
  recording: 0,
  oldest_pending_s: null,
  paused: null,
  disk_low: false,
  delivered_since_start: 0,
  quarantined_since_start: 0,
};

describe("the status line", () => {
  for (const [what, change, line] of [
    ["when idle", {}, "nothing to ship"],
    ["with a backlog", { pending: 3, oldest_pending_s: 3725 }, "3 to ship, oldest 1h 2min 5s"],
    ["while sending", { pending: 2, sending: 1, oldest_pending_s: 4 }, "2 to ship, oldest 4s, 1 under way"],
    ["in back-off", { pending: 1, retrying: 1 }, "1 to ship, 1 waiting to be tried again"],
    [
      "when somebody has to mend something",
      { pending: 1, held: [{ episode: "ep", reason: "belongs to uid 0" }], held_count: 7 },
      "1 to ship, 7 held: belongs to uid 0",
    ],
    [
      "when paused on a full disk",
      {
        disk_low: true,
        paused: { kind: "misconfigured", reason: "tls", detail: "certificate expired", retry_in_s: 5 },
      },
      "nothing to ship, disk low, packing waits, PAUSED: certificate expired",
    ],
  ] as [string, Partial<LiveStatus>, string][]) {
    test(`${what} is "${line}"`, () => expect(statusLine({ ...IDLE, ...change })).toBe(line));
  }

  test("is one line that cannot steer a terminal, whatever a receiver answered", () => {
    const detail = "no\nREADY=1\u001b[31m\u2028\u009b2J";
    const line = statusLine({ ...IDLE, paused: { kind: "misconfigured", reason: "x", detail, retry_in_s: 1 } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
    expect(line).toContain("no\\u000aREADY=1");
  });
});

describe("the status of a host", () => {
  const STATUS: Status = {
    host_id: "lab1",
    receiver: "https://collector.wg",
    data_root: "/var/lib/labfleet/data",
    running: false,
    pid: null,
    live: null,
    pending: 2,
    recording: 0,
    shipped: 5,
    quarantined: [],
    last_end: null,
  };

  test("is a short table", () => {
    expect(renderStatus(STATUS).split("\n")).toEqual([
      "host       lab1 -> https://collector.wg",
      "shipper    not running",
      "to ship    2",
      "shipped    5 still on this host",
      "refused    0 in quarantine",
      "last end   none is known",
    ]);
  });

  test("names refused episodes, ten at most, and the command that brings them back", () => {
    const quarantined = Array.from({ length: 12 }, (_, i) => ({ episode: `ep${i}`, reason: "conflict" }));
    const lines = renderStatus({ ...STATUS, recording: 1, quarantined, running: true, pid: 42, live: IDLE }).split(
      "\n",
    );
    expect(lines.slice(1, 3)).toEqual([
      "shipper    running (pid 42): nothing to ship",
      "to ship    2 (and 1 being recorded)",
    ]);
    expect(lines.filter((line) => line.endsWith(": conflict")).length).toBe(10);
    expect(lines.at(-2)).toContain("and 2 more");
    expect(lines.at(-1)).toContain("shipper requeue");
  });

  test("names what is held, on lines of their own", () => {
    const held = [{ episode: "ep\u001b", reason: "a\nb" }];
    const text = renderStatus({ ...STATUS, running: true, pid: 42, live: { ...IDLE, held, held_count: 1 } });
    expect(text.split("\n").at(-1)).toBe("held       ep\\u001b: a\\u000ab");
  });
});

describe("the reason in a rejection", () => {
  for (const [text, reason] of [
    ['{"reason": "conflict"}', "conflict"],
    ['{"reason": 5}', "unknown"],
    ["{}", "unknown"],
    ["null", "unknown"],
    ['{"reason": "con', "unknown"],
    [null, "unknown"],
  ] as const) {
    test(`of ${text} is ${reason}`, () => expect(reasonOf(text)).toBe(reason));
  }
});

describe("reading the status from the disk", () => {
  function host(live: string | null) {
    const root = tempDir();
    const dirs = makeDirs(root);
    const toml = `host_id = "lab1"\n[paths]\ndata_root = "${root}"\nrun_dir = "${root}/run"\n[receiver]\nurl = "http://x"\n`;
    const { config } = parseShipperConfig(toml, "f");
    mkdirSync(config.runDir);
    const write = (text: string): void => writeFileSync(join(config.runDir, "status.json"), text);
    if (live !== null) write(live);
    return { config, dirs, write };
  }

  test("counts what lies where, without a daemon", async () => {
    const { config, dirs } = host(null);
    makeEpisode(dirs, "done");
    mkdirSync(join(dirs.episodes, "recording"));
    for (const name of ["a", "b", ".pruned-c"]) mkdirSync(join(dirs.shipped, name));
    writeFiles(join(dirs.quarantine, "bad"), { "rejection.json": '{"labfleet": 1, "reason": "conflict"}' });
    writeFiles(join(dirs.quarantine, "bare"), {});
    const status = await readStatus(config, dirs);
    expect({ ...status, quarantined: status.quarantined.sort((a, b) => (a.episode < b.episode ? -1 : 1)) }).toEqual({
      host_id: "lab1",
      receiver: "http://x",
      data_root: config.dataRoot,
      running: false,
      pid: null,
      live: null,
      pending: 1,
      recording: 1,
      shipped: 2,
      quarantined: [
        { episode: "bad", reason: "conflict" },
        { episode: "bare", reason: "unknown" },
      ],
      last_end: null,
    });
  });

  /** A process that holds the lock, as a daemon does; gone after the test. */
  async function holder({ dataRoot, runDir }: { dataRoot: string; runDir: string }) {
    const child = Bun.spawn([process.execPath, HOLDER, dataRoot, runDir], { stdin: "pipe", stdout: "pipe" });
    onTestFinished(() => child.kill("SIGKILL"));
    expect(await lineReader(child.stdout)()).toBe("locked");
    return child;
  }
  const report = (pid: number): string => JSON.stringify({ ...IDLE, pid, pending: 9 });

  test("shows the report of the daemon that holds the lock, and after SIGKILL none", async () => {
    const { config, dirs, write } = host(null);
    const child = await holder(config);
    write(report(child.pid));
    const { pid } = child;
    expect(await readStatus(config, dirs)).toMatchObject({ running: true, pid, live: { pid, pending: 9 } });
    child.kill("SIGKILL");
    await child.exited;
    expect(await readStatus(config, dirs)).toMatchObject({ running: false, pid: null, live: null });
  });

  test("does not believe the report of a killed daemon whose pid is another process now", async () => {
    for (const pid of [process.pid, 1]) {
      const { config, dirs } = host(report(pid));
      const status = await readStatus(config, dirs);
      expect(status).toMatchObject({ running: false, pid: null, live: null });
      expect(renderStatus(status)).toContain("shipper    not running");
    }
  });

  test("says that a daemon starts while there is no report, or that of the run before, or none that can be read", async () => {
    const { config, dirs, write } = host(null);
    const { pid } = await holder(config);
    for (const text of [null, report(pid + 1), `{"pid":${pid}}`, '{"pid": 1', "null\n", "", "{}"]) {
      if (text !== null) write(text);
      const status = await readStatus(config, dirs);
      expect(status).toMatchObject({ running: true, pid, live: null });
      expect(renderStatus(status).split("\n")[1]).toBe(`shipper    running (pid ${pid}): starting`);
    }
  });

  test("waits for no pipe and follows no link of the report's name", async () => {
    const { config, dirs } = host(null);
    const { pid } = await holder(config);
    const path = join(config.runDir, "status.json");
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    expect(await readStatus(config, dirs)).toMatchObject({ running: true, live: null });
    rmSync(path);
    writeFileSync(join(config.runDir, "other"), report(pid));
    symlinkSync(join(config.runDir, "other"), path);
    expect(await readStatus(config, dirs)).toMatchObject({ running: true, live: null });
  });
});

describe("a live report", () => {
  test("is read as it was written, with what a newer version adds", () => {
    const full = {
      ...IDLE,
      held: [{ episode: "ep", reason: "r" }],
      oldest_pending_s: 5,
      paused: { kind: "misconfigured", reason: "tls", detail: "d", retry_in_s: 5 },
    };
    expect(parseLive(JSON.stringify(IDLE))).toEqual(IDLE);
    expect(parseLive(JSON.stringify({ ...full, more: 1 }))).toMatchObject(full);
  });

  for (const [what, change] of [
    ["no number as pid", { pid: "42" }],
    ["no list of held ones", { held: {} }],
    ["a held one that is none", { held: [null] }],
    ["a held one without a reason", { held: [{ episode: "ep" }] }],
    ["a pause without its detail", { paused: { kind: "x", reason: "y", retry_in_s: 1 } }],
    ["a pause that is a word", { paused: "yes" }],
    ["no age", { oldest_pending_s: undefined }],
    ["a number that is none", { pending: null }],
  ] as const) {
    test(`with ${what} is none`, () => expect(parseLive(JSON.stringify({ ...IDLE, ...change }))).toBeNull());
  }
});

test("the daemon's view tells counts, ages, held episodes and the pause", () => {
  const { engine, pass } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
  engine.queue.add([{ id: "fresh", finishedMs: 1_000_000 }]);
  engine.queue.restore({ ...newEntry("stuck", 2_000_000, "held"), reason: "belongs to uid 0" });
  engine.breaker.misconfigured({ reason: "tls", detail: "certificate expired", retryAfterS: 60 });
  pass(10_000);
  expect(liveStatus(engine, 1_090_000, 10_000)).toMatchObject({
    pid: process.pid,
    at: "1970-01-01T00:18:10.000Z",
    pending: 2,
    held: [{ episode: "stuck", reason: "belongs to uid 0" }],
    held_count: 1,
    oldest_pending_s: 90,
    paused: { kind: "misconfigured", reason: "tls", detail: "certificate expired", retry_in_s: 53 },
  });
});

test("of a thousand held episodes only twenty are listed", () => {
  const { engine } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
  for (let i = 0; i < 1000; i++) engine.queue.restore(newEntry(`ep${i}`, i, "held"));
  const live = liveStatus(engine, 0, 0);
  expect([live.held.length, live.held_count, live.oldest_pending_s]).toEqual([20, 1000, 0]);
});
