// The PUT handler, top to bottom: parse, authorise, gate, headers, already stored?, room, receive, prove, commit, answer.

import { TREE_DIGEST_HEADER } from "../../contract/digest.ts";
import { archivePath, type IndexRow } from "../../contract/index-row.ts";
import { type EpisodeAddress, parseEpisodePath } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import type { Log } from "../../runtime/log/log.ts";
import { stampOf } from "../answering/echo.ts";
import { type Declared, decideProof, endedEarly, type Refusal, refuse } from "../decide.ts";
import { type DiskDeps, onDisk } from "../disk/disk-refusals.ts";
import type { EpisodeStore, Stored, Upload } from "../episode-store.ts";
import type { UploadBody } from "../http/body.ts";
import type { Admission, Slot } from "./admission.ts";
import { checkHead } from "./head-digest.ts";
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
import { receiveBody } from "./receive.ts";

export interface PutDeps extends PreflightDeps, DiskDeps {
  store: Pick<EpisodeStore, "find" | "begin">;
  log: Log;
  admission: Admission;
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
  // Before anything is judged by what the head says.
  const changed = checkHead(request.header, address);
  if (changed !== null) return changed;
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

function describedBy({ rules }: PutDeps, { header }: PutRequest): Description {
  return {
    stamp: stampOf(header, rules().commitHeaders),
    headers: {
      contentLength: header("Content-Length"),
      transferEncoding: header("Transfer-Encoding"),
      reprDigest: header("Repr-Digest"),
      treeDigest: header(TREE_DIGEST_HEADER),
    },
  };
}

interface Admitted {
  request: PutRequest;
  address: EpisodeAddress;
  declared: Declared;
  /** What stood under this name when the upload was let in. */
  stored: Stored;
  slot: Slot;
  notes: PutNotes;
}

/** Everything from the first byte of the body to the answer. Nothing but what was published is left of the upload afterwards. */
async function receiveAndCommit(deps: PutDeps, admitted: Admitted): Promise<PutOutcome> {
  const { request, address, declared, slot, notes } = admitted;
  const upload = await deps.store.begin(address);
  try {
    const got = await receiveBody(upload, request.body, (bytes) => {
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
    return await commit(deps, admitted, upload, got);
  } finally {
    await upload.discard();
  }
}

async function commit(
  deps: PutDeps,
  { address, declared, stored, notes }: Admitted,
  upload: Upload,
  { bytes, sha256 }: { bytes: number; sha256: string },
): Promise<PutOutcome> {
  if (stored.kind === "stored" || stored.kind === "damaged") return decideSecond(stored, declared, sha256);
  const row: IndexRow = {
    host_id: address.host,
    episode_id: address.id,
    received_at_wall: isoWall(deps.nowMs()),
    bytes,
    sha256,
    code_commit: notes.commit,
    path: archivePath(address),
    tree_sha256: declared.treeSha256,
  };
  const done = await upload.commit(row);
  return done.kind === "published" ? { kind: "stored", row: done.row } : decideSecond(done.by, declared, sha256);
}
