// Who may write a heartbeat and who may read about hosts: by token, and by client certificate.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import type { HostView } from "../../../lib/fleet/host-view.ts";
import type { HostSummary } from "../../../lib/fleet/view.ts";
import { createTokenCheck, hashToken, parseTokenFile } from "../../../lib/receiver/access/auth.ts";
import { openTokenTable } from "../../../lib/receiver/access/token-table.ts";
import type { AppEnv } from "../../../lib/receiver/answering/answering.ts";
import { createHeartbeatAdmission } from "../../../lib/receiver/heartbeats/admission.ts";
import { addHostRoutes } from "../../../lib/receiver/heartbeats/hosts.ts";
import { addHeartbeatRoutes } from "../../../lib/receiver/heartbeats/routes.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { createRefusedBeats } from "../../../lib/receiver/refusals/refused-beats.ts";
import { ANY_EPISODE, cleanUp, IDENTITY, keptLog, ROOM, startReceiver, tempDir } from "../support.ts";
import { heartbeat, send, T0 } from "./support.ts";

afterEach(cleanUp);

const get = (url: string, path: string, headers: Record<string, string>): Promise<Response> =>
  fetch(`${url}${path}`, { headers, proxy: "" });

test.each([
  [["operator"], "/v1/hosts", 200],
  [["operator"], "/v1/hosts/lab1", 200],
  [["lab1"], "/v1/hosts/lab1", 200],
  [["lab1"], "/v1/hosts/lab2", 403],
  [["lab1"], "/v1/hosts", 403],
  [["lab2"], "/v1/heartbeats/lab1", 403],
  [["lab1"], "/v1/heartbeats/lab1", 200],
])("with a client certificate of %j alone: %s is %i", async (peerNames, path, status) => {
  const app = new Hono<AppEnv>();
  const store = openHeartbeats(join(tempDir(), "heartbeats"), keptLog());
  for (const host_id of ["lab1", "lab2"]) await store.put(heartbeat({ host_id }), null, T0);
  const admission = createHeartbeatAdmission(
    () => 0,
    () => ROOM,
  );
  const heartbeats = {
    store,
    admission,
    refused: createRefusedBeats(),
    listed: async (hosts: readonly HostSummary[]) => [...hosts],
    withRefusal: async (view: HostView) => view,
  };
  const deps = {
    heartbeats,
    log: keptLog(),
    checkToken: null,
    attempts: { add: () => undefined },
    refusals: { note: () => false },
    duplicates: { saw: () => undefined, find: () => null },
    knownHost: () => false,
    stopping: () => false,
    nowMs: () => T0,
    identity: () => IDENTITY,
    room: () => ROOM,
    rules: () => ANY_EPISODE,
  };
  addHeartbeatRoutes(app, deps);
  addHostRoutes(app, deps);
  const body = JSON.stringify(heartbeat({ sequence: 2, uptime_s: 1060 }));
  const put = { method: "PUT", body, headers: { "Content-Length": String(Buffer.byteLength(body)) } };
  expect((await app.request(path, path.includes("heartbeats") ? put : {}, { peerNames })).status).toBe(status);
});

describe("who may read", () => {
  async function withTokens() {
    const tokensDir = tempDir();
    for (const name of ["lab1", "lab2", "operator"])
      writeFileSync(join(tokensDir, name), `sha256:${hashToken(`token-${name}`).toString("hex")}\n`);
    chmodSync(tokensDir, 0o750);
    const tokens = openTokenTable(tokensDir, parseTokenFile);
    await tokens.look();
    const receiver = await startReceiver({
      deps: { nowMs: () => T0, checkToken: createTokenCheck(tokensDir, keptLog(), tokens) },
    });
    const as = (name: string) => ({ Authorization: `Bearer token-${name}` });
    for (const host_id of ["lab1", "lab2"]) {
      expect((await send(receiver.url, heartbeat({ host_id }), as(host_id))).status).toBe(200);
    }
    return { receiver, as };
  }
  test.each([
    ["/v1/hosts", "operator", 200],
    ["/v1/hosts/lab1", "operator", 200],
    ["/v1/hosts/none", "operator", 404],
    ["/v1/hosts", "lab1", 403],
    ["/v1/hosts/lab1", "lab1", 200],
    ["/v1/hosts/lab2", "lab1", 403],
    ["/v1/hosts/none", "lab1", 403],
    ["/v1/hosts", "nobody", 401],
    ["/v1/hosts/lab1", "nobody", 401],
  ])("%s with the token of %s: %i", async (path, name, status) => {
    const { receiver, as } = await withTokens();
    expect((await get(receiver.url, path, as(name))).status).toBe(status);
  });
  test("and who may write: a host under its own name, the operator under none", async () => {
    const { receiver, as } = await withTokens();
    expect((await send(receiver.url, heartbeat({ sequence: 2 }), as("lab2"))).status).toBe(403);
    expect((await send(receiver.url, heartbeat({ sequence: 2 }), as("operator"))).status).toBe(403);
    expect((await send(receiver.url, heartbeat({ host_id: "operator" }), as("operator"))).status).toBe(403);
    expect((await send(receiver.url, heartbeat({ sequence: 2 }))).status).toBe(401);
    expect(readdirSync(join(receiver.dataRoot, "heartbeats")).sort()).toEqual([
      "2026-05-01.jsonl",
      "lab1.json.zst",
      "lab2.json.zst",
    ]);
  });
});
