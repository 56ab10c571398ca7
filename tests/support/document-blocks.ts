// The code blocks of a document, by the heading that they stand under: tests run what people paste.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./compiled.ts";

export interface Block {
  /** The heading above it, without its `#`. */
  heading: string;
  language: string;
  text: string;
}

/** All of a document's fenced blocks, in order. */
export function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  let open: Block | null = null;
  for (const line of readFileSync(join(PROJECT, document), "utf8").split("\n")) {
    const [, fence] = /^```(.*)$/.exec(line) ?? [];
    if (open !== null && fence === "") {
      blocks.push(open);
      open = null;
    } else if (open !== null) open.text += `${line}\n`;
    else if (fence !== undefined) open = { heading, language: fence, text: "" };
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  return blocks;
}

/** The one block under the heading that begins with these words. @throws Error when there is none, or another */
export function blockUnder(document: string, heading: string): string {
  const [block, ...others] = blocksOf(document).filter((each) => each.heading.startsWith(heading));
  if (block === undefined || others.length > 0) throw new Error(`${document} has no block of its own under ${heading}`);
  return block.text;
}
