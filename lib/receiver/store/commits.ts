// The commit protocol: file and index row appear together, and before an answer says so. Steps, in order: flush file || flush
// intent -> link -> flush directory -> flush row -> remove temp. What a crash leaves at each of them stands in
// docs/protocol.md, “Commit, and what a crash leaves”; reconcile.ts mends it.

import { join } from "node:path";
import { archivePath, type IndexRow } from "../../contract/index-row.ts";
import type { EpisodeAddress } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import { failpoint } from "../../os/failpoint.ts";
import { fsyncDir, makeDir, publishNoReplace } from "../../os/files/files.ts";
import type { Work } from "../../runtime/progress.ts";
import { createGroupCommit } from "../disk/batch.ts";
import { createKeyedLock } from "../disk/keyed-lock.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import type { Committed, Stored } from "../episode-store.ts";
import { type Disk, fileFacts, hashFile } from "./files/disk.ts";
import { archiveFacts, checkHostDirectory } from "./files/misplaced.ts";
import type { EpisodeIndex } from "./index/episode-index.ts";
import type { Journal } from "./journal.ts";
import { otherSize } from "./reading/damage.ts";

/** A received body in its temporary file, still open. */
export interface Received {
  temp: string;
  fd: number;
}

export interface CommitParts {
  dataRoot: string;
  index: EpisodeIndex;
  journal: Journal;
  disk: Disk;
  /** Rows of files that were published but whose row could not be written yet, by `host/id`. */
  rowless: Map<string, IndexRow>;
  /** Registers work that the disk must finish. */
  begin: (name: string) => Work;
  /** Asked before anything is made. */
  needHere?: NeedHere;
}

/** Looks up and publishes; what is a store besides is in file-store.ts. */
export class Commits {
  private readonly locked = createKeyedLock();
  /** The flush of each host's directory, shared by all commits in it. */
  private readonly directories = new Map<string, Promise<() => Promise<void>>>();

  constructor(private readonly parts: CommitParts) {}

  /** Absolute path of an episode's archive. */
  pathOf(address: EpisodeAddress): string {
    return join(this.parts.dataRoot, archivePath(address));
  }

  /** What is stored under a name. A file without a row gets its row here. */
  async find(address: EpisodeAddress): Promise<Stored> {
    const state = await this.lookUp(address);
    // Under the lock no commit is between its link and its row.
    return state.kind === "rowless" ? this.locked(keyOf(address), () => this.findLocked(address)) : state;
  }

  /**
   * Publishes a received file under its row's name, unless the name is taken.
   * @throws the disk's error; nothing was acknowledged then
   */
  async commit(received: Received, row: IndexRow): Promise<Committed> {
    const work = this.parts.begin(`storing ${row.path}`);
    try {
      return await this.publish(received, row);
    } finally {
      work.done();
    }
  }

  private publish(received: Received, row: IndexRow): Promise<Committed> {
    const address = { host: row.host_id, id: row.episode_id };
    return this.parts.journal.during(async (intent) => {
      failpoint("receiver.before-file-fsync");
      const steps = [this.parts.disk.flush(received.fd), intent(row), this.hostDirectory(address.host)];
      // All of them are awaited, so that none is still at work on the file when it is removed.
      for (const step of await Promise.allSettled(steps)) if (step.status === "rejected") throw step.reason;
      failpoint("receiver.after-file-fsync");
      return this.locked(keyOf(address), () => this.publishLocked(received, address, row));
    });
  }

  /**
   * Gives a file its row where it has none, whatever else is under way with it: one of `known` if it fits the bytes, else one made
   * from the file.
   * @returns the row that was added, or null
   * @throws the disk's error, and Misplaced
   */
  mend(address: EpisodeAddress, known: readonly IndexRow[]): Promise<IndexRow | null> {
    return this.locked(keyOf(address), async () =>
      (await this.lookUp(address)).kind === "rowless" ? this.adoptLocked(address, known) : null,
    );
  }

  private async lookUp(address: EpisodeAddress): Promise<Stored | { kind: "rowless" }> {
    const row = await this.parts.index.find(address);
    await checkHostDirectory(this.directoryOf(address.host));
    const facts = await archiveFacts(this.pathOf(address));
    // What stands in the place of a disk that is gone says nothing of this episode, least of all that its name is free, or taken.
    (this.parts.needHere ?? HERE)();
    if (row === null) return { kind: facts === null ? "none" : "rowless" };
    if (facts === null) return { kind: "row-only", row };
    return facts.bytes === row.bytes
      ? { kind: "stored", row }
      : { kind: "damaged", row, why: otherSize(this.pathOf(address), { row, bytes: facts.bytes }) };
  }

  private async findLocked(address: EpisodeAddress): Promise<Stored> {
    const state = await this.lookUp(address);
    return state.kind === "rowless" ? { kind: "stored", row: await this.adoptLocked(address, []) } : state;
  }

  private async adoptLocked(address: EpisodeAddress, known: readonly IndexRow[]): Promise<IndexRow> {
    const work = this.parts.begin(`reading ${archivePath(address)}`);
    try {
      const proved = this.parts.rowless.get(keyOf(address));
      const row = proved ?? (await rowOfFile(this.pathOf(address), address, known, work.moved));
      await this.addRow(address, row);
      return row;
    } finally {
      work.done();
    }
  }

  private async publishLocked(received: Received, address: EpisodeAddress, row: IndexRow): Promise<Committed> {
    const before = await this.parts.index.find(address);
    // A row whose file is missing: only the very same bytes may take its place.
    if (before !== null && before.sha256 !== row.sha256) return this.taken(address);
    failpoint("receiver.before-link");
    if (!(await this.link(received.temp, address))) return this.taken(address);
    failpoint("receiver.after-link");
    if (before === null) await this.addRow(address, row);
    else await (await this.hostDirectory(address.host))();
    return { kind: "published", row: before ?? row };
  }

  private async taken(address: EpisodeAddress): Promise<Committed> {
    const by = await this.findLocked(address);
    if (by.kind === "none") throw new Error(`${archivePath(address)} was there and is gone`);
    return { kind: "taken", by };
  }

  /** Flushes the directory and adds the row. Until that is done the row is kept in memory, for the next try. */
  private async addRow(address: EpisodeAddress, row: IndexRow): Promise<void> {
    this.parts.rowless.set(keyOf(address), row);
    await (await this.hostDirectory(address.host))();
    failpoint("receiver.after-dir-fsync");
    await this.parts.index.append(row);
    this.parts.rowless.delete(keyOf(address));
  }

  /** Links the file, making the directory again if someone removed it. */
  private async link(temp: string, address: EpisodeAddress): Promise<boolean> {
    await checkHostDirectory(this.directoryOf(address.host));
    try {
      return await publishNoReplace(temp, this.pathOf(address));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      this.directories.delete(address.host);
      await this.hostDirectory(address.host);
      return publishNoReplace(temp, this.pathOf(address));
    }
  }

  private directoryOf(host: string): string {
    return join(this.parts.dataRoot, "episodes", host);
  }

  /** Makes a host's directory; resolves with its flush when the directory itself is on the disk. */
  private async hostDirectory(host: string): Promise<() => Promise<void>> {
    (this.parts.needHere ?? HERE)();
    const known = this.directories.get(host);
    if (known !== undefined) return known;
    const path = this.directoryOf(host);
    const made = makeDir(path).then(() => createGroupCommit(() => fsyncDir(path)));
    // The promise and not its value is kept: a second upload must not overtake the flush of what the first one made.
    this.directories.set(host, made);
    made.catch(() => this.directories.delete(host));
    return made;
  }
}

function keyOf({ host, id }: EpisodeAddress): string {
  return `${host}/${id}`;
}

/** Reads a file that has no row: takes the row that was meant for these bytes, or makes one that says less. */
async function rowOfFile(
  path: string,
  address: EpisodeAddress,
  known: readonly IndexRow[],
  moved: () => void,
): Promise<IndexRow> {
  const { bytes, sha256 } = await hashFile(path, moved, true);
  const meant = known.findLast((row) => row.bytes === bytes && row.sha256 === sha256);
  if (meant !== undefined) return meant;
  const facts = await fileFacts(path);
  return {
    host_id: address.host,
    episode_id: address.id,
    received_at_wall: isoWall(facts?.mtimeMs ?? 0),
    bytes,
    sha256,
    code_commit: null,
    path: archivePath(address),
    tree_sha256: null,
    recovered: true,
  };
}
