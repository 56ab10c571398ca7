// The PUT handler, top to bottom: parse, authorise, gate, headers, already stored?, room, receive, prove, commit, answer.

import { archivePath, type IndexRow } from "../contract/index-row.ts";
import { isoWall } from "../core/clock.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { type EpisodeAddress, parseEpisodePath } from "../core/names.ts";
import { failpoint } from "../os/failpoint.ts";
import type { Log } from "../runtime/log.ts";
import type { Work } from "../runtime/progress.ts";
import type { Admission, Slot } from "./admission.ts";
import type { TokenCheck } from "./auth.ts";
import type { UploadBody } from "./body.ts";
import {
  type Accepted,
  type Declared,
  type Duplicate,
  decideAccess,
  decideGate,
  decideHeaders,
  decideProof,
  decideSecond,
  decideStored,
  type Refusal,
  refuse,
  type Stored,
} from "./decide.ts";
import { type Disk, isNoSpace } from "./disk.ts";
import { type Received, receiveBody, tempPath } from "./receive.ts";
import type { Store } from "./store.ts";

export interface PutDeps {
  store: Store;
  disk: Disk;
  log: Log;
  admission: Admission;
  accepted: () => Accepted;
  /** Null: no token is asked for. */
  checkToken: TokenCheck | null;
  commitHeaders: readonly string[];
  commitRequired: boolean;
  maxBytes: number;
  /** Where temporary files are. */
  incoming: string;
  stopping: () => boolean;
  /** Registers work that the disk must finish. */
  begin: (name: string) => Work;
  nowMs: () => number;
}

export interface PutRequest {
  /** The raw path, as it came over the wire. */
  path: string;
  header: (name: string) => string | null;
  peerNames: readonly string[] | null;
  body: UploadBody;
}

/** What became known of a PUT on the way, for its attempt row. */
export interface PutNotes {
  address: EpisodeAddress | null;
  commit: string | null;
  bytes: number;
}

export type PutOutcome = { kind: "stored"; row: IndexRow } | Duplicate | Refusal;

/** Handles one PUT. `notes` is filled as far as it came. */
export async function putEpisode(deps: PutDeps, request: PutRequest, notes: PutNotes): Promise<PutOutcome> {
  const path = parseEpisodePath(request.path);
  if (path.kind !== "episode") return refuse("malformed-path", "the path must be /v1/episodes/<host>/<id>.tar.zst");
  const { address } = path;
  notes.address = address;
  if (deps.stopping()) return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });

  const denied = decideAccess(credentialsOf(deps, request, address.host), address.host);
  if (denied !== null) return denied;

  const stamp = deps.commitHeaders.map(request.header).find((value) => value !== null) ?? null;
  const gate = decideGate(stamp, deps.commitHeaders, deps.commitRequired, deps.accepted());
  if (gate.kind === "refused") return gate;
  notes.commit = gate.commit;

  const declared = decideHeaders(describedBy(request), deps.maxBytes);
  if (declared.kind === "refused") return declared;

  return onDisk(deps.log, archivePath(address), async () => {
    const stored = await deps.store.find(address);
    const known = decideStored(stored, declared);
    if (known.kind !== "read") return known;
    const slot = deps.admission.enter(address.host, declared.bytes);
    if (slot.kind === "refused") return slot;
    try {
      return await receiveAndCommit(deps, { request, address, declared, stored, slot, notes });
    } finally {
      slot.leave();
    }
  });
}

/** Whose request this is, as far as its headers and its certificate tell. */
export function credentialsOf(
  deps: Pick<PutDeps, "checkToken">,
  request: Pick<PutRequest, "header" | "peerNames">,
  host: string,
): Parameters<typeof decideAccess>[0] {
  return {
    tokenRequired: deps.checkToken !== null,
    token: deps.checkToken?.(host, request.header("Authorization")) ?? "absent",
    peerNames: request.peerNames,
  };
}

function describedBy({ header }: PutRequest): Parameters<typeof decideHeaders>[0] {
  return {
    contentLength: header("Content-Length"),
    transferEncoding: header("Transfer-Encoding"),
    reprDigest: header("Repr-Digest"),
    treeDigest: header("X-Labfleet-Tree-Digest"),
  };
}

/** Turns a failing disk into an answer: it is ours, so never a 4xx. What has no error code is a bug and goes on up. */
export async function onDisk<T>(
  log: Pick<Log, "warn" | "error">,
  what: string,
  work: () => Promise<T>,
): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    if (isNoSpace(error)) {
      log.warn(`disk full while storing ${what}: ${quoted(errorText(error))}`);
      return refuse("disk-full", "the disk is full", { retryAfterS: 300 });
    }
    log.error(`cannot store ${what}: ${quoted(errorText(error))}`);
    return refuse("storage-failed", "the receiver's disk failed", { retryAfterS: 60 });
  }
}

interface Upload {
  request: PutRequest;
  address: EpisodeAddress;
  declared: Declared;
  /** What stood under this name when the upload was let in. */
  stored: Stored;
  slot: Slot;
  notes: PutNotes;
}

/** Everything from the first byte of the body to the answer. The temporary file is gone afterwards, whatever happens. */
async function receiveAndCommit(deps: PutDeps, upload: Upload): Promise<PutOutcome> {
  const { request, address, declared, slot, notes } = upload;
  const temp = tempPath(deps.incoming, address);
  const fd = await deps.disk.create(temp);
  try {
    const got = await receiveBody(deps.disk, fd, request.body, (bytes) => {
      slot.wrote(bytes);
      notes.bytes += bytes;
    });
    if (typeof got === "string") return endedEarly(got);
    if (got.bytes !== declared.bytes) return endedEarly("gone");
    const unproved = decideProof(declared, got.sha256);
    if (unproved !== null) return unproved;
    return await commit(deps, upload, { kind: "received", temp, fd, ...got });
  } finally {
    failpoint("receiver.before-unlink");
    // What is left of an attempt is swept at the next start; the answer is decided without it.
    await Promise.all([deps.disk.close(fd), deps.disk.remove(temp)]).catch((error: unknown) => {
      deps.log.error(`cannot remove ${temp}: ${quoted(errorText(error))}`);
    });
    failpoint("receiver.after-unlink");
  }
}

async function commit(
  deps: PutDeps,
  { address, declared, stored, notes }: Upload,
  received: Received,
): Promise<PutOutcome> {
  if (stored.kind === "stored" || stored.kind === "damaged") return decideSecond(stored, declared, received.sha256);
  const row: IndexRow = {
    host_id: address.host,
    episode_id: address.id,
    received_at_wall: isoWall(deps.nowMs()),
    bytes: received.bytes,
    sha256: received.sha256,
    code_commit: notes.commit,
    path: archivePath(address),
    tree_sha256: declared.treeSha256,
  };
  const work = deps.begin(`storing ${row.path}`);
  try {
    const done = await deps.store.commit(received, row);
    return done.kind === "published"
      ? { kind: "stored", row: done.row }
      : decideSecond(done.by, declared, received.sha256);
  } finally {
    work.done();
  }
}

/** The refusal of a body that did not come to its end. */
export function endedEarly(how: "gone" | "slow" | "stopped"): Refusal {
  switch (how) {
    case "gone":
      return refuse("client-gone", "the connection ended before the body");
    case "slow":
      return refuse("too-slow", "the upload is below the minimum rate");
    case "stopped":
      return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
  }
}
