// Takes lines that are no rows out of index.jsonl. The file as it was is kept aside; a kill leaves the old one or the new one, whole.
// The store must be locked.

import { closeSync, constants, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseRow } from "../contract/index-row.ts";
import { fsyncDir, makeDir } from "../os/files.ts";
import { makeNew } from "../os/owner.ts";
import { scanLines } from "./index.ts";

/** Written at once. */
const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = Buffer.from("\n");

/**
 * Writes the index anew without the whole lines that are no rows, and moves the one before to `aside`. What follows the last line
 * break stays for the start, which knows a torn row.
 * @returns how many lines were left out; 0: the file is as it was
 * @throws the disk's error; the index is then as it was, or new and perhaps not on the disk yet: both are whole
 */
export async function dropBadLines(index: string, aside: string): Promise<number> {
  const temp = join(dirname(index), `.${basename(index)}.tmp`);
  rmSync(temp, { force: true }); // of a repair that was killed
  const from = openSync(index, "r");
  try {
    const to = makeNew(temp, constants.O_WRONLY, 0o640);
    try {
      const dropped = await copyRows(from, to);
      if (dropped === 0) return 0;
      fsyncSync(to);
      await replaceKeeping(index, temp, aside);
      return dropped;
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
    rmSync(temp, { force: true });
  }
}

/** @returns how many lines are no rows */
async function copyRows(from: number, to: number): Promise<number> {
  let dropped = 0;
  let held: Buffer[] = [];
  let bytesHeld = 0;
  const hold = (...parts: Buffer[]): void => {
    held.push(...parts);
    for (const { length } of parts) bytesHeld += length;
    if (bytesHeld >= BLOCK_BYTES) flush();
  };
  const flush = (): void => {
    const block = Buffer.concat(held);
    for (let at = 0; at < block.length; ) at += writeSync(to, block, at);
    [held, bytesHeld] = [[], 0];
  };
  const tail = await scanLines(from, (bytes, start, end) => {
    if (parseRow(bytes.toString("utf8", start, end)) === null) dropped++;
    // What is read next stands in the same buffer.
    else hold(Buffer.from(bytes.subarray(start, end)), NEWLINE);
  });
  hold(tail.bytes);
  flush();
  return dropped;
}

async function replaceKeeping(index: string, temp: string, aside: string): Promise<void> {
  await makeDir(aside);
  linkSync(index, join(aside, basename(index)));
  await fsyncDir(aside);
  renameSync(temp, index);
  await fsyncDir(dirname(index));
}
