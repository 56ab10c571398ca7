// The GET and HEAD handler of an episode. A shipper removes its own copy on the strength of the 200 to a HEAD that carries a word of
// its own: that one says that the archive was read, and all others that it is there and may be read.

import { formatReprDigest, formatTreeDigest, TREE_DIGEST_HEADER } from "../../contract/digest.ts";
import { archivePath, type IndexRow } from "../../contract/index-row.ts";
import { ASK_HEADER, isAsk } from "../../contract/judgement.ts";
import { type EpisodeAddress, parseEpisodePath } from "../../contract/names.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { AnswerDeps, AppContext } from "../answering/answering.ts";
import { type Refusal, refuse } from "../decide.ts";
import { fromDisk } from "../disk/disk-refusals.ts";
import type { EpisodeStore } from "../episode-store.ts";
import { rawPath, wireOf } from "../http/incoming.ts";
import type { DamageNotes } from "./damage-notes.ts";
import { archiveStream, type Downloads } from "./downloads.ts";
import { checkAccess, type PreflightDeps } from "./preflight.ts";
import { noteUnknown, type UnknownDeps } from "./unknown.ts";

export interface GetDeps extends UnknownDeps, AnswerDeps, Pick<PreflightDeps, "checkToken"> {
  log: Pick<Log, "warn" | "error">;
  store: Pick<EpisodeStore, "find" | "open" | "prove">;
  downloads: Downloads;
  damage: DamageNotes;
}

/** Answers with an archive, or with what its HEAD says. */
export async function getEpisode(deps: GetDeps, c: AppContext): Promise<Response | Refusal> {
  const wire = wireOf(c.req.raw, c.env);
  const path = parseEpisodePath(rawPath(wire.target));
  const address = path.kind === "episode" ? path.address : null;
  const unknown = { what: "read", method: c.req.method, host: address?.host ?? null } as const;
  if (address === null) {
    const refusal = refuse("malformed-path", "the path must be /v1/episodes/<host>/<id>.tar.zst");
    return noteUnknown(deps, wire, unknown, refusal);
  }
  const header = (name: string): string | null => c.req.raw.headers.get(name);
  const denied = checkAccess(deps, { ...wire, header }, address.host);
  if (denied !== null) return noteUnknown(deps, wire, unknown, denied);
  const name = archivePath(address);
  // Looked at now, row and archive.
  const stored = await fromDisk(deps.damage.of(name), name, () => deps.store.find(address));
  if (stored.kind === "refused") return stored;
  if (stored.kind === "damaged") deps.damage.say(name, stored.why);
  if (stored.kind !== "stored") return absent(stored.kind);
  const headers = archiveHeaders(stored.row);
  const ask = header(ASK_HEADER);
  if (isAsk(ask)) headers.set(ASK_HEADER, ask);
  if (c.req.method === "HEAD") {
    const refusal = await whyNotConfirmed(deps, address, stored.row, isAsk(ask) ? "read" : "opened");
    return refusal ?? new Response(null, { headers });
  }
  return download(deps, address, { bytes: stored.row.bytes, headers });
}

/** @param how much of it has to be true for a 200 */
async function whyNotConfirmed(
  { store, damage }: GetDeps,
  address: EpisodeAddress,
  row: IndexRow,
  how: "opened" | "read",
): Promise<Refusal | null> {
  const name = archivePath(address);
  const proof = await fromDisk(damage.of(name), name, () => store.prove(address, row, how));
  switch (proof.kind) {
    case "refused":
      return proof;
    case "stopping":
      return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
    case "later":
      return BEING_READ;
    case "damaged":
      damage.say(name, proof.why);
      return DAMAGED;
    case "sound":
      // What was only opened is no news of its bytes.
      if (how === "read") damage.forget(name);
      return null;
  }
}

const BEING_READ = refuse("being-read", "the stored copy is being read before it is confirmed; ask again", {
  retryAfterS: 60,
});

const DAMAGED = refuse(
  "damaged",
  "the stored copy is damaged or cannot be read; on the collector: sudo receiver verify",
  {
    retryAfterS: 300,
  },
);

async function download(
  deps: GetDeps,
  address: EpisodeAddress,
  { bytes, headers }: { bytes: number; headers: Headers },
): Promise<Response | Refusal> {
  const slot = deps.downloads.enter(address.host);
  if (slot.kind === "refused") return slot;
  const archive = await fromDisk(deps.log, archivePath(address), () => deps.store.open(address));
  if ("kind" in archive) {
    slot.leave();
    return archive;
  }
  // Exactly as many bytes as declared, whatever happens to the archive meanwhile.
  return new Response(archiveStream(archive, bytes, slot), { headers });
}

function absent(kind: "none" | "row-only" | "damaged"): Refusal {
  if (kind === "damaged") {
    return refuse(
      "damaged",
      "the stored copy has another size than its index row; on the collector: sudo receiver verify",
      {
        retryAfterS: 300,
      },
    );
  }
  return refuse(
    "not-found",
    kind === "none" ? "no such episode" : "this episode has an index row, but its file is missing",
  );
}

function archiveHeaders(row: IndexRow): Headers {
  const headers = new Headers({
    "Content-Type": "application/zstd",
    "Content-Length": String(row.bytes),
    "Repr-Digest": formatReprDigest(row.sha256),
    // What is true of it now is what is asked for.
    "Cache-Control": "no-store",
  });
  if (row.tree_sha256 !== null) headers.set(TREE_DIGEST_HEADER, formatTreeDigest(row.tree_sha256));
  return headers;
}
