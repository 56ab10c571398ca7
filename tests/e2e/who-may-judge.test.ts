// Whom a host trusts, with the real executables: a fresh install by two settings, another collector, one that moved, boxes in
// between, and what a person gives up.

import { expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Fleet, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

const pinOf = (fleet: Fleet): string =>
  JSON.parse(readFileSync(join(fleet.hostData, "receiver-pin.json"), "utf8")).receiver_id;
const pin = (fleet: Fleet, ...args: string[]) =>
  fleet.runNow("shipper", ["pin", ...args, "--config", fleet.hostConfig]);

test("a fresh install by two settings ships an episode without a stamp: nothing is refused, nothing quarantined", async () => {
  await using fleet = new Fleet({ gate: " " });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "a.txt": "a" });
  expect(fleet.shipOnce().code).toBe(0);
  expect(fleet.rows()).toMatchObject([{ episode_id: "ep1", code_commit: null }]);
  expect([fleet.list("shipped"), fleet.list("quarantine")]).toEqual([["ep1"], []]);
  expect(pinOf(fleet)).toMatch(/^[0-9a-f]{32}$/);
});

test("another collector that takes our token stops the queue; a person's word, without a restart, sets it going", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "a.txt": "a" });
  expect(fleet.shipOnce().code).toBe(0);
  const trusted = pinOf(fleet);
  expect(pin(fleet).stdout).toContain(`trusts     ${trusted}`);
  await using other = new Fleet({ collectorData: join(fleet.directory, "other") });
  const elsewhere = await other.startReceiver();
  fleet.writeHostConfig(elsewhere.url, other.token);
  fleet.episode("ep2", { "a.txt": "b" });
  const shipper = fleet.startShipper();
  await until("the queue pauses", () => shipper.log().includes("another collector answers"), shipper);
  expect([fleet.list("episodes"), fleet.list("quarantine")]).toEqual([["ep2"], []]);
  const asked = pin(fleet);
  expect(asked.code).toBe(1);
  const command = /shipper pin --accept ([0-9a-f]{32})/.exec(shipper.log())?.[1] ?? "";
  expect(asked.stdout).toContain(`shipper pin --accept ${command}`);
  expect(pin(fleet, "--accept", command).code).toBe(0);
  await until("ep2 is shipped", () => fleet.list("shipped").length === 2, shipper);
  expect(JSON.parse(readFileSync(join(fleet.hostData, "receiver-pin.json"), "utf8"))).toMatchObject({
    receiver_id: command,
    source: "operator",
    before: [trusted],
  });
});

test("pin: a typo is one sentence; nobody there is said with its remedy", async () => {
  await using fleet = new Fleet();
  fleet.writeHostConfig("http://127.0.0.1:9");
  const typo = pin(fleet, "--accept", "12ab");
  expect({ code: typo.code, lines: typo.stderr.trim().split("\n").length }).toEqual({ code: 2, lines: 2 });
  expect(typo.stderr).toContain("a receiver's id is 32 digits");
  const nobody = pin(fleet, "--json");
  expect(nobody.code).toBe(3);
  const { trusted, answering } = JSON.parse(nobody.stdout);
  expect([trusted, answering.receiver_id]).toEqual([null, null]);
  expect(answering.trouble).toContain("127.0.0.1:9");
  expect(answering.trouble).not.toContain("fix: ");
  expect(answering.fix).toContain("receiver");
  expect(pin(fleet).stdout).toMatch(/^answers {4}.*, at http:\/\/127\.0\.0\.1:9; fix: /m);
});

/** A box in front of the receiver that answers some requests itself. */
async function box(target: string, answers: (method: string, url: string) => number | null): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    const status = answers(method, url);
    if (status !== null) return void response.writeHead(status, { Server: "waf" }).end("<html>no</html>");
    const { host: _, expect: __, connection: ___, ...rest } = headers;
    const passed = await fetch(target + url, {
      method,
      headers: rest as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    response.writeHead(passed.status, Object.fromEntries(passed.headers)).end(Buffer.from(await passed.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

test("a box that answers 403 to one episode only: that one waits alone, all others go", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(await box(receiver.url, (_, url) => (url.includes("ep0") ? 403 : null)));
  for (let i = 0; i < 5; i++) fleet.episode(`ep${i}`, { "a.txt": `${i}` });
  const shipper = fleet.startShipper();
  await until("the others are shipped", () => fleet.list("shipped").length === 4, shipper);
  expect([fleet.list("episodes"), fleet.list("quarantine")]).toEqual([["ep0"], []]);
  // The last one that is due, too: others went meanwhile, so it is no witness against the way.
  const tries = (): number => shipper.log().split("not shipped yet: ").length - 1;
  await until("it was tried again, and again", () => tries() > 5, shipper);
  // The daemon's report is a second old at most, and does not name an episode twice that is being sent.
  const line = /^waiting {4}ep0, since \S+: .* 403 from "waf", not the receiver; fix: /m;
  let text = "";
  const status = async (): Promise<string> => {
    text = await new Response(fleet.spawn("shipper", ["status", "--config", fleet.hostConfig]).stdout).text();
    return text;
  };
  await until("status says so", async () => line.test(await status()), shipper);
  expect(text).toMatch(/1 waits alone since .*, 4 others went: /);
  expect(text + shipper.log()).not.toMatch(/paused/i);
});

test("boxes with a bare 400, 411, 413, 431, or a page with 200 or 409: nothing is quarantined, nothing counts as shipped", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  let status = 200;
  fleet.writeHostConfig(await box(receiver.url, () => status));
  for (let i = 0; i < 4; i++) fleet.episode(`ep${i}`, { "a.txt": `${i}` });
  for (status of [200, 400, 409, 411, 413, 431]) {
    // Not at once: the box is in this process.
    const once = fleet.start("shipper", ["once", "--config", fleet.hostConfig]);
    expect(await once.ended()).toBe(3);
    expect([fleet.list("shipped"), fleet.list("quarantine"), fleet.list("episodes").length]).toEqual([[], [], 4]);
  }
});

test("what was refused as another episode is given up by name, after asking; its note stays", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep", { "a.txt": "first" });
  expect(fleet.shipOnce().code).toBe(0);
  rmSync(join(fleet.hostData, "shipped/ep"), { recursive: true });
  fleet.episode("ep", { "a.txt": "second" });
  expect(fleet.shipOnce().code).toBe(3);
  expect(fleet.list("quarantine")).toEqual(["ep"]);
  const discard = (...args: string[]) => fleet.runNow("shipper", ["discard", ...args, "--config", fleet.hostConfig]);
  expect(discard("typo").code).toBe(2);
  const unasked = discard("ep");
  expect({ code: unasked.code, kept: fleet.list("quarantine") }).toEqual({ code: 2, kept: ["ep"] });
  expect(unasked.stdout).toContain("ep  ");
  expect(unasked.stderr).toContain("say --yes");
  expect(discard("--reason", "conflict", "--older-than", "1").stdout).toContain("0 in quarantine/");
  const done = discard("ep", "--yes");
  expect({ code: done.code, left: fleet.list("quarantine") }).toEqual({ code: 0, left: [] });
  const removed = join(fleet.hostData, "removed.jsonl");
  expect(JSON.parse(readFileSync(removed, "utf8"))).toMatchObject({
    name: "ep",
    why: "discarded",
    note: { reason: "conflict" },
  });
  expect(statSync(removed).mode & 0o777).toBe(0o640);
});

test("rejections of an older release that were our own fault go back to the queue at the start, and are shipped", async () => {
  await using fleet = new Fleet({ gate: " " });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  const directory = join(fleet.hostData, "quarantine/ep");
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of [
    ["data.bin", "data"],
    ["done.marker", ""],
  ] as const)
    writeFileSync(join(directory, name), text);
  const note = {
    labfleet: 1,
    episode_id: "ep",
    fingerprint: "f",
    reason: "missing-commit",
    status: 400,
    prunable: true,
  };
  writeFileSync(join(directory, "rejection.json"), JSON.stringify({ ...note, at: "2026-05-01T00:00:00.000Z" }));
  const shipper = fleet.startShipper();
  await until("it is shipped", () => fleet.list("shipped").length === 1, shipper);
  expect(shipper.log()).toContain("queued again: an older release took a fault of this host or of the path");
  expect(existsSync(directory)).toBe(false);
});
