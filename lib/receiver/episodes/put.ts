// The PUT handler, top to bottom: parse, authorise, gate, headers, already stored?, room, receive, prove, commit, answer.

import { archivePath, type IndexRow } from "../../contract/index-row.ts";
import { type EpisodeAddress, parseEpisodePath } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { failpoint } from "../../os/failpoint.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Work } from "../../runtime/progress.ts";
import { stampOf } from "../answering/echo.ts";
import { type Declared, decideProof, endedEarly, type Refusal, refuse } from "../decide.ts";
import type { UploadBody } from "../http/body.ts";
import type { Disk } from "../store/disk.ts";
import { type DiskDeps, onDisk } from "../store/disk-refusals.ts";
import type { Received, Store, Stored } from "../store/store.ts";
import type { Admission, Slot } from "./admission.ts";
import { type Duplicate, decideSecond } from "./name-taken.ts";
import {
  type Asker,
  checkAccess,
  type Description,
  decideAsker,
  decideDescription,
  decideName,
  type PreflightDeps,
} from "./preflight.ts";
import { receiveBody, tempPath } from "./receive.ts";

export interface PutDeps extends PreflightDeps, DiskDeps {
  store: Store;
  disk: Disk;
  log: Log;
  admission: Admission;
  /** Where temporary files are. */
  incoming: string;
  /** Registers work that the disk must finish. */
  begin: (name: string) => Work;
  nowMs: () => number;
}

export interface PutRequest extends Asker {
  /** The raw path, as it came over the wire. */
  path: string;
  body: UploadBody;
}

/** What became known of a PUT on the way, for its attempt row. */
export interface PutNotes {
  address: EpisodeAddress | null;
  commit: string | null;
  bytes: number;
  /** True once token and certificate were accepted: until then nothing is known of who sent it. */
  vouched: boolean;
}

export type PutOutcome = { kind: "stored"; row: IndexRow } | Duplicate | Refusal;

/** Handles one PUT. `notes` is filled as far as it came. */
export async function putEpisode(deps: PutDeps, request: PutRequest, notes: PutNotes): Promise<PutOutcome> {
  const path = parseEpisodePath(request.path);
  if (path.kind !== "episode") return refuse("malformed-path", "the path must be /v1/episodes/<host>/<id>.tar.zst");
  const { address } = path;
  notes.address = address;
  const denied = decideAsker(deps, request, address.host);
  if (denied !== null) return denied;
  notes.vouched = true;
  const passed = decideDescription(deps, describedBy(deps, request));
  if (passed.kind === "refused") return passed;
  const { declared, commit } = passed;
  notes.commit = commit;
  return onDisk(deps, archivePath(address), async () => {
    const name = await decideName(deps, address, declared);
    if (name.kind !== "read") return name;
    const slot = deps.admission.enter(address.host, declared.bytes);
    if (slot.kind === "refused") return slot;
    try {
      return await receiveAndCommit(deps, { request, address, declared, stored: name.stored, slot, notes });
    } finally {
      slot.leave();
    }
  });
}

function describedBy({ commitHeaders }: PutDeps, { header }: PutRequest): Description {
  return {
    stamp: stampOf(header, commitHeaders),
    headers: {
      contentLength: header("Content-Length"),
      transferEncoding: header("Transfer-Encoding"),
      reprDigest: header("Repr-Digest"),
      treeDigest: header("X-Labfleet-Tree-Digest"),
    },
  };
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
    // A body may take hours: a token that was revoked meanwhile stores nothing more.
    const denied = checkAccess(deps, request, address.host);
    if (denied !== null) {
      notes.vouched = false;
      return denied;
    }
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
