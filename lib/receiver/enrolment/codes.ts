// The codes that were made and are still good, each in a file that has the hash of the code for its name: who reads them cannot use them.
// Written by `receiver enrol`, and by the receiver when one is used.

import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CODE_FILE, CODE_FILE_BYTES, type Code, formatCode, parseCode } from "../../contract/enrolment-code.ts";
import { fsyncDir, makeDir, namesIn, readRegularFile, writeFileDurable } from "../../os/files/files.ts";
import { isPast } from "./decide.ts";

function fileOf(dir: string, code: string): string {
  return join(dir, `${createHash("sha256").update(code).digest("hex")}.json`);
}

/** Null: there is none of that name. Rejects as the system does, but for what may not be read: that is none. */
export async function findCode(dir: string, code: string): Promise<Code | null> {
  const text = await readRegularFile(fileOf(dir, code), CODE_FILE_BYTES);
  return text === null ? null : parseCode(text);
}

/** After a power cut it is the old one, or none, or the new one. Rejects as the system does. */
export async function writeCode(dir: string, code: string, what: Code): Promise<void> {
  await makeDir(dir, 0o750);
  await writeFileDurable(fileOf(dir, code), formatCode(what), 0o640);
}

/** Removes that one, used or not. Rejects as the system does. */
export async function dropCode(dir: string, code: string): Promise<void> {
  await rm(fileOf(dir, code), { force: true });
  await fsyncDir(dir);
}

/** Removes those whose time is over: from then on no clock that is set back brings them back. Of one that two machines have that is a day later. Rejects as the system does. */
export function pruneCodes(dir: string, nowMs: number): Promise<void> {
  return removeCodes(dir, (code) => isPast(code, nowMs));
}

/** Removes those that a host has used, or may use: what was taken away from it must not come back by them. Rejects as the system does. */
export function dropCodesOf(dir: string, host: string): Promise<void> {
  return removeCodes(dir, (code) => code.host === host || code.used?.host === host);
}

/** Removes those that are still good for that very host: of two lines for it the newer one counts, and none once it is enrolled. */
export function dropUnusedOf(dir: string, host: string): Promise<void> {
  return removeCodes(dir, (code) => code.host === host && code.used === null);
}

async function removeCodes(dir: string, isToGo: (code: Code) => boolean): Promise<void> {
  let isAny = false;
  for (const name of (await namesIn(dir)).filter((one) => CODE_FILE.test(one))) {
    const text = await readRegularFile(join(dir, name), CODE_FILE_BYTES);
    const code = text === null ? null : parseCode(text);
    if (code === null || !isToGo(code)) continue;
    await rm(join(dir, name), { force: true });
    isAny = true;
  }
  if (isAny) await fsyncDir(dir);
}
