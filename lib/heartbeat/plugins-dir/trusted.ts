// Whose hands a file has gone through: what this process runs or obeys may have been written by root or by its own user,
// and by nobody else. Looks at owners and modes alone.

import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { byCommands, type Command, type Finding, type Fix, here, inWords } from "../../core/finding.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";

/** `why` is a sentence; `fix` is null where nothing is known to do. */
export interface Distrust {
  kind: "refused";
  why: string;
  fix: Fix | null;
}
export type Trust = { kind: "trusted"; path: string; isFile: boolean } | Distrust;

/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** Where the directory itself is as it should be. */
const ELSEWHERE = inWords("put plugins elsewhere");

/**
 * Whether nobody else could have put something else there: the file or directory itself, every link on the way, and
 * every directory above them up to the root.
 * @param path absolute
 * @param uid who besides root is trusted
 * @returns the path without links, once it is trusted
 */
export function checkTrust(path: string, uid: number): Trust {
  let here: string = sep;
  const rest = resolve(path).split(sep).filter(Boolean);
  let links = 0;
  let stats: Stats;
  try {
    stats = lstatSync(here);
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      const refusal = refuse(here, stats, uid, true);
      if (refusal !== null) return refusal;
      here = join(here, name);
      stats = lstatSync(here);
      if (!stats.isSymbolicLink()) continue;
      const stranger = refuseOwner(here, stats, uid, false);
      if (stranger !== null) return stranger;
      if (++links > LINKS_MAX) return { kind: "refused", why: `${path} leads round in links`, fix: null };
      // Its target is looked at from the root on: the way there counts as much.
      rest.unshift(...resolve(dirname(here), readlinkSync(here)).split(sep).filter(Boolean));
      here = sep;
      stats = lstatSync(here);
    }
  } catch (error) {
    const why =
      errorCode(error) === "ENOENT" ? "there is no such file" : (errorCode(error) ?? "it cannot be looked at");
    return { kind: "refused", why: `${here}: ${why}`, fix: null };
  }
  return refuse(here, stats, uid, false) ?? { kind: "trusted", path: here, isFile: stats.isFile() };
}

/** What is said of it; null for what is trusted. @param consequence what becomes of it */
export function refusalOf(trust: Trust, consequence: string): Finding | null {
  if (trust.kind === "trusted") return null;
  return { what: `${trust.why}, so ${consequence}`, fix: trust.fix };
}

/** Plugins are loaded at the agent's start. */
function mended(...commands: Command[]): Fix {
  return byCommands(...commands, unitCommand("heartbeat", "restart"));
}

/** To others. */
function closed(path: string): Command {
  return here("sudo", "chmod", "go-w", path);
}

/** @param onTheWay a directory above: in a sticky one others cannot touch what is not theirs */
function refuse(path: string, stats: Stats, uid: number, onTheWay: boolean): Trust | null {
  const stranger = refuseOwner(path, stats, uid, onTheWay);
  if (stranger !== null) return stranger;
  const open = stats.mode & WRITABLE_BY_OTHERS;
  if (open === 0 || (onTheWay && (stats.mode & STICKY) !== 0)) return null;
  const who = open === 0o002 ? "everybody" : open === 0o020 ? "its group" : "its group and everybody";
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
  return {
    kind: "refused",
    why: `${path} can be written by ${who} (mode ${mode})`,
    // Such a one is shared on purpose, like /tmp: to close it would break the host.
    fix: (stats.mode & STICKY) !== 0 ? ELSEWHERE : mended(closed(path)),
  };
}

function refuseOwner(path: string, stats: Stats, uid: number, onTheWay: boolean): Trust | null {
  if (stats.uid === 0 || stats.uid === uid) return null;
  const link = stats.isSymbolicLink() ? ["-h"] : [];
  const open = !stats.isSymbolicLink() && (stats.mode & WRITABLE_BY_OTHERS) !== 0;
  return {
    kind: "refused",
    why: `${path} belongs to user ${stats.uid}, neither root nor the user of this process (${uid})`,
    // A home directory, perhaps: it belongs to whom it should.
    fix: onTheWay
      ? ELSEWHERE
      : mended(here("sudo", "chown", ...link, "root:root", path), ...(open ? [closed(path)] : [])),
  };
}
