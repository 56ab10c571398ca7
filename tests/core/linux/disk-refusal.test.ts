// What a disk, a mount or an owner refuses, in words, and the line that mends it.

import { describe, expect, test } from "bun:test";
import { type DiskFacts, explainDiskRefusal, isMachinesRefusal } from "../../../lib/core/linux/disk-refusal.ts";
import { inText } from "../../support/in-text.ts";

const FACTS: DiskFacts = {
  path: "/data2",
  code: "EROFS",
  owner: "labfleet",
  closed: null,
  mount: { point: "/", diskPoint: "/", isReadOnly: true, isDiskReadOnly: false, isStopped: false },
  service: "labfleet-shipper.service",
  me: "labfleet",
  isImmutable: false,
  isOutOfInodes: false,
};
const dropIn = (place: string): string => `/etc/systemd/system/labfleet-shipper.service.d/open-${place}.conf`;
const RESTART = "sudo systemctl daemon-reload && sudo systemctl restart labfleet-shipper.service";

describe("a directory that is refused", () => {
  for (const [why, facts, what, fix] of [
    [
      "by the unit's ProtectSystem=",
      {},
      "/data2 is closed to labfleet-shipper.service by its unit's ProtectSystem=",
      `printf '%s\\n' '[Service]' 'ReadWritePaths=/data2' | sudo install -D -m 0644 /dev/stdin ${dropIn("data2")} && ${RESTART}`,
    ],
    [
      "by ProtectSystem= before it is there: the unit would not start without it",
      { owner: null, path: "/my data" },
      "/my data is closed to labfleet-shipper.service by its unit's ProtectSystem=",
      `sudo install -d -o labfleet '/my data' && printf '%s\\n' '[Service]' 'ReadWritePaths="/my data"' | sudo install -D -m 0644 /dev/stdin ${dropIn("my-data")} && ${RESTART}`,
    ],
    [
      "by ProtectHome=",
      {
        path: "/home/lab/50%",
        code: "EACCES",
        mount: { point: "/home", diskPoint: "/home", isReadOnly: true, isDiskReadOnly: false, isStopped: false },
      },
      "/home/lab/50% is closed to labfleet-shipper.service by its unit's ProtectHome=",
      `printf '%s\\n' '[Service]' 'ProtectHome=no' 'ReadWritePaths=/home/lab/50%%' | sudo install -D -m 0644 /dev/stdin ${dropIn("home-lab-50-")} && ${RESTART}`,
    ],
    [
      "by a disk that is read-only, whoever started us: no owner's problem",
      {
        owner: "root",
        mount: { point: "/mnt", diskPoint: "/mnt", isReadOnly: false, isDiskReadOnly: true, isStopped: false },
      },
      "the file system at /mnt is read-only; the kernel makes one so when its disk is broken: dmesg shows it",
      "sudo mount -o remount,rw /mnt",
    ],
    [
      "by a read-only mount, without a unit",
      {
        service: null,
        mount: { point: "/my mnt", diskPoint: "/my mnt", isReadOnly: true, isDiskReadOnly: false, isStopped: false },
      },
      "the file system at /my mnt is read-only",
      "sudo mount -o remount,bind,rw '/my mnt'",
    ],
    [
      "because it is full",
      { code: "ENOSPC" },
      "the file system at / is full",
      "sudo du -a -k -x / | sort -n | tail -n 20",
    ],
    [
      "because inodes are used up, which is not the same",
      { code: "ENOSPC", isOutOfInodes: true },
      "the file system at / has no inodes left, so no file can be made there",
      "sudo du --inodes -x / | sort -n | tail -n 20",
    ],
    [
      "by a quota",
      { code: "EDQUOT" },
      "the quota of labfleet on the file system at / is used up",
      "sudo edquota labfleet",
    ],
    [
      "by its owner",
      { code: "EACCES", owner: "root" },
      "/data2 belongs to root, and labfleet may not write in it",
      "sudo chown labfleet /data2",
    ],
    [
      "because it is not there and may not be made",
      { code: "EACCES", owner: null },
      "labfleet may not make /data2",
      "sudo install -d -o labfleet /data2",
    ],
    [
      "because what is above it may not be entered",
      { code: "EACCES", owner: null, closed: "/srv" },
      "labfleet may not enter /srv",
      "sudo chmod a+x /srv",
    ],
    [
      "because it is immutable",
      { code: "EPERM", isImmutable: true },
      "/data2 is immutable (chattr)",
      "sudo chattr -i -a /data2",
    ],
    ["because it is a file", { code: "ENOTDIR" }, "/data2 is not a directory, or something above it is none", null],
    [
      "because the kernel has stopped writing to it: no remount mends that, and no unit is at fault",
      { mount: { point: "/mnt", diskPoint: "/mnt", isReadOnly: false, isDiskReadOnly: false, isStopped: true } },
      "the kernel has stopped writing to the file system at /mnt, since its disk or it is broken",
      "sudo dmesg --level=err,warn | tail -n 20",
    ],
    [
      "because its disk fails, or what serves it is away",
      { code: "ENOTCONN" },
      "/data2 cannot be used: its disk, or what serves it, fails (ENOTCONN)",
      "sudo dmesg --level=err,warn | tail -n 20",
    ],
    [
      "because it is full, below a bind mount of the unit's own",
      {
        code: "ENOSPC",
        path: "/run/labfleet",
        mount: {
          point: "/run/labfleet",
          diskPoint: "/run",
          isReadOnly: false,
          isDiskReadOnly: false,
          isStopped: false,
        },
      },
      "the file system at /run is full",
      "sudo du -a -k -x /run | sort -n | tail -n 20",
    ],
    ["for a reason that nobody knows", { code: "ELOOP" }, "/data2 cannot be used: ELOOP", null],
  ] as const) {
    test(why, () => {
      const refusal = explainDiskRefusal({ ...FACTS, ...facts });
      expect({ ...refusal, fix: inText(refusal.fix) }).toEqual({ what, fix });
    });
  }
});

test("what the machine refuses may be otherwise at the next try; a wrong path will not be", () => {
  expect(
    [
      "EROFS",
      "ENOSPC",
      "EDQUOT",
      "EACCES",
      "EPERM",
      "EIO",
      "EUCLEAN",
      "EBADMSG",
      "ESTALE",
      "ENODEV",
      "ENXIO",
      "ETIMEDOUT",
      "ENOTCONN",
      "EREMOTEIO",
      "EBUSY",
    ].map(isMachinesRefusal),
  ).not.toContain(false);
  expect(["ENOTDIR", "EEXIST", "ELOOP", "ENAMETOOLONG"].map(isMachinesRefusal)).not.toContain(true);
});
