// Opens a collector's data root: directories, index, journal, store, and what a crash left mended. One process at a time.

import { existsSync, linkSync, lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IndexRow } from "../../contract/index-row.ts";
import { dataPaths } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { byCommands, type Command, type Fix, fixText, here, inWords } from "../../core/finding.ts";
import { isMachinesRefusal } from "../../core/linux/disk-refusal.ts";
import { quoted } from "../../core/text/fields.ts";
import { counted } from "../../core/text/quantity.ts";
import { mountPointOf, splitFix, whyDiskRefuses } from "../../os/files/disk-refusal.ts";
import { makeDir } from "../../os/files/files.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Work } from "../../runtime/progress.ts";
import { HERE, type Presence } from "../disk/presence.ts";
import { VERIFY } from "../disk/repair-line.ts";
import type { OpenedStore } from "../episode-store.ts";
import { PROBE } from "../settings.ts";
import { Commits } from "./commits.ts";
import { createFileStore } from "./file-store.ts";
import { type Disk, realDisk } from "./files/disk.ts";
import { cannotUse, needFile } from "./files/store-files.ts";
import { createChangeWatch } from "./index/changed-files.ts";
import { type EpisodeIndex, openIndex } from "./index/episode-index.ts";
import { openJournal } from "./journal.ts";
import { glance } from "./readiness.ts";
import { ArchiveReader } from "./reading/archive-reader.ts";
import { compare, recover } from "./reconcile.ts";

/** So long a comparison may take to be broken off. */
const BREAK_OFF_MS = 5000;

export interface OpenParts {
  dataRoot: string;
  log: Log;
  begin: (name: string) => Work;
  disk?: Disk;
  /** Whether the store is still there while requests are answered. */
  presence?: Presence;
  /** Kept free, bytes. */
  reserveBytes?: () => number;
  reader?: ArchiveReader;
}

/** An open store with its index, for what belongs to this backend. */
export interface OpenedFiles extends OpenedStore {
  index: EpisodeIndex;
}

/**
 * Makes the directories of a data root, and tries out what will publish an episode: a file, and a link from one directory to
 * the other. A link does not reach across mounts, not even across two of one disk, and some file systems have none: only trying
 * tells.
 * @param link link(2)
 * @throws UserError when they cannot be used
 */
export async function makeDataDirs(dataRoot: string, link: typeof linkSync = linkSync): Promise<void> {
  const { episodes, incoming } = dataPaths(dataRoot);
  for (const path of [dataRoot, episodes, incoming]) {
    await makeDir(path).catch((error: unknown) => {
      throw refusal(dataRoot, path === dataRoot || !existsSync(dataRoot) ? dataRoot : path, error);
    });
  }
  for (const path of [episodes, incoming]) refuseLink(dataRoot, path);
  const [from, to] = [join(incoming, PROBE), join(episodes, PROBE)];
  const wasLinked = (): boolean => {
    try {
      link(from, to);
      return true;
    } catch (error) {
      // An owner, or chattr, would refuse any new name there.
      if (!NO_LINKS.includes(errorCode(error) ?? "")) throw error;
      writeFileSync(to, "");
      return false;
    }
  };
  let at = incoming;
  try {
    for (const probe of [from, to]) rmSync(probe, { force: true }); // those of a start that was killed
    writeFileSync(from, "");
    at = episodes;
    readdirSync(episodes);
    if (!wasLinked()) throw noHardLinks(dataRoot);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (errorCode(error) !== "EXDEV") throw refusal(dataRoot, at, error);
    throw new UserError(
      `episodes cannot be published from ${incoming} to ${episodes}: they lie on different mounts (EXDEV), and a link does not reach across`,
      splitFix([episodes, incoming]),
      EXIT.undelivered,
    );
  } finally {
    for (const probe of [to, from]) tryRemove(probe);
  }
}

/** What link(2) meets on a file system that has no hard links. */
const NO_LINKS: readonly string[] = ["EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"];

/** No other try would find it otherwise. */
function noHardLinks(dataRoot: string): UserError {
  return new UserError(
    `cannot store in ${dataRoot}: the file system at ${mountPointOf(dataRoot)} has no hard links, as vfat, exfat and some of FUSE have none, and an episode is published by one`,
    { text: "put [paths] data_root on ext4, xfs or btrfs; this shows what it is on", commands: [mountedAt(dataRoot)] },
  );
}

/** A link that leads elsewhere would take the store out of its root, where no other command looks for it. */
function refuseLink(dataRoot: string, path: string): void {
  if (!lstatSync(path).isSymbolicLink()) return;
  throw new UserError(
    `${path} is a symbolic link and no directory: episodes would be stored outside ${dataRoot}`,
    `name the real place as [paths] data_root, or mount it at ${dataRoot} as a whole`,
  );
}

function tryRemove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (errorCode(error) === null) throw error; // else it is what was refused already
  }
}

/** What the machine refuses is no fault of the configuration: systemd tries again, and may find it mended. */
function refusal(dataRoot: string, path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === null) return error;
  // What is read-only is so for all of the root, and mended for all of it; so is a root in which nothing can be made.
  const isRoots =
    code === "EROFS" || ((code === "EACCES" || code === "EPERM") && !existsSync(path) && existsSync(dataRoot));
  const why = whyDiskRefuses(isRoots ? dataRoot : path, code);
  const fix = why.fix ?? inWords("make [paths] data_root a directory that this service's user may write to");
  return new UserError(
    `cannot store in ${dataRoot}: ${quoted(errorText(error))}: ${why.what}`,
    // The mount point of a disk that is away is root's and empty, and should stay so.
    isRoots && code === "EACCES" && isEmpty(dataRoot) ? mountFirst(dataRoot, fix) : fix,
    isMachinesRefusal(code) ? EXIT.undelivered : EXIT.usage,
  );
}

/** @param ofNew what mends it where nothing was ever stored */
function mountFirst(dataRoot: string, ofNew: Fix): Fix {
  const look = fixText(byCommands(mountedAt(dataRoot)));
  const ifNew = `if episodes were stored there, mount their disk (${look} shows what is mounted); if it is new`;
  return { text: ofNew.text === "" ? ifNew : `${ifNew}: ${ofNew.text}`, commands: ofNew.commands };
}

/** Shows what is mounted there. */
function mountedAt(dataRoot: string): Command {
  return here("findmnt", "-T", dataRoot);
}

function isEmpty(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/** @throws UserError where the system refuses something of `path` */
async function orSentence<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw cannotUse(path, error);
  }
}

/** Opens the store of a locked data root and mends what a crash left. */
export async function openStore(parts: OpenParts): Promise<OpenedFiles> {
  const { dataRoot, log, begin, disk = realDisk, presence, reserveBytes = () => 0 } = parts;
  const paths = dataPaths(dataRoot);
  for (const path of [paths.index, paths.torn, paths.journal]) needFile(path);
  const { index, tornBytes, badLines } = await orSentence(paths.index, () =>
    openIndex(paths.index, paths.torn, Math.random() * 2 ** 32),
  );
  if (tornBytes > 0)
    log.warn(`${paths.index} ended in a torn line of ${counted(tornBytes, "byte")}: moved to ${paths.torn}`);
  if (badLines > 0)
    log.error({
      what: `${paths.index} has ${counted(badLines, "line that is no row", "lines that are no rows")}`,
      fix: VERIFY,
    });
  const rowless = new Map<string, IndexRow>();
  const journal = await orSentence(paths.journal, () => openJournal(paths.journal, () => rowless.size > 0));
  const needHere = presence?.needHere ?? HERE;
  const commits = new Commits({ dataRoot, index, journal, disk, rowless, begin, needHere });
  const reader = parts.reader ?? new ArchiveReader({ begin, monotonicMs: () => performance.now() });
  const readiness = {
    dataRoot,
    incoming: paths.incoming,
    reserveBytes,
    disk,
    ...(presence !== undefined && { presence }),
  };
  const all = { ...paths, index, journal, commits, log };
  const recovered = await orSentence(dataRoot, () => recover(all));
  let isOver = false;
  let comparing: Promise<unknown> = Promise.resolve();
  return {
    store: createFileStore({ ...readiness, commits, reader, log }),
    index,
    glance: () => glance(readiness),
    stopReading: () => reader.close(),
    recovered,
    size: () => index.table.size,
    watchChanges: (fail) => createChangeWatch([index.log, journal.log], fail),
    compare() {
      const mine = compare(all, () => isOver);
      comparing = mine.catch(() => undefined);
      return mine;
    },
    close: async () => {
      isOver = true;
      // It may be in the middle of a huge file. Then the process's end closes what is open: a row that is added to a closed file
      // might end up in another one.
      const late = Promise.withResolvers<"late">();
      const timer = setTimeout(late.resolve, BREAK_OFF_MS, "late");
      const how = await Promise.race([comparing, late.promise]);
      clearTimeout(timer);
      if (how === "late") return;
      await index.close();
      await journal.close();
    },
  };
}
