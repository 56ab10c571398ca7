// A data root that goes away under a running shipper, comes back, is cleared, or is replaced by another one: with the executables.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Fleet, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

test("a disk that is pulled is said, nothing is made in its place, and what it holds is shipped when it is back", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("before", { "a.txt": "a" });
  const shipper = fleet.startShipper();
  await until("the first is shipped", () => fleet.list("shipped").includes("before"), shipper);
  const pulled = `${fleet.hostData}.pulled`;
  renameSync(fleet.hostData, pulled);
  mkdirSync(fleet.hostData);
  const said =
    "the data root has gone while the shipper was at work: an empty directory stands there; fix: put its disk back";
  await until("it is said", () => shipper.log().includes(said), shipper);
  expect(readdirSync(fleet.hostData)).toEqual([]);
  const { code, stderr } = fleet.runNow("shipper", ["status", "--config", fleet.hostConfig]);
  expect([code, stderr]).toEqual([
    2,
    `shipper: the shipper (pid ${shipper.process.pid}) runs, but nobody else finds ${fleet.hostData}/episodes: its disk was unmounted, or that directory removed; what is recorded now does not reach it\nshipper: fix: mount its disk there again, then: sudo systemctl restart labfleet-shipper\n`,
  ]);
  rmSync(fleet.hostData, { recursive: true });
  renameSync(pulled, fleet.hostData);
  rmSync(join(fleet.hostData, "outbox"), { recursive: true });
  fleet.episode("after", { "a.txt": "b" });
  await until("the next is shipped", () => fleet.list("shipped").includes("after"), shipper);
  expect(shipper.log()).toContain("outbox was not there and is made: somebody removed it");
});

test("another data root in its place is worked on only by a start that locks it", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  const shipper = fleet.startShipper();
  await until("it is ready", () => shipper.log().includes("ready"), shipper);
  renameSync(fleet.hostData, `${fleet.hostData}.old`);
  fleet.episode("new", { "a.txt": "a" });
  expect(await shipper.ended()).toBe(3);
  expect(shipper.log()).toContain("another directory stands at");
  expect(fleet.list("shipped")).toEqual([]);
  const next = fleet.startShipper();
  await until("the next start ships it", () => fleet.list("shipped").includes("new"), next);
});
