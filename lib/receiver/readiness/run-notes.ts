// What a running receiver knows beside whether it can store, for `receiver status` and `receiver hosts`: how much room there is, whom
// there was none for, how long its certificate holds, whose heartbeats it refused. In readiness.json (readiness-watch.ts).

import { isoWall } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import type { RefusedBeat } from "../../fleet/never.ts";
import type { NoRoom } from "../episodes/admission.ts";
import type { CertificateLife } from "../listen/certificate-life.ts";
import type { RefusedBeats } from "../refusals/refused-beats.ts";
import type { Room } from "../room.ts";

/** What uploads may take. */
export interface RoomLeft {
  above_reserve_bytes: number;
  reserve_bytes: number;
}

export interface RunNotes {
  room: RoomLeft | null;
  /** The newest upload that there was no room for. */
  noRoom: NoRoom | null;
  certificate: CertificateLife | null;
  refusedBeats: ReadonlyMap<string, RefusedBeat>;
}

export const NO_NOTES: RunNotes = { room: null, noRoom: null, certificate: null, refusedBeats: new Map() };

/** Of so many hosts it is told whose heartbeats were refused, the newest: the file is written every few seconds. */
const HOSTS_MAX = 1000;
const DETAIL_MAX = 300;

export interface NoteSources {
  leftFree: () => Room;
  reserveBytes: () => number;
  admission: { readonly noRoom: NoRoom | null };
  certificate: { readonly life: CertificateLife | null };
  refusedBeats: Pick<RefusedBeats, "lately">;
}

/** What is known now, as it is written. */
export function collectNotes(sources: NoteSources, nowMs: number): Record<string, unknown> {
  const { noRoom } = sources.admission;
  const { life } = sources.certificate;
  const beats = [...sources.refusedBeats.lately(nowMs)].slice(-HOSTS_MAX);
  return {
    room: roomNow(sources),
    no_room: noRoom && { at: isoWall(noRoom.atMs), host: noRoom.host, bytes: noRoom.bytes },
    certificate: life && { file: life.file, from: isoWall(life.fromMs), to: isoWall(life.toMs) },
    refused_heartbeats: beats.map(([host, { atMs, detail, ...rest }]) => ({
      host,
      at: isoWall(atMs),
      ...rest,
      detail: detail.slice(0, DETAIL_MAX),
    })),
  };
}

function roomNow({ leftFree, reserveBytes }: NoteSources): RoomLeft | null {
  try {
    return roomLeft(leftFree(), reserveBytes());
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null; // The disk is gone: that is told as the trouble it is.
  }
}

/** What uploads may take of what is free. */
export function roomLeft({ freeBytes }: Room, reserveBytes: number): RoomLeft {
  return { above_reserve_bytes: Math.max(0, freeBytes - reserveBytes), reserve_bytes: reserveBytes };
}

type Loose = Readonly<Record<string, unknown>>;

/** Reads them from what stands in the file; what is none of ours, or of another release, is not known. */
export function parseNotes(value: Loose): RunNotes {
  const beats = Array.isArray(value.refused_heartbeats) ? value.refused_heartbeats.map(asObject) : [];
  return {
    room: asRoom(asObject(value.room)),
    noRoom: asNoRoom(asObject(value.no_room)),
    certificate: asLife(asObject(value.certificate)),
    refusedBeats: new Map(beats.flatMap((beat) => asBeat(beat) ?? [])),
  };
}

function asObject(value: unknown): Loose {
  return typeof value === "object" && value !== null ? (value as Loose) : {};
}

function timeOf(value: unknown): number {
  return Date.parse(String(value));
}

function asRoom({ above_reserve_bytes, reserve_bytes }: Loose): RoomLeft | null {
  if (typeof above_reserve_bytes !== "number" || typeof reserve_bytes !== "number") return null;
  return { above_reserve_bytes, reserve_bytes };
}

function asNoRoom({ at, host, bytes }: Loose): NoRoom | null {
  const atMs = timeOf(at);
  if (!Number.isFinite(atMs) || typeof host !== "string" || typeof bytes !== "number") return null;
  return { atMs, host, bytes };
}

function asLife({ file, from, to }: Loose): CertificateLife | null {
  const [fromMs, toMs] = [timeOf(from), timeOf(to)];
  if (typeof file !== "string" || !Number.isFinite(fromMs) || !Number.isFinite(toMs)) return null;
  return { file, fromMs, toMs };
}

function asBeat({ host, at, count, status, reason, detail }: Loose): [string, RefusedBeat][] | null {
  const atMs = timeOf(at);
  if (typeof host !== "string" || !Number.isFinite(atMs)) return null;
  if (typeof count !== "number" || typeof status !== "number") return null;
  if (typeof reason !== "string" || typeof detail !== "string") return null;
  return [[host, { count, atMs, status, reason, detail }]];
}
