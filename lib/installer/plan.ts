// From what is wanted and what is there to what is to be done, and to what stands in the way: a file that somebody has edited is not
// written over. Pure.

import type { InstallManifest } from "../contract/install-manifest.ts";
import { type Fix, here, inWords } from "../core/finding.ts";
import {
  type Rights,
  type Taken,
  unitOfFile,
  type Wanted,
  type WantedDirectory,
  type WantedFile,
  type WantedLink,
} from "./wanted.ts";

/** What has a path now. */
export type There =
  | { kind: "nothing" }
  | ({ kind: "file"; text: string; sha256: string } & Rights)
  | ({ kind: "directory" } & Rights)
  | { kind: "link"; target: string }
  | { kind: "other"; what: string };

export interface Facts {
  there: ReadonlyMap<string, There>;
  users: ReadonlySet<string>;
  groups: ReadonlySet<string>;
  /** By the group: who is in it beside those whose own it is. */
  members: ReadonlyMap<string, ReadonlySet<string>>;
  /** By the unit: whether it is enabled, and runs. */
  units: ReadonlyMap<string, { isEnabled: boolean; isActive: boolean }>;
  /** The release that runs; null: none. */
  current: string | null;
  /** Nothing of a tree that is to be labfleet's is whose it was. */
  isOwned: boolean;
  manifest: InstallManifest | null;
}

export type Step =
  | { kind: "group"; name: string }
  | { kind: "user"; name: string }
  /** Puts a user into a group. */
  | { kind: "member"; user: string; group: string }
  /** `before`: the rights that it has; null: it is not there. */
  | { kind: "directory"; directory: WantedDirectory; before: Rights | null }
  | { kind: "file"; file: WantedFile; before: string | null }
  | { kind: "link"; link: WantedLink; before: string | null }
  | { kind: "enrol"; introduced: NonNullable<Wanted["enrols"]> }
  /** Whether a tool of that release would start with what its configuration says. */
  | { kind: "test"; tool: string; executable: string; config: string }
  | { kind: "switch"; to: string; from: string | null }
  /** Stops a unit of the Python fleet, right before ours starts: two never work on the same episodes. */
  | { kind: "stop"; unit: string }
  /** Makes a tree labfleet's, of which all was another's. */
  | { kind: "own"; data: NonNullable<Taken["data"]> }
  /** Of a unit of the Python fleet, once ours run. */
  | { kind: "disable"; unit: string }
  | { kind: "reload" }
  | { kind: "enable"; unit: string }
  /** Starts what does not run; what does, and whose executable or unit is another now, is started again. */
  | { kind: "start"; unit: string; isRunning: boolean };

/** Something of ours that somebody has changed, or of theirs that has our name. */
export interface Conflict {
  path: string;
  why: string;
  fix: Fix;
  /** Of a file: what is there, and what would be. */
  before: string | null;
  after: string | null;
}

export interface Plan {
  steps: readonly Step[];
  conflicts: readonly Conflict[];
}

/** @param releaseDir where the release is staged, or will be */
export function planOf(wanted: Wanted, facts: Facts, releaseDir: string): Plan {
  const { there, users, groups, members, units, current, manifest } = facts;
  const conflicts: Conflict[] = [];
  const at = (path: string): There => there.get(path) ?? { kind: "nothing" };
  const files = wanted.files.flatMap((file) => fileStep(file, at(file.path), manifest, conflicts));
  const steps: Step[] = [
    ...wanted.groups.filter((name) => !groups.has(name)).map((name): Step => ({ kind: "group", name })),
    ...wanted.users.filter((name) => !users.has(name)).map((name): Step => ({ kind: "user", name })),
    ...wanted.members
      .filter(({ user, group }) => members.get(group)?.has(user) !== true)
      .map((member): Step => ({ kind: "member", ...member })),
    ...wanted.directories.flatMap((directory) => directoryStep(directory, at(directory.path), conflicts)),
    ...wanted.links.flatMap((link) => linkStep(link, at(link.path), manifest, conflicts)),
    ...files,
    ...(wanted.enrols === null ? [] : [{ kind: "enrol", introduced: wanted.enrols } as const]),
    ...(wanted.taken?.data == null || facts.isOwned ? [] : [{ kind: "own", data: wanted.taken.data } as const]),
    ...(current === releaseDir ? [] : [{ kind: "switch", to: releaseDir, from: current } as const]),
  ];
  const changed = files.filter(({ file }) => file.kind === "unit").map(({ file }) => unitOfFile(file.path));
  const isAnew = steps.some(({ kind, ...step }) => kind === "switch" || ("file" in step && step.file.kind !== "unit"));
  const enabled = wanted.units.filter((unit) => units.get(unit)?.isEnabled !== true);
  const starts = wanted.units.flatMap((unit): Step[] => {
    const isRunning = units.get(unit)?.isActive === true;
    // Of a timer nothing runs that a switch would change.
    const isOld = unit.endsWith(".timer") ? changed.includes(unit) : isAnew || changed.includes(unit);
    return isRunning && !isOld ? [] : [{ kind: "start", unit, isRunning }];
  });
  const isAny = steps.length + changed.length + enabled.length + starts.length > 0;
  const tests = isAny
    ? wanted.tested.map(
        ({ tool, config }): Step => ({ kind: "test", tool, executable: `${releaseDir}/bin/${tool}`, config }),
      )
    : [];
  const old = wanted.taken?.units ?? [];
  const isLate = ({ kind }: Step): boolean => kind === "switch" || kind === "own";
  return {
    steps: [
      ...steps.filter((step) => !isLate(step)),
      ...tests,
      ...old.filter((unit) => units.get(unit)?.isActive).map((unit): Step => ({ kind: "stop", unit })),
      ...steps.filter(isLate),
      ...(changed.length === 0 ? [] : [{ kind: "reload" } as const]),
      ...enabled.map((unit): Step => ({ kind: "enable", unit })),
      ...starts,
      ...old.filter((unit) => units.get(unit)?.isEnabled).map((unit): Step => ({ kind: "disable", unit })),
    ],
    conflicts,
  };
}

function rightsOf({ mode, owner, group }: Rights): Rights {
  return { mode, owner, group };
}

function sameRights(a: Rights, b: Rights): boolean {
  return a.mode === b.mode && a.owner === b.owner && a.group === b.group;
}

function directoryStep(directory: WantedDirectory, found: There, conflicts: Conflict[]): Step[] {
  if (found.kind === "nothing") return [{ kind: "directory", directory, before: null }];
  // One that leads elsewhere is a disk of its own: it is theirs, and its rights are said by whoever uses it.
  if (found.kind === "link") return [];
  if (found.kind === "directory" && directory.isTheirs === true) return [];
  if (found.kind === "directory")
    return sameRights(found, directory) ? [] : [{ kind: "directory", directory, before: rightsOf(found) }];
  conflicts.push(inTheWay(directory.path, `${what(found)} has its name`));
  return [];
}

function linkStep(link: WantedLink, found: There, manifest: InstallManifest | null, conflicts: Conflict[]): Step[] {
  const { path, target } = link;
  if (found.kind === "nothing") return [{ kind: "link", link, before: null }];
  if (found.kind === "link" && found.target === target) return [];
  const isOurs = manifest?.links.some((one) => one.path === path) === true;
  if (found.kind === "link" && isOurs) return [{ kind: "link", link, before: found.target }];
  conflicts.push(inTheWay(path, found.kind === "link" ? `it leads to ${found.target}` : `${what(found)} has its name`));
  return [];
}

type FileStep = Extract<Step, { kind: "file" }>;

function fileStep(file: WantedFile, found: There, manifest: InstallManifest | null, conflicts: Conflict[]): FileStep[] {
  if (found.kind === "nothing") return [{ kind: "file", file, before: null }];
  if (found.kind !== "file") {
    conflicts.push(inTheWay(file.path, `${what(found)} has its name`));
    return [];
  }
  if (found.text === file.text) return sameRights(found, file) ? [] : [{ kind: "file", file, before: found.text }];
  const owned = manifest?.files.find(({ path }) => path === file.path);
  if (owned?.sha256.includes(found.sha256)) return [{ kind: "file", file, before: found.text }];
  const isSecret = file.kind === "secret";
  conflicts.push({
    path: file.path,
    why:
      owned === undefined ? "it is there, and was not written by the installer" : "it was edited since it was written",
    fix: fixOf(file),
    before: isSecret ? null : found.text,
    after: isSecret ? null : file.text,
  });
  return [];
}

function fixOf({ kind, path }: WantedFile): Fix {
  const aside = { text: "put it aside, and install again", commands: [here("sudo", "mv", path, `${path}.before`)] };
  if (kind !== "unit") return aside;
  return {
    text: "settings of your own belong into a drop-in; put the unit aside, and install again",
    commands: aside.commands,
  };
}

function inTheWay(path: string, why: string): Conflict {
  return { path, why, fix: inWords(`put ${path} aside, and install again`), before: null, after: null };
}

function what(found: There): string {
  return found.kind === "other" ? found.what : `a ${found.kind}`;
}
