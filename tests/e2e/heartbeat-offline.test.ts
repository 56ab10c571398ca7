// The compiled agent without its receiver: on a full disk, killed again and again, with a clock that is wrong. What was
// collected arrives once, and is taken for what it is.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import type { HostSummary } from "../../lib/fleet/view.ts";
import { spoolName } from "../../lib/heartbeat/send/spool-files.ts";
import type { LiveStatus } from "../../lib/heartbeat/status-live.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { HeartbeatHost } from "../support/heartbeat-host.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";

setDefaultTimeout(180_000);

const NOBODY_THERE = "http://127.0.0.1:1";

/** Every sequence number that the receiver wrote down, in its order. */
const arrived = (host: HeartbeatHost): number[] => host.rows().map(({ sequence }) => sequence);

test.skipIf(smallDiskMissing !== null)(
  `the disk is full: the agent goes on, nothing is lost over a restart, no number comes twice${smallDiskMissing === null ? "" : ` (skipped: ${smallDiskMissing})`}`,
  async () => {
    using disk = smallDisk(1);
    await using fleet = new Fleet();
    const receiver = await fleet.startReceiver();
    const stateDir = join(disk.path, "state");
    mkdirSync(stateDir);
    const host = new HeartbeatHost(fleet, { url: NOBODY_THERE, stateDir });
    const first = host.start();
    await until("two wait on the disk", () => host.spool().length >= 2, first);
    Bun.spawnSync(["sh", "-c", `cat /dev/zero >${disk.path}/full`], { stderr: "ignore" });
    await until("two wait in memory", () => (host.live()?.waiting_in_memory ?? 0) >= 2, first);
    expect(first.log().split("heartbeats wait in memory only").length).toBe(2); // said once
    const { stdout } = host.run("status");
    expect(stdout).toMatch(/^waiting {4}\d+ heartbeats, \d+ of them in memory only$/m);
    expect(stdout).toContain(
      `disk       cannot write ${stateDir}/spool: ENOSPC: heartbeats wait in memory only; fix: make room on its disk`,
    );

    // A restart on the full disk.
    first.process.kill("SIGTERM");
    expect(await first.ended()).toBe(0);
    const waiting = host.status().waiting ?? 0;
    expect(waiting).toBeGreaterThanOrEqual(4);
    expect(host.spool("run").length).toBeGreaterThanOrEqual(2);
    const second = host.start();
    await until("one more waits", () => (host.live()?.waiting ?? 0) > waiting, second);
    second.process.kill("SIGKILL");
    await second.ended();

    // Room again, first without a receiver: what was in memory goes to the disk.
    rmSync(join(disk.path, "full"));
    const third = host.start();
    const isTaken = (live: LiveStatus | null) => live?.waiting_in_memory === 0 && live.disk_failure === null;
    await until("all are on the disk", () => isTaken(host.live()), third);
    expect(host.spool("run")).toEqual([]);
    const collected = host.latest()?.sequence ?? 0;
    host.configure({ url: receiver.url, stateDir });
    third.process.kill("SIGHUP");
    await until("all have arrived", () => host.live()?.waiting === 0 && arrived(host).includes(collected), third);
    const numbers = arrived(host);
    expect(numbers.length).toBeGreaterThan(waiting + 1);
    expect(new Set(numbers).size).toBe(numbers.length);
  },
);

test.skipIf(smallDiskMissing !== null)(
  `the run directory is full: heartbeats arrive all the same, and what that costs is said once${smallDiskMissing === null ? "" : ` (skipped: ${smallDiskMissing})`}`,
  async () => {
    using disk = smallDisk(1);
    await using fleet = new Fleet();
    const receiver = await fleet.startReceiver();
    const host = new HeartbeatHost(fleet, { url: receiver.url });
    Object.assign(host, { runDir: join(disk.path, "run") });
    host.configure({ url: receiver.url });
    const agent = host.start();
    await until("one has arrived", () => arrived(host).length > 0, agent);
    // What an arrived one gives back is taken too.
    const fill = () => Bun.spawnSync(["sh", "-c", `cat /dev/zero >>${disk.path}/full`], { stderr: "ignore" });
    const said = `cannot write ${host.runDir}/spool: ENOSPC: a kill would cost the heartbeat that is on its way`;
    await until("that is said", () => fill() !== null && agent.log().includes(said), agent);
    const before = arrived(host).length;
    await until("three more have arrived", () => arrived(host).length >= before + 3, agent);
    expect(agent.log().split(said).length).toBe(2);
    expect(agent.log()).not.toContain("not sent");
    agent.process.kill("SIGTERM");
    expect(await agent.ended()).toBe(0);
    // What was collected in the moment of the stop is kept: each number has arrived, or lies there,
    // or both, where the stop came before its answer.
    const kept = host.spool().map((name) => Number.parseInt(name, 10));
    const numbers = [...new Set([...arrived(host), ...kept])].toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from(numbers, (_, i) => i + 1));
  },
);

test("killed again and again, also while it catches up: what it had collected arrives, each once", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  // It takes the request and never answers: what was collected is on its way when the agent is killed.
  using silent = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Promise<Response>(() => undefined) });
  const host = new HeartbeatHost(fleet, { url: `http://127.0.0.1:${silent.port}` });
  const collected = new Set<number>();
  /** Looks which one was collected last. @returns how many were */
  const watch = (): number => {
    const sequence = host.latest()?.sequence;
    return sequence === undefined ? collected.size : collected.add(sequence).size;
  };
  const kill = async (agent: ReturnType<HeartbeatHost["start"]>): Promise<void> => {
    watch();
    agent.process.kill("SIGKILL");
    await agent.ended();
    watch();
  };
  for (let n = 0; n < 4; n++) {
    const agent = host.start();
    const before = collected.size;
    await until("a heartbeat was collected", () => watch() > before, agent);
    await kill(agent);
  }
  expect(collected.size).toBeGreaterThanOrEqual(4);
  // Many that wait, so that there is something to be killed in.
  const template = host.latest();
  if (template === null) throw new Error("nothing was collected");
  for (let sequence = 100_001; sequence <= 100_300; sequence++) {
    writeFileSync(
      join(host.stateDir, "spool", spoolName(sequence, true)),
      JSON.stringify({ ...template, sequence, uptime_s: 1 }),
    );
    collected.add(sequence);
  }
  host.configure({ url: receiver.url });
  for (let n = 0; n < 5; n++) {
    const agent = host.start();
    const before = arrived(host).length;
    await until("some arrive", () => arrived(host).length > before + 20 || host.spool().length === 0, agent);
    await kill(agent);
  }
  const last = host.start();
  await until("all have arrived", () => host.live()?.arrived != null && host.live()?.waiting === 0, last);
  const rows = arrived(host);
  expect([...collected].filter((sequence) => !rows.includes(sequence))).toEqual([]);
  // One that had arrived when the agent was killed is sent once more, and the receiver knows it.
  expect(new Set(rows).size).toBe(rows.length);
  expect(host.spool("run")).toEqual([]);
});

test("taken with a clock ten minutes ahead or behind: it arrives late as what it is, and hides no newer one", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  const host = new HeartbeatHost(fleet, { url: NOBODY_THERE });
  expect(host.run("once").code).toBe(3);
  const [name = ""] = host.spool();
  const waiting: Heartbeat = JSON.parse(await Bun.file(join(host.stateDir, "spool", name)).text());
  const shifted = (sequence: number, byMs: number): void =>
    writeFileSync(
      join(host.stateDir, "spool", spoolName(sequence, false)),
      JSON.stringify({
        ...waiting,
        sequence,
        uptime_s: waiting.uptime_s - 30,
        sent_at: new Date(Date.now() + byMs).toISOString(),
      }),
    );
  shifted(1001, 600_000);
  shifted(1002, -600_000);
  host.configure({ url: receiver.url });
  const agent = host.start();
  await until("all have arrived", () => arrived(host).length >= 4 && host.live()?.waiting === 0, agent);
  expect(arrived(host)).toEqual(expect.arrayContaining([1, 1001, 1002]));
  // The newest is the latest; its clock is right.
  await until("the newest is the latest", () => (hosts(fleet)[0]?.sequence ?? 0) > 1002, agent);
  expect(hosts(fleet)).toMatchObject([{ host: HOST, clock_off: false, stale: false }]);
  expect(
    host
      .rows()
      .filter(({ old }) => old)
      .map(({ sequence }) => sequence),
  ).toEqual(expect.arrayContaining([1001, 1002]));
});

for (const [offS, isOff] of [
  [600, true],
  [-600, true],
  [100, false],
] as const) {
  test(`a host whose clock is ${offS} s off: ${isOff ? "said as a fact of its own" : "not worth a word"}, and it is not late`, async () => {
    await using fleet = new Fleet();
    const receiver = await fleet.startReceiver();
    const host = new HeartbeatHost(fleet, { url: receiver.url });
    const printed: Heartbeat = JSON.parse(host.run("once", "--no-send", "--json").stdout);
    const begunMs = Date.now();
    const there = new Date(begunMs + offS * 1000);
    // Valid for an hour, however long this machine takes to look at it.
    const valid = { interval_s: 3600, sequence: 7 };
    const results = printed.results.slice(0, 1).map((result) => ({ ...result, status: "ok", ttl_s: 3600 }));
    const body = JSON.stringify({ ...printed, ...valid, results, sent_at: there.toISOString() });
    const answer = await fetch(`${receiver.url}/v1/heartbeats/${HOST}`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${fleet.token}`, Date: there.toUTCString() },
      body,
    });
    expect(await answer.json()).toMatchObject({ status: "stored" });
    const tookS = (Date.now() - begunMs) / 1000;
    const [summary] = hosts(fleet);
    expect(summary).toMatchObject({ host: HOST, sequence: 7, clock_off: isOff, stale: false });
    // It came some time between the two looks at our clock; its times have whole seconds.
    expect(summary?.skew_s).toBeWithin(offS - tookS - 2, offS + 1.001);
    if (isOff)
      expect(summary?.problem).toMatch(
        offS > 0
          ? /^its clock is \d+min.* fast; fix: .*: sudo timedatectl set-ntp true$/
          : /^its clock is \d+min.* slow; fix: .*: sudo timedatectl set-ntp true$/,
      );
    else expect(summary?.problem).toBeNull();
  });
}

function hosts(fleet: Fleet): HostSummary[] {
  const { stdout } = fleet.runNow("receiver", ["hosts", "--json", "--config", fleet.collectorConfig]);
  return JSON.parse(stdout).hosts;
}
