// Heartbeats over real sockets: what is answered, and what is on the disk then.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHeartbeatAdmission } from "../../../lib/receiver/heartbeats/admission.ts";
import { POLICY } from "../../../lib/receiver/heartbeats/decide.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import type { HostSummary } from "../../../lib/receiver/heartbeats/view.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import {
  cleanUp,
  keptLog,
  rawClient,
  rawStatus,
  startReceiver,
  type TestReceiver,
  tempDir,
  until,
} from "../support.ts";
import { heartbeat, result, send } from "./support.ts";

afterEach(cleanUp);

const T0 = Date.parse("2026-05-01T12:00:00Z");

/** A receiver whose clock is ours to set. */
async function receiverAt(options: Parameters<typeof startReceiver>[0] = {}) {
  const clock = { ms: T0 };
  const receiver = await startReceiver({ ...options, deps: { nowMs: () => clock.ms, ...options.deps } });
  return { ...receiver, clock };
}

const latest = (receiver: TestReceiver, host = "lab1"): Record<string, unknown> =>
  JSON.parse(readFileSync(join(receiver.dataRoot, "heartbeats", `${host}.json`), "utf8"));
const dayRows = (receiver: TestReceiver, day = "2026-05-01"): Record<string, unknown>[] =>
  readFileSync(join(receiver.dataRoot, "heartbeats", `${day}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const get = (url: string, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { headers, proxy: "" });

describe("a heartbeat", () => {
  test("is stored as the latest and as a row of the day it came, as it was sent", async () => {
    const receiver = await receiverAt();
    const body = heartbeat({ results: [result({ status: "critical" })], unknown_field: { x: [1] } });
    const answer = await send(receiver.url, body);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: "stored", received_at_wall: "2026-05-01T12:00:00.000000+00:00" },
    ]);
    expect(latest(receiver)).toMatchObject({ heartbeat: body, skew_s: 0, late_s: 0, states: [{ attempts: 1 }] });
    expect(dayRows(receiver)).toEqual([{ ...body, received_at_wall: "2026-05-01T12:00:00.000000+00:00" }]);
    expect(receiver.log.lines).toEqual(["debug: heartbeat host=lab1 stored"]);
  });
  test("that comes again is a duplicate and no second row; its checks are not counted again", async () => {
    const receiver = await receiverAt();
    const body = heartbeat({ results: [result({ status: "critical" })] });
    await send(receiver.url, body);
    receiver.clock.ms += 5000;
    const answer = await send(receiver.url, body);
    expect([answer.status, await answer.json()]).toMatchObject([200, { status: "duplicate" }]);
    expect(dayRows(receiver)).toHaveLength(1);
    expect(latest(receiver)).toMatchObject({
      received_at_wall: "2026-05-01T12:00:00.000000+00:00",
      states: [{ attempts: 1 }],
    });
  });
  test("from the spool goes to the day and leaves the latest alone", async () => {
    const receiver = await receiverAt();
    await send(receiver.url, heartbeat({ sequence: 9 }));
    const spooled = heartbeat({ sequence: 8, uptime_s: 940, sent_at: "2026-05-01T11:59:00Z" });
    const late = { Date: new Date(T0).toUTCString() };
    expect(await (await send(receiver.url, spooled, late)).json()).toMatchObject({ status: "old" });
    expect(await (await send(receiver.url, spooled, late)).json()).toMatchObject({ status: "duplicate" });
    expect(latest(receiver)).toMatchObject({ heartbeat: { sequence: 9 } });
    expect(dayRows(receiver)).toMatchObject([{ sequence: 9 }, { sequence: 8, old: true }]);
  });
  test("that lay in the spool is as old as it is: its ok expires", async () => {
    const receiver = await receiverAt();
    const spooled = heartbeat({ sent_at: "2026-05-01T09:00:00Z", results: [result()] });
    await send(receiver.url, spooled, { Date: new Date(T0).toUTCString() });
    expect(await (await get(receiver.url, "/v1/hosts/lab1")).json()).toMatchObject({
      age_s: 0,
      stale: false,
      late_s: 10_800,
      worst: "stale",
      heartbeat: { results: [{ status: "stale", was: "ok", age_s: 10_800 }] },
    });
  });
  test("that was tried for a while is that much older, and no other has taken its place", async () => {
    const receiver = await receiverAt();
    const sent = heartbeat({ sent_at: "2026-05-01T11:59:35Z", results: [result()] });
    await send(receiver.url, sent, { Date: new Date(T0).toUTCString() });
    receiver.clock.ms += 106_000;
    expect(await (await get(receiver.url, "/v1/hosts/lab1")).json()).toMatchObject({
      age_s: 106,
      late_s: 25,
      stale: false,
      heartbeat: { age_s: 131, results: [{ status: "stale", age_s: 131 }] },
    });
  });
  test("of a time that cannot be is stored all the same", async () => {
    const receiver = await receiverAt();
    const odd = heartbeat({ sent_at: "0000-01-01T00:00:00Z", results: [result()] });
    const answer = await send(receiver.url, odd, { Date: "Sat, 13 Sep 275760 00:00:00 GMT" });
    expect([answer.status, await answer.json()]).toMatchObject([200, { status: "stored" }]);
    const { hosts } = (await (await get(receiver.url, "/v1/hosts")).json()) as { hosts: HostSummary[] };
    expect(hosts).toMatchObject([{ clock_off: true, worst: "stale", late_s: POLICY.oldestS }]);
  });
  test("goes to the day of its receipt, whatever its host's clock says; the clock is a fact of its own", async () => {
    const receiver = await receiverAt();
    receiver.clock.ms = Date.parse("2026-05-02T00:00:01Z");
    await send(receiver.url, heartbeat({ sent_at: "1970-01-01T00:01:00Z" }));
    expect(dayRows(receiver, "2026-05-02")).toHaveLength(1);
    const { hosts } = (await (await get(receiver.url, "/v1/hosts")).json()) as { hosts: HostSummary[] };
    expect(hosts).toMatchObject([{ clock_off: true, skew_s: 60 - Date.parse("2026-05-02T00:00:01Z") / 1000 }]);
  });
  test("survives a restart with its counts; 40 of one host at once are stored one after the other", async () => {
    const first = await receiverAt();
    const bad = (n: number) =>
      heartbeat({
        sequence: n,
        uptime_s: 1000 + n,
        sent_at: new Date(T0 + n * 1000).toISOString(),
        results: [result({ run: n, status: "critical" })],
      });
    await send(first.url, bad(1));
    await send(first.url, bad(2));
    const second = await receiverAt({ dataRoot: first.dataRoot });
    await send(second.url, bad(3));
    expect(latest(second)).toMatchObject({ states: [{ attempts: 3, hard: "critical" }] });
    const store = openHeartbeats(join(tempDir(), "heartbeats"), keptLog());
    await Promise.all(Array.from({ length: 40 }, (_, n) => store.put(bad(n), null, T0 + n)));
    const found = await store.find("lab1");
    expect(found).toMatchObject({ kind: "found", stored: { states: [{ attempts: 40 }], heartbeat: { sequence: 39 } } });
  });
  test("is taken again after its file was torn, and until then the host is still listed", async () => {
    const receiver = await receiverAt();
    await send(receiver.url, heartbeat());
    writeFileSync(join(receiver.dataRoot, "heartbeats/lab1.json"), "\0\0\0");
    const fresh = openHeartbeats(join(receiver.dataRoot, "heartbeats"), keptLog());
    expect(await fresh.list()).toMatchObject([{ host: "lab1", heartbeat: null }]);
    const answer = await get(receiver.url, "/v1/hosts/lab1");
    expect([answer.status, await answer.json()]).toMatchObject([503, { reason: "damaged" }]);
    expect((await send(receiver.url, heartbeat({ sequence: 2, uptime_s: 1060 }))).status).toBe(200);
    expect(await fresh.list()).toMatchObject([{ host: "lab1", heartbeat: { sequence: 2 } }]);
  });
  test("ends a torn row of a killed receiver before it writes its own", async () => {
    const receiver = await receiverAt();
    mkdirSync(join(receiver.dataRoot, "heartbeats"));
    writeFileSync(join(receiver.dataRoot, "heartbeats/2026-05-01.jsonl"), '{"host_id":"la');
    await send(receiver.url, heartbeat());
    const [torn, row] = readFileSync(join(receiver.dataRoot, "heartbeats/2026-05-01.jsonl"), "utf8").split("\n");
    expect([torn, JSON.parse(row ?? "")]).toMatchObject(['{"host_id":"la', { host_id: "lab1" }]);
  });
});

describe("is refused, with one line in the log:", () => {
  test("a body that is none", async () => {
    const receiver = await receiverAt();
    const answer = await send(receiver.url, heartbeat({ results: [result({ status: "fine" as never })] }));
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect([answer.status, await answer.json()]).toMatchObject([400, { reason: "malformed" }]);
    expect(receiver.log.lines).toHaveLength(1);
    expect(receiver.log.lines[0]).toStartWith(
      'warn: rejected heartbeat host=lab1: results[0].status must be "critical", "ok", "unknown" or "warning", found "fine"; 127.0.0.1:',
    );
    expect(receiver.log.lines[0]).toEndWith('"PUT /v1/heartbeats/lab1 HTTP/1.1" 400');
    expect(existsSync(join(receiver.dataRoot, "heartbeats"))).toBe(false);
  });
  test.each([
    ["PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "411"],
    [
      `PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: ${POLICY.maxBytes + 1}\r\nExpect: 100-continue\r\n\r\n`,
      "413",
    ],
    ["PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "400"],
    ["PUT /v1/heartbeats/%252e%252e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "400"],
    ["PUT /v1/heartbeats/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "400"],
    ["PUT /v1/heartbeats/operator HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "403"],
    ["POST /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405"],
    ["PUT /v1/hosts/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405"],
    ["GET /v1/hosts/lab1 HTTP/1.1\r\nHost: x\r\n\r\n", "404"],
    ["GET /v1/hosts/a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", "400"],
  ])("%j is %s", async (request, status) => {
    const receiver = await receiverAt();
    expect(await rawStatus(receiver.port, request)).toBe(status);
  });
  test("below the reserve, less what uploads still have to write: 507, and nothing is written", async () => {
    const receiver = await receiverAt({ limits: { diskReserveBytes: 1000 }, freeBytes: () => 1100 });
    const answer = await send(receiver.url, heartbeat());
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([507, "300"]);
    expect(await answer.json()).toMatchObject({ reason: "disk-full" });
    expect(existsSync(join(receiver.dataRoot, "heartbeats"))).toBe(false);
  });
  test("a stopping receiver, and a client that vanishes in the body", async () => {
    const receiver = await receiverAt();
    const client = await rawClient(receiver.port);
    await client.send("PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    client.socket.destroy();
    await until(() => receiver.log.lines.some((line) => line.includes("the connection ended before the body")));
    receiver.state.stopping = true;
    expect((await send(receiver.url, heartbeat())).status).toBe(503);
  });
  test("more than two of one host at a time: 429, and others are let in", async () => {
    const receiver = await receiverAt();
    const head = "PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    for (let n = 0; n < POLICY.atOncePerHost; n++) {
      const slow = await rawClient(receiver.port);
      await slow.send(head);
      await slow.seen("100 Continue");
    }
    expect((await send(receiver.url, heartbeat())).status).toBe(429);
    expect((await send(receiver.url, heartbeat({ host_id: "lab2" }))).status).toBe(200);
  });
  test("a directory that is a file: 500, a fault of ours", async () => {
    const receiver = await receiverAt();
    writeFileSync(join(receiver.dataRoot, "heartbeats"), "");
    const answer = await send(receiver.url, heartbeat());
    expect([answer.status, await answer.json()]).toMatchObject([500, { reason: "storage-failed" }]);
    expect(receiver.log.lines).toHaveLength(1);
    expect(receiver.log.lines[0]).toStartWith("error: cannot store the heartbeat of lab1: ");
    for (const path of ["/v1/hosts", "/v1/hosts/lab1"]) {
      const read = await get(receiver.url, path);
      expect([read.status, await read.json()]).toMatchObject([500, { reason: "storage-failed" }]);
    }
    expect(receiver.log.lines.slice(1)).toEqual([
      expect.stringMatching(/^error: cannot read the list of hosts: "ENOTDIR: /),
      expect.stringMatching(/^error: cannot read the latest heartbeat of lab1: "ENOTDIR: /),
    ]);
  });
});

test.skipIf(smallDiskMissing !== null)(
  `a full disk: 507, the latest as before, no torn row; stored again once there is room${smallDiskMissing === null ? "" : ` (${smallDiskMissing})`}`,
  async () => {
    using disk = smallDisk(1);
    const dir = join(disk.path, "heartbeats");
    const receiver = await receiverAt({
      deps: {
        heartbeats: { store: openHeartbeats(dir, keptLog()), admission: createHeartbeatAdmission(0, () => 1e15) },
      },
    });
    const large = (n: number) =>
      heartbeat({ sequence: n, uptime_s: 1000 + n, results: [result({ message: "x".repeat(150_000) })] });
    const statuses: number[] = [];
    for (let n = 1; n <= 10; n++) statuses.push((await send(receiver.url, large(n))).status);
    const stored = statuses.filter((status) => status === 200).length;
    expect(new Set(statuses)).toEqual(new Set([200, 507]));
    expect(receiver.log.lines.filter((line) => line.startsWith("warn: "))).toHaveLength(10 - stored);
    const rows = readFileSync(join(dir, "2026-05-01.jsonl"), "utf8").split("\n");
    expect(rows.pop()).toBe("");
    expect(rows.every((row) => JSON.parse(row).host_id === "lab1")).toBe(true);
    expect(rows.length).toBeGreaterThanOrEqual(stored);
    expect(JSON.parse(readFileSync(join(dir, "lab1.json"), "utf8")).heartbeat.sequence).toBe(stored);
    rmSync(join(dir, "2026-05-01.jsonl"));
    expect((await send(receiver.url, large(20))).status).toBe(200);
  },
);

test("a host whose file an operator removed is no longer listed", async () => {
  const receiver = await receiverAt();
  await send(receiver.url, heartbeat());
  await send(receiver.url, heartbeat({ host_id: "lab2" }));
  const listed = async () =>
    ((await (await get(receiver.url, "/v1/hosts")).json()) as { hosts: HostSummary[] }).hosts.map(({ host }) => host);
  expect(await listed()).toEqual(["lab1", "lab2"]);
  rmSync(join(receiver.dataRoot, "heartbeats/lab1.json"));
  expect(await listed()).toEqual(["lab2"]);
});
