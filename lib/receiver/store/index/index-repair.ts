// Takes lines that are no rows, and rows that an episode has twice, out of index.jsonl. The file as it was is kept aside; a kill
// leaves the old one or the new one, whole. The store must be locked.

import { closeSync, constants, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { archivePath, type IndexRow, parseRow } from "../../../contract/index-row.ts";
import { fsyncDir, makeDir } from "../../../os/files/files.ts";
import { makeNew } from "../../../os/files/owner.ts";
import { scanLines } from "./episode-index.ts";

/** Written at once. */
const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = Buffer.from("\n");

/** The digests of stored archives that have more than one row, one of which fits, by their paths in the data root. */
export type Digests = ReadonlyMap<string, string>;

/** What was left out; none of either: the file is as it was. */
export interface LeftOut {
  badLines: number;
  /** Of an archive's rows the first that fits its digest stays, with what corrects it. */
  secondRows: number;
}

/**
 * Writes the index anew without the whole lines that are no rows and without second rows, and moves the one before to `aside`. What
 * follows the last line break stays for the start, which knows a torn row.
 * @throws the disk's error; the index is then as it was, or new and perhaps not on the disk yet: both are whole
 */
export async function repairIndexFile(index: string, aside: string, digests: Digests): Promise<LeftOut> {
  const temp = join(dirname(index), `.${basename(index)}.tmp`);
  rmSync(temp, { force: true }); // of a repair that was killed
  const from = openSync(index, "r");
  try {
    const to = makeNew(temp, constants.O_WRONLY, 0o640);
    try {
      const leftOut = await copyRows(from, to, digests);
      if (leftOut.badLines + leftOut.secondRows === 0) return leftOut;
      fsyncSync(to);
      await replaceKeeping(index, temp, aside);
      return leftOut;
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
    rmSync(temp, { force: true });
  }
}

async function copyRows(from: number, to: number, digests: Digests): Promise<LeftOut> {
  const leftOut: LeftOut = { badLines: 0, secondRows: 0 };
  const isSecond = secondRowsOf(digests);
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
    const row = parseRow(bytes.toString("utf8", start, end));
    if (row === null) leftOut.badLines++;
    else if (isSecond(row)) leftOut.secondRows++;
    // What is read next stands in the same buffer.
    else hold(Buffer.from(bytes.subarray(start, end)), NEWLINE);
  });
  hold(tail.bytes);
  flush();
  return leftOut;
}

function secondRowsOf(digests: Digests): (row: IndexRow) => boolean {
  const seen = new Set<string>();
  return (row) => {
    const path = archivePath({ host: row.host_id, id: row.episode_id });
    const digest = digests.get(path);
    if (digest === undefined || row.corrects !== undefined) return false;
    if (row.sha256 !== digest || seen.has(path)) return true;
    seen.add(path);
    return false;
  };
}

async function replaceKeeping(index: string, temp: string, aside: string): Promise<void> {
  await makeDir(aside);
  linkSync(index, join(aside, basename(index)));
  await fsyncDir(aside);
  renameSync(temp, index);
  await fsyncDir(dirname(index));
}
