// The built-in plugins, in the order in which they appear in a heartbeat.

import type { QueueReport } from "../../contract/queue.ts";
import type { Plugin } from "../plugin.ts";
import { clock, type KernelClock } from "./clock.ts";
import { disks } from "./disks.ts";
import { load } from "./load.ts";
import { memory } from "./memory.ts";
import { units } from "./services.ts";
import { type KnownShipper, queue } from "./shipper-queue.ts";
import type { ShipperPlaces } from "./shipper-view.ts";
import { uptime } from "./uptime.ts";

/** What built-in plugins need to know besides their settings. */
export interface Surroundings {
  shipper: ShipperPlaces;
  /** Remembers that there was a shipper; left out, nobody does. */
  knownShipper?: KnownShipper;
  /** Is told of the shipper's queue at each collection, for the heartbeat's `queue`. */
  sawQueue?: (report: QueueReport | null) => void;
  /** Asks the kernel for its clock; left out, systemd is asked. */
  kernelClock?: () => KernelClock | null;
}

export const BUILT_IN: readonly ((around: Surroundings) => Plugin)[] = [
  () => load(),
  () => memory(),
  () => disks(),
  () => uptime(),
  ({ kernelClock }) => clock(kernelClock === undefined ? {} : { kernel: kernelClock }),
  () => units(),
  ({ shipper, sawQueue, knownShipper }) => queue(shipper, sawQueue, undefined, knownShipper),
];
