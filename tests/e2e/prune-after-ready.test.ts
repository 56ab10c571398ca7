// The removal of shipped episodes holds up neither the start nor the queue: a collector that never says whether it has one keeps
// the shipper from nothing else.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PIN_FILE } from "../../lib/contract/receiver-pin.ts";
import { unixReceiver } from "../support/datagrams.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { shipped } from "../support/housekeeper.ts";
import { makeDirs } from "../support/lab-host.ts";
import { COLLECTOR_ID } from "../support/scripted-collector.ts";

setDefaultTimeout(180_000);

const DAY_MS = 86_400_000;

test("it begins after READY, and a new episode is sent while it waits for its first answer", async () => {
  await using fleet = new Fleet({ shipperKeys: "request_timeout_s = 3600" });
  const asked: string[] = [];
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async ({ method, url }) => {
      asked.push(`${method} ${new URL(url).pathname}`);
      return method === "HEAD" ? await new Promise<Response>(() => {}) : new Response("", { status: 503 });
    },
  });
  const dirs = makeDirs(fleet.hostData);
  writeFileSync(join(fleet.hostData, PIN_FILE), JSON.stringify({ receiver_id: COLLECTOR_ID }));
  const at = (ageMs: number) => ({
    receiver_day: undefined,
    received_at_wall: new Date(Date.now() - ageMs).toISOString(),
  });
  shipped(dirs, "old", at(30 * DAY_MS));
  // By this one the host's clock may be trusted.
  shipped(dirs, "young", at(0));
  fleet.writeHostConfig(`http://127.0.0.1:${server.port}`);
  mkdirSync(join(fleet.directory, "n"));
  const notify = join(fleet.directory, "n/socket");
  const systemd = await unixReceiver(notify);
  const shipper = fleet.startShipper({ NOTIFY_SOCKET: notify });
  for (let isReady = false; !isReady; ) isReady = (await systemd.next()).includes("READY=1");
  await until("the receiver is asked", () => asked.includes(`HEAD /v1/episodes/${HOST}/old.tar.zst`), shipper);
  fleet.episode("ep1", { "data.bin": "new" });
  await until("the new one is sent", () => asked.includes(`PUT /v1/episodes/${HOST}/ep1.tar.zst`), shipper);
  expect(fleet.list("shipped")).toEqual(["old", "young"]);
});
