// One row of the fault table: makes the fault, waits until the tools say so, mends it as they say, and waits until it is mended.

import { type Bed, until } from "./bed.ts";
import type { Fault, Walked } from "./fault.ts";
import { findSaid, type Said } from "./remedy.ts";

const SEEN_MS = 120_000;

/** @throws Error when the fault is not said, or not mended by what is printed */
export async function walk(bed: Bed, fault: Fault): Promise<Walked> {
  await bed.reset();
  await bed.mark();
  try {
    await fault.make(bed);
    const said = await see(bed, fault);
    if (said.remedy === "") throw new Error(`no remedy is printed: ${said.sentence}`);
    if (fault.words === undefined && said.steps.length === 0)
      throw new Error(`words alone, and no line to run: ${said.sentence}; fix: ${said.remedy}`);
    await (fault.words === undefined ? bed.paste(said.steps, fault.typed) : fault.words(bed, said));
    const mended = fault.mended ?? ((on: Bed) => on.arrived());
    await until(`mended by "${said.remedy}" (${said.sentence})`, () => mended(bed));
    return {
      fault: fault.name,
      seen: seenText(fault),
      sentence: lasting(said.sentence),
      remedy: lasting(said.remedy),
      mended: fault.words === undefined ? "as printed" : "by its words",
    };
  } finally {
    await fault.clear?.(bed);
  }
}

async function see(bed: Bed, { seen, says }: Fault): Promise<Said> {
  let said: Said | null = null;
  let text = "";
  const isSaid = async (): Promise<boolean> => {
    text = "log" in seen ? await bed.log(seen.on, seen.log) : await bed.look(seen.on, seen.command);
    said = findSaid(text, says, seen.on);
    return said !== null;
  };
  await until(`${says} is said`, isSaid, SEEN_MS).catch((error: unknown) => {
    throw new Error(`${error}; what is said:\n${text}`);
  });
  if (said === null) throw new Error("unreachable");
  return said;
}

function seenText({ seen }: Fault): string {
  const where = seen.on === "lab1" ? "lab host" : "collector";
  return "log" in seen ? `${where}: log of \`${seen.log}\`` : `${where}: \`${seen.command}\``;
}

/** Without what is another at each run: times, ids, pids, inodes. */
export function lasting(text: string): string {
  return text
    .replace(/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: UTC|Z)?/g, "<time>")
    .replace(
      /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{16,}\b|\b(?=[a-f]*\d)[0-9a-f]{8}\b/g,
      "<id>",
    )
    .replace(/\bpid \d+/g, "pid <n>")
    .replace(/ -inum \d+/g, " -inum <n>")
    .replace(/\b(next try|since) \d\d:\d\d\b/g, "$1 <time>")
    .replace(/\bepisode-\d+\b/g, "episode-1");
}
