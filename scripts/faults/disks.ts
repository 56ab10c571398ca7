// Faults of disks, mounts and rights, on both sides.

import { type Bed, DATA } from "./bed.ts";
import { stores } from "./collector.ts";
import { type Fault, receiverHosts, receiverLog, receiverStatus, shipperLog, shipperStatus } from "./fault.ts";
import type { Place, Said } from "./remedy.ts";

const STORE = "/var/lib/labfleet";
const ROOTS = { lab1: DATA, collector: STORE } as const;
const UNIT = { lab1: "labfleet-shipper", collector: "labfleet-receiver" } as const;

/** Puts the data root of a machine on a small disk in memory, with what it holds. */
async function smallDisk(bed: Bed, on: Place, options: string): Promise<void> {
  const root = ROOTS[on];
  await bed.sh(
    on,
    `systemctl stop ${UNIT[on]}; mkdir -p /mnt/small; mount -t tmpfs -o mode=755,${options} small /mnt/small
    chown --reference=${root} /mnt/small
    ${on === "lab1" ? `cd ${root}; cp -a receiver-pin.json /mnt/small; mkdir /mnt/small/episodes; chown --reference=episodes /mnt/small/episodes; chmod --reference=episodes /mnt/small/episodes` : `cp -a ${root}/. /mnt/small`}
    mount --bind /mnt/small ${root}; umount /mnt/small; systemctl start ${UNIT[on]}`,
  );
}

const bigDisk = (on: Place) => (bed: Bed) =>
  bed.look(on, `systemctl stop ${UNIT[on]}; umount ${ROOTS[on]}; systemctl start ${UNIT[on]}`);

const fill =
  (on: Place, leave = 0) =>
  (bed: Bed) =>
    bed.look(on, `dd if=/dev/zero of=${ROOTS[on]}/filler bs=64k; truncate -s -${leave} ${ROOTS[on]}/filler`);

const spend = (on: Place) => (bed: Bed) =>
  bed.look(on, `mkdir ${ROOTS[on]}/filler; cd ${ROOTS[on]}/filler; i=0; while : >$i 2>/dev/null; do i=$((i+1)); done`);

/** Looks as it is printed, and removes what the look must have shown. */
const lookAndClear =
  (on: Place) =>
  async (bed: Bed, { remedy }: Said): Promise<void> => {
    const [line = ""] = /sudo du .*$/.exec(remedy) ?? [];
    if (line !== "") {
      const seen = await bed.sh(on, line);
      if (!seen.includes("filler") && !seen.includes(ROOTS[on])) throw new Error(`${line} shows nothing: ${seen}`);
    }
    await bed.sh(on, `rm -rf ${ROOTS[on]}/filler`);
  };

export const DISKS: readonly Fault[] = [
  {
    name: "the lab host's disk is full",
    seen: shipperLog,
    make: async (bed) => {
      await smallDisk(bed, "lab1", "size=8M");
      await bed.sh("lab1", "systemctl stop labfleet-shipper");
      await bed.record();
      await fill("lab1")(bed);
      await bed.sh("lab1", "systemctl start labfleet-shipper");
    },
    says: /disk is full up to its reserve/,
    words: lookAndClear("lab1"),
    clear: bigDisk("lab1"),
  },
  {
    name: "the lab host's disk has no inodes left",
    seen: shipperLog,
    make: async (bed) => {
      await smallDisk(bed, "lab1", "size=8M,nr_inodes=60");
      await bed.record();
      await bed.sh("lab1", "systemctl stop labfleet-shipper");
      await spend("lab1")(bed);
      await bed.look("lab1", "systemctl restart labfleet-shipper");
    },
    says: /no inodes left/,
    words: lookAndClear("lab1"),
    mended: async (bed) => (await bed.lab.show("labfleet-shipper", "ActiveState")) === "active",
    clear: bigDisk("lab1"),
  },
  {
    name: "the lab host's data root is read-only",
    seen: shipperLog,
    make: async (bed) => {
      await smallDisk(bed, "lab1", "size=8M");
      await bed.record();
      await bed.look(
        "lab1",
        `systemctl stop labfleet-shipper; mount -o remount,ro ${DATA}; systemctl start labfleet-shipper`,
      );
    },
    says: /the file system at .* is read-only/,
    mended: async (bed) => (await bed.lab.show("labfleet-shipper", "ActiveState")) === "active",
    clear: bigDisk("lab1"),
  },
  {
    name: "the lab host's data_root is outside of what its unit opens",
    seen: shipperLog,
    make: async (bed) => {
      await bed.host((toml) =>
        `[paths]\ndata_root = "/data2"\n${toml}`.replace(/^(\[paths\]\n.*\n)((?:.*\n)*?host_id.*\n)/, "$2$1"),
      );
      await bed.look("lab1", "systemctl restart labfleet-shipper");
    },
    says: /\/data2 is closed to labfleet-shipper.service/,
    mended: async (bed) =>
      (await bed.look("lab1", "shipper status --json; systemctl is-active labfleet-shipper")).endsWith("\nactive\n"),
  },
  {
    name: "the data root belongs to somebody else",
    seen: receiverLog,
    make: async (bed) => {
      await bed.sh("collector", "install -d -o root -m 0755 /var/lib/labfleet/moved");
      await bed.collect((toml) => toml.replace("[tls]", '[paths]\ndata_root = "/var/lib/labfleet/moved"\n\n[tls]'));
    },
    says: /moved belongs to root, and labfleet may not write in it/,
    // It is new.
    words: async (bed) => void (await bed.sh("collector", "chown labfleet /var/lib/labfleet/moved")),
    mended: stores,
  },
  {
    name: "the collector's disk is full",
    seen: receiverHosts,
    make: async (bed) => {
      await smallDisk(bed, "collector", "size=24M");
      await fill("collector")(bed);
    },
    says: /this collector cannot store/,
    words: lookAndClear("collector"),
    mended: stores,
    clear: bigDisk("collector"),
  },
  {
    name: "the collector's disk is full, as the lab host sees it",
    seen: shipperStatus,
    make: async (bed) => {
      await smallDisk(bed, "collector", "size=24M");
      await fill("collector")(bed);
      await bed.record();
    },
    says: /disk-full/,
    words: async (bed, { steps }) => {
      await bed.paste(steps);
      await bed.sh("collector", `rm ${STORE}/filler`);
    },
    // The receiver has asked for five minutes (Retry-After).
    patienceS: 420,
    clear: bigDisk("collector"),
  },
  {
    name: "the collector's disk has no inodes left",
    seen: receiverStatus,
    make: async (bed) => {
      await smallDisk(bed, "collector", "size=24M,nr_inodes=900");
      await spend("collector")(bed);
    },
    says: /storing +NO: .*inodes/,
    words: lookAndClear("collector"),
    mended: stores,
    clear: bigDisk("collector"),
  },
  {
    name: "the collector's disk is read-only",
    seen: receiverStatus,
    make: async (bed) => {
      await smallDisk(bed, "collector", "size=24M");
      // While it runs only the kernel can make it so: files are open for writing.
      await bed.look(
        "collector",
        `systemctl stop labfleet-receiver; mount -o remount,ro ${STORE}; systemctl start labfleet-receiver`,
      );
    },
    says: /storing +NO: .*read-only/,
    mended: stores,
    clear: bigDisk("collector"),
  },
  {
    name: "the collector's data_root is outside of what its unit opens",
    seen: receiverLog,
    make: (bed) => bed.collect((toml) => toml.replace("[tls]", '[paths]\ndata_root = "/srv/store"\n\n[tls]')),
    says: /\/srv\/store is closed to labfleet-receiver.service/,
    mended: stores,
  },
];
