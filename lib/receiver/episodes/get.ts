// The GET and HEAD handler of an episode. A shipper removes its own copy on the strength of the 200 to a HEAD that carries a word of
// its own: that one says that the archive was read, and all others that it is there and may be read.

import { formatReprDigest, formatTreeDigest } from "../../contract/digest.ts";
import { archivePath, type IndexRow } from "../../contract/index-row.ts";
import { ASK_HEADER, isAsk } from "../../contract/judgement.ts";
import { parseEpisodePath } from "../../contract/names.ts";
import { errorCode } from "../../core/failure.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { AnswerDeps, AppContext } from "../answering/answering.ts";
import { type Refusal, refuse } from "../decide.ts";
import { rawPath, wireOf } from "../http/incoming.ts";
import { fromDisk } from "../store/disk-refusals.ts";
import { Misplaced } from "../store/misplaced.ts";
import type { Store } from "../store/store.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import { type DamageNotes, damageOf, isCopysFault, sizeLine, unreadableLine } from "./damage.ts";
import { type Downloads, fileStream, openArchive } from "./downloads.ts";
import { checkAccess, type PreflightDeps } from "./preflight.ts";
import { noteUnknown, type UnknownDeps } from "./unknown.ts";

export interface GetDeps extends UnknownDeps, AnswerDeps, Pick<PreflightDeps, "checkToken"> {
  log: Pick<Log, "warn" | "error">;
  store: Pick<Store, "find" | "pathOf">;
  downloads: Downloads;
  reader: ArchiveReader;
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
  const [name, file] = [archivePath(address), deps.store.pathOf(address)];
  // Looked at now, row and file.
  const stored = await fromDisk(deps.damage.of(file), name, () => deps.store.find(address));
  if (stored.kind === "refused") return stored;
  if (stored.kind === "damaged") deps.damage.say(file, sizeLine(file, stored));
  if (stored.kind !== "stored") return absent(stored.kind);
  const headers = archiveHeaders(stored.row);
  const ask = header(ASK_HEADER);
  if (isAsk(ask)) headers.set(ASK_HEADER, ask);
  if (c.req.method === "HEAD") {
    const refusal = await whyNotConfirmed(deps, file, name, isAsk(ask) ? stored.row : null);
    return refusal ?? new Response(null, { headers });
  }
  return download(deps, address.host, file, name, { bytes: stored.row.bytes, headers });
}

/** @param row what the archive is read and compared for; null: it is only opened */
async function whyNotConfirmed(
  { reader, damage }: GetDeps,
  file: string,
  name: string,
  row: IndexRow | null,
): Promise<Refusal | null> {
  const look = async (): Promise<Refusal | null> => {
    if (row === null) {
      await reader.tryOpen(file);
      return null;
    }
    const answer = await reader.digest(file, `reading ${name}`);
    if (answer.kind === "stopping") return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
    if (answer.kind === "later") return BEING_READ;
    if (answer.sha256 !== row.sha256) return damaged(damage, file, damageOf(file, answer.sha256, row));
    damage.forget(file);
    return null;
  };
  return fromDisk(damage.of(file), name, async () => {
    try {
      return await look();
    } catch (error) {
      if (error instanceof Misplaced || !isCopysFault(errorCode(error))) throw error;
      return damaged(damage, file, unreadableLine(file, error));
    }
  });
}

const BEING_READ = refuse("being-read", "the stored copy is being read before it is confirmed; ask again", {
  retryAfterS: 60,
});

function damaged(damage: DamageNotes, file: string, line: string): Refusal {
  damage.say(file, line);
  return refuse("damaged", "the stored copy is damaged or cannot be read; on the collector: sudo receiver verify", {
    retryAfterS: 300,
  });
}

async function download(
  deps: GetDeps,
  host: string,
  file: string,
  name: string,
  { bytes, headers }: { bytes: number; headers: Headers },
): Promise<Response | Refusal> {
  const slot = deps.downloads.enter(host);
  if (slot.kind === "refused") return slot;
  const fd = await fromDisk(deps.log, name, () => openArchive(file));
  if (typeof fd !== "number") {
    slot.leave();
    return fd;
  }
  // Exactly as many bytes as declared, whatever happens to the file meanwhile.
  return new Response(fileStream(fd, bytes, slot), { headers });
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
  if (row.tree_sha256 !== null) headers.set("X-Labfleet-Tree-Digest", formatTreeDigest(row.tree_sha256));
  return headers;
}
