// What tells a machine, from fixture hosts: a Pi, a laptop, a container.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { maySame } from "../../../lib/contract/machine.ts";
import { APPLICATION_ID, thisMachine } from "../../../lib/os/process/machine.ts";

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A host of these files; a value that begins with `->` is a link to a directory. */
function host(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "labfleet-machine-"));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (!text.startsWith("->")) writeFileSync(join(root, path), text);
    else {
      mkdirSync(join(root, text.slice(2)), { recursive: true });
      symlinkSync(join(root, text.slice(2)), join(root, path));
    }
  }
  return root;
}

const ID = "3d1219c7c4c5404aaa1f6d2a48adfda4\n";
const PI = {
  "etc/machine-id": ID,
  "sys/firmware/devicetree/base/serial-number": "10000000a1b2c3d4\0",
  "sys/class/net/eth0/device": "->sys/devices/platform/scb/fd580000.ethernet",
  "sys/class/net/eth0/addr_assign_type": "0\n",
  "sys/class/net/eth0/address": "dc:a6:32:01:02:03\n",
  "sys/block/mmcblk0/device/cid": "035344534333324785\n",
};
const LAPTOP = {
  "etc/machine-id": ID,
  "sys/class/net/lo/addr_assign_type": "0\n",
  "sys/class/net/lo/address": "00:00:00:00:00:00\n",
  "sys/class/ieee80211/phy0/device": "->sys/devices/pci0000:00/0000:00:14.3",
  "sys/class/ieee80211/phy0/macaddress": "AC:12:03:00:00:01\n",
  "sys/block/nvme0n1/device/serial": "S4EWNX0R       \n",
};

test("the id is the one that systemd computes for labfleet", () => {
  const { id } = thisMachine(host({ "etc/machine-id": ID }));
  expect(id).toBe("6981b1e88492481bb77740176f503ca9");
  expect(APPLICATION_ID).toMatch(/^[0-9a-f]{32}$/);
});

test("systemd agrees", () => {
  const asked = Bun.spawnSync(["systemd-id128", "machine-id", `--app-specific=${APPLICATION_ID}`]);
  if (asked.exitCode === 0) expect(thisMachine().id).toBe(asked.stdout.toString().trim());
});

test("an image that never ran, and a container: nothing is made up", () => {
  for (const text of ["uninitialized\n", "", `${"0".repeat(32)}\n`, "x".repeat(32)]) {
    expect(thisMachine(host({ "etc/machine-id": text }))).toEqual({ id: null, hardware: [] });
  }
  expect(thisMachine(host({ "etc/machine-id": ID })).hardware).toEqual([]);
});

test("a board has its chip, its network device and its card; nothing of it can be read off", () => {
  const { hardware } = thisMachine(host(PI));
  expect(hardware).toHaveLength(3);
  expect(hardware.every((part) => /^[0-9a-f]{16}$/.test(part))).toBe(true);
  expect(hardware).toEqual([...hardware].sort());
});

test("a laptop without a network socket has its radio and its disk", () => {
  expect(thisMachine(host(LAPTOP)).hardware).toHaveLength(2);
});

test("a clone of the card in another board of the same kind is another machine", () => {
  const clone = {
    ...PI,
    "sys/firmware/devicetree/base/serial-number": "10000000ffffffff\0",
    "sys/class/net/eth0/address": "dc:a6:32:0a:0b:0c\n",
    "sys/block/mmcblk0/device/cid": "1b534d454231515430\n",
  };
  const [a, b] = [thisMachine(host(PI)), thisMachine(host(clone))];
  expect([a.id === b.id, maySame(a, b)]).toEqual([true, false]);
});

test("what is taken from one machine to another, or made up by software, does not count", () => {
  const plain = thisMachine(host(PI)).hardware;
  for (const more of [
    {
      "sys/class/net/usb0/device": "->sys/devices/pci0000:00/usb1/1-1",
      "sys/class/net/usb0/addr_assign_type": "0",
      "sys/class/net/usb0/address": "00:e0:4c:01:02:03",
    },
    {
      "sys/class/net/wlan0/device": "->sys/devices/platform/mmc1",
      "sys/class/net/wlan0/addr_assign_type": "3\n",
      "sys/class/net/wlan0/address": "02:11:22:33:44:55",
    },
    { "sys/class/net/wg0/addr_assign_type": "0", "sys/class/net/wg0/address": "" },
    { "sys/class/net/br0/addr_assign_type": "0", "sys/class/net/br0/address": "02:42:00:00:00:01" },
    {
      "sys/class/ieee80211/phy1/device": "->sys/devices/platform/usb2/2-1",
      "sys/class/ieee80211/phy1/macaddress": "00:e0:4c:00:00:09",
    },
    { "sys/block/sda/device/serial": "of a USB disk" },
  ] as Record<string, string>[]) {
    expect(thisMachine(host({ ...PI, ...more })).hardware).toEqual(plain);
  }
});
