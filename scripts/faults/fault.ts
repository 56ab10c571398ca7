// What a row of the fault table is made of. The tables themselves are beside this file, one for each part of the system.

import type { Bed } from "./bed.ts";
import type { Place, Said } from "./remedy.ts";

/** Where an operator sees it: a unit's log, or what a command answers. */
export type Seen = { on: Place; log: string } | { on: Place; command: string };

export interface Fault {
  /** In the words of whoever meets it; the row's name, so no two have the same. */
  name: string;
  seen: Seen;
  /** Makes it for real; with what has to follow for it to be met, such as an episode to ship. */
  make: (bed: Bed) => Promise<unknown>;
  /** A part of the sentence that is expected; the row shows the whole line. */
  says: RegExp;
  /** Does what the remedy says where no printed line does it. Left out: its lines are run, word for word. */
  words?: (bed: Bed, said: Said) => Promise<unknown>;
  /** Nobody has to do anything, and so no remedy is printed: it is over by itself. */
  byItself?: true;
  /** The lab host that its lines are run on, where that is another one. */
  there?: "clone";
  /** What its first printed line asks for, such as a password. */
  typed?: string;
  /** The fault is gone; left out: the episode that was recorded last has arrived. */
  mended?: (bed: Bed) => Promise<boolean>;
  /** How long that may take, seconds; left out: three minutes. */
  patienceS?: number;
  /** What the next row must not find any more, beyond configuration, credentials and services. */
  clear?: (bed: Bed) => Promise<unknown>;
}

export type Mended = "as printed" | "by its words" | "by itself";

/** A fault that was made, seen and mended. */
export interface Walked {
  fault: string;
  seen: string;
  sentence: string;
  remedy: string;
  mended: Mended;
}

export const shipperStatus = { on: "lab1", command: "shipper status" } as const;
export const shipperLog = { on: "lab1", log: "labfleet-shipper" } as const;
export const heartbeatStatus = { on: "lab1", command: "heartbeat status" } as const;
export const heartbeatPlugins = { on: "lab1", command: "heartbeat plugins" } as const;
export const receiverHosts = { on: "collector", command: "receiver hosts" } as const;
export const receiverStatus = { on: "collector", command: "receiver status" } as const;
export const receiverLog = { on: "collector", log: "labfleet-receiver" } as const;

/** In the order of the document: first what shows a fault without being asked for it. Others come behind them. */
const LOOKED_AT: readonly Seen[] = [
  shipperStatus,
  shipperLog,
  heartbeatStatus,
  heartbeatPlugins,
  receiverHosts,
  receiverStatus,
  receiverLog,
];

/** A heading of the document. */
export function seenText(seen: Seen): string {
  const where = seen.on === "lab1" ? "Lab host" : "Collector";
  return "log" in seen ? `${where}: the log of \`${seen.log}\`` : `${where}: \`${seen.command}\``;
}

/** All headings that these faults need, in the document's order. */
export function seenOrder(faults: readonly Fault[]): string[] {
  return [...new Set([...LOOKED_AT, ...faults.map(({ seen }) => seen)].map(seenText))];
}

/** How a row says that this fault is mended. */
export function mendedHow({ words, byItself }: Pick<Fault, "words" | "byItself">): Mended {
  if (byItself === true) return "by itself";
  return words === undefined ? "as printed" : "by its words";
}
