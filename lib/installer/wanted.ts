// What there is on a machine of a role when labfleet is installed: users, directories, files, links, units. The same as the blocks of
// “Installing by hand” (docs/operating.md) make. Pure.

import { join } from "node:path/posix";
import type { Credentials } from "../client/credentials.ts";
import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import type { OwnedKind } from "../contract/install-manifest.ts";
import { COLLECTOR_DATA_ROOT } from "../contract/places.ts";
import { dropInFor } from "../core/linux/disk-refusal.ts";
import { type ServiceName, TOOL_NAMES, type ToolName, toolOf, unitFiles, unitName } from "../core/tools.ts";

export type Role = "lab-host" | "collector";

/** Whose something is. */
export interface Rights {
  mode: number;
  owner: string;
  group: string;
}

export interface WantedDirectory extends Rights {
  path: string;
  /** One that is there stays as it is: it was somebody's before. */
  isTheirs?: boolean;
}

export interface WantedFile extends Rights {
  path: string;
  kind: OwnedKind;
  text: string;
}

export interface WantedLink {
  path: string;
  target: string;
}

export interface Wanted {
  role: Role;
  /** Group before user: a user's own is made with it. */
  groups: readonly string[];
  users: readonly string[];
  /** Of people who are here already. */
  members: readonly { user: string; group: string }[];
  directories: readonly WantedDirectory[];
  files: readonly WantedFile[];
  links: readonly WantedLink[];
  /** Units that are enabled, and run. */
  units: readonly string[];
  /** Executables of the role. */
  tools: readonly string[];
  /** Those of them that a configuration may keep from starting. */
  tested: readonly { tool: string; config: string }[];
  /** What of the Python fleet has to make room; null: nothing. */
  taken: Taken | null;
  /** Who is to be enrolled; null: nobody. */
  enrols: (Introduced & { enrolment: Enrolment }) | null;
}

/** What a person says, or has said before. */
export interface Answers {
  role: Role;
  /** Text of the configuration. */
  config: string;
  /** Secrets and certificates, by their paths. */
  files: readonly WantedFile[];
  /** Where data lie, absolute. */
  dataRoot: string;
  /** Who records, of a lab host; null: nobody whom it is to let in. */
  recorder: string | null;
  /** Of a lab host; null: of none, or what its configuration says names no receiver. */
  introduced: Introduced | null;
  /** Null: the Python fleet's programs are left alone. */
  taken: Taken | null;
}

/** What of the Python fleet has to make room for labfleet. */
export interface Taken {
  /** Units that may not run while labfleet is here. */
  units: readonly string[];
  /** Whose tree is to be labfleet's; null: nobody's: the shipper may work in anybody's. */
  data: { path: string; uid: number; gid: number } | null;
}

/** A lab host as it will speak to its collector. */
export interface Introduced {
  hostId: string;
  /** Its files are where they lie now. */
  receiver: ReceiverEndpoint;
  /** What it shows while it has no files; null: what is in them. */
  credentials: Credentials | null;
  /** Null: it has its token, or none. */
  enrolment: Enrolment | null;
}

/** A token that the collector is to take for a code. */
export interface Enrolment {
  code: string;
  token: string;
}

export const USER = "labfleet";
export const RECORDERS = "labfleet-record";
export const OPT_DIR = "/opt/labfleet";
export const ETC_DIR = "/etc/labfleet";
export const UNIT_DIR = "/etc/systemd/system";
const BIN_DIR = "/usr/local/bin";
const MAN_DIR = "/usr/local/share/man";

const ROOT_ONLY: Rights = { mode: 0o755, owner: "root", group: "root" };
const FOR_SERVICE = { owner: "root", group: USER } as const;

const STATE_DIR = "/var/lib/labfleet";
const OF_SERVICE = { owner: USER, group: USER, mode: 0o755 } as const;

/** systemd makes it wherever data lie (StateDirectory=): it goes again with what made it. */
const OF_STATE: WantedDirectory = { path: STATE_DIR, ...OF_SERVICE };

/** Where data lie if nobody says another place; the units open that one. */
export const DATA_ROOTS: Readonly<Record<Role, string>> = {
  "lab-host": `${STATE_DIR}/data`,
  collector: COLLECTOR_DATA_ROOT,
};
/** Who writes there. */
const WRITERS: Readonly<Record<Role, readonly ServiceName[]>> = {
  "lab-host": ["shipper"],
  collector: ["receiver", "fleet-health"],
};

function directoriesOf(role: Role, dataRoot: string, taken: Taken | null): WantedDirectory[] {
  const isTheirs = taken !== null;
  const isElsewhere = dataRoot !== DATA_ROOTS[role];
  const dropIns = isElsewhere ? WRITERS[role].map((tool) => ({ path: dropInDir(tool), ...ROOT_ONLY })) : [];
  if (role === "collector") {
    // The receiver adds those of hosts that are enrolled.
    const tokens = { path: `${ETC_DIR}/tokens.d`, mode: 0o2770, ...FOR_SERVICE };
    return [tokens, OF_STATE, ...(isElsewhere ? [{ path: dataRoot, ...OF_SERVICE, isTheirs }] : []), ...dropIns];
  }
  return [
    OF_STATE,
    { path: dataRoot, ...OF_SERVICE, isTheirs },
    // Whoever records makes directories there (2), each of them its own (1).
    { path: join(dataRoot, "episodes"), mode: 0o3770, owner: USER, group: RECORDERS, isTheirs },
    ...dropIns,
  ];
}

/** What opens another place to the units that write there. */
function dropInsOf(role: Role, dataRoot: string): WantedFile[] {
  if (dataRoot === DATA_ROOTS[role]) return [];
  const text = `[Service]\nReadWritePaths=${dataRoot}\n`;
  return WRITERS[role].map((tool) => ({
    ...{ path: `${dropInDir(tool)}/${dropInFor(dataRoot)}.conf`, kind: "unit", text, ...ROOT_ONLY, mode: 0o644 },
  }));
}

function dropInDir(tool: ServiceName): string {
  return `${UNIT_DIR}/${unitName(tool)}.service.d`;
}

/** What is another's in a tree becomes labfleet's, and nothing else in it: its user, then its group. */
export function ownArgvs({ path, uid, gid }: NonNullable<Taken["data"]>): string[][] {
  return [
    ["chown", "-Rh", `--from=${uid}`, USER, path],
    ["chown", "-Rh", `--from=:${gid}`, `:${USER}`, path],
  ];
}

/** The other way: what labfleet has made there since is theirs, too. */
export function giveBackArgvs({ path, uid, gid }: NonNullable<Taken["data"]>): string[][] {
  return [
    ["chown", "-Rh", `--from=${USER}`, String(uid), path],
    ["chown", "-Rh", `--from=:${USER}`, `:${gid}`, path],
  ];
}

/** What keeps the Python fleet's units from running beside ours, whoever starts them. Gone with labfleet, they may run again. */
function heldBack(units: readonly string[]): { directories: WantedDirectory[]; files: WantedFile[] } {
  const dirs = units.map((unit) => `${UNIT_DIR}/${unit}.d`);
  const text = `# labfleet does its work here.\n[Unit]\nConditionPathExists=!${OPT_DIR}/current\n`;
  return {
    directories: dirs.map((path) => ({ path, ...ROOT_ONLY })),
    files: dirs.map((dir) => ({ path: `${dir}/labfleet.conf`, kind: "unit", text, ...ROOT_ONLY, mode: 0o644 })),
  };
}

/** The unit that a file of kind `unit` belongs to: itself, or the one that it is a drop-in of. */
export function unitOfFile(path: string): string {
  const [name = "", dir = ""] = path.split("/").reverse();
  return dir.endsWith(".d") ? dir.slice(0, -".d".length) : name;
}

/** The tools of a role, and the installer, which brings it up to date and takes it away. */
export function toolsOf(role: Role): ToolName[] {
  return TOOL_NAMES.filter((name) => ["both", placeOf(role)].includes(toolOf(name).on));
}

/** Where a machine of that role stands in what mends something. */
export function placeOf(role: Role): "host" | "collector" {
  return role === "lab-host" ? "host" : "collector";
}

/** The configuration of a role. */
export function configPath(role: Role): string {
  return `${ETC_DIR}/${role === "lab-host" ? "lab-host" : "collector"}.toml`;
}

/** @param units the texts of the release's units, by their names */
export function wantedOf(
  { role, config, files, dataRoot, recorder, introduced, taken }: Answers,
  units: ReadonlyMap<string, string>,
): Wanted {
  const tools = toolsOf(role);
  const own = tools.flatMap(unitFiles);
  const enrolment = introduced?.enrolment ?? null;
  const held = heldBack(taken?.units ?? []);
  return {
    taken,
    enrols: introduced === null || enrolment === null ? null : { ...introduced, enrolment },
    role,
    groups: role === "lab-host" ? [RECORDERS] : [],
    users: [USER],
    members: recorder === null ? [] : [{ user: recorder, group: RECORDERS }],
    directories: [
      { path: ETC_DIR, mode: 0o750, ...FOR_SERVICE },
      { path: `${ETC_DIR}/tls`, mode: 0o750, ...FOR_SERVICE },
      ...directoriesOf(role, dataRoot, taken),
      ...held.directories,
      ...[MAN_DIR, `${MAN_DIR}/man8`].map((path) => ({ path, ...ROOT_ONLY, isTheirs: true })),
    ],
    files: [
      ...files,
      { path: configPath(role), kind: "config", text: config, mode: 0o640, ...FOR_SERVICE },
      ...own.map((name): WantedFile => {
        const text = units.get(name);
        if (text === undefined) throw new Error(`the release has no unit ${name}`);
        return { path: `${UNIT_DIR}/${name}`, kind: "unit", text, ...ROOT_ONLY, mode: 0o644 };
      }),
      ...dropInsOf(role, dataRoot),
      ...held.files,
    ],
    links: tools.flatMap((tool) => [
      { path: `${BIN_DIR}/${tool}`, target: `${OPT_DIR}/current/bin/${tool}` },
      { path: `${MAN_DIR}/man8/${tool}.8`, target: `${OPT_DIR}/current/man/${tool}.8` },
    ]),
    // What a timer starts is not enabled by itself.
    units: own.filter((name) => name.endsWith(".timer") || !own.includes(name.replace(".service", ".timer"))),
    tools,
    tested: tools.filter((tool) => toolOf(tool).kind !== "command").map((tool) => ({ tool, config: configPath(role) })),
  };
}
