// Which entry of an episode the system named. It tells paths as text, in which names that are no UTF-8 all look alike: where
// one is among them, the directory is listed for what it may be. Runs in the packing thread.

import { closeSync, constants, lstatSync, openSync, readdirSync } from "node:fs";
import { errorCode } from "../../core/failure.ts";
import { bytePath } from "./tree-walk.ts";

/** What stands in a text for bytes that are none. */
const UNTOLD = "\ufffd";

/**
 * The path below the episode's directory, one character a byte (latin1), and "" for itself.
 * @param told the path as an error of the system has it
 * @returns null for what does not lie in it
 */
export function toldBelow(root: string, told: string): string | null {
  if (told === root) return "";
  if (!told.startsWith(`${root}/`)) return null;
  const meant = [...spellings(root, "", told.slice(root.length + 1).split("/"))];
  // Of several that look alike it is one that is refused.
  return meant.length > 1 ? (meant.find((below) => isRefused(bytePath(root, below))) ?? "") : (meant[0] ?? "");
}

function* spellings(root: string, above: string, parts: readonly string[]): Generator<string> {
  const [part, ...rest] = parts;
  if (part === undefined) return yield above;
  for (const name of part.includes(UNTOLD) ? lookingLike(bytePath(root, above), part) : [latin1(part)])
    yield* spellings(root, above === "" ? name : `${above}/${name}`, rest);
}

function lookingLike(directory: Buffer, part: string): string[] {
  try {
    const names = readdirSync(directory, { encoding: "buffer" });
    return names.filter((name) => name.toString("utf8") === part).map((name) => name.toString("latin1"));
  } catch (error) {
    // Gone, or closed meanwhile: then it is told of the episode as a whole.
    if (errorCode(error) === null) throw error;
    return [];
  }
}

function isRefused(path: Buffer): boolean {
  try {
    const stats = lstatSync(path);
    if (stats.isFile() || stats.isDirectory())
      closeSync(openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    return code === "EACCES" || code === "EPERM";
  }
}

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
