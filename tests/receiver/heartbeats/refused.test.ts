// Heartbeats that are not taken, over real sockets: the status, the reason, one line in the log, and nothing on the disk.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHeartbeatAdmission } from "../../../lib/receiver/heartbeats/admission.ts";
import { POLICY } from "../../../lib/receiver/heartbeats/decide.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { createRefusedBeats } from "../../../lib/receiver/refusals/refused-beats.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { cleanUp, keptLog, ROOM, rawClient, rawStatus, until } from "../support.ts";
import { get, heartbeat, readStored, receiverAt, result, send } from "./support.ts";

afterEach(cleanUp);

describe("refused, with one line in the log:", () => {
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
  test.each([
    ["/v1/heartbeats/a%2fb", "PUT", "the path must be /v1/heartbeats/<host>"],
    ["/v1/hosts/a%2fb", "GET", "the path must be /v1/hosts/<host>"],
    ["/v1/episodes/a%2fb", "GET", "the path must be /v1/episodes/<host>/<id>.tar.zst"],
  ])("%s, with a title that holds for it", async (path, method, detail) => {
    const { url } = await receiverAt();
    const answer = await fetch(`${url}${path}`, { method, proxy: "", ...(method === "PUT" && { body: "{}" }) });
    const problem = { title: "Malformed path", status: 400, reason: "malformed-path", detail };
    expect(await answer.json()).toMatchObject(problem);
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
  test("a directory that is a file: 500, a fault of ours, and not said of each heartbeat", async () => {
    const receiver = await receiverAt();
    writeFileSync(join(receiver.dataRoot, "heartbeats"), "");
    const answer = await send(receiver.url, heartbeat());
    expect([answer.status, await answer.json()]).toMatchObject([500, { reason: "storage-failed" }]);
    for (const host_id of ["lab1", "lab2"]) expect((await send(receiver.url, heartbeat({ host_id }))).status).toBe(500);
    expect(receiver.log.lines).toEqual([
      expect.stringMatching(/^error: cannot store the heartbeat of lab1: ".*"; said once an hour, of whichever host$/),
    ]);
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
        heartbeats: {
          store: openHeartbeats(dir, keptLog()),
          admission: createHeartbeatAdmission(
            () => 0,
            () => ROOM,
          ),
          refused: createRefusedBeats(),
          listed: async (hosts) => [...hosts],
          withRefusal: async (view) => view,
        },
      },
    });
    const large = (n: number) =>
      heartbeat({
        sequence: n,
        uptime_s: 1000 + n,
        results: [result({ status: n % 2 === 0 ? "ok" : "critical", message: "x".repeat(150_000) })],
      });
    const statuses: number[] = [];
    for (let n = 1; n <= 10; n++) statuses.push((await send(receiver.url, large(n))).status);
    const stored = statuses.filter((status) => status === 200).length;
    expect(new Set(statuses)).toEqual(new Set([200, 507]));
    expect(receiver.log.lines.filter((line) => line.startsWith("warn: "))).toHaveLength(10 - stored);
    const rows = readFileSync(join(dir, "2026-05-01.jsonl"), "utf8").split("\n");
    expect(rows.pop()).toBe("");
    expect(rows.every((row) => JSON.parse(row).host_id === "lab1")).toBe(true);
    expect(rows.length).toBeGreaterThanOrEqual(stored);
    // A smaller row may find room where a larger one did not.
    expect(readStored(dir, "lab1").heartbeat.sequence).toBe(statuses.lastIndexOf(200) + 1);
    rmSync(join(dir, "2026-05-01.jsonl"));
    expect((await send(receiver.url, large(20))).status).toBe(200);
  },
);
