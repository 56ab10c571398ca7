// What the notes of settled episodes say: `receipt.json` in shipped/, `rejection.json` in quarantine/. A note that was damaged,
// copied from another episode or written by somebody else says nothing, and nothing is removed on its word. Pure.

import { isSha256Hex, isTreeDigest } from "../../contract/digest.ts";
import { isReceiverId } from "../../contract/judgement.ts";

/** A shipped episode. Times in milliseconds since 1970. */
export interface Receipted {
  /** Its directory below shipped/. */
  name: string;
  id: string;
  /** When it was acknowledged, by the receiver's clock where it said. */
  atMs: number;
  /** The receiver day of its receipt; null before receivers had an identity. */
  day: number | null;
  /** A receipt proved it; false: a Python receiver's word. */
  isVerified: boolean;
  /** What the receiver stored. */
  sha256: string | null;
  bytes: number | null;
  /** What the directory looked like when it was settled: see `fingerprintOf`. */
  fingerprint: string;
}

/** A refused episode. */
export interface Rejection {
  /** Its directory below quarantine/. */
  name: string;
  id: string;
  reason: string;
  detail: string | null;
  /** By which rules it was made (settled-documents.ts); 1: by an older release's. */
  rules: number;
  /** The receiver that refused it; null: nobody who may. */
  judgedBy: string | null;
  /** The receiver day of the first refusal that counted. */
  refusedDay: number | null;
  /** When it was refused, by the receiver's clock where it said, milliseconds since 1970; null when it does not say. */
  atMs: number | null;
  sent: { bytes: number; sha256: string; treeSha256: string | null } | null;
  fingerprint: string;
}

type Note = Readonly<Record<string, unknown>>;

/** Reads the note of a shipped episode; null when it proves nothing. */
export function readReceipted(name: string, text: string | null): Receipted | null {
  const note = readNote(name, text);
  if (note === null) return null;
  const atMs = Date.parse(String(note.received_at_wall ?? note.shipped_at));
  if (Number.isNaN(atMs)) return null;
  const { sha256, bytes, receiver_day, verified } = note;
  return {
    name,
    id: idOf(name),
    atMs,
    day: numberOf(receiver_day),
    isVerified: verified === true,
    sha256: isSha256Hex(sha256) ? sha256 : null,
    bytes: numberOf(bytes),
    fingerprint: String(note.fingerprint),
  };
}

/** Reads the note of a refused episode; null when it is none of ours. */
export function readRejection(name: string, text: string | null): Rejection | null {
  const note = readNote(name, text);
  if (note === null) return null;
  const { reason, detail, judged_by, sent_sha256, sent_tree_sha256 } = note;
  const sentBytes = numberOf(note.sent_bytes);
  return {
    name,
    id: idOf(name),
    reason: typeof reason === "string" ? reason : "unknown",
    detail: typeof detail === "string" ? detail : null,
    rules: numberOf(note.rules) ?? 1,
    judgedBy: isReceiverId(judged_by) ? judged_by : null,
    refusedDay: numberOf(note.refused_day),
    atMs: numberOf(Date.parse(String(note.at))),
    sent:
      sentBytes !== null && isSha256Hex(sent_sha256)
        ? {
            bytes: sentBytes,
            sha256: sent_sha256,
            treeSha256: isTreeDigest(sent_tree_sha256) ? sent_tree_sha256 : null,
          }
        : null,
    fingerprint: String(note.fingerprint),
  };
}

/** An episode's own name: a second one of the same name stands as `id~1`. */
export function idOf(name: string): string {
  return name.replace(/~\d+$/, "");
}

function readNote(name: string, text: string | null): Note | null {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "null");
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const note: Note = { ...value };
  if (note.labfleet !== 1 || typeof note.fingerprint !== "string" || note.fingerprint === "") return null;
  // One that was copied from another episode speaks for that one.
  return note.episode_id === idOf(name) ? note : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
