// The copies that our remedies make in episodes/, `.<id>.copy`: passed over while they are under way, and named once nobody goes
// on with them, for one of them may be the only copy that there is.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { isName } from "../../contract/names.ts";
import { onHost } from "../../core/finding.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";

/** Whose copy a name says that it is; null for a name that no remedy gives. */
export function copiedId(name: string): string | null {
  const id = /^\.(.+)\.copy$/.exec(name)?.[1] ?? "";
  return isName(id) ? id : null;
}

/** Whether what is copied stands there still, or again, be it a directory or the link to one. */
export function originalStands(episodesDir: string, id: string): boolean {
  return lstatSync(join(episodesDir, id), { throwIfNoEntry: false }) !== undefined;
}

/** What is said of a copy that nobody goes on with. */
export function leftCopy(episodesDir: string, name: string, id: string, stands: boolean): ScanProblem {
  const copy = join(episodesDir, name);
  const original = join(episodesDir, id);
  if (!stands) {
    const problem = `it is a copy of ${id}, which is not there any more: it may be the only one`;
    return { name, problem, fix: { text: "", commands: [onHost("sudo", "mv", "-T", copy, original)] } };
  }
  // A copy that broke off lacks files, and so does an original whose removal broke off.
  const text = `remove ${name} or ${id}, whichever lacks something that the other one has; this shows it`;
  const commands = [onHost("sudo", "diff", "-rq", "--no-dereference", original, copy)];
  return { name, problem: `it is a copy of ${id}, which stands beside it`, fix: { text, commands } };
}
