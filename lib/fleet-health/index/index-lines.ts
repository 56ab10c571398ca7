// What a line of index.jsonl tells of a host: when something of it was stored. Whatever is no such row is passed over, as the Python
// fleet's health check does, and counted. Pure.

import { type Check, hasFields, isText, parseShaped } from "../../core/text/shape.ts";
import { parseIso } from "../python/python-time.ts";

export interface Received {
  host: string;
  /** `received_at_wall` as it is written there. */
  text: string;
  /** The same in microseconds since 1970. */
  micros: number;
  /** Put there again from the archive: when it was received is not known. */
  isRecovered: boolean;
}

interface Row {
  host_id: string;
  received_at_wall: string;
  recovered?: unknown;
}

const isFilled: Check = (value) => isText(value) && value !== "";
const hasBoth = hasFields({ host_id: isFilled, received_at_wall: isFilled });
const isRow = (value: unknown): value is Row => hasBoth(value);

/** Null: it is no row, or not a whole one. */
export function readLine(line: string): Received | null {
  return readOwn(line) ?? readAny(line);
}

/** Any row: it is parsed, and as Python parses it. */
export function readAny(line: string): Received | null {
  const row = parseShaped(line, isRow) ?? parseShaped(withoutNaN(line), isRow);
  if (row === null) return null;
  const { host_id: host, received_at_wall: text, recovered } = row;
  const micros = parseIso(text);
  return micros === null ? null : { host, text, micros, isRecovered: recovered === true };
}

/** Python writes and reads these three beside numbers. Strings are passed over, each as one piece, however long, and once: without an end, too. */
function withoutNaN(line: string): string {
  return line.replace(/"[^"\\]*(?:\\.[^"\\]*)*"?|NaN|-?Infinity/gs, (piece) =>
    piece.startsWith('"') ? piece : "null",
  );
}

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]*";
const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}\\+00:00";
/** A whole row as our receiver writes it, from its first byte to its last. */
const OWN = new RegExp(
  `^\\{(?:"corrects":"(?:tree_sha256|bytes)",)?"host_id":"(${NAME})","episode_id":"${NAME}",` +
    `"received_at_wall":"(${TIME})","bytes":(?:0|[1-9]\\d{0,15}),"sha256":"[0-9a-f]{64}",` +
    `"code_commit":(?:null|"[\\w.-]*"),"path":"[\\w./-]*","tree_sha256":(?:null|"[\\w:]*")(,"recovered":true)?\\}$`,
);

/** Our own rows, which are millions, without parsing them. Null: it is none, and may be another's. */
function readOwn(line: string): Received | null {
  const [, host, text, recovered] = OWN.exec(line) ?? [];
  if (host === undefined || text === undefined) return null;
  const micros = parseIso(text);
  return micros === null ? null : { host, text, micros, isRecovered: recovered !== undefined };
}
