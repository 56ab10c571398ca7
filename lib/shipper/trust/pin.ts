// Whom this host trusts to judge its episodes: `receiver-pin.json` in the data root, written once by the first answer that accepted
// our token, and read again before each exchange, so that `shipper pin` needs no restart. A pin that cannot be read is
// never replaced by itself: whoever answers then would be trusted.

import { join } from "node:path";
import { isReceiverId } from "../../contract/judgement.ts";
import { PIN_FILE } from "../../contract/receiver-pin.ts";
import { errorText, UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists, writeFileDurable } from "../../os/files/files.ts";

/** Who said that this receiver is to be trusted. */
export type PinSource = "receipt" | "judge" | "successor" | "operator" | "installer";

export interface Pin {
  receiver_id: string;
  pinned_at: string;
  source: PinSource;
  /** The address that was asked then. */
  url: string;
  /** Whom this host trusted before, the newest last. */
  before: string[];
}

const BEFORE_MAX = 16;

/** The file below a data root. */
export function pinPath(dataRoot: string): string {
  return join(dataRoot, PIN_FILE);
}

/**
 * The present pin, or null when nobody is pinned yet.
 * @throws UserError (exit 3) when there is one and it cannot be read
 */
export async function readPin(dataRoot: string): Promise<Pin | null> {
  const path = pinPath(dataRoot);
  let text: string | null;
  try {
    text = await readIfExists(path);
  } catch (error) {
    throw unreadable(path, errorText(error));
  }
  if (text === null) return null;
  const pin = parsePin(text);
  if (pin === null) throw unreadable(path, "it holds no receiver's id");
  return pin;
}

/** Reads a pin's text; null for what is none. Pure. */
export function parsePin(text: string): Pin | null {
  let value: Partial<Pin> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !isReceiverId(value.receiver_id)) return null;
  const { receiver_id, pinned_at = "", source = "operator", url = "", before } = value;
  return { receiver_id, pinned_at, source, url, before: Array.isArray(before) ? before.filter(isReceiverId) : [] };
}

let turn: Promise<unknown> = Promise.resolve();

/**
 * Answers are judged one after the other: of two collectors behind one name that answer at once only the first is trusted, and the
 * second one's answer meets its pin.
 */
export function judgedInTurn<T>(judge: () => Promise<T>): Promise<T> {
  const mine = turn.then(judge);
  turn = mine.catch(() => undefined);
  return mine;
}

/** Trusts a receiver from now on, on the disk when this resolves. @throws Error of the system */
export async function writePin(
  dataRoot: string,
  receiverId: string,
  source: PinSource,
  url: string,
  at: Date,
): Promise<Pin> {
  const old = await readPin(dataRoot).catch(() => null);
  const before =
    old === null || old.receiver_id === receiverId ? (old?.before ?? []) : [...old.before, old.receiver_id];
  const pin = { receiver_id: receiverId, pinned_at: at.toISOString(), source, url, before: before.slice(-BEFORE_MAX) };
  await writeFileDurable(pinPath(dataRoot), `${JSON.stringify(pin)}\n`);
  return pin;
}

function unreadable(path: string, why: string): UserError {
  return new UserError(
    `cannot read whom this host trusts, ${path}: ${quoted(why)}`,
    "ask the collector for its id with `sudo receiver identity`, then run: sudo shipper pin --accept ID",
    3,
  );
}
