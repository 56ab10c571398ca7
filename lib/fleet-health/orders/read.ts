// Reads and writes what a person has said of hosts.

import { closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { byCommands, here } from "../../core/finding.ts";
import { makeDir, namesIn, readIfExists } from "../../os/files/files.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import type { Silence } from "../incidents/silence.ts";
import { type Doubt, whyNotRead } from "../not-read.ts";
import { formatRetired, formatSilence, parseRetired, parseSilence, type Retired, silenceFile } from "./orders.ts";

export interface Orders {
  silences: readonly Silence[];
  retiredMs: Retired;
}

const NONE: Orders = { silences: [], retiredMs: new Map() };
const FILE_BYTES = 1024 ** 2;

/** All of them. What cannot be read is said: then nobody is silenced or retired by it. Never rejects for an error of the system. */
export async function readOrders(dir: string | null): Promise<{ orders: Orders; doubts: Doubt[] }> {
  if (dir === null) return { orders: NONE, doubts: [] };
  const { silences, doubts } = await readSilences(dir);
  const { retiredMs, doubt } = await readRetired(dir);
  return { orders: { silences, retiredMs }, doubts: [...doubts, ...(doubt === null ? [] : [doubt])] };
}

/** Those that can be read, and what stands in the way of the others. Never rejects for an error of the system. */
export async function readSilences(dir: string): Promise<{ silences: Silence[]; doubts: Doubt[] }> {
  const doubts: Doubt[] = [];
  const silences: Silence[] = [];
  for (const name of await filesIn(silencesDir(dir), doubts)) {
    const silence = await readAs(join(silencesDir(dir), name), parseSilence, doubts);
    if (silence !== null) silences.push(silence);
  }
  return { silences, doubts };
}

/** Never rejects for an error of the system. @returns `doubt`: why nobody is known to be retired, null: nothing is wrong */
export async function readRetired(dir: string): Promise<{ retiredMs: Retired; doubt: Doubt | null }> {
  const doubts: Doubt[] = [];
  const retiredMs = (await readAs(retiredPath(dir), parseRetired, doubts)) ?? NONE.retiredMs;
  return { retiredMs, doubt: doubts[0] ?? null };
}

const silencesDir = (dir: string): string => join(dir, "silences.d");

/** Where a silence is kept. */
export function silencePath(dir: string, silence: Pick<Silence, "host" | "symptom">): string {
  return join(silencesDir(dir), silenceFile(silence));
}

/** Where the retired are. */
export function retiredPath(dir: string): string {
  return join(dir, "retired.json");
}

async function filesIn(dir: string, doubts: Doubt[]): Promise<string[]> {
  try {
    return (await namesIn(dir)).filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
  } catch (error) {
    doubts.push({ ...whyNotRead(dir, error), about: dir });
    return [];
  }
}

async function readAs<T>(path: string, parse: (text: string) => T | null, doubts: Doubt[]): Promise<T | null> {
  try {
    const text = await readIfExists(path, FILE_BYTES);
    const found = text === null ? null : parse(text);
    if (text !== null && found === null)
      doubts.push({
        what: `${path} says nothing that can be understood`,
        ...{ fix: byCommands(here("sudo", "rm", path)), about: path },
      });
    return found;
  } catch (error) {
    doubts.push({ ...whyNotRead(path, error), about: path });
    return null;
  }
}

/** Writes it; one of the same host and symptom is replaced. Rejects as the system does. */
export async function writeSilence(dir: string, silence: Silence): Promise<void> {
  await makeDir(silencesDir(dir), 0o750);
  closeSync(replaceDurable(silencePath(dir, silence), formatSilence(silence)));
}

/** Ends it. Rejects as the system does. */
export async function removeSilence(dir: string, silence: Pick<Silence, "host" | "symptom">): Promise<void> {
  await rm(silencePath(dir, silence), { force: true });
}

/** Writes them down, all. Rejects as the system does. */
export async function writeRetired(dir: string, retired: Retired): Promise<void> {
  await makeDir(dir, 0o750);
  closeSync(replaceDurable(retiredPath(dir), formatRetired(retired)));
}
