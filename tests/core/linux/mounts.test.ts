// Which mount a path lies on.

import { expect, test } from "bun:test";
import { mountOf } from "../../../lib/core/linux/mounts.ts";

const TEXT = `22 1 254:0 / / ro,relatime shared:1 - ext4 /dev/vda rw,discard
30 22 0:30 / /data rw,relatime - ext4 /dev/sdb1 rw
31 22 0:31 / /data/old ro,relatime - ext4 /dev/sdc1 ro,errors=remount-ro
32 22 0:32 /x /my\\040disk rw - tmpfs tmpfs rw,size=4k
33 22 0:33 / /data ro - ext4 /dev/sdd1 rw
34 22 0:34 / /broken rw - ext4 /dev/sde1 rw,errors=remount-ro,emergency_ro
35 30 0:30 /run /data/run rw - ext4 /dev/sdb1 rw
36 30 0:30 /big/store /data/store rw - ext4 /dev/sdb1 rw
37 22 254:0 /var/lib/labfleet /var/lib/labfleet rw - ext4 /dev/vda rw
torn line
`;

for (const [path, mount] of [
  ["/data2", { point: "/", diskPoint: "/", isReadOnly: true, isDiskReadOnly: false, isStopped: false }],
  ["/", { point: "/", diskPoint: "/", isReadOnly: true, isDiskReadOnly: false, isStopped: false }],
  [
    "/data/old/x",
    { point: "/data/old", diskPoint: "/data/old", isReadOnly: true, isDiskReadOnly: true, isStopped: false },
  ],
  ["/data/older", { point: "/data", diskPoint: "/data", isReadOnly: true, isDiskReadOnly: false, isStopped: false }],
  // A sandbox binds a directory onto itself: the file system is the one above.
  [
    "/data/run/x",
    { point: "/data/run", diskPoint: "/data", isReadOnly: false, isDiskReadOnly: false, isStopped: false },
  ],
  // Another directory of the disk, as fstab binds one, is taken off and put back by itself.
  [
    "/data/store",
    { point: "/data/store", diskPoint: "/data/store", isReadOnly: false, isDiskReadOnly: false, isStopped: false },
  ],
  [
    "/var/lib/labfleet/x",
    { point: "/var/lib/labfleet", diskPoint: "/", isReadOnly: false, isDiskReadOnly: false, isStopped: false },
  ],
  ["/broken/x", { point: "/broken", diskPoint: "/broken", isReadOnly: false, isDiskReadOnly: false, isStopped: true }],
  [
    "/my disk/x",
    { point: "/my disk", diskPoint: "/my disk", isReadOnly: false, isDiskReadOnly: false, isStopped: false },
  ],
] as const) {
  test(`${path} lies on ${mount.point}: the longest, and of two the later one`, () => {
    expect<unknown>(mountOf(TEXT, path)).toEqual(mount);
  });
}

test("without any mount there is none", () => expect(mountOf("", "/data")).toBeNull());
