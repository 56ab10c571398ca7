// One row of the fault table: makes the fault, waits until the tools say so, mends it as they say, and waits until it is mended.

import { type Bed, until } from "./bed.ts";
import { type Fault, mendedHow, seenText, type Walked } from "./fault.ts";
import { findSaid, type Said } from "./remedy.ts";

const SEEN_S = 120;

/** @throws Error when the fault is not said, or not mended by what is printed */
export async function walk(bed: Bed, fault: Fault): Promise<Walked> {
  await bed.reset();
  await bed.mark();
  try {
    await fault.make(bed);
    const said = await see(bed, fault);
    await mend(bed, fault, said);
    const mended = fault.mended ?? ((on: Bed) => on.arrived());
    await until(`mended by "${said.remedy}" (${said.sentence})`, () => mended(bed), fault.patienceS);
    return {
      fault: fault.name,
      seen: seenText(fault.seen),
      sentence: lasting(said.sentence),
      remedy: lasting(said.remedy),
      mended: mendedHow(fault),
    };
  } finally {
    await fault.clear?.(bed);
  }
}

/** As the person who reads it would. @throws Error when it says nothing that can be done, or what is run fails */
async function mend(bed: Bed, fault: Fault, said: Said): Promise<void> {
  if (fault.byItself === true) {
    if (said.remedy !== "") throw new Error(`a remedy for what mends itself: ${said.remedy}`);
    return;
  }
  if (said.remedy === "") throw new Error(`no remedy is printed: ${said.sentence}`);
  if (fault.words !== undefined) {
    await fault.words(bed, said);
    return;
  }
  if (said.steps.length === 0)
    throw new Error(`words alone, and no line to run: ${said.sentence}; fix: ${said.remedy}`);
  await bed.paste(said.steps, fault);
}

async function see(bed: Bed, { seen, says }: Fault): Promise<Said> {
  let said: Said | null = null;
  let text = "";
  const isSaid = async (): Promise<boolean> => {
    text = "log" in seen ? await bed.log(seen.on, seen.log) : await bed.look(seen.on, seen.command);
    said = findSaid(text, says, seen.on);
    return said !== null;
  };
  await until(`${says} is said`, isSaid, SEEN_S).catch((error: unknown) => {
    throw new Error(`${error}; what is said:\n${text}`);
  });
  if (said === null) throw new Error("unreachable");
  return said;
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
    .replace(/\boldest \d+\w+/g, "oldest <n>s")
    .replace(/\bno heartbeat for \d+\w+/g, "no heartbeat for <n>s")
    .replace(/\(\d+s ago\)/g, "(<n>s ago)")
    .replace(/^(lab\d\S*) +\d+[a-z]+( late)? +(?:ok|warning|critical|unknown|stale|pending) +/, "$1 <n>s$2, <worst>: ")
    .replace(/\b(next try|since) \d\d:\d\d\b/g, "$1 <time>")
    .replace(/\bepisode-\d+\b/g, "episode-1");
}
