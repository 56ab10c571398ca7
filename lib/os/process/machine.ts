// What tells this machine from every other, without telling it to anybody else: the machine id and built-in hardware, hashed
// for labfleet alone. Reads only what every user may read, inside a hardened unit too: two daemons must say the same.

import { createHmac } from "node:crypto";
import { readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { HARDWARE_MAX, type Machine } from "../../contract/machine.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readText } from "./proc.ts";

/** Labfleet's application id (machine-id(5)): `systemd-id128 machine-id --app-specific=` and this gives `id`. */
export const APPLICATION_ID = "4ea1b9c68e4eb1f3005d2782167f88e1";

/** Files that hold the serial number of what is built in: the chip of a Raspberry Pi and other boards. */
const SERIALS = ["sys/firmware/devicetree/base/serial-number", "sys/devices/soc0/serial_number"];

/** This machine. @param root "/" or a fixture host */
export function thisMachine(root = "/"): Machine {
  const found = [
    ...SERIALS.map((path) => word(root, path)),
    ...cards(root),
    ...networkDevices(root),
    ...disks(root),
  ].filter((part) => part !== null);
  const hardware = [...new Set(found.map(hashPart))].sort().slice(0, HARDWARE_MAX);
  return { id: machineId(root), hardware };
}

/** As sd_id128_get_machine_app_specific(3) computes it, so that others can check it. */
function machineId(root: string): string | null {
  const text = word(root, "etc/machine-id") ?? "";
  if (!/^[0-9a-f]{32}$/.test(text) || /^0+$/.test(text)) return null; // "uninitialized" in an image that never ran
  const hash = createHmac("sha256", Buffer.from(text, "hex")).update(Buffer.from(APPLICATION_ID, "hex")).digest();
  // It marks its ids as random UUIDs.
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x40, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString("hex", 0, 16);
}

/** Not keyed by the machine id: hardware that got a new image is the same hardware. */
function hashPart(text: string): string {
  return createHmac("sha256", Buffer.from(APPLICATION_ID, "hex")).update(text).digest("hex").slice(0, 16);
}

/** Addresses that belong to a device for good, not those that software gave it, and none of what hangs on USB. */
function networkDevices(root: string): (string | null)[] {
  return list(root, "sys/class/net").map((name) => {
    const path = `sys/class/net/${name}`;
    // NET_ADDR_PERM: a Wi-Fi that scans under random addresses has none of its own then; its radio has (below).
    if (!isBuiltIn(root, `${path}/device`) || word(root, `${path}/addr_assign_type`) !== "0") return null;
    return address(root, `${path}/address`);
  });
}

/** The permanent addresses of radios. */
function cards(root: string): (string | null)[] {
  return list(root, "sys/class/ieee80211").map((name) =>
    isBuiltIn(root, `sys/class/ieee80211/${name}/device`)
      ? address(root, `sys/class/ieee80211/${name}/macaddress`)
      : null,
  );
}

/** Serial numbers of SD cards and NVMe disks: a clone of a card lies on another card. */
function disks(root: string): (string | null)[] {
  return list(root, "sys/block").map((name) => {
    if (name.startsWith("mmcblk")) return word(root, `sys/block/${name}/device/cid`);
    return name.startsWith("nvme") ? word(root, `sys/block/${name}/device/serial`) : null;
  });
}

/** Whether a device is there, and none of USB, which is taken from one machine to another. */
function isBuiltIn(root: string, link: string): boolean {
  try {
    return !realpathSync(join(root, link)).includes("/usb");
  } catch {
    return false;
  }
}

function address(root: string, path: string): string | null {
  const text = word(root, path);
  return text === null || /^(00[:-]?|ff[:-]?)+$/i.test(text) ? null : `mac:${text.toLowerCase()}`;
}

/** The text of a small file without the NUL or the line break behind it; null: there is none. */
function word(root: string, path: string): string | null {
  const text = readText(root, path);
  return isUnreadable(text) ? null : text.replaceAll("\0", "").trim() || null;
}

function list(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).sort();
  } catch {
    return [];
  }
}
