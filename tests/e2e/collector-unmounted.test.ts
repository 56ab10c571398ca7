// A collector's disk that is unmounted under a running receiver, and mounted again: nothing is made in the bare mount point.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet, HOST, type Tool, until } from "../support/fleet.ts";
import { HeartbeatHost } from "../support/heartbeat-host.ts";
import { smallDiskMissing } from "../support/small-disk.ts";

setDefaultTimeout(180_000);

const mountTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

/** Directories that are mounted in one place, by turns, as disks are: each keeps its numbers. */
class MountPoint implements Disposable {
  readonly base = mkdtempSync(join(tmpdir(), "labfleet-mount-"));
  readonly path = join(this.base, "point");

  constructor() {
    mkdirSync(this.path);
    this.mount("disk");
  }

  mount(name: string): void {
    mkdirSync(join(this.base, name), { recursive: true });
    Bun.spawnSync(["mount", "--bind", join(this.base, name), this.path]);
  }

  unmount(): void {
    Bun.spawnSync(["umount", "-l", this.path]);
  }

  [Symbol.dispose](): void {
    this.unmount();
    rmSync(this.base, { recursive: true, force: true });
  }
}

const send = (fleet: Fleet, url: string, id: string): Promise<Response> =>
  fetch(`${url}/v1/episodes/${HOST}/${id}.tar.zst`, {
    method: "PUT",
    body: "an episode",
    headers: { Authorization: `Bearer ${fleet.token}` },
    proxy: "",
  });

const saidGone = (receiver: Tool, point: string): boolean =>
  receiver
    .log()
    .includes(
      `no episode can be stored: the store has gone from ${point} while the receiver was at work: an empty directory stands there; fix: put its disk back and mount it (as /etc/fstab or whoever mounted it says): sudo mount ${point}`,
    );

mountTest(
  "a disk that is unmounted is said, nothing is made in its place, and it goes on once it is back",
  async () => {
    using point = new MountPoint();
    await using fleet = new Fleet({ collectorData: point.path });
    const receiver = await fleet.startReceiver();
    const host = new HeartbeatHost(fleet, { url: receiver.url });
    const agent = host.start();
    await until("a heartbeat is stored", () => host.rows().length > 0, receiver);
    point.unmount();
    expect((await send(fleet, receiver.url, "ep1")).status).toBe(500);
    await until("it is said", () => saidGone(receiver, point.path), receiver);
    await until("heartbeats wait", () => host.spool().length >= 2, receiver);
    await until("what was refused would be written", () => receiver.log().includes("cannot write attempts"), receiver);
    expect(readdirSync(point.path)).toEqual([]);
    point.mount("disk");
    await until("an episode is stored", async () => (await send(fleet, receiver.url, "ep2")).status === 201, receiver);
    // It was asked to leave the receiver alone for a minute; a reload tries at once.
    agent.process.kill("SIGHUP");
    await until("no heartbeat waits", () => host.spool().length === 0, receiver);
    await until("it says so", () => receiver.log().includes("episodes can be stored again"), receiver);
    expect(fleet.rows().map((row) => row.episode_id)).toEqual(["ep2"]);
  },
);

mountTest(
  "while the disk is away no episode is judged: none is missing, no name is taken, and none is free",
  async () => {
    using point = new MountPoint();
    await using fleet = new Fleet({ collectorData: point.path });
    const receiver = await fleet.startReceiver();
    expect((await send(fleet, receiver.url, "ep1")).status).toBe(201);
    const ask = async (method: string, id: string, body?: string): Promise<number> => {
      const path = method === "POST" ? `judge/${HOST}/${id}` : `episodes/${HOST}/${id}.tar.zst`;
      const headers = { Authorization: `Bearer ${fleet.token}`, "Content-Type": "application/json" };
      return (await fetch(`${receiver.url}/v1/${path}`, { method, headers, proxy: "", ...(body && { body }) })).status;
    };
    const question = JSON.stringify({ bytes: 5, sha256: "0".repeat(64), tree_sha256: null, code_commit: null });
    const asked = async (): Promise<number[]> => [
      await ask("HEAD", "ep1"),
      await ask("GET", "ep1"),
      await ask("POST", "ep1", question),
      await ask("PUT", "ep1", "other"),
      await ask("HEAD", "ep2"),
      await ask("POST", "ep2", question),
    ];
    expect(await asked()).toEqual([200, 200, 409, 409, 404, 200]);
    point.unmount();
    expect(await asked()).toEqual([500, 500, 500, 500, 500, 500]);
    point.mount("disk");
    expect(await asked()).toEqual([200, 200, 409, 409, 404, 200]);
  },
);

mountTest("a stop while the disk is away makes nothing either", async () => {
  using point = new MountPoint();
  await using fleet = new Fleet({ collectorData: point.path });
  const receiver = await fleet.startReceiver();
  await send(fleet, receiver.url, "ep1");
  point.unmount();
  receiver.process.kill("SIGTERM");
  expect(await receiver.ended()).toBe(0);
  expect(readdirSync(point.path)).toEqual([]);
});

mountTest("another store in its place is worked on only by a start that locks it", async () => {
  using point = new MountPoint();
  await using fleet = new Fleet({ collectorData: point.path });
  const receiver = await fleet.startReceiver();
  point.unmount();
  point.mount("other");
  writeFileSync(join(point.path, "receiver-id"), "0123456789abcdef0123456789abcdef\n");
  expect((await send(fleet, receiver.url, "ep1")).status).toBe(500);
  expect(await receiver.ended()).toBe(3);
  expect(receiver.log()).toContain(`another store stands at ${point.path} than the one that was locked at the start`);
  expect(readdirSync(point.path)).toEqual(["receiver-id"]);
});
