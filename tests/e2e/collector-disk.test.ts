// A collector's disk that takes nothing, as people and programs see it there: one sentence, the same everywhere.

import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";

setDefaultTimeout(180_000);

const diskTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

const command = (fleet: Fleet, ...args: string[]) =>
  fleet.runNow("receiver", [...args, "--config", fleet.collectorConfig]);
const json = (fleet: Fleet, verb: string) => JSON.parse(command(fleet, verb, "--json").stdout);

diskTest(
  "below its reserve: the start warns, status, hosts and /readyz say the same, until there is room again",
  async () => {
    using disk = smallDisk(4);
    await using fleet = new Fleet({ collectorData: join(disk.path, "data") });
    const filler = join(disk.path, "filler");
    writeFileSync(filler, Buffer.alloc(3.5 * 1024 ** 2));
    const receiver = await fleet.startReceiver();
    await until("it says so", () => receiver.log().includes("no episode can be stored: "), receiver);
    const why = /no episode can be stored: (.*?); fix: /.exec(receiver.log())?.[1] ?? "";
    expect(why).toMatch(/ KiB free, below the reserve of 1\.0 MiB$/);
    const fix = `see what fills it: sudo du -a -k -x ${disk.path} | sort -n | tail -n 20`;
    expect(json(fleet, "status").storing).toEqual({ ready: false, why, fix, room: expect.any(Object), no_room: null });
    expect(json(fleet, "hosts").collector).toMatchObject({ pid: receiver.process.pid, ready: false, why, fix });
    expect(command(fleet, "status").stdout).toContain(`storing    NO: ${why}; fix: ${fix}\n`);
    expect(command(fleet, "hosts").stdout).toStartWith(`this collector cannot store: ${why}; fix: ${fix}\n`);
    const ready = await fetch(`${receiver.url}/readyz`, { proxy: "" });
    expect([ready.status, await ready.json()]).toMatchObject([503, { reason: "not-ready", detail: why }]);
    rmSync(filler);
    await until("it says that too", () => receiver.log().includes("episodes can be stored again"), receiver);
    expect(json(fleet, "status").storing).toMatchObject({ ready: true, why: null, fix: null });
    receiver.process.kill("SIGTERM");
    expect(await receiver.ended()).toBe(0);
    expect(json(fleet, "status").storing).toMatchObject({ ready: true, why: null, fix: null });
    rmSync(fleet.collectorData, { recursive: true });
    expect(command(fleet, "status").stdout).toContain("storing    NO: there is no data root at ");
  },
);

diskTest(
  "an upload that is larger than the room that is left: the figure, whom there was none for, and what fills the disk",
  async () => {
    using disk = smallDisk(8);
    await using fleet = new Fleet({ collectorData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    const put = (path: string, bytes: number) =>
      fetch(`${receiver.url}/v1/${path}`, {
        method: "PUT",
        body: Buffer.alloc(bytes, 1),
        headers: { Authorization: `Bearer ${fleet.token}` },
        proxy: "",
      });
    const above = /^storing {4}yes, \d\.\d MiB above the reserve of 1\.0 MiB$/m;
    await until("it tells the room", () => above.test(command(fleet, "status").stdout), receiver);
    expect((await put(`episodes/${HOST}/large.tar.zst`, 7.5 * 1024 ** 2)).status).toBe(507);
    const fix = `see what fills it: sudo du -a -k -x ${disk.path} | sort -n | tail -n 20`;
    const said = / ago there was no room for 7\.5 MiB of lab1; fix: (.*)$/m;
    await until("it tells whom there was none for", () => said.test(command(fleet, "status").stdout), receiver);
    expect(said.exec(command(fleet, "status").stdout)?.[1]).toBe(fix);
    expect(json(fleet, "status").storing).toMatchObject({
      ready: true,
      room: { reserve_bytes: 1024 ** 2 },
      no_room: { host: HOST, bytes: 7.5 * 1024 ** 2, fix },
    });
    expect(command(fleet, "hosts").stdout).toContain("this collector's disk: ");

    // Now heartbeats are refused, too, and attempts/ takes no rows: it is told all the same why the host is not heard.
    const left = json(fleet, "status").storing.room.above_reserve_bytes;
    writeFileSync(join(disk.path, "filler"), Buffer.alloc(left + 256 * 1024));
    expect((await put(`heartbeats/${HOST}`, 1000)).status).toBe(507);
    const why =
      /^lab1 .*no heartbeat has ever come; this collector refused it with 507 \(disk-full\): no room .*; fix: make room on this collector's disk: sudo receiver status$/m;
    await until("it says why", () => why.test(command(fleet, "hosts").stdout), receiver);
    expect(command(fleet, "hosts", HOST).stderr).toContain("this collector refused it with 507 (disk-full): ");
  },
);

diskTest("no inodes at the start: exit 3, and inodes are named", async () => {
  using disk = smallDisk(4, 3);
  await using fleet = new Fleet({ collectorData: join(disk.path, "data") });
  writeFileSync(join(disk.path, "filler"), "");
  const { code, stderr } = command(fleet);
  expect(code).toBe(3);
  expect(stderr).toContain(`the file system at ${disk.path} has no inodes left`);
  expect(stderr).toContain(`fix: sudo du --inodes -x ${disk.path}`);
});
