// What is on this machine now: of each path of the plan what has it, accounts, units, the release that runs. Reads, and changes nothing.

import { createHash } from "node:crypto";
import { lstat, readlink } from "node:fs/promises";
import { parseManifest } from "../contract/install-manifest.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { unitProperties } from "../core/linux/unit-properties.ts";
import { readBytesIfExists, readIfExists } from "../os/files/files.ts";
import { run } from "../os/process/exec.ts";
import { currentRelease } from "../release/switch.ts";
import { parseAccounts, parseMembers } from "./accounts.ts";
import type { Facts, There } from "./plan.ts";
import { OPT_DIR, type Taken, type Wanted } from "./wanted.ts";

export const MANIFEST = `${OPT_DIR}/installed.json`;
const FILE_BYTES = 4 * 1024 ** 2;
const GROUPS = "/etc/group";

export interface Accounts {
  /** Numbers by names. */
  users: ReadonlyMap<string, number>;
  groups: ReadonlyMap<string, number>;
}

/** Those of this machine's own files: labfleet makes none elsewhere. Rejects as the system does. */
export async function readAccounts(): Promise<Accounts> {
  const read = async (path: string): Promise<Map<string, number>> => parseAccounts((await readIfExists(path)) ?? "");
  return { users: await read("/etc/passwd"), groups: await read(GROUPS) };
}

/** @throws UserError: the manifest is there and says nothing that can be understood */
export async function readManifest() {
  const text = await readIfExists(MANIFEST);
  const manifest = text === null ? null : parseManifest(text);
  if (text !== null && manifest === null)
    throw new UserError(
      `${MANIFEST} says nothing that this installer understands`,
      `put it aside: what it lists counts as yours then`,
    );
  return manifest;
}

/** Rejects as the system does. @throws UserError: see readManifest */
export async function readFacts(wanted: Wanted): Promise<Facts> {
  const accounts = await readAccounts();
  const paths = [...wanted.directories, ...wanted.files, ...wanted.links].map(({ path }) => path);
  const there = new Map<string, There>();
  for (const path of paths) there.set(path, await lookAt(path, accounts));
  const members = parseMembers((await readIfExists(GROUPS)) ?? "");
  const units = new Map<string, { isEnabled: boolean; isActive: boolean }>();
  for (const unit of [...wanted.units, ...(wanted.taken?.units ?? [])]) units.set(unit, await stateOf(unit));
  return {
    isOwned: wanted.taken?.data == null || !(await hasSomethingOf(wanted.taken.data)),
    ...{ there, units, members, current: await currentRelease(OPT_DIR), manifest: await readManifest() },
    ...{ users: new Set(accounts.users.keys()), groups: new Set(accounts.groups.keys()) },
  };
}

/** Whether something in a tree is a user's, or a group's. */
async function hasSomethingOf({ path, uid, gid }: NonNullable<Taken["data"]>): Promise<boolean> {
  const theirs = ["(", "-uid", String(uid), "-o", "-gid", String(gid), ")"];
  const found = await run(["find", path, ...theirs, "-print", "-quit"], { timeoutMs: FIND_MS });
  return found.kind === "failed" || found.code !== 0 || found.stdout !== "";
}

export async function lookAt(path: string, { users, groups }: Accounts): Promise<There> {
  try {
    const stats = await lstat(path);
    const rights = {
      mode: stats.mode & 0o7777,
      owner: nameOf(users, stats.uid),
      group: nameOf(groups, stats.gid),
    };
    if (stats.isSymbolicLink()) return { kind: "link", target: await readlink(path) };
    if (stats.isDirectory()) return { kind: "directory", ...rights };
    if (!stats.isFile()) return { kind: "other", what: "what is no regular file" };
    const bytes = await readBytesIfExists(path, FILE_BYTES);
    if (bytes === null) return { kind: "nothing" };
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { kind: "file", text: bytes.toString("utf8"), sha256, ...rights };
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return { kind: "nothing" };
    if (errorCode(error) === "EFBIG") return { kind: "other", what: "a file that is too large for it" };
    throw error;
  }
}

function nameOf(accounts: ReadonlyMap<string, number>, id: number): string {
  return [...accounts].find(([, number]) => number === id)?.[0] ?? String(id);
}

const ASK_MS = 10_000;
/** All of a store is looked at. */
const FIND_MS = 5 * 60_000;

/** Where systemd says nothing it counts as neither: what is then done says why it cannot be. */
async function stateOf(unit: string): Promise<{ isEnabled: boolean; isActive: boolean }> {
  const asked = await run(["systemctl", "show", unit, "-p", "ActiveState,UnitFileState,LoadState"], {
    timeoutMs: ASK_MS,
  });
  const { ActiveState, UnitFileState, LoadState } = asked.kind === "exited" ? unitProperties(asked.stdout) : {};
  const isLoaded = LoadState === "loaded";
  return { isEnabled: isLoaded && UnitFileState === "enabled", isActive: isLoaded && ActiveState === "active" };
}
