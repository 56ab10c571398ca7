// Why an episode cannot be read or moved, in one sentence, and the one line that mends it when it is pasted into a shell.
// Pure: what is true of the directory is gathered in episode-facts.ts.

import { basename, dirname, join } from "node:path/posix";
import type { Finding, Fix } from "../../core/finding.ts";
import { formatFields } from "../../core/text/fields.ts";

/** What is true of an entry: the episode's directory, or what could not be read in it. */
export interface EpisodeFacts {
  /** The episode's directory. */
  root: string;
  /** What stood in the way, as a person reads it: the directory or something in it. */
  what: string;
  /** The user it belongs to, by name where it has one. */
  owner: string;
  /** Its kind and permission bits (st_mode). */
  mode: number;
  immutable: boolean;
  appendOnly: boolean;
  isMountPoint: boolean;
  /** Its parent directory lets only an entry's owner move it, and that is not us. */
  isPinnedByParent: boolean;
  /** Us, by name. */
  me: string;
  /** Modes and owners do not stop us (CAP_DAC_OVERRIDE). */
  mayOverride: boolean;
}

export interface Hindrance {
  reason: string;
  /** Commands; null when nobody knows any. */
  fix: Fix | null;
  /** It is the disk that refuses, whatever the episode. */
  ofDisk?: true;
}

type Want = "read" | "move";

const S_IFDIR = 0o040000;

interface Obstacle {
  wants: readonly Want[];
  holds: (facts: EpisodeFacts, code: string) => boolean;
  why: (facts: EpisodeFacts, want: Want) => string;
  mend: (facts: EpisodeFacts) => string[][];
}

/** Why the kernel says no, in the order in which the remedies have to be run. */
const OBSTACLES: readonly Obstacle[] = [
  {
    wants: ["move"],
    holds: (f, code) => f.isMountPoint || code === "EXDEV" || code === "EBUSY",
    why: (f) => (f.isMountPoint ? "something is mounted there" : "it lies on another file system than shipped/"),
    // Under a hidden name, so that nobody takes the copy for an episode before it is whole.
    mend: ({ root, isMountPoint }) => {
      const copy = join(dirname(root), `.${basename(root)}.copy`);
      const clear = isMountPoint
        ? [
            ["sudo", "umount", root],
            ["sudo", "rmdir", root],
          ]
        : [["sudo", "rm", "-r", root]];
      return [["sudo", "cp", "-a", root, copy], ...clear, ["sudo", "mv", copy, root]];
    },
  },
  {
    wants: ["move"],
    holds: (f) => f.immutable || f.appendOnly,
    why: (f) => `it is ${f.immutable ? "immutable" : "append-only"} (chattr +${f.immutable ? "i" : "a"})`,
    // All of it: what is moved is removed one day, too. Not chattr -R, which fails at every link and pipe.
    mend: ({ root }) => [["sudo", "find", root, "-type", "f,d", "-exec", "chattr", "-i", "-a", "{}", "+"]],
  },
  {
    wants: ["move"],
    holds: (f) => f.isPinnedByParent,
    why: (f) => `its parent directory is sticky, and it belongs to ${f.owner}`,
    mend: ({ root }) => [["sudo", "chmod", "-t", dirname(root)]],
  },
  {
    wants: ["read", "move"],
    holds: (f) => !f.mayOverride && f.owner !== f.me,
    why: (f, want) => `it belongs to ${f.owner}, mode ${octal(f.mode)}, and ${f.me} may not ${want} it`,
    mend: ({ root, me }) => [["sudo", "chown", "-R", me, root]],
  },
  {
    wants: ["read", "move"],
    holds: (f) => !f.mayOverride && lacksOwnersRights(f),
    why: (f) => `mode ${octal(f.mode)} shuts even its owner out`,
    mend: ({ root }) => [["sudo", "chmod", "-R", "u+rwX", root]],
  },
];

/**
 * What stands against reading or moving, and what mends it.
 * @param code the errno that was met
 */
export function explainHindrance(facts: EpisodeFacts, want: Want, code: string): Hindrance {
  const met = OBSTACLES.filter(({ wants, holds }) => wants.includes(want) && holds(facts, code));
  const verb = want === "read" ? "read" : "moved when it is shipped";
  const why = met.length === 0 ? code : met.map((obstacle) => obstacle.why(facts, want)).join(", and ");
  const mends = met.flatMap((obstacle) => obstacle.mend(facts));
  return {
    reason: `${facts.what} cannot be ${verb}: ${why}`,
    fix: mends.length === 0 ? null : { text: "", commands: mends.map((argv) => ({ argv, on: "host" })) },
  };
}

/** `held episode=ep1 because …`, and what mends it. */
export function heldFinding(what: string, episode: string, detail: string, fix: Fix | null): Finding {
  return { what: `${what}${formatFields({ episode })} because ${detail}`, fix };
}

/** A directory is moved by writing in it. Of a file that may be executed nothing more is asked. */
function lacksOwnersRights({ mode }: EpisodeFacts): boolean {
  const needed = (mode & S_IFDIR) !== 0 ? 0o700 : 0o400;
  return (mode & needed) !== needed;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
