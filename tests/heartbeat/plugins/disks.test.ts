import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readUsage, type UsageResult } from "../../../lib/heartbeat/plugins/disk-usage.ts";
import { describeUsage, disks } from "../../../lib/heartbeat/plugins/disks.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { figures, lines, observe, startOn } from "./support.ts";

const GIB = 2 ** 30;
const ROOT = "27 1 179:2 / / rw shared:1 - ext4 /dev/root rw,errors=remount-ro\n";
const NAS = "28 27 0:50 / /nas rw - nfs4 nas:/x rw\n";
const MOUNT = {
  device: "8:1",
  root: "/",
  mountPoint: "/data",
  type: "ext4",
  source: "/dev/sda1",
  superOptions: ["rw"],
};
const FINE = { totalBytes: 100 * GIB, availableBytes: 50 * GIB, inodes: 1000, freeInodes: 500 };

test.each([
  ["a large disk has 20 GiB", { totalBytes: 4000 * GIB, availableBytes: 20 * GIB }, "ok"],
  ["a large disk has less", { totalBytes: 4000 * GIB, availableBytes: 20 * GIB - 1 }, "warning"],
  ["a large disk has less than 4 GiB", { totalBytes: 4000 * GIB, availableBytes: 4 * GIB - 1 }, "critical"],
  ["a small disk has 15 %", { totalBytes: 1000, availableBytes: 150 }, "ok"],
  ["a small disk has less", { totalBytes: 1000, availableBytes: 149 }, "warning"],
  ["a small disk has less than 5 %", { totalBytes: 1000, availableBytes: 49 }, "critical"],
  ["few inodes", { freeInodes: 99 }, "warning"],
  ["hardly any inodes", { freeInodes: 29 }, "critical"],
  ["a filesystem without a number of inodes", { inodes: 0, freeInodes: 0 }, "ok"],
])("%s", (_, more, status) => {
  expect(describeUsage(MOUNT, { ...FINE, ...more }).status).toBe(status as "ok");
});

test("one line and figures with their limits", () => {
  const seen = describeUsage(MOUNT, FINE);
  expect(lines([seen])).toEqual([
    "disk:/data ok: /data (ext4) has 50.0 GiB of 100.0 GiB (50 %) free, 50 % of the inodes",
  ]);
  expect(seen.perfdata?.[0]).toEqual({
    label: "free",
    value: 50 * GIB,
    uom: "B",
    warning: { inside: false, low: 15 * GIB, high: null },
    critical: { inside: false, low: 4 * GIB, high: null },
    min: 0,
    max: 100 * GIB,
  });
});

test("a filesystem that turned read-only is critical, whatever room it has", async () => {
  const root = fixtureHost({ "proc/self/mountinfo": ROOT });
  const plugin = await startOn(root, disks({ usage: async () => FINE }));
  expect((await observe(plugin))[0]?.status).toBe("ok");
  writeFileSync(join(root, "proc/self/mountinfo"), ROOT.replace(" rw,errors", " ro,errors"));
  const [seen] = await observe(plugin);
  expect(seen?.status).toBe("critical");
  expect(seen?.message).toStartWith(
    "/ is read-only: it was writable before: the kernel or somebody remounted it; dmesg shows why. / (ext4)",
  );
});

test("fstab tells what should be writable from the first look on", async () => {
  const files = { "proc/self/mountinfo": ROOT.replace(" rw,errors", " ro,errors") };
  const status = async (fstab: Record<string, string>) =>
    (await observe(await startOn(fixtureHost({ ...files, ...fstab }), disks({ usage: async () => FINE }))))[0]?.status;
  expect(await status({ "etc/fstab": "/dev/root / ext4 defaults 0 1\n" })).toBe("critical");
  expect(await status({ "etc/fstab": "/dev/root / ext4 ro 0 1\n" })).toBe("ok");
  expect(await status({})).toBe("ok");
});

test("one that does not answer is unknown, delays nobody's answer, and is left alone for five minutes", async () => {
  let nowS = 0;
  const asked: string[] = [];
  const usage = async (_: string, { mountPoint }: { mountPoint: string }): Promise<UsageResult> => {
    asked.push(mountPoint);
    return mountPoint === "/nas" ? { failed: "no answer within 3 s" } : FINE;
  };
  const plugin = await startOn(
    fixtureHost({ "proc/self/mountinfo": ROOT + NAS }),
    disks({ usage, monotonicS: () => nowS }),
  );
  expect(lines(await observe(plugin))[1]).toBe(
    "disk:/nas unknown: /nas (nfs4, nas:/x) cannot be asked: no answer within 3 s",
  );
  nowS = 299;
  expect(lines(await observe(plugin))).toEqual([
    "disk:/ ok: / (ext4) has 50.0 GiB of 100.0 GiB (50 %) free, 50 % of the inodes",
    "disk:/nas unknown: /nas (nfs4, nas:/x) cannot be asked: no answer lately, asked again in 1 s",
  ]);
  nowS = 300;
  await observe(plugin);
  expect(asked).toEqual(["/", "/nas", "/", "/", "/nas"]);
});

test("a thread and a process tell the same of a real filesystem", async () => {
  const mount = { ...MOUNT, mountPoint: "/" };
  const local = await readUsage("/", mount, 60_000);
  const remote = await readUsage("/", { ...mount, type: "nfs4" }, 60_000);
  if ("failed" in local || "failed" in remote) throw new Error(JSON.stringify([local, remote]));
  expect(remote.totalBytes).toBe(local.totalBytes);
  expect(remote.inodes).toBe(local.inodes);
  expect(local.availableBytes).toBeGreaterThan(0);
});

test("another host that does not answer keeps nobody waiting", async () => {
  const root = fixtureHost({ stat: "#!/bin/sh\nexec sleep 600\n" });
  chmodSync(join(root, "stat"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${root}:${path}`;
  try {
    expect(await readUsage("/", { ...MOUNT, type: "nfs4" }, 200)).toEqual({ failed: "no answer within 0.2 s" });
  } finally {
    process.env.PATH = path;
  }
});

test("a mount point that is gone is said", async () => {
  const gone = { ...MOUNT, mountPoint: "/no/such/place" };
  expect(await readUsage("/", gone, 60_000)).toEqual({ failed: "ENOENT" });
  const remote = await readUsage("/", { ...gone, type: "cifs" }, 60_000);
  expect("failed" in remote && remote.failed).toContain("/no/such/place");
});

test("a host without mountinfo, and one without disks", async () => {
  expect(lines(await observe(await startOn(fixtureHost({}), disks())))).toEqual([
    "- unknown: cannot read /proc/self/mountinfo: ENOENT",
  ]);
  expect(lines(await observe(await startOn(fixtureHost({ "proc/self/mountinfo": "" }), disks())))).toEqual([
    "- ok: no filesystem of a disk can be seen from here",
  ]);
});

test("more than a hundred are counted, not looked at", async () => {
  const many = Array.from({ length: 103 }, (_, n) => `1 1 8:${n} / /m${n} rw - ext4 /dev/x rw\n`).join("");
  const seen = await observe(
    await startOn(fixtureHost({ "proc/self/mountinfo": many }), disks({ usage: async () => FINE })),
  );
  expect(seen).toHaveLength(101);
  expect(lines(seen)[100]).toBe("- unknown: 3 more filesystems are mounted and not looked at");
  expect(figures(seen[0]).free_inodes).toBe(50);
});
