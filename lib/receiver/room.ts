// Does the store's disk take any more? Bytes and inodes both run out, and look alike from outside. Pure.

import { formatBytes } from "../core/text/quantity.ts";

/** What a disk still takes. */
export interface Room {
  freeBytes: number;
  /** Files that can still be made; Infinity where the file system does not count them. */
  freeInodes: number;
}

/** Kept free: what is under way, the rows of a day and its heartbeats need a few too. */
const INODE_RESERVE = 256;

/** What statfs(2) says; file systems without a limit of inodes (btrfs, vfat) count none at all. */
export function roomOf({ bavail, bsize, files, ffree }: Record<"bavail" | "bsize" | "files" | "ffree", number>): Room {
  return { freeBytes: bavail * bsize, freeInodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}

export interface Shortage {
  of: "bytes" | "inodes";
  what: string;
}

/** What there is too little of to store anything, whatever its size; null: nothing. */
export function shortOf({ freeBytes, freeInodes }: Room, reserveBytes: number): Shortage | null {
  if (freeInodes < INODE_RESERVE) return { of: "inodes", what: shortOfInodes(freeInodes) };
  if (freeBytes >= reserveBytes) return null;
  return { of: "bytes", what: `${formatBytes(freeBytes)} free, below the reserve of ${formatBytes(reserveBytes)}` };
}

/** Why one more upload of `bytes` may not be stored now; null: it may. */
export function noRoomFor(bytes: number, { freeBytes, freeInodes }: Room, reserveBytes: number): string | null {
  if (freeInodes < INODE_RESERVE) return shortOfInodes(freeInodes);
  if (freeBytes - bytes >= reserveBytes) return null;
  return `no room for ${formatBytes(bytes)} above the reserve of ${formatBytes(reserveBytes)}`;
}

function shortOfInodes(freeInodes: number): string {
  return `${freeInodes} inodes free, below the reserve of ${INODE_RESERVE}: no file can be made, whatever room there is in bytes`;
}

/** What a write met that found no room (ENOSPC, EDQUOT). */
export function fullText(code: string, { freeInodes }: Room): string {
  if (code === "EDQUOT") return "the quota of the receiver's user is used up";
  return freeInodes === 0 ? "the disk has no inodes left" : "the disk is full";
}
