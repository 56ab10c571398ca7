// What a code brings: a token, made here. It is written down before it is told to the collector, so that after a kill, or an installation
// that failed, the same line goes on with the same token: a code is good for one.

import { createHash, randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isCode, TOKEN_BYTES, tokenOf } from "../../contract/enrolment.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { hasFields, isText, parseShaped } from "../../core/text/shape.ts";
import { fsyncDir, readIfExists } from "../../os/files/files.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { type Enrolment, OPT_DIR } from "../wanted.ts";
import type { Said } from "./said.ts";

const PENDING = `${OPT_DIR}/enrolling.json`;

interface Pending {
  code_sha256: string;
  token: string;
}

const isPending = hasFields({ code_sha256: isText, token: isText });

/** Null: no code is said. @throws UserError: it is none */
export async function enrolmentOf(said: Said): Promise<Enrolment | null> {
  const code = said.get("code");
  if (code === undefined) return null;
  if (!isCode(code))
    throw new UserError(
      `--code: found ${quoted(code)}, expected the 20 characters that receiver enrol has printed`,
      "copy the line anew",
    );
  const pending = await readPending();
  const isSame = pending !== null && pending.code_sha256 === digestOf(code);
  return { code, token: isSame ? pending.token : tokenOf(randomBytes(TOKEN_BYTES)) };
}

/** Writes down which token goes with the code, for root alone. @throws Error of the system */
export function keepPending({ code, token }: Enrolment): void {
  const pending: Pending = { code_sha256: digestOf(code), token };
  closeSync(replaceDurable(PENDING, `${JSON.stringify(pending)}\n`, { mode: 0o600 }));
}

/** Once it is no longer of use. Rejects as the system does. */
export async function dropPending(): Promise<void> {
  try {
    await rm(PENDING);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  await fsyncDir(OPT_DIR);
}

/** Null: there is none, or only root may read it. */
async function readPending(): Promise<Pending | null> {
  try {
    const text = await readIfExists(PENDING);
    return text === null ? null : parseShaped(text, (value): value is Pending => isPending(value));
  } catch (error) {
    if (errorCode(error) === "EACCES") return null;
    throw error;
  }
}

function digestOf(code: string): string {
  return createHash("sha256").update(code).digest("hex");
}
