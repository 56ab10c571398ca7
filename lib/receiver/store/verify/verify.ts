// Does the disk hold what the index says? Reads every archive again. Reads only: it may run beside a receiver, and what
// appears meanwhile is looked at a second time before it is called wrong.

import { closeSync, openSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { archivePath, type IndexRow, parseRow } from "../../../contract/index-row.ts";
import { dataPaths } from "../../../contract/places.ts";
import { errorCode, errorText } from "../../../core/failure.ts";
import type { Fix } from "../../../core/finding.ts";
import { fileFacts, hashFile } from "../files/disk.ts";
import { type FoundEntry, walkEpisodes } from "../files/stored-files.ts";
import { scanLines } from "../index/episode-index.ts";
import { IndexTable } from "../index/index-table.ts";
import { unpack } from "./archive-check.ts";
import { type ClosedTo, closedToReceiver } from "./closed-to-receiver.ts";
import {
  compareTree,
  differenceOf,
  emptyReport,
  type Finding,
  isDamage,
  type Problem,
  type VerifyReport,
} from "./verify-report.ts";

/** Lines that are no rows are named up to so many. */
const TORN_LINES = 100;

export interface VerifyOptions {
  dataRoot: string;
  /** Also unpacks each archive, and compares the digest of its tar where the row claims one. */
  deep: boolean;
  /** How long a file may be without a row before it counts, in milliseconds: a receiver may be about to write it. */
  settleMs: number;
  /** Told of each problem as it is found. */
  onProblem: (kind: Problem, path: string, detail: string) => void;
}

/** Checks a data root. Memory: 16 bytes a row, and the problems. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const check = new Check(options);
  await check.rows();
  await check.files();
  check.conclude();
  return check.report;
}

class Check {
  readonly report: VerifyReport = emptyReport();
  private readonly closedTo: ClosedTo;
  private readonly table = new IndexTable(Math.random() * 2 ** 32);
  private readonly paths: ReturnType<typeof dataPaths>;
  /** What was found of a file against its rows, by path; nothing of one that is as it should be. */
  private readonly found = new Map<string, Finding[]>();
  private readonly told = new Set<Finding>();
  /** Up to here the index has been read. */
  private readTo = 0;
  private linesRead = 0;

  constructor(private readonly options: VerifyOptions) {
    this.paths = dataPaths(options.dataRoot);
    this.closedTo = closedToReceiver(options.dataRoot, this.paths.episodes);
  }

  /** Every row, each against its file. */
  async rows(): Promise<void> {
    const giveUpAt = Date.now() + this.options.settleMs;
    // A receiver may be writing this very row: it is torn only if it stays so.
    while ((await this.readRows((row) => this.row(row))) > 0) {
      if (Date.now() < giveUpAt) {
        await Bun.sleep(50);
        continue;
      }
      this.torn(this.linesRead + 1);
      break;
    }
  }

  /** Every file, against the rows. */
  async files(): Promise<void> {
    let rowless: FoundEntry[] = [];
    for await (const found of walkEpisodes(this.paths.episodes)) if (!this.hasRow(found)) rowless.push(found);
    const giveUpAt = Date.now() + this.options.settleMs;
    while (rowless.length > 0) {
      await this.readRows((row) => this.row(row));
      rowless = await this.stillRowless(rowless);
      if (Date.now() >= giveUpAt) break;
      await Bun.sleep(50);
    }
    for (const { path } of rowless) this.extra(path);
  }

  private hasRow({ address }: FoundEntry): boolean {
    return address !== null && this.table.candidates(address).length > 0;
  }

  /** Reports what has been there for a while; returns what was just published and may be getting its row now. */
  private async stillRowless(entries: readonly FoundEntry[]): Promise<FoundEntry[]> {
    const young: FoundEntry[] = [];
    for (const entry of entries) {
      const facts = await lstat(join(this.options.dataRoot, entry.path)).catch(() => null);
      if (facts === null || this.hasRow(entry)) continue;
      // Linking a file to its name sets its ctime.
      if (entry.address !== null && Date.now() - facts.ctimeMs < this.options.settleMs) young.push(entry);
      else this.extra(entry.path);
    }
    return young;
  }

  /** Reads on in the index; returns the length of an unfinished last line. */
  private async readRows(onRow: (row: IndexRow) => Promise<void>): Promise<number> {
    let fd: number;
    try {
      fd = openSync(this.paths.index, "r");
    } catch (error) {
      if (errorCode(error) === "ENOENT") return 0;
      throw error;
    }
    try {
      const tail = await scanLines(
        fd,
        async (bytes, start, end, _, number) => {
          const row = parseRow(bytes.toString("utf8", start, end));
          if (row === null) this.torn(this.linesRead + number);
          else await onRow(row);
        },
        this.readTo,
      );
      this.readTo = tail.offset;
      this.linesRead += tail.lines;
      return tail.bytes.length;
    } finally {
      closeSync(fd);
    }
  }

  private async row(row: IndexRow): Promise<void> {
    const address = { host: row.host_id, id: row.episode_id };
    const path = archivePath(address);
    const again = this.table.candidates(address).length > 0;
    if (!again) this.table.insert(address, 0);
    if (!again || row.corrects === undefined) this.report.checked++;
    if (again && row.corrects === undefined) {
      this.report.duplicate.push(path);
      this.options.onProblem("duplicate", path, "has more than one row");
    }
    const findings = await this.compare(join(this.options.dataRoot, path), row);
    // What fits one of its rows is nobody's damage, and it is never moved; of rows that fit the last one holds.
    if (again && findings.some(({ kind }) => kind === "mismatch")) return;
    this.found.delete(path);
    if (findings.length === 0) return;
    this.found.set(path, findings);
    // At once, for whoever waits: only a row that comes later could put this right.
    for (const finding of findings) if (!again && isDamage(finding)) this.tell(path, finding);
  }

  /** What is wrong with a row's file, or odd about it. */
  private async compare(path: string, row: IndexRow): Promise<Finding[]> {
    try {
      if ((await fileFacts(path)) === null) {
        return [{ kind: "missing", detail: `stored ${row.received_at_wall}, the file is not there` }];
      }
      const found = await hashFile(path, () => undefined);
      this.report.bytes += found.bytes;
      const other = differenceOf(found, row);
      if (other?.kind === "mismatch") return [other];
      // Read as root: what is whole may all the same be closed to the receiver, which then confirms it to nobody.
      const closed = this.closedTo(path);
      if (closed !== null) return [{ kind: "unreadable", ...closed }];
      if (other !== null) return [other];
      return this.options.deep ? compareTree(await unpack(path), row) : [];
    } catch (error) {
      if (errorCode(error) === null) throw error;
      return [{ kind: "unreadable", detail: `cannot be read: ${errorText(error)}` }];
    }
  }

  /** What all rows together say of the files. */
  conclude(): void {
    const { missing, mismatch, unreadable, wrong_tree, wrong_bytes, opaque } = this.report;
    const rows = { wrong_tree, wrong_bytes };
    const lists = { mismatch, opaque };
    for (const [path, findings] of this.found) {
      for (const finding of findings) {
        if (!this.told.has(finding)) this.tell(path, finding);
        if (finding.kind === "missing") missing.push(path);
        else if (finding.kind === "unreadable") unreadable.push({ path, ...textOf(finding) });
        else if ("row" in finding) rows[finding.kind].push({ path, detail: finding.detail, row: finding.row });
        else lists[finding.kind].push({ path, detail: finding.detail });
      }
    }
  }

  private tell(path: string, finding: Finding): void {
    this.told.add(finding);
    this.options.onProblem(finding.kind, path, finding.detail);
  }

  /** An index that something else was written into may have millions of them. */
  private torn(number: number): void {
    const { report } = this;
    report.torn++;
    if (report.torn_lines.length === TORN_LINES) return;
    report.torn_lines.push(number);
    this.options.onProblem("torn", "index.jsonl", `line ${number} is no row`);
  }

  private extra(path: string): void {
    this.report.extra.push(path);
    this.options.onProblem("extra", path, "is not in the index");
  }
}

function textOf({ detail, fix }: { detail: string; fix?: Fix }): { detail: string; fix?: Fix } {
  return fix === undefined ? { detail } : { detail, fix };
}
