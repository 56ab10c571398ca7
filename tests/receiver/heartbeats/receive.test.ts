// Heartbeats over real sockets: what is answered, and what is on the disk then.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostSummary } from "../../../lib/fleet/view.ts";
import { POLICY } from "../../../lib/receiver/heartbeats/decide.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { cleanUp, IDENTITY, keptLog, rawClient, type TestReceiver, tempDir } from "../support.ts";
import { get, heartbeat, readStored, receiverAt, result, send, T0 } from "./support.ts";

afterEach(cleanUp);

const latest = (receiver: TestReceiver, host = "lab1"): Record<string, unknown> => ({
  ...readStored(join(receiver.dataRoot, "heartbeats"), host),
});
const dayRows = (receiver: TestReceiver, day = "2026-05-01"): Record<string, unknown>[] =>
  readFileSync(join(receiver.dataRoot, "heartbeats", `${day}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("a heartbeat", () => {
  test("is stored as the latest and as a row of the day it came, as it was sent", async () => {
    const receiver = await receiverAt();
    const body = heartbeat({ results: [result({ status: "critical" })], unknown_field: { x: [1] } });
    const answer = await send(receiver.url, body);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: "stored", received_at_wall: "2026-05-01T12:00:00.000000+00:00", receiver_id: IDENTITY.id },
    ]);
    expect(latest(receiver)).toMatchObject({ heartbeat: body, skew_s: 0, late_s: 0, states: [{ attempts: 1 }] });
    expect(dayRows(receiver)).toEqual([
      { ...body, kind: "sample", received_at_wall: "2026-05-01T12:00:00.000000+00:00" },
    ]);
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
  test("whose body is slow does not take the place of a newer one that came meanwhile", async () => {
    const receiver = await receiverAt();
    const slow = heartbeat({
      sequence: 2,
      uptime_s: 1060,
      sent_at: "2026-05-01T12:00:00Z",
      results: [result({ run: 2, status: "critical" })],
    });
    const body = JSON.stringify(slow);
    const client = await rawClient(receiver.port);
    await client.send(
      `PUT /v1/heartbeats/lab1 HTTP/1.1\r\nHost: x\r\nDate: Fri, 01 May 2026 12:00:00 GMT\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await client.seen("100 Continue");
    receiver.clock.ms += 1000;
    const newer = heartbeat({
      sequence: 3,
      uptime_s: 1061,
      sent_at: "2026-05-01T12:00:01Z",
      results: [result({ run: 3 })],
    });
    expect(await (await send(receiver.url, newer)).json()).toMatchObject({ status: "stored" });
    receiver.clock.ms += 2000;
    await client.send(body);
    await client.seen('"status":"old"');
    // It counts from when its request began.
    expect(client.text()).toContain('"received_at_wall":"2026-05-01T12:00:00.000000+00:00"');
    expect(latest(receiver)).toMatchObject({
      received_at_wall: "2026-05-01T12:00:01.000000+00:00",
      heartbeat: { sequence: 3 },
      states: [{ status: "ok", attempts: 0 }],
    });
    expect(dayRows(receiver)).toMatchObject([{ sequence: 3 }, { sequence: 2, old: true }]);
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
  test("that is live may bring what ran long before: it is shown as old as that, and counts from now", async () => {
    const receiver = await receiverAt();
    const before = result({ started_at: "2026-05-01T09:00:00Z", duration_ms: 5000, ttl_s: 86_400 });
    await send(receiver.url, heartbeat({ results: [before] }));
    receiver.clock.ms += 6000;
    expect(await (await get(receiver.url, "/v1/hosts/lab1")).json()).toMatchObject({
      late_s: 0,
      heartbeat: { age_s: 6, results: [{ status: "ok", stale: false, age_s: 10_795 + 6 }] },
    });
    expect(latest(receiver)).toMatchObject({
      states: [{ as_of_wall: "2026-05-01T12:00:00.000000+00:00", lag_s: 10_795 }],
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
    writeFileSync(join(receiver.dataRoot, "heartbeats/lab1.json.zst"), "\0\0\0");
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

test("a host whose file an operator removed is no longer listed", async () => {
  const receiver = await receiverAt();
  await send(receiver.url, heartbeat());
  await send(receiver.url, heartbeat({ host_id: "lab2" }));
  const listed = async () =>
    ((await (await get(receiver.url, "/v1/hosts")).json()) as { hosts: HostSummary[] }).hosts.map(({ host }) => host);
  expect(await listed()).toEqual(["lab1", "lab2"]);
  rmSync(join(receiver.dataRoot, "heartbeats/lab1.json.zst"));
  expect(await listed()).toEqual(["lab2"]);
});
