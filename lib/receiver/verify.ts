// Does the disk hold what the index says? Reads every archive again. Reads only: it may run beside a receiver, and what
// appears meanwhile is looked at a second time before it is called wrong.

import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { createZstdDecompress } from "node:zlib";
import { archivePath, type IndexRow, parseRow } from "../contract/index-row.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { fileFacts, hashFile } from "./disk.ts";
import { scanLines } from "./index.ts";
import { IndexTable } from "./index-table.ts";
import { dataPaths } from "./settings.ts";
import { type FoundEntry, walkEpisodes } from "./walk.ts";

/** What a check found. Paths are relative to the data root. */
export interface VerifyReport {
  /** Rows looked at. */
  checked: number;
  /** Bytes read. */
  bytes: number;
  /** Rows whose file is not there. */
  missing: string[];
  /** Files that no row tells of, archives and strangers alike. */
  extra: string[];
  /** Files that are not what their row says. */
  mismatch: { path: string; detail: string }[];
  /** Episodes with more than one row. */
  duplicate: string[];
  /** Lines of the index that are no rows. */
  torn: number;
}

export interface VerifyOptions {
  dataRoot: string;
  /** Also unpacks each archive and compares the digest of its tar, where the row has one. */
  deep: boolean;
  /** How long a file may be without a row before it counts, in milliseconds: a receiver may be about to write it. */
  settleMs: number;
  /** Told of each problem as it is found. */
  onProblem: (kind: "missing" | "extra" | "mismatch" | "duplicate", path: string, detail: string) => void;
}

/** True when there is nothing wrong. */
export function isSound({ missing, extra, mismatch, duplicate, torn }: VerifyReport): boolean {
  return missing.length + extra.length + mismatch.length + duplicate.length + torn === 0;
}

/** Checks a data root. Memory: 16 bytes a row, and the problems. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const check = new Check(options);
  await check.rows();
  await check.files();
  return check.report;
}

class Check {
  readonly report: VerifyReport = {
    checked: 0,
    bytes: 0,
    missing: [],
    extra: [],
    mismatch: [],
    duplicate: [],
    torn: 0,
  };
  private readonly table = new IndexTable(Math.random() * 2 ** 32);
  private readonly paths: ReturnType<typeof dataPaths>;
  /** Up to here the index has been read. */
  private readTo = 0;

  constructor(private readonly options: VerifyOptions) {
    this.paths = dataPaths(options.dataRoot);
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
      this.report.torn++;
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
    return address !== null && this.table.slots(address).length > 0;
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
        async (bytes, start, end) => {
          const row = parseRow(bytes.toString("utf8", start, end));
          if (row === null) this.report.torn++;
          else await onRow(row);
        },
        this.readTo,
      );
      this.readTo = tail.offset;
      return tail.bytes.length;
    } finally {
      closeSync(fd);
    }
  }

  private async row(row: IndexRow): Promise<void> {
    const address = { host: row.host_id, id: row.episode_id };
    const path = archivePath(address);
    this.report.checked++;
    if (this.table.slots(address).length > 0) {
      this.report.duplicate.push(path);
      this.options.onProblem("duplicate", path, "has more than one row");
    }
    this.table.insert(address, 0);
    const detail = await this.difference(join(this.options.dataRoot, path), row);
    if (detail === "missing") {
      this.report.missing.push(path);
      this.options.onProblem("missing", path, `stored ${row.received_at_wall}, the file is not there`);
    } else if (detail !== null) {
      this.report.mismatch.push({ path, detail });
      this.options.onProblem("mismatch", path, detail);
    }
  }

  /** What is wrong with a row's file, or null. */
  private async difference(path: string, row: IndexRow): Promise<string | null> {
    try {
      if ((await fileFacts(path)) === null) return "missing";
      const found = await hashFile(path, () => undefined);
      this.report.bytes += found.bytes;
      if (found.bytes !== row.bytes) return `has ${found.bytes} bytes, its row says ${row.bytes}`;
      if (found.sha256 !== row.sha256) return `has sha256 ${found.sha256}, its row says ${row.sha256}`;
      if (!this.options.deep || row.tree_sha256 === null) return null;
      const tree = await treeDigest(path);
      return tree === row.tree_sha256 ? null : `holds a tar of sha256 ${tree}, its row says ${row.tree_sha256}`;
    } catch (error) {
      if (errorCode(error) === null) throw error;
      return `cannot be read: ${errorText(error)}`;
    }
  }

  private extra(path: string): void {
    this.report.extra.push(path);
    this.options.onProblem("extra", path, "is not in the index");
  }
}

/** Digest of the tar in an archive, in hex; a text that is no digest when it cannot be unpacked. */
async function treeDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
    for await (const chunk of file.pipe(createZstdDecompress())) hash.update(chunk);
  } catch (error) {
    return `(not unpackable: ${errorText(error)})`;
  }
  return hash.digest("hex");
}
