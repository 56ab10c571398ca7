// Taking the place of the Python fleet's programs: which of their units make room, whose their data are, and what the configuration says of
// a collector that is still theirs.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { readManifest } from "../facts.ts";
import { whoAnswers } from "../preflight/collector.ts";
import { configPath, type Introduced, type Role, type Taken } from "../wanted.ts";
import { pythonUnits, takesOver } from "./python.ts";
import type { Said } from "./said.ts";

/** Null: their place is not taken. What was taken once stays so until labfleet goes. */
export async function takenBy(said: Said, role: Role, dataRoot: string): Promise<Taken | null> {
  const before = (await readManifest())?.took_over ?? null;
  if (before === null && !takesOver(said)) return null;
  const units = [...new Set([...(before?.units ?? []), ...(await pythonUnits(role))])];
  // The shipper may work in anybody's tree; the receiver may not.
  if (role === "lab-host") return { units, data: null };
  if (before !== null) return { units, data: before.data };
  const { uid, gid } = await stat(dataRoot);
  return { units, data: { path: dataRoot, uid, gid } };
}

/** Above all other lines of [receiver]. */
const OF_PYTHON = 'kind = "python"\n';
const RECEIVER = "[receiver]\n";
/** The Python fleet's receiver looks for the commit here. */
const HEADER = 'commit_header = "X-Cis490-Code-Commit"';

/**
 * The configuration as who answers needs it: a collector of the Python fleet is named as one, for as long as it is.
 * @param text of a configuration that was written by the installer, or that is there
 * @param isNew it is written now, in place of the Python fleet's
 */
export async function forWhoAnswers(
  text: string,
  { isNew }: { isNew: boolean },
  introduced: Introduced | null,
): Promise<string> {
  const isOfPython = text.includes(`${RECEIVER}${OF_PYTHON}`);
  if (introduced === null || (!isNew && !(isOfPython && (await isUnedited(text))))) return text;
  const who = await whoAnswers(introduced);
  return who === null ? text : configFor(text, who);
}

/** Pure. */
export function configFor(text: string, who: "labfleet" | "python"): string {
  const plain = text.replace(`${RECEIVER}${OF_PYTHON}`, RECEIVER).replace(`${HEADER}\n`, "");
  // A section that held nothing else.
  if (who === "labfleet") return plain.replace(/\n\[shipper\]\n(?=\n|\[|$)/, "");
  const named = plain.replace(RECEIVER, `${RECEIVER}${OF_PYTHON}`);
  if (named.includes("[shipper]\n")) return named.replace("[shipper]\n", `[shipper]\n${HEADER}\n`);
  return `${named}\n[shipper]\n${HEADER}\n`;
}

async function isUnedited(text: string): Promise<boolean> {
  const sha256 = createHash("sha256").update(text).digest("hex");
  const files = (await readManifest())?.files ?? [];
  return files.some((file) => file.path === configPath("lab-host") && file.sha256.includes(sha256));
}
