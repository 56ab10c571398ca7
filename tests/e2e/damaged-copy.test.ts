// An archive that rots on the collector: its host, which has the last good copy, keeps it; both say so, with what mends it; and what
// they say mends it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, HOST, type Tool, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

const REPAIR =
  "sudo systemctl stop labfleet-receiver && sudo receiver verify --repair; sudo systemctl start labfleet-receiver";

async function stop(tool: Tool): Promise<void> {
  tool.process.kill("SIGTERM");
  expect(await tool.ended()).toBe(0);
}

/** The receiver's days go on, while nothing of the host runs: what is shipped is due. */
function daysPass(fleet: Fleet): void {
  const path = join(fleet.hostData, "receiver-days.json");
  const count = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...count, days: count.days + 30 }));
}

const times = (text: string, part: string): number => text.split(part).length - 1;

test("a flipped byte costs no episode: the host keeps its copy, and after a repair it is stored again", async () => {
  await using fleet = new Fleet({
    shipperKeys: "quarantine_cleanup_interval_s = 0.2",
    retention: "keep_local_for_days = 7",
  });
  const first = await fleet.startReceiver();
  fleet.writeHostConfig(first.url);
  for (const id of ["ep1", "ep2"]) fleet.episode(id, { "data.bin": id.repeat(1000) });
  expect(fleet.shipOnce().code).toBe(0);
  expect(fleet.list("shipped")).toEqual(["ep1", "ep2"]);
  const archive = join(fleet.collectorData, `episodes/${HOST}/ep1.tar.zst`);
  const good = readFileSync(archive);
  const bad = Buffer.from(good);
  bad[20] = (bad[20] ?? 0) ^ 1;
  writeFileSync(archive, bad);
  daysPass(fleet);

  const shipper = fleet.startShipper();
  const kept =
    "stays in shipped/: the receiver does not vouch for its copy (503), which is damaged or cannot be read episode=ep1; fix: on the collector: sudo receiver verify";
  await until("the host says that it keeps its copy", () => shipper.log().includes(kept), shipper);
  await until("what is sound goes", () => !fleet.list("shipped").includes("ep2"), shipper);
  await stop(shipper);
  expect(fleet.list("shipped")).toEqual(["ep1"]);
  // The two go beside each other, and either may be first.
  const row = fleet.rows().find(({ episode_id }) => episode_id === "ep1");
  const damaged = `${archive} has sha256 ${new Bun.CryptoHasher("sha256").update(bad).digest("hex")}, its index row says ${row?.sha256}: its bytes changed since it was stored; fix: ${REPAIR}`;
  expect([times(first.log(), damaged), times(shipper.log(), "stays in shipped/")]).toEqual([1, 1]);

  await stop(first);
  const repaired = fleet.runNow("receiver", ["verify", "--repair", "--config", fleet.collectorConfig]);
  expect([repaired.code, fleet.stored()]).toEqual([1, ["ep2.tar.zst"]]);
  const second = await fleet.startReceiver();
  fleet.writeHostConfig(second.url);
  const again = fleet.startShipper();
  await until("it is stored again", () => fleet.stored().includes("ep1.tar.zst"), again);
  expect(readFileSync(archive).equals(good)).toBe(true);
  await until("it is shipped again", () => again.log().includes("receipt=stored"), again);
  await stop(again);
  await stop(second);
  const sound = fleet.runNow("receiver", ["verify", "--config", fleet.collectorConfig]);
  expect([sound.code, fleet.rows().length]).toEqual([0, 2]);
});
