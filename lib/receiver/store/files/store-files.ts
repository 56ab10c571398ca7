// The files that a start cannot do without: what is wrong with one is said with its path, and with what mends it.

import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT } from "../../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../../core/failure.ts";
import { byCommands, here } from "../../../core/finding.ts";
import { isMachinesRefusal } from "../../../core/linux/disk-refusal.ts";
import { unitCommand } from "../../../core/linux/unit-fix.ts";
import { quoted } from "../../../core/text/fields.ts";
import { whyDiskRefuses } from "../../../os/files/disk-refusal.ts";

/**
 * Checks that a file is one, or not there yet. To open a pipe would wait for ever.
 * @throws UserError
 */
export function needFile(path: string): void {
  const stats = statOf(path);
  if (stats === null || stats.isFile()) return;
  if (stats.isSymbolicLink()) throw linked(path);
  throw new UserError(
    `${path} is ${kindOf(stats)} and no file: the receiver keeps its own there, and makes a new one`,
    {
      text: "move it aside",
      commands: [here("sudo", "mv", "-T", path, `${path}.aside`), unitCommand("receiver", "start")],
    },
  );
}

/** A link that leads elsewhere would take the file out of its root: what is written through it is not where others look for it. */
function linked(path: string): UserError {
  const target = resolve(dirname(path), readlinkSync(path));
  return new UserError(`${path} is a symbolic link to ${target} and no file: the receiver keeps its own there`, {
    text: "put the file itself in its place",
    commands: [here("sudo", "mv", "-T", target, path), unitCommand("receiver", "start")],
  });
}

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw cannotUse(path, error);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a pipe (FIFO)";
  return stats.isSocket() ? "a socket" : "a device";
}

/** What the system refused of `path`, as a sentence; anything else as it is. */
export function cannotUse(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === null || error instanceof UserError) return error;
  const { what, fix } = whyDiskRefuses(path, code);
  return new UserError(
    `cannot use ${path}: ${quoted(errorText(error))}: ${what}`,
    fix ?? byCommands(here("sudo", "ls", "-la", path)),
    isMachinesRefusal(code) ? EXIT.undelivered : EXIT.usage,
  );
}
