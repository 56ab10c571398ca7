// What is read of the hosts: files as the receiver writes them.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredHeartbeat } from "../../../lib/contract/host-document.ts";
import { formatKnownHosts } from "../../../lib/contract/known-hosts.ts";
import type { CheckStatus } from "../../../lib/contract/observation.ts";
import { dataPaths } from "../../../lib/contract/places.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { here } from "../../../lib/core/finding.ts";
import { NOBODY, noteSender } from "../../../lib/fleet/senders.ts";
import { NO_HOSTS } from "../../../lib/fleet-health/hosts/hosts.ts";
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
    hosts: NO_HOSTS,
    doubts: [],
  });
});

test("a heartbeat that is there and cannot be read is named by its host", async () => {
  const { paths, beat, read } = collector();
  for (const name of ["lab1", "lab2", "lab3"]) beat(stored(name, 10));
  writeFileSync(latestPath(paths.heartbeats, "lab1"), "torn");
  rmSync(latestPath(paths.heartbeats, "lab2"));
  mkdirSync(latestPath(paths.heartbeats, "lab2"));
  const { hosts } = await read();
  expect([[...(hosts?.unread ?? [])], hosts?.heard.map(({ summary }) => summary.host)]).toEqual([
    ["lab1", "lab2"],
    ["lab3"],
  ]);
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
  if (found.hosts === null) throw new Error(found.doubts[0]?.what);
  const [heard, ...more] = found.hosts.heard;
  expect(more).toEqual([]);
  expect([
    heard?.summary.host,
    heard?.summary.age_s,
    heard?.checks.map(({ name, holds }) => `${name} ${holds}`),
  ]).toEqual(["lab1", 10, ["load warning", "old stale"]]);
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
  if (found.hosts === null) throw new Error(found.doubts[0]?.what);
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

test("who has shipped, and has no token any more, is in it when it was refused of late", async () => {
  const { paths, beat } = collector();
  beat(stored("lab1", 10));
  const sum = {
    ...{ from: "2026-05-02T11:00:00.000000+00:00", to: "2026-05-02T11:30:00.000000+00:00", remote: "10.0.0.7" },
    ...{ host_id: "lab5", what: "episode", reason: "unauthorized", count: 12 },
  };
  writeFileSync(join(paths.attempts, "2026-05-02.jsonl"), `${JSON.stringify(sum)}\n`);
  const read = async (...shipped: string[]) =>
    (await readHosts(placesOf(join(paths.attempts, "..")), NOON, shipped)).hosts;
  const found = await read("lab1", "lab5", "lab6", "no name");
  expect(found?.heard.map(({ summary }) => [summary.host, summary.refused?.reason ?? null])).toEqual([
    ["lab1", null],
    ["lab5", "unauthorized"],
  ]);
});

/** Each is what somebody has put where a file of ours should be. */
const WRONG: [what: string, put: (path: string) => unknown, why: string][] = [
  ["a directory", (path) => mkdirSync(path), "EISDIR"],
  ["a pipe", (path) => Bun.spawnSync(["mkfifo", path]), "EINVAL"],
  ["a link in a circle", (path) => symlinkSync(path, path), "ELOOP"],
  ["a link to a device", (path) => symlinkSync("/dev/zero", path), "EINVAL"],
  ["a file larger than any of ours", (path) => hugeFile(path), "EFBIG"],
];

function hugeFile(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 65 * 1024 ** 2);
}

describe.each(["hosts", "duplicates"] as const)("%s", (name) => {
  test.each(WRONG)("%s costs what that file tells, and the heartbeats stay known", async (_, put, why) => {
    const { paths, beat, read } = collector();
    beat(stored("lab1", 10));
    put(paths[name]);
    const { hosts, doubts } = await read();
    expect(hosts?.heard.map(({ summary }) => summary.host)).toEqual(["lab1"]);
    expect(doubts.map(({ what }) => what)).toEqual([expect.stringContaining(`${paths[name]} cannot be read: "${why}`)]);
    expect(doubts[0]?.fix?.commands).toEqual([here("sudo", "mv", "-T", paths[name], `${paths[name]}.aside`)]);
  });

  test("a torn one is a doubt, an empty one is none", async () => {
    const { paths, beat, read } = collector();
    beat(stored("lab1", 10));
    writeFileSync(paths[name], '{"at');
    const { hosts, doubts } = await read();
    expect([hosts?.heard.length, doubts.map(({ what }) => what)]).toEqual([
      1,
      [`${paths[name]} is torn, or of another release`],
    ]);
    writeFileSync(paths[name], "");
    expect((await read()).doubts).toEqual([]);
  });
});

test("a heartbeat that is no file tells nothing of its host, and keeps nobody waiting", async () => {
  const { paths, beat, read } = collector();
  beat(stored("lab1", 10));
  Bun.spawnSync(["mkfifo", latestPath(paths.heartbeats, "lab2")]);
  const { hosts, doubts } = await read();
  expect([hosts?.heard.map(({ summary }) => summary.host), doubts]).toEqual([["lab1"], []]);
});

test("why a host is silent is not known where the attempts are a pipe, and nothing else is lost", async () => {
  const { paths, beat, read } = collector();
  beat(stored("lab1", 3600));
  const today = join(paths.attempts, "2026-05-02.jsonl");
  Bun.spawnSync(["mkfifo", today]);
  const { hosts, doubts } = await read();
  expect(hosts?.heard.map(({ summary }) => summary.host)).toEqual(["lab1"]);
  expect(doubts.map(({ fix }) => fix?.commands)).toEqual([[here("sudo", "mv", "-T", today, `${today}.aside`)]]);
});

test("heartbeats that cannot be listed are the one thing without which no host is known", async () => {
  const { paths, read } = collector();
  rmSync(paths.heartbeats, { recursive: true });
  writeFileSync(paths.heartbeats, "");
  const { hosts, doubts } = await read();
  expect([hosts, doubts.map(({ fix }) => fix?.commands)]).toEqual([
    null,
    [[here("sudo", "mv", "-T", paths.heartbeats, `${paths.heartbeats}.aside`)]],
  ]);
});

test("a code that was sent twice is read with the host that was enrolled with it; what is none tells nothing", async () => {
  const { paths, read } = collector();
  const put = (digit: string, code: object): void =>
    writeFileSync(join(paths.enrolment, `${digit.repeat(64)}.json`), JSON.stringify(code));
  mkdirSync(paths.enrolment);
  const at = isoWall(NOON);
  const again = { at, remote: "10.0.0.9:4" };
  const code = { made_at: at, until: at, host: null, replaces: false };
  put("a", { ...code, used: { host: "lab1", token_sha256: "a".repeat(64), at }, added: true, again });
  put("b", { ...code, used: { host: "lab2", token_sha256: "b".repeat(64), at }, added: true });
  put("c", { ...code, used: null, again });
  put("d", { again: "x" });
  writeFileSync(join(paths.enrolment, "notes.txt"), "{}");
  expect((await read()).hosts?.usedTwice).toEqual(new Map([["lab1", again]]));
  rmSync(paths.enrolment, { recursive: true });
  writeFileSync(paths.enrolment, "");
  const unread = await read();
  expect([unread.hosts?.usedTwice, unread.doubts.map(({ about }) => about)]).toEqual([null, [paths.enrolment]]);
});
