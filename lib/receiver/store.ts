// The commit protocol (DESIGN 3.4): file and index row appear together, and before an answer says so. Steps, in order:
// flush file || flush intent -> link -> flush directory -> flush row -> remove temp. docs/protocol.md says what a crash
// leaves at each of them; reconcile.ts mends it.

import { join } from "node:path";
import { isoWall } from "../core/clock.ts";
import { errorCode } from "../core/failure.ts";
import type { EpisodeAddress } from "../core/names.ts";
import type { IndexRow } from "../core/types.ts";
import { failpoint } from "../os/failpoint.ts";
import { fsyncDir, makeDir, publishNoReplace } from "../os/files.ts";
import type { Work } from "../runtime/progress.ts";
import type { Stored } from "./decide.ts";
import { type Disk, fileFacts, hashFile } from "./disk.ts";
import { createGroupCommit } from "./group-commit.ts";
import type { EpisodeIndex } from "./index.ts";
import type { Journal } from "./journal.ts";
import { createKeyedLock } from "./keyed-lock.ts";
import type { Received } from "./receive.ts";
import { archivePath } from "./rows.ts";

export interface StoreParts {
  dataRoot: string;
  index: EpisodeIndex;
  journal: Journal;
  disk: Disk;
  /** Rows of files that were published but whose row could not be written yet, by `host/id`. */
  rowless: Map<string, IndexRow>;
  /** Registers work that the disk must finish. */
  begin: (name: string) => Work;
  nowMs: () => number;
}

/** `published`: file and row are on the disk; the row is the older one where its file was missing. */
export type Committed = { kind: "published"; row: IndexRow } | { kind: "taken"; by: Exclude<Stored, { kind: "none" }> };

export interface Store {
  /** What is stored under a name. A file without a row gets its row here. */
  find(address: EpisodeAddress): Promise<Stored>;
  /**
   * Publishes a received file under its row's name, unless the name is taken.
   * @throws the disk's error; nothing was acknowledged then
   */
  commit(received: Received, row: IndexRow): Promise<Committed>;
  /** Gives a file without a row its row: one of `known` if it fits the bytes, else one made from the file. */
  adopt(address: EpisodeAddress, known: readonly IndexRow[]): Promise<IndexRow>;
  /** Absolute path of an episode's archive. */
  pathOf(address: EpisodeAddress): string;
}

export function createStore(parts: StoreParts): Store {
  const { dataRoot, index, journal, disk, rowless } = parts;
  const locked = createKeyedLock();
  const directories = new Map<string, () => Promise<void>>();
  const pathOf = (address: EpisodeAddress): string => join(dataRoot, archivePath(address));

  /** The flush of a host's directory, shared by all commits in it; makes the directory. */
  const hostDirectory = async (host: string): Promise<() => Promise<void>> => {
    const known = directories.get(host);
    if (known !== undefined) return known;
    const path = join(dataRoot, "episodes", host);
    await makeDir(path);
    const flush = createGroupCommit(() => fsyncDir(path));
    directories.set(host, flush);
    return flush;
  };

  /** Links the file, making the directory again if someone removed it. */
  const publish = async (temp: string, address: EpisodeAddress): Promise<boolean> => {
    try {
      return await publishNoReplace(temp, pathOf(address));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      directories.delete(address.host);
      await hostDirectory(address.host);
      return publishNoReplace(temp, pathOf(address));
    }
  };

  const addRow = async (address: EpisodeAddress, row: IndexRow): Promise<void> => {
    const key = `${address.host}/${address.id}`;
    rowless.set(key, row);
    await (await hostDirectory(address.host))();
    failpoint("receiver.after-dir-fsync");
    await index.append(row);
    rowless.delete(key);
  };

  const adopt = async (address: EpisodeAddress, known: readonly IndexRow[]): Promise<IndexRow> => {
    const work = parts.begin(`reading ${archivePath(address)}`);
    try {
      const proved = rowless.get(`${address.host}/${address.id}`);
      const row = proved ?? (await rowOfFile(pathOf(address), address, known, work.moved));
      await addRow(address, row);
      return row;
    } finally {
      work.done();
    }
  };

  const lookUp = async (address: EpisodeAddress): Promise<Stored | { kind: "row-lacking" }> => {
    const row = await index.find(address);
    const facts = await fileFacts(pathOf(address));
    if (row === null) return facts === null ? { kind: "none" } : { kind: "row-lacking" };
    if (facts === null) return { kind: "row-only", row };
    return { kind: facts.bytes === row.bytes ? "stored" : "damaged", row };
  };

  /** To be called under the name's lock: no commit is between its link and its row then. */
  const findLocked = async (address: EpisodeAddress): Promise<Stored> => {
    const state = await lookUp(address);
    return state.kind === "row-lacking" ? { kind: "stored", row: await adopt(address, []) } : state;
  };

  const publishLocked = async (received: Received, address: EpisodeAddress, row: IndexRow): Promise<Committed> => {
    const before = await index.find(address);
    // A row whose file is missing: only the very same bytes may take its place.
    if (before !== null && before.sha256 !== row.sha256) {
      const state = await findLocked(address);
      if (state.kind !== "none") return { kind: "taken", by: state };
    }
    failpoint("receiver.before-link");
    if (!(await publish(received.temp, address))) {
      const state = await findLocked(address);
      if (state.kind !== "none") return { kind: "taken", by: state };
      throw new Error(`${archivePath(address)} was there and is gone`);
    }
    failpoint("receiver.after-link");
    if (before === null) await addRow(address, row);
    else await (await hostDirectory(address.host))();
    return { kind: "published", row: before ?? row };
  };

  return {
    pathOf,
    adopt: (address, known) => locked(`${address.host}/${address.id}`, () => adopt(address, known)),
    async find(address) {
      const state = await lookUp(address);
      if (state.kind !== "row-lacking") return state;
      return locked(`${address.host}/${address.id}`, () => findLocked(address));
    },
    commit: (received, row) =>
      journal.during(async (intent) => {
        const address = { host: row.host_id, id: row.episode_id };
        failpoint("receiver.before-file-fsync");
        const [flushed, noted] = await Promise.allSettled([
          disk.flush(received.fd),
          intent(row),
          hostDirectory(address.host),
        ]);
        failpoint("receiver.after-file-fsync");
        if (flushed.status === "rejected") throw flushed.reason;
        if (noted.status === "rejected") throw noted.reason;
        return locked(`${address.host}/${address.id}`, () => publishLocked(received, address, row));
      }),
  };
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
