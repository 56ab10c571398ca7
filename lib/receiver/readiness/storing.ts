// Whether episodes can be stored, as a command sees it: what a receiver that runs says of itself, since its unit may see
// another disk than we do; where none runs, by the same look.

import { join, resolve } from "node:path";
import type { Storing } from "../../contract/readiness.ts";
import { isoWall } from "../../core/clock.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import { fixOrNull, fixText } from "../../core/finding.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";
import { formatBytes, formatSeconds } from "../../core/text/quantity.ts";
import { lockHolder } from "../../os/files/lock.ts";
import { BACKEND } from "../backend.ts";
import { needStore } from "../disk/data-root.ts";
import { placeId } from "../disk/place-id.ts";
import type { NoRoom } from "../episodes/admission.ts";
import {
  type CertificateFinding,
  type CertificateLife,
  certificateTrouble,
  readLife,
} from "../listen/certificate-life.ts";
import { renewal } from "../listen/own-authority.ts";
import type { ReceiverConfig } from "../settings.ts";
import { readRunNotes, readStoring } from "./readiness-watch.ts";
import { type RoomLeft, roomLeft } from "./run-notes.ts";

export interface Collector extends Storing {
  /** The receiver's; null: none runs. */
  pid: number | null;
  /** What uploads may take above the reserve; null: not known. */
  room: RoomLeft | null;
  /** Lately there was too little of it for an upload, and still is; null: none is known. */
  no_room: TooLittle | null;
  /** Null: none is used, or nothing is known of it. */
  certificate: ShownCertificate | null;
}

interface TooLittle {
  at: string;
  host: string;
  bytes: number;
  what: string;
  fix: string;
}

interface ShownCertificate {
  file: string;
  valid_from: string;
  valid_to: string;
  /** What is wrong with it; null: nothing. */
  trouble: CertificateFinding["reason"] | null;
  what: string | null;
  fix: string | null;
}

/** An upload that there was no room for is told for so long. */
const TOLD_MS = 3_600_000;

/** Whether a receiver runs, and whether it can store. */
export async function lookAtCollector(config: ReceiverConfig, nowMs: number): Promise<Collector> {
  const { dataRoot, runDir } = config;
  const pid = lockHolder({ tool: "receiver", dataRoot, runDir });
  const inFile = config.tls === null ? null : readLife(config.tls.certificate);
  if (pid === null) {
    return { pid, ...(await ownLook(config)), no_room: null, certificate: shown(inFile, null, nowMs) };
  }
  const { room, noRoom, certificate } = readRunNotes(runDir, nowMs);
  return {
    pid,
    ...(lookFromOutside(pid, dataRoot) ?? readStoring(runDir, nowMs)),
    room,
    no_room: tooLittle(noRoom, room, dataRoot, nowMs),
    certificate: shown(certificate, inFile, nowMs),
  };
}

/** Where there is room for it by now, its host comes again by itself. */
function tooLittle(noRoom: NoRoom | null, room: RoomLeft | null, dataRoot: string, nowMs: number): TooLittle | null {
  if (noRoom === null || room === null || noRoom.bytes <= room.above_reserve_bytes) return null;
  const { atMs, host, bytes } = noRoom;
  if (Math.abs(nowMs - atMs) > TOLD_MS) return null;
  const ago = formatSeconds(Math.max(0, Math.round((nowMs - atMs) / 1000)));
  const what = `${ago} ago there was no room for ${formatBytes(bytes)} of ${host}`;
  return { at: isoWall(atMs), host, bytes, what, fix: fixText(BACKEND.roomFix(dataRoot)) };
}

/** @param inFile what its file holds, if that may be another one */
function shown(used: CertificateLife | null, inFile: CertificateLife | null, nowMs: number): ShownCertificate | null {
  if (used === null) return null;
  const found = certificateTrouble(used, inFile, nowMs, renewal);
  return {
    file: used.file,
    valid_from: isoWall(used.fromMs),
    valid_to: isoWall(used.toMs),
    trouble: found?.reason ?? null,
    what: found?.what ?? null,
    fix: fixOrNull(found?.fix ?? null, "collector"),
  };
}

/**
 * Whether a running receiver works on another disk than the one that stands at its data root here: the sandbox of its unit keeps
 * one that was unmounted, and it cannot tell that itself. Null: it does not, or we may not look.
 */
export function lookFromOutside(pid: number, dataRoot: string): Storing | null {
  const theirs = idOf(join(`/proc/${pid}/root`, resolve(dataRoot)));
  if (theirs === null || theirs === idOf(dataRoot)) return null;
  return {
    ready: false,
    why: `the receiver (pid ${pid}) still writes to a disk that is not mounted at ${dataRoot} any more, and what it stores is on that disk alone`,
    fix: fixText({ text: "mount that disk there again, then", commands: [unitCommand("receiver", "restart")] }),
  };
}

/** See `placeId`; null: nothing is there, or we may not look. */
function idOf(path: string): string | null {
  try {
    return placeId(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

async function ownLook({ dataRoot, diskReserveBytes }: ReceiverConfig): Promise<Storing & Pick<Collector, "room">> {
  try {
    needStore(dataRoot);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ready: false, why: error.message, fix: fixOrNull(error.fix, "collector"), room: null };
  }
  const seen = await BACKEND.look(dataRoot, diskReserveBytes);
  if (seen.ready === null)
    return { ready: null, why: "only root and the receiver's user can tell", fix: null, room: null };
  if (seen.ready) return { ready: true, why: null, fix: null, room: roomLeft(seen.room, diskReserveBytes) };
  return { ready: false, why: seen.why.why, fix: fixOrNull(seen.why.fix, "collector"), room: null };
}
