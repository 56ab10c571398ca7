// What is read of the hosts: files as the receiver writes them.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredHeartbeat } from "../../../lib/contract/host-document.ts";
import { formatKnownHosts } from "../../../lib/contract/known-hosts.ts";
import type { CheckStatus } from "../../../lib/contract/observation.ts";
import { dataPaths } from "../../../lib/contract/places.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { NOBODY, noteSender } from "../../../lib/fleet/senders.ts";
import { readHosts } from "../../../lib/fleet-health/hosts/read.ts";
import { placesOf } from "../../../lib/fleet-health/settings.ts";
import { encodeLatest, latestPath } from "../../../lib/os/files/latest-heartbeat.ts";
import { inText } from "../../support/in-text.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOON = Date.UTC(2026, 4, 2, 12);

function stored(host_id: string, ageS: number, checks: Readonly<Record<string, CheckStatus>> = {}): StoredHeartbeat {
  const at = isoWall(NOON - ageS * 1000);
  const results = Object.entries(checks).map(([name, status]) => ({
    ...{ plugin: "p", name, status, message: `${name} says`, perfdata: [], started_at: at, duration_ms: 1 },
    ...{ ttl_s: 600, run: 3 },
  }));
  const states = results.map(({ name, status }) => ({
    ...{ name, run: 3, started_at: at, as_of_wall: at, status, since_wall: at, attempts: 3, hard: status },
    ...{ flapping: false, flap_percent: 0, history: "" },
  }));
  const heartbeat = {
    ...{ host_id, sent_at: at, boot_id: "b", sequence: 1, uptime_s: 1, interval_s: 60, versions: {}, queue: null },
    ...{ plugins: [], results, receiver_id: "b".repeat(32) },
  };
  return { received_at_wall: at, late_s: 0, skew_s: 0, seen: [], states, heartbeat };
}

function collector() {
  const root = tempDir();
  const paths = dataPaths(root);
  for (const dir of [paths.heartbeats, paths.attempts]) mkdirSync(dir);
  return {
    paths,
    beat: (document: StoredHeartbeat) =>
      writeFileSync(latestPath(paths.heartbeats, document.heartbeat.host_id), encodeLatest(document)),
    read: () => readHosts(placesOf(root), NOON),
  };
}

test("nothing is known on a collector that has none of the files, such as a Python one", async () => {
  expect(await readHosts(placesOf(join(tempDir(), "none")), NOON)).toEqual({
    kind: "read",
    hosts: { heard: [], known: { at: "", store: null, hosts: [] }, senders: new Map() },
  });
});

test("a host is as the receiver's list has it, with its checks that hold bad, and whom it trusts", async () => {
  const { paths, beat, read } = collector();
  const document = (checks: Readonly<Record<string, CheckStatus>>): StoredHeartbeat => {
    const one = stored("lab1", 10, checks);
    // It counts no more.
    const results = one.heartbeat.results.map((result) => (result.name === "old" ? { ...result, ttl_s: 5 } : result));
    return { ...one, heartbeat: { ...one.heartbeat, results } };
  };
  beat(document({ load: "warning", ping: "ok", old: "critical" }));
  writeFileSync(join(paths.heartbeats, "lab2.json.zst"), "torn");
  const store = { id: "a".repeat(32), succeeds: [] };
  writeFileSync(paths.hosts, formatKnownHosts({ at: isoWall(NOON), store, hosts: [] }));
  const senders = { lab1: noteSender(NOBODY, { ...SIGHTING, bootId: "b" }, NOON) };
  writeFileSync(paths.duplicates, JSON.stringify(senders));
  const found = await read();
  if (found.kind !== "read") throw new Error(found.why.what);
  const [heard, ...more] = found.hosts.heard;
  expect(more).toEqual([]);
  expect([
    heard?.summary.host,
    heard?.summary.age_s,
    heard?.checks.map(({ name, holds }) => `${name} ${holds}`),
  ]).toEqual(["lab1", 10, ["load warning"]]);
  expect(heard?.summary.trusts_another).toBe(true);
  expect([...found.hosts.senders.keys()]).toEqual(["lab1"]);
});

const SIGHTING = { kind: "heartbeat" as const, bootId: null, machine: null, remote: "10.0.0.5", conflict: false };

test("who has a token and never came is in it, and who is silent with why it was refused", async () => {
  const { paths, beat, read } = collector();
  beat(stored("lab1", 3600));
  const hosts = ["lab1", "lab7"].map((host) => ({ host, token_since: isoWall(NOON), moved_at: null }));
  const moved = { host: "lab8", token_since: null, moved_at: isoWall(NOON) };
  writeFileSync(paths.hosts, formatKnownHosts({ at: isoWall(NOON), store: null, hosts: [...hosts, moved] }));
  const sum = {
    ...{ from: "2026-05-02T11:00:00.000000+00:00", to: "2026-05-02T11:30:00.000000+00:00", remote: "10.0.0.7" },
    ...{ host_id: "lab1", what: "heartbeat", reason: "unauthorized", count: 4 },
  };
  writeFileSync(join(paths.attempts, "2026-05-02.jsonl"), `${JSON.stringify(sum)}\n`);
  const found = await read();
  if (found.kind !== "read") throw new Error(found.why.what);
  expect(found.hosts.heard.map(({ summary }) => [summary.host, summary.never, inText(summary.problem)])).toEqual([
    [
      "lab1",
      false,
      expect.stringContaining(
        "no heartbeat for 1h; refused 4 times since yesterday, the newest unauthorized from 10.0.0.7; fix: ",
      ),
    ],
    ["lab7", true, expect.stringContaining("no heartbeat has ever come, and none was refused since yesterday")],
  ]);
});

test("what cannot be read is named, and nothing is known", async () => {
  const { paths, read } = collector();
  mkdirSync(paths.hosts);
  expect(await read()).toMatchObject({
    kind: "unknown",
    why: { what: expect.stringContaining(`${paths.hosts} cannot be read: `) },
  });
});
