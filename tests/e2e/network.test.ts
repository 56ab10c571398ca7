// Network faults between the real executables, made by a proxy: each ends with the episode delivered exactly once and
// its contents intact, or not acknowledged at all.

import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { Fleet, type FleetOptions, HOST, type Tool, until } from "../support/fleet.ts";
import { restFaults, sha256 } from "../support/oracle.ts";

setDefaultTimeout(180_000);

interface Scene extends AsyncDisposable {
  fleet: Fleet;
  proxy: FaultProxy;
  receiver: Tool;
  shipper: Tool;
  expectDelivered(): Promise<void>;
}

/** A fleet with one episode of 2 MB on its way through a proxy with a fault. */
async function scene(fault: Fault, options: FleetOptions = {}): Promise<Scene> {
  const fleet = new Fleet(options);
  const receiver = await fleet.startReceiver();
  const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: receiver.port }, fault });
  fleet.writeHostConfig(`http://127.0.0.1:${proxy.port}`);
  const content = randomBytes(2_000_000);
  fleet.episode("ep1", { "data.bin": content });
  const shipper = fleet.startShipper();
  return {
    fleet,
    proxy,
    receiver,
    shipper,
    async expectDelivered() {
      await until(
        "the episode is delivered",
        () => fleet.list("shipped").length === 1 && fleet.list("outbox").length === 0,
        shipper,
      );
      expect(restFaults(fleet, new Map([["ep1", new Map([["data.bin", sha256(content)]])]]))).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      await fleet[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

for (const by of ["reset", "fin"] as const) {
  test(`cut in the middle of the body (${by}): nothing of it stays, the next try delivers`, async () => {
    await using s = await scene({ kind: "cut-up", afterBytes: 700_000, by });
    await until("two tries were cut", () => s.proxy.hits === 2, s.shipper);
    s.proxy.setFault({ kind: "none" });
    await s.expectDelivered();
    const attempts = (): string[] => s.fleet.attempts().map(({ status, reason }) => `${status} ${reason}`);
    await until("the attempts are written", () => attempts().includes("201 stored"), s.receiver);
    expect(attempts()).toEqual(["499 client-gone", "499 client-gone", "201 stored"]);
  });
}

test("cut after the commit and before the answer: the second try learns that it is there, without sending it again", async () => {
  await using s = await scene({ kind: "cut-before-answer", times: 1 });
  await s.expectDelivered();
  expect(s.proxy.hits).toBe(1);
  expect(s.shipper.log()).toContain("receipt=duplicate");
  // Once the body, then only headers.
  expect(s.proxy.bytesUp).toBeLessThan(2_100_000);
});

test("black hole: given up after the stall time-out, delivered when the link is back", async () => {
  await using s = await scene({ kind: "black-hole" }, { shipperKeys: "request_timeout_s = 0.5" });
  await until("the shipper gave up", () => s.shipper.log().includes('reason="stalled '), s.shipper);
  expect(s.fleet.list("quarantine")).toEqual([]);
  s.proxy.setFault({ kind: "none" });
  await s.expectDelivered();
});

test("one flipped bit: refused by digest, packed and sent again, never stored damaged", async () => {
  await using s = await scene({ kind: "flip-bit", offset: 1_000_000, times: 2 });
  await s.expectDelivered();
  await until("the attempts are written", () => s.fleet.attempts().length === 3, s.receiver);
  expect(s.fleet.attempts().map(({ status, reason }) => `${status} ${reason}`)).toEqual([
    "400 digest-mismatch",
    "400 digest-mismatch",
    "201 stored",
  ]);
});

test("three bytes a second: cut by the receiver's minimum rate, delivered when the link is good", async () => {
  await using s = await scene(
    { kind: "throttle", bytesPerSecond: 3 },
    { limits: "min_rate_window_s = 1\nheader_timeout_s = 1" },
  );
  await until("the shipper was cut off", () => /not shipped yet/.test(s.shipper.log()), s.shipper);
  expect(s.fleet.list("quarantine")).toEqual([]);
  expect(s.fleet.stored()).toEqual([]);
  s.proxy.setFault({ kind: "none" });
  await s.expectDelivered();
});

/** A receiver with TLS, and a shipper that trusts `trusted`. */
async function tlsScene(
  trusted: "right" | "wrong",
  expired = false,
  clientName = HOST,
): Promise<{ fleet: Fleet; shipper: Tool }> {
  const fleet = new Fleet();
  const right = makeAuthority(join(fleet.directory, "right"));
  const wrong = makeAuthority(join(fleet.directory, "wrong"));
  const server = right.issue("collector", { san: "DNS:localhost,IP:127.0.0.1", days: expired ? -1 : 30 });
  const client = right.issue(clientName, { san: `DNS:${clientName}` });
  Object.assign(fleet.options, {
    collectorTables: `[tls]\ncertificate = "${server.certFile}"\nkey = "${server.keyFile}"\nclient_ca = "${right.certFile}"`,
    receiverKeys: `ca_bundle = "${(trusted === "right" ? right : wrong).certFile}"\nclient_cert = "${client.certFile}"\nclient_key = "${client.keyFile}"`,
  });
  fleet.writeCollectorConfig();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url.replace("http:", "https:"));
  fleet.episode("ep1", { "data.bin": randomBytes(300_000) });
  return { fleet, shipper: fleet.startShipper() };
}

test("mutual TLS: delivered with the right certificates on both sides", async () => {
  const { fleet, shipper } = await tlsScene("right");
  await using _ = fleet;
  await until("it is shipped", () => fleet.list("shipped").length === 1, shipper);
  expect(fleet.stored()).toEqual(["ep1.tar.zst"]);
});

for (const [name, trusted, expired, client] of [
  ["a certificate of an unknown authority", "wrong", false, HOST],
  ["an expired certificate", "right", true, HOST],
  ["our own certificate in another host's name", "right", false, "lab2"],
] as const) {
  test(`${name}: the queue pauses and says so, nothing is sent, nothing is quarantined`, async () => {
    const { fleet, shipper } = await tlsScene(trusted, expired, client);
    await using _ = fleet;
    await until("the queue pauses", () => shipper.log().includes("queue paused"), shipper);
    expect(fleet.list("quarantine")).toEqual([]);
    expect(fleet.list("episodes")).toEqual(["ep1"]);
    expect(fleet.stored()).toEqual([]);
  });
}

test("a receiver that says when to come again: `status` says so, as text and as JSON, though its clock is years ahead", async () => {
  await using fleet = new Fleet();
  const date = (atMs: number): string => new Date(Date.UTC(2038, 0, 1) + atMs).toUTCString();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("", { status: 503, headers: { Date: date(0), "Retry-After": date(1_800_000) } }),
  });
  fleet.writeHostConfig(`http://127.0.0.1:${server.port}`);
  fleet.episode("ep1", { "data.bin": randomBytes(1000) });
  const begunMs = Date.now();
  const shipper = fleet.startShipper();
  const status = (...args: string[]) =>
    fleet.runNow("shipper", ["status", ...args, "--config", fleet.hostConfig]).stdout;
  await until("the shipper is ready", () => shipper.log().includes("ready"), shipper);
  await until("status knows of the pause", () => JSON.parse(status("--json")).live?.paused != null, shipper);
  const { next_try_at } = JSON.parse(status("--json")).live.paused;
  expect(Date.parse(next_try_at) - begunMs).toBeGreaterThanOrEqual(1_800_000);
  expect(Date.parse(next_try_at) - Date.now()).toBeLessThanOrEqual(1_800_000);
  expect(status()).toContain(`PAUSED, next try ${next_try_at.slice(11, 16)}: `);
});
