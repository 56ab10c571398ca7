// Every real filesystem: room, inodes, and whether it can still be written.

import { isUnreadable } from "../../core/reading.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { readParsed, readText } from "../../os/process/proc.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { readUsage, type Usage, type UsageResult } from "./disk-usage.ts";
import { lostWriting, type Mount, parseFstab, parseMountinfo, realMounts } from "./mountinfo.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

const GIB = 2 ** 30;

/** A large disk is not full because a twentieth of it is left: the smaller of share and size counts. */
const ROOM_POLICY = {
  warning: { share: 0.15, bytes: 20 * GIB },
  critical: { share: 0.05, bytes: 4 * GIB },
  because: "an episode has up to several gigabytes, and is packed beside itself before it goes",
};
const INODE_POLICY: Limits = {
  alert: "below",
  warning: 10,
  critical: 3,
  because: "without inodes no file can be made, whatever room there is",
};

/** One answer; a healthy disk takes less than a millisecond. */
const TIMEOUT_MS = 3000;
/** One that did not answer is asked again after so long, seconds: each question may cost a thread for good. */
const ASK_AGAIN_S = 300;
const MOUNTS_MAX = 100;

export interface DisksOptions {
  /** Seconds from any start, never backwards. */
  monotonicS?: () => number;
  usage?: (root: string, mount: Mount, timeoutMs: number) => Promise<UsageResult>;
}

export function disks(options: DisksOptions = {}): Plugin {
  let root = "/";
  const memory = new Disks(options);
  return {
    name: "disks",
    initialise: (context) => {
      root = context.root;
      return true;
    },
    collect: () => memory.collect(root),
  };
}

class Disks {
  readonly #writable = new Set<string>();
  readonly #askAgainS = new Map<string, number>();
  readonly #monotonicS: () => number;
  readonly #usage: typeof readUsage;

  constructor({ monotonicS = () => performance.now() / 1000, usage = readUsage }: DisksOptions) {
    this.#monotonicS = monotonicS;
    this.#usage = usage;
  }

  async collect(root: string): Promise<Observation[]> {
    const mounts = readParsed(root, "proc/self/mountinfo", (text) => realMounts(parseMountinfo(text)));
    if (isUnreadable(mounts)) {
      return [{ status: "unknown", message: `cannot read /proc/self/mountinfo: ${mounts.unreadable}` }];
    }
    const fstab = readText(root, "etc/fstab");
    const wanted = isUnreadable(fstab) ? new Map<string, "ro" | "rw">() : parseFstab(fstab);
    const observe = (mount: Mount): Promise<Observation> => this.#observe(root, mount, wanted.get(mount.mountPoint));
    const seen = await Promise.all(mounts.slice(0, MOUNTS_MAX).map(observe));
    const more = mounts.length - MOUNTS_MAX;
    if (more > 0) seen.push({ status: "unknown", message: `${more} more filesystems are mounted and not looked at` });
    if (seen.length === 0) seen.push({ status: "ok", message: "no filesystem of a disk can be seen from here" });
    return seen;
  }

  async #observe(root: string, mount: Mount, wanted: "ro" | "rw" | undefined): Promise<Observation> {
    const key = `${mount.device} ${mount.mountPoint}`;
    const lost = lostWriting(mount, wanted, this.#writable.has(key));
    if (!mount.superOptions.includes("ro")) this.#writable.add(key);
    const usage = await this.#ask(root, mount, key);
    const seen = describeUsage(mount, usage);
    if (lost === null) return seen;
    return {
      ...seen,
      status: "critical",
      message: `${mount.mountPoint} is read-only: ${lost}; dmesg shows why. ${seen.message}`,
    };
  }

  async #ask(root: string, mount: Mount, key: string): Promise<UsageResult> {
    const nowS = this.#monotonicS();
    const againS = this.#askAgainS.get(key) ?? 0;
    if (nowS < againS) return { failed: `no answer lately, asked again in ${Math.ceil(againS - nowS)} s` };
    const usage = await this.#usage(root, mount, TIMEOUT_MS);
    if ("failed" in usage && usage.failed.startsWith("no answer")) this.#askAgainS.set(key, nowS + ASK_AGAIN_S);
    return usage;
  }
}

/** What the figures of one filesystem mean. Pure. */
export function describeUsage({ mountPoint, type, source }: Mount, usage: UsageResult): Observation {
  const name = `disk:${mountPoint}`;
  if ("failed" in usage) {
    return { name, status: "unknown", message: `${mountPoint} (${type}, ${source}) cannot be asked: ${usage.failed}` };
  }
  const { totalBytes, availableBytes, inodes, freeInodes } = usage;
  const perfdata = [
    { ...perf("free", availableBytes, "B", roomLimits(usage)), max: totalBytes },
    ...(inodes > 0 ? [perf("free_inodes", (100 * freeInodes) / inodes, "%", INODE_POLICY)] : []),
  ];
  const share = totalBytes > 0 ? ` (${Math.floor((100 * availableBytes) / totalBytes)} %)` : "";
  const room = `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)}${share}`;
  const left = inodes > 0 ? `, ${Math.floor((100 * freeInodes) / inodes)} % of the inodes` : "";
  return { name, status: statusOf(perfdata), message: `${mountPoint} (${type}) has ${room} free${left}`, perfdata };
}

function roomLimits({ totalBytes }: Usage): Limits {
  const { warning, critical, because } = ROOM_POLICY;
  const below = ({ share, bytes }: { share: number; bytes: number }): number =>
    Math.round(Math.min(share * totalBytes, bytes));
  return { alert: "below", warning: below(warning), critical: below(critical), because };
}
