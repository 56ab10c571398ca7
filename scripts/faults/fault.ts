// What a row of the fault table is made of. The tables themselves are beside this file, one for each part of the system.

import type { Bed } from "./bed.ts";
import type { Place, Said } from "./remedy.ts";

export interface Fault {
  /** In the words of whoever meets it; the row's name, so no two have the same. */
  name: string;
  /** Where an operator sees it: the machine, and either a unit's log or a command. */
  seen: { on: Place; log: string } | { on: Place; command: string };
  /** Makes it for real; with what has to follow for it to be met, such as an episode to ship. */
  make: (bed: Bed) => Promise<unknown>;
  /** A part of the sentence that is expected; the row shows the whole line. */
  says: RegExp;
  /** Does what the remedy says where no printed line does it. Left out: its lines are run, word for word. */
  words?: (bed: Bed, said: Said) => Promise<unknown>;
  /** What its first printed line asks for, such as a password. */
  typed?: string;
  /** The fault is gone; left out: the episode that was recorded last has arrived. */
  mended?: (bed: Bed) => Promise<boolean>;
  /** What the next row must not find any more, beyond configuration, credentials and services. */
  clear?: (bed: Bed) => Promise<unknown>;
}

/** A fault that was made, seen and mended. */
export interface Walked {
  fault: string;
  seen: string;
  sentence: string;
  remedy: string;
  mended: "as printed" | "by its words";
}

export const shipperLog = { on: "lab1", log: "labfleet-shipper" } as const;
export const heartbeatLog = { on: "lab1", log: "labfleet-heartbeat" } as const;
export const receiverLog = { on: "collector", log: "labfleet-receiver" } as const;
export const shipperStatus = { on: "lab1", command: "shipper status" } as const;
export const heartbeatStatus = { on: "lab1", command: "heartbeat status" } as const;
export const receiverStatus = { on: "collector", command: "receiver status" } as const;
export const receiverHosts = { on: "collector", command: "receiver hosts" } as const;
