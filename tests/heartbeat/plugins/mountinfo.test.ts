import { expect, test } from "bun:test";
import {
  lostWriting,
  type Mount,
  parseFstab,
  parseMountinfo,
  realMounts,
} from "../../../lib/heartbeat/plugins/mountinfo.ts";

const HOST = `22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334460k
27 1 179:2 / / ro,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
28 27 179:1 / /boot/firmware rw,relatime shared:2 - vfat /dev/mmcblk0p1 rw,errors=remount-ro
29 27 179:2 /var/lib/labfleet /var/lib/labfleet rw,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
30 27 0:30 / /run rw - tmpfs tmpfs rw
31 27 7:0 / /snap/core/1 ro,nodev - squashfs /dev/loop0 ro
32 27 11:0 / /media/dvd ro - iso9660 /dev/sr0 ro
33 27 0:40 /@ /data rw - btrfs /dev/sda1 rw,subvol=/@
34 27 0:40 /@home /home rw - btrfs /dev/sda1 rw,subvol=/@home
35 27 0:50 / /mnt/nas\\040one rw - nfs4 nas:/export rw
36 27 0:51 / /tank rw - zfs tank rw
37 27 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
38 27 0:61 / /mnt/auto rw - autofs systemd-1 rw
39 27 8:17 / /mnt/hidden rw - ext4 /dev/sdb1 rw
40 39 0:62 / /mnt/hidden rw - tmpfs tmpfs rw
line that is none
`;

test("each real filesystem once, at its own place", () => {
  const found = realMounts(parseMountinfo(HOST));
  expect(found.map(({ mountPoint, type }) => [mountPoint, type])).toEqual([
    ["/", "ext4"],
    ["/boot/firmware", "vfat"],
    ["/data", "btrfs"],
    ["/mnt/nas one", "nfs4"],
    ["/tank", "zfs"],
  ]);
  // Read-only for this process, and writable all the same.
  expect(found[0]?.superOptions).toEqual(["rw", "errors=remount-ro"]);
});

test("in a container the overlay at / is the disk, and files bound into it are no disks of their own", () => {
  const text = `1 0 0:70 / / rw - overlay overlay rw,lowerdir=/x
2 1 8:1 /var/lib/docker/containers/a/hosts /etc/hosts rw - ext4 /dev/sda1 rw
3 1 8:1 /var/lib/docker/containers/a/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw
`;
  expect(realMounts(parseMountinfo(text)).map(({ mountPoint }) => mountPoint)).toEqual(["/", "/etc/hosts"]);
});

const mount = (...superOptions: string[]): Mount => ({
  device: "8:1",
  root: "/",
  mountPoint: "/",
  type: "ext4",
  source: "/dev/sda1",
  superOptions,
});

test.each([
  ["writable", ["rw"], "rw", true, null],
  ["meant to be read-only", ["ro"], "ro", false, null],
  ["nobody knows what it should be", ["ro"], undefined, false, null],
  ["fstab wants it writable", ["ro"], "rw", false, "fstab mounts it read-write: the kernel or somebody remounted it"],
  ["it was writable", ["ro"], undefined, true, "it was writable before: the kernel or somebody remounted it"],
  ["newer kernels", ["rw", "emergency_ro"], "rw", true, "the kernel stopped writing to it after an error"],
  ["shut down", ["rw", "shutdown"], undefined, true, "the kernel shut it down after an error"],
] as const)("read-only: %s", (_, options, wanted, was, expected) => {
  expect(lostWriting(mount(...options), wanted, was)).toBe(expected);
});

test("fstab: options, comments, names with blanks", () => {
  const text =
    "# x\n\nUUID=1 / ext4 defaults,errors=remount-ro 0 1\n/dev/sda2\t/mnt/my\\040disk ext4 noauto,ro 0 0\nproc /proc proc\n";
  expect([...parseFstab(text)]).toEqual([
    ["/", "rw"],
    ["/mnt/my disk", "ro"],
    ["/proc", "rw"],
  ]);
});
