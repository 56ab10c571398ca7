// A code with which a host is enrolled, as its file in the collector's data root has it: made by `receiver enrol`, used by the receiver, and
// looked at by the health check. The file has the hash of the code for its name: who reads it cannot use it. Pure.

import { byCommands, type Finding, here } from "../core/finding.ts";
import { type ChecksOf, hasFields, isFlag, isText, leftOutOr, orNull, parseShaped } from "../core/text/shape.ts";
import { isSha256Hex } from "./digest.ts";

/** How the files are named. */
export const CODE_FILE = /^[0-9a-f]{64}\.json$/;

/** No file of one is longer. */
export const CODE_FILE_BYTES = 4096;

/** A code as its file has it, which has the hash of the code for its name. */
export interface Code {
  made_at: string;
  until: string;
  /** Whom it is for; null: any host that is new. */
  host: string | null;
  /** Whether it may be a host that there is already: its tokens so far are no longer valid then. */
  replaces: boolean;
  /** Null: nobody has used it yet. */
  used: { host: string; token_sha256: string; at: string } | null;
  /** Its token was added: what is missing since then was taken away by somebody. Left out: it was not, or not for certain. */
  added?: true;
  /** When it was first sent with another token, and by whom: two machines have it. Left out: it was not. */
  again?: { at: string; remote: string };
}

const isTime = (value: unknown): boolean => isText(value) && Number.isFinite(Date.parse(String(value)));

const hasShape = hasFields({
  made_at: isTime,
  until: isTime,
  host: orNull(isText),
  replaces: isFlag,
  used: orNull(
    hasFields({ host: isText, token_sha256: isSha256Hex, at: isTime } satisfies ChecksOf<NonNullable<Code["used"]>>),
  ),
  added: leftOutOr((value) => value === true),
  again: leftOutOr(hasFields({ at: isTime, remote: isText } satisfies ChecksOf<NonNullable<Code["again"]>>)),
} satisfies ChecksOf<Code>);

export function formatCode(code: Code): string {
  return `${JSON.stringify(code)}\n`;
}

/** Null: it is none. */
export function parseCode(text: string): Code | null {
  return parseShaped(text, (value): value is Code => hasShape(value));
}

/** That a code was sent a second time, with another token: the host that has it may be the wrong one. */
export function usedTwice(host: string, { remote }: NonNullable<Code["again"]>): Finding {
  const fix = byCommands(here("sudo", "receiver", "token", "revoke", host, "--all"));
  return {
    what: `a code that ${host} was enrolled with was sent again, with another token, from ${remote}: two machines have it`,
    fix: { ...fix, text: `if ${host} is not the machine that it was meant for` },
  };
}
