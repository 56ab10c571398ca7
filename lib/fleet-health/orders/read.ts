// Reads and writes what a person has said of hosts.

import { closeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { makeDir, readIfExists } from "../../os/files/files.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Silence } from "../incidents/tell.ts";
import { formatRetired, formatSilence, parseRetired, parseSilence, type Retired, silenceFile } from "./orders.ts";

export interface Orders {
  silences: readonly Silence[];
  retiredMs: Retired;
}

const NONE: Orders = { silences: [], retiredMs: new Map() };
const FILE_BYTES = 1024 ** 2;

/** All of them. What cannot be read is said: then nobody is silenced or retired by it. Never rejects for an error of the system. */
export async function readOrders(dir: string | null): Promise<{ orders: Orders; doubts: Finding[] }> {
  if (dir === null) return { orders: NONE, doubts: [] };
  const doubts: Finding[] = [];
  const silences: Silence[] = [];
  for (const name of await namesIn(silencesDir(dir), doubts)) {
    const silence = await readAs(join(silencesDir(dir), name), parseSilence, doubts);
    if (silence !== null) silences.push(silence);
  }
  const retiredMs = (await readAs(retiredPath(dir), parseRetired, doubts)) ?? NONE.retiredMs;
  return { orders: { silences, retiredMs }, doubts };
}

const silencesDir = (dir: string): string => join(dir, "silences.d");
const retiredPath = (dir: string): string => join(dir, "retired.json");

async function namesIn(dir: string, doubts: Finding[]): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
  } catch (error) {
    if (errorCode(error) !== "ENOENT") doubts.push(unreadable(dir, error));
    return [];
  }
}

async function readAs<T>(path: string, parse: (text: string) => T | null, doubts: Finding[]): Promise<T | null> {
  try {
    const text = await readIfExists(path, FILE_BYTES);
    const found = text === null ? null : parse(text);
    if (text !== null && found === null)
      doubts.push({ what: `${path} says nothing that can be understood`, fix: byCommands(here("sudo", "rm", path)) });
    return found;
  } catch (error) {
    doubts.push(unreadable(path, error));
    return null;
  }
}

function unreadable(path: string, error: unknown): Finding {
  if (errorCode(error) === null) throw error;
  return { what: `${path} cannot be read: ${quoted(errorText(error))}`, fix: refusedFix(errorCode(error)) };
}

/** Writes it; one of the same host and symptom is replaced. Rejects as the system does. */
export async function writeSilence(dir: string, silence: Silence): Promise<void> {
  await makeDir(silencesDir(dir), 0o750);
  closeSync(replaceDurable(join(silencesDir(dir), silenceFile(silence)), formatSilence(silence)));
}

/** Ends it. Rejects as the system does. */
export async function removeSilence(dir: string, silence: Pick<Silence, "host" | "symptom">): Promise<void> {
  await rm(join(silencesDir(dir), silenceFile(silence)), { force: true });
}

/** Writes them down, all. Rejects as the system does. */
export async function writeRetired(dir: string, retired: Retired): Promise<void> {
  await makeDir(dir, 0o750);
  closeSync(replaceDurable(retiredPath(dir), formatRetired(retired)));
}
