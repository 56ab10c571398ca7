// Full disks on either side, on real small file systems: nothing unshipped goes, nothing half is stored, and everything
// arrives when there is room again.

import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, HOST, until } from "../support/fleet.ts";
import { sha256 } from "../support/oracle.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";

setDefaultTimeout(180_000);
const diskTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

const MIB = 1024 * 1024;
const freeOf = (path: string): number => {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
};

diskTest(
  "the collector's disk is full: 507 before the body, nothing stays behind, delivered when there is room",
  async () => {
    using disk = smallDisk(16);
    await using fleet = new Fleet({ collectorData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    writeFileSync(join(disk.path, "ballast"), Buffer.alloc(11 * MIB));
    for (const id of ["a", "b", "c"]) fleet.episode(id, { "data.bin": randomBytes(2 * MIB) });
    const shipper = fleet.startShipper();
    await until("a 507 was answered", () => fleet.attempts().some(({ status }) => status === 507), receiver);
    const refused = fleet.attempts().find(({ status }) => status === 507);
    expect(refused).toMatchObject({ reason: "disk-full", bytes: 0 });
    expect(fleet.list("quarantine")).toEqual([]);
    expect(freeOf(disk.path)).toBeGreaterThanOrEqual(1 * MIB);
    rmSync(join(disk.path, "ballast"));
    // Retry-After said minutes; a restart asks again at once.
    shipper.process.kill("SIGTERM");
    expect(await shipper.ended()).toBe(0);
    const again = fleet.startShipper();
    await until("all is delivered", () => fleet.list("shipped").length === 3, again);
    expect(fleet.stored()).toEqual(["a.tar.zst", "b.tar.zst", "c.tar.zst"]);
  },
);

diskTest(
  "the collector's disk fills up in the middle of a body: 507, the part is gone, the receiver lives",
  async () => {
    using disk = smallDisk(16);
    await using fleet = new Fleet({ collectorData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    const body = randomBytes(8 * MIB);
    const url = `${receiver.url}/v1/episodes/${HOST}/big.tar.zst`;
    let filled = false;
    async function* slowBody(): AsyncGenerator<Uint8Array> {
      yield body.subarray(0, MIB);
      // Somebody else takes the room that was there when the upload was let in.
      await until("the first part is on the disk", () => freeOf(disk.path) < 15.5 * MIB);
      // More than fits, whatever the receiver writes meanwhile: the disk is full to the last byte.
      expect(() => writeFileSync(join(disk.path, "ballast"), Buffer.alloc(32 * MIB))).toThrow("ENOSPC");
      filled = true;
      yield body.subarray(MIB);
    }
    const answer = await fetch(url, {
      method: "PUT",
      headers: { Authorization: `Bearer ${fleet.token}`, "Content-Length": String(body.length) },
      body: slowBody(),
    });
    expect(filled).toBe(true);
    expect(answer.status).toBe(507);
    expect(await answer.json()).toMatchObject({ status: 507, reason: "disk-full" });
    rmSync(join(disk.path, "ballast"));
    expect(fleet.stored()).toEqual([]);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(200);
    const second = await fetch(url, { method: "PUT", headers: { Authorization: `Bearer ${fleet.token}` }, body });
    expect(second.status).toBe(201);
  },
);

diskTest(
  "the host's disk is full: packing waits, acknowledged episodes make room, unshipped ones never go",
  async () => {
    using disk = smallDisk(24);
    await using fleet = new Fleet({ hostData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    fleet.episode("old", { "data.bin": randomBytes(6 * MIB) });
    expect(fleet.shipOnce().code).toBe(0);
    expect(fleet.list("shipped")).toEqual(["old"]);
    const unshipped = randomBytes(8 * MIB);
    fleet.episode("new", { "data.bin": unshipped });
    writeFileSync(join(disk.path, "ballast"), Buffer.alloc(freeOf(disk.path) - 3 * MIB));
    const shipper = fleet.startShipper();
    const said = "removed from shipped/: the disk is low, and the receiver has it episode=old";
    await until("old made room", () => shipper.log().includes(said), shipper);
    expect(fleet.list("shipped")).not.toContain("old");
    const kept = join(fleet.hostData, "episodes/new/data.bin");
    expect(sha256(readFileSync(kept))).toBe(sha256(unshipped));
    // There may still be too little room; with the ballast gone there is, and the next look finds it.
    rmSync(join(disk.path, "ballast"));
    await until("new is delivered", () => existsSync(join(fleet.hostData, "shipped/new/receipt.json")), shipper);
    expect(fleet.stored()).toEqual(["new.tar.zst", "old.tar.zst"]);
    await until("the outbox is empty", () => fleet.list("outbox").length === 0, shipper);
  },
);

diskTest(
  "a host's disk that is below its reserve from the start: all is delivered, and what is recorded has room",
  async () => {
    using disk = smallDisk(16);
    await using fleet = new Fleet({ hostData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    const ids = Array.from({ length: 12 }, (_, n) => `ep${n + 10}`);
    for (const id of ids) fleet.episode(id, { "data.bin": randomBytes(MIB / 8) });
    const freeMin = 0.875 * MIB;
    writeFileSync(join(disk.path, "ballast"), Buffer.alloc(freeOf(disk.path) - freeMin));
    const shipper = fleet.startShipper();
    let least = freeMin;
    await until(
      "all are delivered",
      () => {
        least = Math.min(least, freeOf(disk.path));
        return fleet.stored().length === ids.length && fleet.list("episodes").length === 0;
      },
      shipper,
    );
    // One at a time: an archive, and what the other files of a data root need.
    expect(least).toBeGreaterThan(freeMin - 0.5 * MIB);
    expect(shipper.log()).toContain("the disk is full up to its reserve: packing waits, sending goes on; fix: ");
  },
);

diskTest(
  "a recorder that has filled the host's disk finishes nothing: acknowledged episodes make room all the same",
  async () => {
    using disk = smallDisk(16);
    await using fleet = new Fleet({ hostData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    for (const id of ["a", "b"]) fleet.episode(id, { "data.bin": randomBytes(3 * MIB) });
    expect(fleet.shipOnce().code).toBe(0);
    const recording = join(fleet.hostData, "episodes/recording");
    mkdirSync(recording);
    const record = (): void => writeFileSync(join(recording, "data.bin"), Buffer.alloc(16 * MIB));
    expect(record).toThrow("ENOSPC");
    const shipper = fleet.startShipper();
    await until("one makes room", () => fleet.list("shipped").length === 1, shipper);
    const said = "removed from shipped/: the disk is low, and the receiver has it episode=";
    await until("it says so", () => shipper.log().includes(said), shipper);
    expect(freeOf(disk.path)).toBeGreaterThan(MIB);
  },
);

diskTest(
  "the host's disk has no inodes left, but bytes: that is said, and packing goes on once it has some",
  async () => {
    using disk = smallDisk(16, 60);
    await using fleet = new Fleet({ hostData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    const shipper = fleet.startShipper();
    await until("it is ready", () => shipper.log().includes(" ready "), shipper);
    const root = join(fleet.hostData, "episodes/ep");
    mkdirSync(root);
    writeFileSync(join(root, ".marker.tmp"), "");
    const fillers = Array.from({ length: 60 }, (_, n) => join(disk.path, `filler-${n}`));
    expect(() => {
      for (const filler of fillers) writeFileSync(filler, "");
    }).toThrow("ENOSPC");
    renameSync(join(root, ".marker.tmp"), join(root, "done.marker"));
    const said = `packing waits, sending goes on: the file system at ${disk.path} has no inodes left, so no file can be made there; fix: sudo du --inodes -x ${disk.path} | sort -n | tail -n 20`;
    await until("it is said", () => shipper.log().includes(said), shipper);
    expect(shipper.log()).not.toContain("the disk is full");
    for (const filler of fillers) rmSync(filler, { force: true });
    // One that has met the disk's refusal is tried again after a minute.
    await until("it is shipped", () => fleet.list("shipped").includes("ep"), shipper, 150_000);
  },
);

diskTest(
  "at the host's reserve one pass ships all that is there: kept episodes make room, and nothing waits for it",
  async () => {
    using disk = smallDisk(32);
    await using fleet = new Fleet({ hostData: join(disk.path, "data") });
    const receiver = await fleet.startReceiver();
    fleet.writeHostConfig(receiver.url);
    const episodes = (prefix: string, count: number): void => {
      for (let n = 0; n < count; n++) fleet.episode(`${prefix}${n}`, { "data.bin": randomBytes(256 * 1024) });
    };
    episodes("kept-", 40);
    expect(fleet.shipOnce().code).toBe(0);
    episodes("new-", 15);
    writeFileSync(join(disk.path, "ballast"), Buffer.alloc(freeOf(disk.path) - MIB - 100 * 1024));
    const once = fleet.shipOnce();
    expect(once.stderr).toContain("all shipped");
    expect([once.code, fleet.list("episodes")]).toEqual([0, []]);
    // As much as was needed went, and the reserve beyond it; not all.
    const kept = fleet.list("shipped").filter((id) => id.startsWith("kept-")).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(40);
  },
);
