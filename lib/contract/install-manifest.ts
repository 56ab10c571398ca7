// /opt/labfleet/installed.json: what the installer has put on this machine, so that it can be brought up to date and taken away again.
// Written by whoever installs or updates. Pure.

import {
  type Check,
  type ChecksOf,
  hasFields,
  isNumber,
  isText,
  leftOutOr,
  listOf,
  orNull,
  parseShaped,
} from "../core/text/shape.ts";
import { isSha256Hex } from "./digest.ts";

export const MANIFEST_FORMAT = 1;

/** What it is for: config and secrets stay when the rest goes. */
export type OwnedKind = "unit" | "config" | "secret";

export interface OwnedFile {
  path: string;
  kind: OwnedKind;
  /** SHA-256 of what was written there; before a change the old and the new one, so that a kill between leaves it ours. */
  sha256: readonly string[];
}

export interface OwnedLink {
  path: string;
  target: string;
}

export interface InstallManifest {
  format: typeof MANIFEST_FORMAT;
  role: string;
  /** Directories of releases that it has staged. */
  releases: readonly string[];
  files: readonly OwnedFile[];
  links: readonly OwnedLink[];
  /** Directories that it has made, from above. */
  directories: readonly string[];
  users: readonly string[];
  groups: readonly string[];
  /** Units that it has enabled. */
  units: readonly string[];
  /** What it has stopped of the Python fleet; left out: nothing. */
  took_over?: TookOver | undefined;
}

/** What is given back when the rest goes. */
export interface TookOver {
  /** Units that were enabled. */
  units: readonly string[];
  /** Whose the data were; null: they still are. */
  data: { path: string; uid: number; gid: number } | null;
}

const KINDS: readonly OwnedKind[] = ["unit", "config", "secret"];
const isPath: Check = (value) => isText(value) && String(value).startsWith("/");

const hasShape = hasFields({
  format: (value) => value === MANIFEST_FORMAT,
  role: isText,
  releases: listOf(isPath),
  files: listOf(
    hasFields({
      path: isPath,
      kind: (value) => KINDS.some((kind) => kind === value),
      sha256: listOf(isSha256Hex),
    } satisfies ChecksOf<OwnedFile>),
  ),
  links: listOf(hasFields({ path: isPath, target: isText } satisfies ChecksOf<OwnedLink>)),
  directories: listOf(isPath),
  users: listOf(isText),
  groups: listOf(isText),
  units: listOf(isText),
  took_over: leftOutOr(
    hasFields({
      units: listOf(isText),
      data: orNull(hasFields({ path: isPath, uid: isNumber, gid: isNumber })),
    } satisfies ChecksOf<TookOver>),
  ),
} satisfies ChecksOf<InstallManifest>);

export function formatManifest(manifest: InstallManifest): string {
  return `${JSON.stringify(manifest, null, 1)}\n`;
}

/** Null: it is none, or of another format. */
export function parseManifest(text: string): InstallManifest | null {
  return parseShaped(text, (value): value is InstallManifest => hasShape(value));
}

/** Of a machine on which nothing is. */
export function emptyManifest(role: string): InstallManifest {
  return {
    ...{ format: MANIFEST_FORMAT, role, releases: [], files: [], links: [], directories: [], users: [], groups: [] },
    units: [],
  };
}
