// How a new host gets its token (docs/protocol.md, “Enrolment”): it makes one, and sends the hash of it with a code that somebody made
// on the collector. So no secret of a host ever lies anywhere but on that host. Pure.

import { type ChecksOf, hasFields, isText, parseShaped } from "../core/text/shape.ts";
import { isReceiverId } from "./judgement.ts";

export const ENROL_PATH = "/v1/enrol";

/** Where a collector shows the certificate of its authority, as PEM, to whoever asks: who takes it has to know its fingerprint. */
export const AUTHORITY_PATH = "/ca.crt";

export interface EnrolRequest {
  code: string;
  host_id: string;
  /** SHA-256 of the token, in hex. */
  token_sha256: string;
  /** True: only whether it would be taken. */
  dry_run: boolean;
}

/** Status 200. */
export interface EnrolAnswer {
  status: "enrolled" | "would";
  host_id: string;
  receiver_id: string;
}

/** Crockford's base32: none of i, l, o and u, which people take for something else. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH = 20;

/** Random bytes that a code is made of; five bits of each, 100 in all, which nobody can try out. */
export const CODE_BYTES = LENGTH;

/** @param random CODE_BYTES of them */
export function codeOf(random: Uint8Array): string {
  return [...random].map((byte) => DIGITS[byte % DIGITS.length]).join("");
}

export function isCode(text: string): boolean {
  return text.length === LENGTH && [...text].every((digit) => DIGITS.includes(digit));
}

/** Random bytes that a token is made of. */
export const TOKEN_BYTES = 32;

/** @param random TOKEN_BYTES of them */
export function tokenOf(random: Uint8Array): string {
  return `lf_${Buffer.from(random).toString("base64url")}`;
}

const hasAnswer = hasFields({
  status: (value) => value === "enrolled" || value === "would",
  host_id: isText,
  receiver_id: isReceiverId,
} satisfies ChecksOf<EnrolAnswer>);

/** Null: it is none. */
export function parseEnrolAnswer(text: string): EnrolAnswer | null {
  return parseShaped(text, (value): value is EnrolAnswer => hasAnswer(value));
}
