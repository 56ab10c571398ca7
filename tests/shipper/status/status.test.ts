// What a person and a program read about the shipper from its data root.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ShipperStatus } from "../../../lib/contract/shipper-status.ts";
import { readUptimeS } from "../../../lib/os/uptime.ts";
import { parseShipperConfig } from "../../../lib/shipper/config.ts";
import { readStatus, rejectionOf, type Status } from "../../../lib/shipper/status/status.ts";
import { renderStatus } from "../../../lib/shipper/status/status-text.ts";
import { pinPath } from "../../../lib/shipper/trust/pin.ts";
import { makeDirs, makeEpisode, writeFiles } from "../../support/lab-host.ts";
import { lineReader } from "../../support/lines.ts";
import { REFUSED_START } from "../../support/refused-start.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOLDER = join(import.meta.dir, "../../fixtures/programs/hold-lock.ts");
const SINCE = "2026-05-01T12:03:00.000Z";

describe("the status of a host", () => {
  const STATUS: Status = {
    host_id: "lab1",
    receiver: "https://collector.wg",
    receiver_id: null,
    pin_unreadable: null,
    data_root: "/var/lib/labfleet/data",
    running: false,
    pid: null,
    answering: true,
    live: null,
    report_problem: null,
    pending: 2,
    recording: 0,
    problems: [],
    shipped: 5,
    quarantined: [],
    left_over: [],
    last_end: null,
    start_failure: null,
  };
  const runs = (live: Partial<ShipperStatus>, change: Partial<Status> = {}): string[] =>
    renderStatus({ ...STATUS, running: true, pid: 42, live: { ...IDLE_SHIPPER, ...live }, ...change }).split("\n");

  test("is a short table", () => {
    expect(renderStatus(STATUS).split("\n")).toEqual([
      "host       lab1 -> https://collector.wg",
      "trusts     the first receiver that accepts its token",
      "shipper    not running; fix: sudo systemctl start labfleet-shipper",
      "to ship    2",
      "shipped    5 still on this host",
      "refused    0 in quarantine",
      "last end   none is known",
    ]);
  });

  test("of a shipper that cannot write its report says why, and not to restart it", () => {
    const report_problem = "the file system at /run is full; fix: sudo du -a -k -x /run | sort -n | tail -n 20";
    const full = "running (pid 42), and cannot say what it does: the file system at /run is full; fix: sudo du";
    for (const change of [{ live: null }, { answering: false }])
      expect(runs({}, { ...change, report_problem })[2]).toStartWith(`shipper    ${full}`);
  });

  test("after a start that was refused shows why before it says to start it", () => {
    const [, , line] = renderStatus({ ...STATUS, last_end: REFUSED_START }).split("\n");
    expect(line).toBe(
      "shipper    not running: its last start was refused (exit code 2); fix: mend what this names, in /etc/labfleet/lab-host.toml or elsewhere, then sudo systemctl start labfleet-shipper: sudo journalctl -u labfleet-shipper -n 10",
    );
    expect(renderStatus({ ...STATUS, last_end: REFUSED_START, start_failure: "217/USER" })).toContain(
      "shipper    not running: systemd cannot start it (status 217/USER); fix: mend the line of its unit that this names, then sudo systemctl daemon-reload && sudo systemctl start labfleet-shipper: sudo journalctl -u labfleet-shipper -n 10\n",
    );
    expect(renderStatus({ ...STATUS, last_end: { ...REFUSED_START, failed_exit_code: 3 } })).toContain(
      "not running; fix: sudo systemctl start labfleet-shipper\n",
    );
  });

  test("lists what is no episode where no daemon does, ten at most, each with what mends it", () => {
    const problems = Array.from({ length: 11 }, (_, i) => {
      return { name: `n${i}`, problem: "it is a file", fix: i === 0 ? "sudo mv x" : null };
    });
    const lines = renderStatus({ ...STATUS, problems }).split("\n");
    expect(lines.slice(7, 9)).toEqual(["held       n0: it is a file; fix: sudo mv x", "held       n1: it is a file"]);
    expect(lines.slice(-1)).toEqual(["           … and 1 more: --json lists all"]);
    expect(runs({}, { problems }).filter((line) => line.startsWith("held"))).toEqual([]);
  });

  test("names whom it trusts, and why it cannot be told", () => {
    const id = "1".repeat(32);
    expect(renderStatus({ ...STATUS, receiver_id: id })).toContain(`\ntrusts     ${id}\n`);
    expect(renderStatus({ ...STATUS, pin_unreadable: "cannot read it" })).toContain("\ntrusts     cannot read it\n");
  });

  test("names refused episodes under a heading of their own, ten at most, each with what mends it", () => {
    const quarantined = Array.from({ length: 12 }, (_, i) => {
      return {
        episode: `ep${i}`,
        reason: "conflict",
        detail: i === 0 ? "d" : null,
        fix: i === 0 ? "do this" : "do that",
      };
    });
    const lines = runs({}, { recording: 1, quarantined });
    expect(lines.slice(2, 4)).toEqual([
      "shipper    running (pid 42): nothing to ship",
      "to ship    2 (and 1 being recorded)",
    ]);
    const at = lines.findIndex((line) => line.startsWith("quarantine"));
    expect(lines[at]).toContain("sudo shipper requeue <id>");
    expect(lines.slice(at + 1, at + 3)).toEqual([
      "           ep0: conflict, d; fix: do this",
      "           ep1: conflict; fix: do that",
    ]);
    expect(lines.slice(at + 1).filter((line) => /ep\d: /.test(line)).length).toBe(10);
    expect(lines.at(-1)).toContain("and 2 more");
  });

  test("names what is worked on, what waits and what is held, each with its remedy, on lines of their own", () => {
    const held = { episode: "ep\u001b", reason: "r", since: SINCE, detail: "a\nb", fix: null };
    const waiter = {
      episode: "ep2",
      reason: "r",
      since: SINCE,
      detail: "403 from waf, not the receiver",
      fix: "ask it",
    };
    const lines = runs({
      at: "2026-05-01T12:04:05.000Z",
      under_way: [
        { episode: "ep1", what: "sending", since: SINCE, done_bytes: 1024, bytes: 4096 },
        { episode: "ep3", what: "packing", since: "2026-05-01T12:04:02.000Z", done_bytes: 1024, bytes: 2048 },
      ],
      waiting: { count: 3, reason: "r", since: SINCE, next_try_at: null },
      waiting_list: [waiter],
      held: { count: 1, reason: "r", since: SINCE },
      held_list: [held],
    });
    expect(lines.slice(7)).toEqual([
      "now        sending ep1: 1.0 KiB of 4.0 KiB for 1min 5s",
      "now        packing ep3: 1.0 KiB of 2.0 KiB for 3s",
      `waiting    ep2, since ${SINCE}: 403 from waf, not the receiver; fix: ask it`,
      "           … and 2 more",
      `held       ep\\u001b, since ${SINCE}: a\\u000ab`,
    ]);
  });

  test("of a shipper that holds its lock and says nothing is not that it is healthy", () => {
    expect(runs({ at: SINCE }, { answering: false }).slice(2, 4)).toEqual([
      `shipper    not answering since ${SINCE} (pid 42); fix: sudo systemctl restart labfleet-shipper`,
      "said last  nothing to ship",
    ]);
  });
});

describe("what a rejection says", () => {
  for (const [text, reason, detail] of [
    ['{"reason": "conflict", "detail": "why"}', "conflict", "why"],
    ['{"reason": 5, "detail": 5}', "unknown", null],
    ["{}", "unknown", null],
    ["null", "unknown", null],
    ['{"reason": "con', "unknown", null],
    [null, "unknown", null],
  ] as const) {
    test(`of ${text} is ${reason}`, () => expect(rejectionOf(text)).toEqual({ reason, detail }));
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

  test("a pin that cannot be read is said in words, with what mends it", async () => {
    const { config, dirs } = host(null);
    writeFileSync(pinPath(config.dataRoot), "{");
    const said = (await readStatus(config, dirs)).pin_unreadable ?? "";
    expect(said).not.toContain("UserError");
    expect(said).toMatch(/^cannot read whom this host trusts.*; fix: ./);
  });

  test("counts what lies where, without a daemon", async () => {
    const { config, dirs } = host(null);
    makeEpisode(dirs, "done");
    mkdirSync(join(dirs.episodes, "recording"));
    for (const name of ["a", "b", ".pruned-c"]) mkdirSync(join(dirs.shipped, name));
    writeFiles(join(dirs.quarantine, "bad"), {
      "rejection.json": '{"labfleet": 1, "episode_id": "bad", "reason": "conflict"}',
    });
    writeFiles(join(dirs.quarantine, "bare"), {});
    const status = await readStatus(config, dirs);
    expect({ ...status, quarantined: status.quarantined.sort((a, b) => (a.episode < b.episode ? -1 : 1)) }).toEqual({
      host_id: "lab1",
      receiver: "http://x",
      receiver_id: null,
      pin_unreadable: null,
      data_root: config.dataRoot,
      running: false,
      pid: null,
      answering: true,
      live: null,
      report_problem: null,
      pending: 1,
      recording: 1,
      problems: [],
      shipped: 2,
      quarantined: [
        {
          episode: "bad",
          reason: "conflict",
          detail: null,
          fix: expect.stringContaining("shipper requeue bad --as bad-2"),
        },
        { episode: "bare", reason: "unknown", detail: null, fix: expect.stringContaining("sudo shipper requeue bare") },
      ],
      left_over: [{ path: join(dirs.shipped, ".pruned-c"), fix: expect.stringContaining("chattr -i -a") }],
      last_end: null,
      start_failure: null,
    });
  });

  /** A process that holds the lock, as a daemon does; gone after the test. */
  async function holder({ dataRoot, runDir }: { dataRoot: string; runDir: string }) {
    const child = Bun.spawn([process.execPath, HOLDER, dataRoot, runDir], { stdin: "pipe", stdout: "pipe" });
    onTestFinished(() => child.kill("SIGKILL"));
    expect(await lineReader(child.stdout)()).toBe("locked");
    return child;
  }
  const report = (pid: number, uptimeS = readUptimeS()): string =>
    JSON.stringify({ ...IDLE_SHIPPER, pid, pending: 9, uptime_s: uptimeS });

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
      expect(renderStatus(status).split("\n")[2]).toBe(`shipper    running (pid ${pid}): starting`);
    }
  });

  test("does not believe a report that was not renewed for three of its intervals", async () => {
    const { config, dirs, write } = host(null);
    const { pid } = await holder(config);
    const interval = IDLE_SHIPPER.interval_s;
    write(report(pid, readUptimeS() - 3 * interval - 1));
    expect(await readStatus(config, dirs)).toMatchObject({ running: true, answering: false });
    write(report(pid, readUptimeS() - 2 * interval));
    expect(await readStatus(config, dirs)).toMatchObject({ running: true, answering: true });
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
