// What a flood of refusals may cost: lines in the log, bytes in attempts/. And what is seen all the same: a revoked token.

import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AttemptRow, RefusalSum } from "../../../lib/contract/attempt-row.ts";
import { ATTEMPT_LIMITS, openAttempts } from "../../../lib/receiver/refusals/attempts.ts";
import { openRefusals, tell } from "../../../lib/receiver/refusals/refusals.ts";
import { heartbeat, send } from "../heartbeats/support.ts";
import { attemptLines, bytes, cleanUp, keptLog, put, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const T0 = Date.parse("2026-05-01T06:37:53Z");
const day = "2026-05-01.jsonl";
const sum = (more: Partial<RefusalSum> = {}): RefusalSum => ({
  from: "2026-05-01T06:37:00.000000+00:00",
  to: "2026-05-01T06:37:59.000000+00:00",
  remote: "10.0.0.5",
  host_id: null,
  what: "episode",
  reason: "unauthorized",
  count: 9,
  ...more,
});
const row: AttemptRow = {
  at: "2026-05-01T06:37:53.830000+00:00",
  host_id: "lab1",
  episode_id: "ep1",
  status: 201,
  reason: "stored",
  bytes: 5,
  code_commit: null,
  remote: "10.0.0.5:40112",
};

test("3,000 refusals are a handful of lines and one row a kind", async () => {
  const receiver = await startReceiver({ deps: { checkToken: () => "unknown" } });
  const tries = Array.from({ length: 3000 }, (_, i) => i);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = tries.pop(); i !== undefined; i = tries.pop()) {
        const answer =
          i % 2 === 0
            ? await put(receiver.url, `x${i}`, "ep", bytes(1))
            : await send(receiver.url, heartbeat({ host_id: `x${i}` }));
        expect(answer.status).toBe(401);
      }
    }),
  );
  const sums = await receiver.sums();
  expect(sums).toMatchObject([
    { remote: "127.0.0.1", host_id: null, reason: "unauthorized", count: 1500 },
    { remote: "127.0.0.1", host_id: null, reason: "unauthorized", count: 1500 },
  ]);
  expect(sums.map(({ what }) => what).sort()).toEqual(["episode", "heartbeat"]);
  expect(await receiver.attemptRows()).toEqual([]);
  expect(receiver.log.lines).toHaveLength(4);
  expect(receiver.log.lines.slice(2).sort()).toEqual([
    expect.stringMatching(/^warn: refused 1500 episodes of 127\.0\.0\.1: unauthorized, from \d\d:\d\d:\d\d to /),
    expect.stringMatching(/^warn: refused 1500 heartbeats of 127\.0\.0\.1: unauthorized, from /),
  ]);
}, 180_000);

test("a host whose token was revoked is named in log and sums, its PUTs with their access lines, but never more than ten times a minute", async () => {
  const receiver = await startReceiver({ deps: { checkToken: () => "unknown" } });
  for (let i = 0; i < 30; i++) await put(receiver.url, "lab1", `ep${i}`, bytes(1));
  expect(receiver.log.lines.filter((line) => line.includes("rejected episode host=lab1 id=ep"))).toHaveLength(10);
  expect(receiver.log.lines.filter((line) => line.includes('"PUT /v1/episodes/lab1/ep'))).toHaveLength(10);
  expect(receiver.log.lines[1]).toMatch(
    /^info: 127\.0\.0\.1:\d+ - "PUT \/v1\/episodes\/lab1\/ep0\.tar\.zst HTTP\/1\.1" 401$/,
  );
  await send(receiver.url, heartbeat());
  expect(await receiver.sums()).toMatchObject([
    { host_id: "lab1", what: "episode", count: 30 },
    { host_id: "lab1", what: "heartbeat", count: 1 },
  ]);
  expect(receiver.log.lines.at(-1)).toStartWith("warn: refused 30 episodes of 127.0.0.1 for lab1: unauthorized, ");
});

test("a heartbeat of a host that showed who it is, and is refused for what it says, leaves a row of its own", async () => {
  const receiver = await startReceiver();
  const refused = await send(receiver.url, heartbeat({ host_id: "lab1", interval_s: -1 }));
  expect(refused.status).toBe(400);
  const [attempt] = await receiver.attemptRows();
  expect(attempt).toMatchObject({
    what: "heartbeat",
    host_id: "lab1",
    episode_id: null,
    status: 400,
    reason: "malformed",
  });
  expect(attempt?.bytes).toBeGreaterThan(100);
  expect(await receiver.sums()).toEqual([]);
});

describe("the lines of an interval", () => {
  const limits = { perHost: 10, sums: 2 };
  test("are those of the largest sums, and how many more there were", () => {
    const sums = [3, 9, 2, 7].map((count, i) => sum({ count, remote: `10.0.0.${i}` }));
    expect(tell(sums, limits)).toEqual([
      "refused 9 episodes of 10.0.0.1: unauthorized, from 06:37:00 to 06:37:59 UTC",
      "refused 7 episodes of 10.0.0.3: unauthorized, from 06:37:00 to 06:37:59 UTC",
      "refused 5 more, of 2 addresses, hosts and reasons",
    ]);
  });
  test("leave out what was told one by one", () => {
    expect(tell([sum({ count: 1 }), sum({ count: 10, host_id: "lab1" })], limits)).toEqual([]);
    expect(tell([sum({ count: 11, host_id: "lab1" })], limits)).toHaveLength(1);
  });
});

test("many names of known hosts are not told one by one for ever, nor many addresses", () => {
  const log = keptLog();
  const attempts = { addSums: async () => [] };
  const refusals = openRefusals({ attempts, log, nowMs: () => T0, limits: { perHost: 10, byName: 20, sums: 5 } });
  const named = Array.from({ length: 100 }, (_, i) =>
    refusals.note({ remote: "10.0.0.5:1", host: `lab${i}`, what: "episode", reason: "unauthorized" }, "no"),
  );
  expect(named.filter(Boolean)).toHaveLength(20);
  for (let i = 0; i < 100; i++)
    refusals.note({ remote: `10.0.1.${i}:1`, host: null, what: "connection", reason: "tls" }, "no");
  refusals.close();
  expect(log.lines.length).toBe(5);
});

describe("the disk", () => {
  test("no more is written in a day than is allowed; sums then lose who, and are still counted", async () => {
    const dir = join(tempDir(), "attempts");
    const limits = { ...ATTEMPT_LIMITS, rowsPerDay: 2000, sumsPerDay: 3000, collapsedPerDay: 1000 };
    const log = keptLog();
    const attempts = openAttempts({ dir, log, limits });
    for (let i = 0; i < 50; i++) {
      attempts.add(row);
      await attempts.flush();
    }
    const rows = statSync(join(dir, day)).size;
    expect(rows).toBeGreaterThanOrEqual(2000);
    expect(rows).toBeLessThan(2300);
    expect(log.lines).toEqual([
      `warn: no more attempts of 2026-05-01 are written to ${join(dir, day)}: it has 2.0 KiB; no episode waits for that`,
    ]);
    for (let i = 0; i < 100; i++)
      await attempts.addSums(Array.from({ length: 5 }, (_, n) => sum({ remote: `10.0.0.${n}` })));
    expect(statSync(join(dir, day)).size - rows).toBeLessThanOrEqual(4000);
    const sums = attemptLines(dir).flatMap((line) => (line.kind === "sum" ? [line.sum] : []));
    expect(new Set(sums.map(({ remote, count }) => `${remote} ${count}`))).toEqual(
      new Set(["10.0.0.0 9", "10.0.0.1 9", "10.0.0.2 9", "10.0.0.3 9", "10.0.0.4 9", "* 45"]),
    );
  });

  test("that is full from midnight on costs no sum, and writes none twice", async () => {
    const dir = join(tempDir(), "attempts");
    let room = 1;
    const attempts = openAttempts({ dir, log: keptLog(), hasRoom: () => room-- > 0 });
    const next = sum({ from: "2026-05-02T00:00:01.000000+00:00", to: "2026-05-02T00:00:01.000000+00:00" });
    const left = await attempts.addSums([sum({}), next]);
    expect(left).toEqual([next]);
    room = 1;
    expect(await attempts.addSums(left)).toEqual([]);
    const written = attemptLines(dir).flatMap((line) => (line.kind === "sum" ? [line.sum.from.slice(0, 10)] : []));
    expect(written.sort()).toEqual(["2026-05-01", "2026-05-02"]);
  });

  test("its reserve is never written into; sums wait, and are written when there is room again", async () => {
    const dir = join(tempDir(), "attempts");
    let hasRoom = false;
    const log = keptLog();
    const attempts = openAttempts({ dir, log, hasRoom: () => hasRoom });
    const refusals = openRefusals({ attempts, log, nowMs: () => T0 });
    attempts.add(row);
    await attempts.flush();
    for (let i = 0; i < 3; i++)
      refusals.note({ remote: "10.0.0.5:1", host: null, what: "episode", reason: "unauthorized" }, "no");
    await refusals.flush();
    await refusals.flush();
    expect(readdirSync(dir)).toEqual([]);
    expect(log.lines.filter((line) => line.includes("the disk is down to its reserve"))).toHaveLength(1);
    hasRoom = true;
    await refusals.flush();
    await refusals.flush();
    refusals.close();
    expect(readFileSync(join(dir, day), "utf8").trim().split("\n")).toHaveLength(1);
    expect(attemptLines(dir)).toMatchObject([{ kind: "sum", sum: { count: 3 } }]);
  });
});

test("reads and judge calls that are refused to nobody known are counted too, and named with their access line", async () => {
  const receiver = await startReceiver({ deps: { checkToken: () => "unknown" } });
  const ask = (path: string, method: string) =>
    fetch(`${receiver.url}${path}`, { method, proxy: "", ...(method === "POST" && { body: "{}" }) });
  const episode = "/v1/episodes/lab1/ep1.tar.zst";
  const asked = [
    [episode, "GET"],
    [episode, "HEAD"],
    ["/v1/hosts/lab1", "GET"],
    ["/v1/hosts", "GET"],
    ["/v1/judge/lab1/ep1", "POST"],
    ["/v1/judge/x1/ep1", "POST"],
  ] as const;
  for (const [path, method] of asked) expect((await ask(path, method)).status).toBe(401);
  expect((await ask("/v1/episodes/%2e/a", "GET")).status).toBe(400);
  const remote = "127.0.0.1";
  expect(await receiver.sums()).toMatchObject([
    { remote, host_id: "lab1", what: "read", reason: "unauthorized", count: 3 },
    { remote, host_id: null, what: "read", reason: "unauthorized", count: 1 },
    { remote, host_id: "lab1", what: "judge", reason: "unauthorized", count: 1 },
    { remote, host_id: null, what: "judge", reason: "unauthorized", count: 1 },
    { remote, host_id: null, what: "read", reason: "malformed-path", count: 1 },
  ]);
  const line =
    /^warn: rejected (\w+) host=lab1: no bearer token|this token .*; 127\.0\.0\.1:\d+ - "(\w+) (\S+) HTTP\/1\.1" 401$/;
  const named = receiver.log.lines.filter((text) => text.startsWith("warn: rejected"));
  expect(named.map((text) => line.exec(text)?.slice(2))).toEqual([
    ["GET", episode],
    ["HEAD", episode],
    ["GET", "/v1/hosts/lab1"],
    ["POST", "/v1/judge/lab1/ep1"],
  ]);
});

test("of senders that are known a read or a judge call leaves nothing, whatever it is answered", async () => {
  const receiver = await startReceiver({ deps: { checkToken: () => "valid" } });
  const answer = await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, { proxy: "" });
  const judged = await fetch(`${receiver.url}/v1/judge/lab1/ep1`, { method: "POST", body: "{}", proxy: "" });
  expect([answer.status, judged.status]).toEqual([404, 400]);
  expect([await receiver.sums(), await receiver.attemptRows(), receiver.log.lines]).toEqual([[], [], []]);
});
