// Packs one episode: walk -> deterministic tar -> zstd frames -> `<part>`, hashing both sides on the way, and walks again
// at the end: what changed meanwhile is not shipped. Runs in the packing thread.

import { closeSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { MARKER } from "../../contract/places.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { isFull } from "../../core/linux/disk-refusal.ts";
import { clipMiddle } from "../../core/text/fields.ts";
import { isOutOfInodes } from "../../os/files/disk-refusal.ts";
import { clearName } from "../../os/files/files.ts";
import { readableName, shortName } from "../episode/byte-name.ts";
import { type Digests, MARKER_MAX_BYTES, type Marker, manifestFaults, parseMarker } from "../episode/marker.ts";
import { toldBelow } from "../episode/told-path.ts";
import {
  fingerprintSteps,
  openRegular,
  SourceChanged,
  type Steps,
  type Tree,
  treeSteps,
} from "../episode/tree-walk.ts";
import { type ArchiveSource, firstFormatDigest, isFirstFormat } from "./archive.ts";
import { hasRoomFor, SPACE_CHECK_BYTES, writeArchive } from "./compress.ts";
import type { PackedArchive, PackHooks, PackJob, PackResult } from "./job.ts";

/** Packs an episode. What the file system may refuse is a result, a bug throws; the part file is gone unless `packed`. */
export async function packEpisode(job: PackJob, hooks: PackHooks): Promise<PackResult> {
  let result: PackResult;
  try {
    result = await tryPack(job, hooks);
  } catch (error) {
    result = failureOf(error, job);
  }
  // What cannot be removed is met, and said, by the next try.
  if (result.kind !== "packed") await clearName(job.part).catch(orBug);
  return result;
}

/** What the machine refuses is no bug. */
function orBug(error: unknown): void {
  if (errorCode(error) === null) throw error;
}

/** A text that changes whenever a file below `root` changes; null when it cannot be read. Others have their turns meanwhile. */
export async function fingerprintOf(root: string): Promise<string | null> {
  try {
    return await byTurns(fingerprintSteps(root), { moved: () => {}, cancelled: () => false });
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

/** Takes a step, and lets others have their turn. @returns null when it was called off */
async function byTurns<T>(steps: Steps<T>, hooks: PackHooks): Promise<T | null> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (hooks.cancelled()) return null;
    hooks.moved();
    await nextTurn();
  }
}

async function tryPack(job: PackJob, hooks: PackHooks): Promise<PackResult> {
  const tree = await byTurns(treeSteps(job.root), hooks);
  if (tree === null) return { kind: "cancelled" };
  if (tree.unpackable.length > 0) return unpackable(tree);
  if (job.maxBytes !== null && tree.bytes > job.maxBytes) return { kind: "large", bytes: tree.bytes };
  const before = tree.fingerprint;
  if (!hasRoomFor(job, Math.min(tree.onDisk, SPACE_CHECK_BYTES))) return noSpace(archiveBytes(tree));
  const marker = readMarker(job.root);
  if (marker.kind === "refused")
    return { kind: "incomplete", detail: `${MARKER}: ${marker.why}`, faults: [], fingerprint: before };
  const listed = marker.kind === "manifest" ? marker.files : NONE_LISTED;
  const digests = new Map<string, Digests>();
  const written = await writeArchive(
    job,
    { root: job.root, id: job.id, tree, onFile: fileDigest(listed, digests) },
    hooks,
  );
  if (written === "cancelled") return { kind: "cancelled" };
  if (written === "no-space") return noSpace(archiveBytes(tree));
  const tree256 = await namedTree(job, tree, written.treeSha256, hooks);
  if (tree256 === null) return { kind: "cancelled" };
  const after = await byTurns(fingerprintSteps(job.root), hooks);
  if (after === null) return { kind: "cancelled" };
  if (after !== before) return { kind: "changed", detail: "files changed while they were packed" };
  const faults = manifestFaults(listed, digests);
  if (faults.length > 0) return incomplete(faults, tree, before);
  const files = tree.entries.filter((entry) => entry.kind === "file").length;
  // The marker itself is in no manifest.
  const unlisted = listed.size === 0 ? 0 : files - 1 - digests.size;
  return { kind: "packed", ...written, ...tree256, files, fingerprint: before, skipped: tree.skipped, unlisted };
}

/** The digest of the tar, named by its format; null when it was called off. */
async function namedTree(
  { root, id }: PackJob,
  tree: Tree,
  sha256: string,
  hooks: PackHooks,
): Promise<Pick<PackedArchive, "treeSha256" | "firstTreeSha256"> | null> {
  if (isFirstFormat(tree)) return { treeSha256: sha256, firstTreeSha256: null };
  // An answer to what an older release sent may have been lost: its receiver would know the episode by this digest alone.
  const firstTreeSha256 = await firstFormatDigest({ root, id, tree }, hooks);
  return firstTreeSha256 === null ? null : { treeSha256: `v2:${sha256}`, firstTreeSha256 };
}

function unpackable(tree: Tree): PackResult {
  const [first = ""] = tree.unpackable;
  const more = tree.unpackable.length - 1;
  const detail = `it cannot be packed: ${first}${more > 0 ? `, and ${more} more` : ""}`;
  const faults = tree.unpackable.slice(0, FAULTS_TOLD);
  return { kind: "unpackable", detail, faults, fingerprint: tree.fingerprint };
}

const NONE_LISTED: ReadonlyMap<string, Digests> = new Map();
/** Longest message of the system, and path in one, that is passed on, characters. */
const SHOWN_MAX = 300;
/** Faults that are told by name: a rejection has to stay small enough to be known for ours. */
const FAULTS_TOLD = 500;

function incomplete(faults: ReturnType<typeof manifestFaults>, { skipped }: Tree, fingerprint: string): PackResult {
  const words = ({ path, fault }: (typeof faults)[number]): string =>
    // The sum tools follow links, and we do not.
    skipped.find((name) => name.startsWith(`${readableName(path)} (`)) ?? `${shortName(path)} (${fault})`;
  const told = faults.slice(0, FAULTS_TOLD).map(words);
  const more = faults.length - 3;
  const shown = told.slice(0, 3).join(", ") + (more > 0 ? `, and ${more} more` : "");
  const detail = `the files do not fit the manifest in ${MARKER}: ${shown}`;
  return { kind: "incomplete", detail, faults: told, fingerprint };
}

/** Computes of each listed file what its manifest says of it. */
function fileDigest(listed: ReadonlyMap<string, Digests>, digests: Map<string, Digests>): ArchiveSource["onFile"] {
  return (path) => {
    const wanted = listed.get(path);
    if (wanted === undefined) return null;
    const algorithms = (["sha256", "sha512"] as const).filter((algorithm) => wanted[algorithm] !== undefined);
    const hashes = algorithms.map((algorithm) => [algorithm, new Bun.CryptoHasher(algorithm)] as const);
    return {
      update: (chunk) => {
        for (const [, hash] of hashes) hash.update(chunk);
      },
      end: () =>
        digests.set(path, Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]))),
    };
  };
}

function readMarker(root: string): Marker {
  const { fd, stats } = openRegular(join(root, MARKER));
  const { size } = stats;
  try {
    if (size > MARKER_MAX_BYTES)
      return { kind: "refused", why: `it has ${size} bytes; at most ${MARKER_MAX_BYTES} are read` };
    return parseMarker(readFileSync(fd, "latin1"));
  } finally {
    closeSync(fd);
  }
}

/** Head and padding of an entry in a tar, bytes. */
const ENTRY_BYTES = 1024;

function archiveBytes({ onDisk, entries }: Tree): number {
  return onDisk + ENTRY_BYTES * entries.length;
}

function noSpace(bytes: number | null): PackResult {
  return { kind: "no-space", bytes, detail: "the disk is at its reserve" };
}

/** Bytes are waited for, and made; of a quota, and of inodes, only a person can make more. */
function full(code: string, job: PackJob, error: unknown): PackResult {
  if (code !== "EDQUOT" && !isOutOfInodes(dirname(job.part))) return noSpace(null);
  return { kind: "unreadable", path: job.part, code, detail: clipMiddle(errorText(error), SHOWN_MAX), below: "" };
}

function failureOf(error: unknown, job: PackJob): PackResult {
  if (error instanceof SourceChanged) return { kind: "changed", detail: error.message };
  const code = errorCode(error);
  if (code === null) throw error;
  if (isFull(code)) return full(code, job, error);
  const path = typeof error === "object" && error !== null && "path" in error ? String(error.path) : job.root;
  const shown = clipMiddle(path, SHOWN_MAX);
  // Gone while we looked: the whole episode was taken away, or just one file of it.
  if (code === "ENOENT")
    return path === job.root ? { kind: "vanished" } : { kind: "changed", detail: `${shown} went away` };
  if (code === "ELOOP") return { kind: "changed", detail: `${shown} became a link` };
  return {
    kind: "unreadable",
    path,
    code,
    detail: clipMiddle(errorText(error), SHOWN_MAX),
    below: toldBelow(job.root, path) ?? "",
  };
}
