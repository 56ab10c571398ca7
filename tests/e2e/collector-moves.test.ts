// What becomes of a store's identity when collectors are restored, moved, shared and copied; and that no episode is lost for it.

import { expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { Fleet, HOST, type Tool, until } from "../support/fleet.ts";
import { acknowledgedFaults } from "../support/oracle.ts";

setDefaultTimeout(180_000);

const idOf = (fleet: Fleet): string => readFileSync(join(fleet.collectorData, "receiver-id"), "utf8").slice(0, 32);
const identity = (fleet: Fleet, ...args: string[]) =>
  fleet.runNow("receiver", ["identity", ...args, "--config", fleet.collectorConfig]);

const pinOf = (fleet: Fleet): unknown => JSON.parse(readFileSync(join(fleet.hostData, "receiver-pin.json"), "utf8"));

/** The receiver's days go on, while nothing of the host runs. */
function daysPass(fleet: Fleet, days: number): void {
  const path = join(fleet.hostData, "receiver-days.json");
  const count = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...count, days: count.days + days }));
}

async function stop(tool: Tool): Promise<void> {
  tool.process.kill("SIGTERM");
  expect(await tool.ended()).toBe(0);
}

/** Ships what is finished; returns what became shipped. */
function ship(fleet: Fleet, url: string, id: string): string[] {
  fleet.writeHostConfig(url);
  fleet.episode(id, { "data.bin": id.repeat(1000) });
  const { code, stderr } = fleet.shipOnce();
  expect(code, stderr).toBe(0);
  return fleet.list("shipped");
}

/** HEAD of an episode, as a shipper asks before it removes its own copy. */
async function head(fleet: Fleet, url: string, id: string): Promise<[status: number, id: string | null]> {
  const headers = { Authorization: `Bearer ${fleet.token}` };
  const answer = await fetch(`${url}/v1/episodes/${HOST}/${id}.tar.zst`, { method: "HEAD", headers, proxy: "" });
  return [answer.status, answer.headers.get("x-labfleet-receiver-id")];
}

test("restored from a backup: the line of the docs sends again at once what came after it, and nothing else is moved", async () => {
  await using fleet = new Fleet();
  const first = await fleet.startReceiver();
  ship(fleet, first.url, "old");
  utimesSync(join(fleet.hostData, "shipped/old"), 1_700_000_000, 1_700_000_000);
  await stop(first);
  const backup = join(fleet.directory, "backup");
  cpSync(fleet.collectorData, backup, { recursive: true });
  const second = await fleet.startReceiver();
  ship(fleet, second.url, "new");
  await stop(second);
  rmSync(fleet.collectorData, { recursive: true });
  cpSync(backup, fleet.collectorData, { recursive: true });
  const third = await fleet.startReceiver();
  for (const name of [".pruned-x", "new~1"]) mkdirSync(join(fleet.hostData, "shipped", name));
  const docs = readFileSync(join(import.meta.dir, "../../docs/operating.md"), "utf8");
  const line = /with the time of the backup: `sudo (find [^`]+)`/.exec(docs)?.[1] ?? "";
  const here = line.replaceAll("/var/lib/labfleet/data", fleet.hostData);
  expect(Bun.spawnSync(["sh", "-ec", here]).exitCode).toBe(0);
  expect([fleet.list("episodes"), fleet.list("shipped")]).toEqual([["new"], [".pruned-x", "new~1", "old"]]);
  fleet.writeHostConfig(third.url);
  expect(fleet.shipOnce().code).toBe(0);
  expect(fleet.stored()).toEqual(["new.tar.zst", "old.tar.zst"]);
  expect(acknowledgedFaults(fleet)).toEqual([]);
});

test("restored from last week's backup: the same store, which says that it lacks a week", async () => {
  await using fleet = new Fleet();
  const first = await fleet.startReceiver();
  const id = idOf(fleet);
  expect(ship(fleet, first.url, "old")).toEqual(["old"]);
  await stop(first);
  const backup = join(fleet.directory, "backup");
  cpSync(fleet.collectorData, backup, { recursive: true });
  const second = await fleet.startReceiver();
  expect(ship(fleet, second.url, "new")).toEqual(["new", "old"]);
  await stop(second);
  rmSync(fleet.collectorData, { recursive: true });
  cpSync(backup, fleet.collectorData, { recursive: true });
  // A backup that leaves out what begins with a dot.
  rmSync(join(fleet.collectorData, "episodes/.receiver-id"));
  const third = await fleet.startReceiver();
  expect(idOf(fleet)).toBe(id);
  expect(await head(fleet, third.url, "old")).toEqual([200, id]);
  expect(await head(fleet, third.url, "new")).toEqual([404, id]);
  expect(third.log()).toContain("was missing: written again");
  // Its host goes on with it as before.
  expect(ship(fleet, third.url, "newer")).toEqual(["new", "newer", "old"]);
  expect(fleet.runNow("receiver", ["verify", "--config", fleet.collectorConfig]).code).toBe(0);
  expect(acknowledgedFaults(fleet)).toEqual(["new: acknowledged, but not stored", "new: 0 rows"]);
  // Thirty days later its copies are due: what the collector lacks goes to it again, and only what it has is removed.
  daysPass(fleet, 30);
  fleet.options.shipperKeys = "quarantine_cleanup_interval_s = 1";
  fleet.writeHostConfig(third.url);
  const shipper = fleet.startShipper();
  await until("what it lacks is there again", () => fleet.stored().includes("new.tar.zst"), shipper);
  await until("the others are removed, and it is kept anew", () => fleet.list("shipped").join() === "new", shipper);
  expect(shipper.log()).toContain("queued again: the receiver had it once and has it no more");
  expect(acknowledgedFaults(fleet)).toEqual([]);
  expect(fleet.rows().map((row) => row.episode_id)).toEqual(["old", "newer", "new"]);
  await stop(shipper);
});

test("moved, and over TLS: its host follows by itself, says so, and ships on", async () => {
  const certificates = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  onTestFinished(() => rmSync(certificates, { recursive: true }));
  const ca = makeAuthority(certificates);
  const { certFile, keyFile } = ca.issue("collector", { san: "IP:127.0.0.1" });
  const secure = {
    collectorTables: `[tls]\ncertificate = "${certFile}"\nkey = "${keyFile}"`,
    receiverKeys: `ca_bundle = "${ca.certFile}"`,
  };
  const overTls = ({ url }: { url: string }): string => url.replace("http:", "https:");
  await using old = new Fleet(secure);
  const first = await old.startReceiver();
  expect(ship(old, overTls(first), "before")).toEqual(["before"]);
  expect(pinOf(old)).toMatchObject({ receiver_id: idOf(old), source: "receipt", before: [] });
  const shipper = old.startShipper();
  await until("the shipper is at work", () => shipper.log().includes("ready"), shipper);
  await stop(first);

  await using moved = new Fleet(secure);
  const second = await moved.startReceiver();
  expect(identity(moved, "--succeeds", idOf(old)).code).toBe(0);
  await stop(second);
  const third = await moved.startReceiver();
  old.writeHostConfig(overTls(third), moved.token);
  shipper.process.kill("SIGHUP");
  old.episode("after", { "data.bin": "after" });
  await until("it is shipped", () => old.list("shipped").length === 2, shipper);
  expect(moved.stored()).toEqual(["after.tar.zst"]);
  expect(shipper.log()).toContain(
    `the collector moved: it follows ${idOf(old)}, which this host trusted, and is trusted now`,
  );
  expect(pinOf(old)).toMatchObject({ receiver_id: idOf(moved), source: "successor", before: [idOf(old)] });
  await stop(shipper);
});

test("moved to another machine without its data: it says whom it follows, from one second to the next", async () => {
  await using old = new Fleet();
  const oldReceiver = await old.startReceiver();
  await stop(oldReceiver);
  await using moved = new Fleet();
  const receiver = await moved.startReceiver();
  expect(idOf(moved)).not.toBe(idOf(old));
  const succeeds = async (): Promise<string | null> =>
    (await fetch(`${receiver.url}/v1/hosts`, { proxy: "" })).headers.get("x-labfleet-receiver-succeeds");
  expect(await succeeds()).toBeNull();
  expect(identity(moved, "--succeeds", idOf(old)).code).toBe(0);
  const other = idOf(old);
  await until("it says whom it follows", async () => (await succeeds()) === other);
  await stop(receiver);
  const again = await moved.startReceiver();
  expect((await fetch(`${again.url}/healthz`, { proxy: "" })).headers.get("x-labfleet-receiver-succeeds")).toBe(
    idOf(old),
  );
});

test("two receivers of one store have one name, and only one of them is at work", async () => {
  await using one = new Fleet();
  await using other = new Fleet({ collectorData: one.collectorData });
  const first = await one.startReceiver();
  expect(ship(one, first.url, "a")).toEqual(["a"]);
  expect(other.runNow("receiver", ["--config", other.collectorConfig])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining("another receiver is at work"),
  });
  const id = idOf(one);
  await stop(first);
  const second = await other.startReceiver();
  expect(await head(other, second.url, "a")).toEqual([200, id]);
});

test("a data root that was copied by mistake: one name, two stores; each says what it has, and the copy can become its own", async () => {
  await using fleet = new Fleet();
  const original = await fleet.startReceiver();
  const id = idOf(fleet);
  expect(ship(fleet, original.url, "before")).toEqual(["before"]);
  await stop(original);
  await using copy = new Fleet({ collectorData: join(fleet.directory, "copy") });
  cpSync(fleet.collectorData, copy.collectorData, { recursive: true });
  const again = await fleet.startReceiver();
  const copied = await copy.startReceiver();
  expect(ship(fleet, again.url, "after")).toEqual(["after", "before"]);
  expect(await head(fleet, again.url, "after")).toEqual([200, id]);
  expect(await head(copy, copied.url, "after")).toEqual([404, id]);
  expect(await head(copy, copied.url, "before")).toEqual([200, id]);
  expect(acknowledgedFaults(fleet)).toEqual([]);
  expect(identity(copy, "--new")).toMatchObject({ code: 3 });
  await stop(copied);
  expect(identity(copy, "--new").code).toBe(0);
  const own = await copy.startReceiver();
  expect(idOf(copy)).not.toBe(id);
  expect(await head(copy, own.url, "before")).toEqual([200, idOf(copy)]);
});

test("killed between its two files at the first start, it is one store all the same", async () => {
  await using fleet = new Fleet({ flavour: "failpoints" });
  const killed = fleet.start("receiver", ["--config", fleet.collectorConfig], {
    LABFLEET_FAILPOINT: "receiver.between-identity-files",
  });
  expect(await killed.ended()).toBe(137);
  const id = idOf(fleet);
  const receiver = await fleet.startReceiver();
  await until("it says so", () => receiver.log().includes(`this store is still ${id}`), receiver);
  expect(readFileSync(join(fleet.collectorData, "episodes/.receiver-id"), "utf8")).toBe(`${id}\n`);
});
