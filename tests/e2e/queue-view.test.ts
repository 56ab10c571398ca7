// What the compiled shipper, agent and receiver tell each other of a queue: a pause is known at the collector at once, and a refused
// episode goes only a week of receiver days after a heartbeat that said so has arrived.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Announced } from "../../lib/contract/announcement.ts";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import { parseShipperStatus, type ShipperStatus } from "../../lib/contract/shipper-status.ts";
import { decodeLatest, latestPath } from "../../lib/os/files/latest-heartbeat.ts";
import { Fleet, HOST, type Tool, until } from "../support/fleet.ts";
import { HeartbeatHost } from "../support/heartbeat-host.ts";

setDefaultTimeout(300_000);

const json = (path: string): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null);
const live = (fleet: Fleet): ShipperStatus | null => {
  const path = join(fleet.directory, "run-shipper/status.json");
  return existsSync(path) ? parseShipperStatus(readFileSync(path, "utf8")) : null;
};
/** The newest heartbeat at the collector, whole: rows hold what changed. */
const stored = (fleet: Fleet): Heartbeat | null => {
  const path = latestPath(join(fleet.collectorData, "heartbeats"), HOST);
  return existsSync(path) ? (decodeLatest(readFileSync(path))?.heartbeat ?? null) : null;
};
const stop = async (tool: Tool): Promise<void> => {
  tool.process.kill("SIGTERM");
  expect(await tool.ended()).toBe(0);
};
const runsOf = ({ results }: Heartbeat, isQueue: boolean): [string, number][] =>
  results.filter(({ plugin }) => (plugin === "queue") === isQueue).map(({ name, run }) => [name, run]);

test("a pause is told when it begins and when it ends, each at once", async () => {
  await using fleet = new Fleet();
  const { url } = await fleet.startReceiver();
  const host = new HeartbeatHost(fleet, { url });
  // Nothing but the pause makes it send.
  writeFileSync(host.config, readFileSync(host.config, "utf8").replace("interval_s = 1\n", "interval_s = 3600\n"));
  fleet.writeHostConfig(url, "lf_wrong");
  const shipper = fleet.startShipper();
  await until("the shipper reports", () => live(fleet) !== null, shipper);
  const agent = host.start();
  await until("the first heartbeat", () => stored(fleet) !== null, agent);
  const first = stored(fleet);
  fleet.episode("ep1", { "data.bin": "x" });
  await until("the pause is told", () => stored(fleet)?.sequence !== first?.sequence, agent);
  const pause = live(fleet)?.paused;
  const begun = stored(fleet);
  if (first === null || begun === null || !pause) throw new Error("no heartbeat or no pause");
  expect(first.queue?.paused).toBeNull();
  const { next_try_at: _, ...same } = pause;
  expect(begun.queue?.paused).toMatchObject({ ...same, kind: "misconfigured" });
  // The next one by its own pace would have come in an hour: this is the one that the pause made it send.
  expect(begun.sequence).toBe(first.sequence + 1);
  // The queue alone was looked at: no run of another check counts for it.
  expect(runsOf(begun, false)).toEqual(runsOf(first, false));
  expect(runsOf(begun, true)).toEqual([["queue", begun.sequence]]);
  const shown = fleet.runNow("receiver", ["hosts", HOST, "--config", fleet.collectorConfig]).stdout;
  expect(shown).toMatch(/^paused +for .* \(misconfigured\).*: .*401/m);
  expect(
    shown
      .split("\n")
      .find((line) => line.startsWith("fix "))
      ?.slice(3)
      .trim(),
  ).toBe(same.fix ?? "");

  fleet.writeHostConfig(url);
  shipper.process.kill("SIGHUP");
  await until("the episode is shipped", () => fleet.list("shipped").length === 1, shipper);
  await until("the end is told", () => stored(fleet)?.sequence !== begun.sequence, agent);
  const ended = stored(fleet);
  // The shipper looks at its pin once in a pass.
  await until("the shipper says whom it trusts", () => typeof live(fleet)?.receiver_id === "string", shipper);
  const { receiver_id } = live(fleet) ?? {};
  expect(ended).toMatchObject({ queue: { paused: null, paused_reason: null }, receiver_id });
  expect(receiver_id).toMatch(/^[0-9a-f]{32}$/);
  await stop(agent);
  expect(host.rows().length).toBe(3);
});

test("a refused episode goes only when its announcement has arrived and seven receiver days are over", async () => {
  await using fleet = new Fleet();
  const [theirs, ours] = ["a".repeat(40), "b".repeat(40)];
  const at = (name: string): string => join(fleet.directory, name);
  writeFileSync(at("accepted"), `${ours}\n`);
  writeFileSync(at("VERSION"), `${ours}\n`);
  fleet.writeCollectorConfig(`accepted_commits_file = "${at("accepted")}"`);
  fleet.options.shipperKeys = "quarantine_cleanup_interval_s = 1";
  fleet.options.retention = `keep_local_for_days = 0\nquarantine_keep_days = 1\n[heartbeat]\nrun_dir = "${at("run-heartbeat")}"`;
  const { url } = await fleet.startReceiver();
  fleet.writeHostConfig(url);
  fleet.episode("kept", { "data.bin": "x", "meta.json": JSON.stringify({ code_commit: ours }) });
  fleet.episode("ep1", { "data.bin": "x", "meta.json": JSON.stringify({ code_commit: theirs }) });

  /** A run on a receiver day, until its last call is over. */
  const onDay = async (day: number | null): Promise<Tool> => {
    const path = join(fleet.hostData, "receiver-days.json");
    if (day !== null) writeFileSync(path, JSON.stringify({ ...Object(json(path)), days: day }));
    const shipper = fleet.startShipper();
    await until(
      "a round is over",
      () => live(fleet)?.pid === shipper.process.pid && live(fleet)?.settled !== null,
      shipper,
    );
    return shipper;
  };
  const first = await onDay(null);
  await until(
    "one is refused",
    () => fleet.list("quarantine").length === 1 && fleet.list("shipped").length === 1,
    first,
  );
  await stop(first);

  // A thousand days without a heartbeat.
  const second = await onDay(1000);
  await until("it is about to go", () => live(fleet)?.settled?.expiring === 1, second);
  expect(live(fleet)?.settled).toMatchObject({
    announcement: 1,
    refused: [{ reason: "commit-not-accepted", count: 1, newest_detail: expect.stringContaining(theirs) }],
  });
  await stop(second);
  await stop(await onDay(2000));
  expect(fleet.list("quarantine")).toEqual(["ep1"]);

  const third = await onDay(2000);
  const host = new HeartbeatHost(fleet, { url });
  const agent = host.start();
  const note = (): Announced | null => json(at("run-heartbeat/announced.json")) as Announced | null;
  await until("the announcement has arrived", () => note() !== null, agent);
  expect(note()).toEqual({ number: 1, receiver_id: live(fleet)?.receiver_id ?? "" });
  const expiring = (): string => JSON.stringify(json(join(fleet.hostData, "expiring.json")));
  await until("the shipper knows", () => expiring().includes('"announced_day":2000'), third);
  expect(fleet.runNow("receiver", ["hosts", HOST, "--config", fleet.collectorConfig]).stdout).toMatch(
    /^expiring +1 refused episode is removed in a week or later; fix: /m,
  );
  await stop(agent);
  await stop(third);

  await stop(await onDay(2006));
  expect(fleet.list("quarantine")).toEqual(["ep1"]);
  const last = await onDay(2007);
  await until("it is removed", () => fleet.list("quarantine").length === 0, last);
  expect(readFileSync(join(fleet.hostData, "removed.jsonl"), "utf8")).toContain('"name":"ep1"');
  expect(fleet.list("shipped")).toEqual(["kept"]);
});
