// What a directory's disk, mount or owner refuses to a daemon, in one sentence, and the one line that mends it when it is
// pasted into a shell. Pure: os/files/disk-refusal.ts gathers the facts. Used by all that keep data.

import { byCommands, type Command, type Finding, here, lineFix } from "../finding.ts";
import { shellLine } from "../text/shell-quote.ts";
import type { MountOf } from "./mounts.ts";
import { dropInLine } from "./unit-fix.ts";

export interface DiskFacts {
  /** The directory that is to be used. */
  path: string;
  /** The errno that was met. */
  code: string;
  /** Whose it is, by name; null when it is not there, or may not be looked at. */
  owner: string | null;
  /** The directory above it that may not be entered, or null. */
  closed: string | null;
  mount: MountOf | null;
  /** The system's service that we are, such as `labfleet-shipper.service`; null when systemd did not start us. */
  service: string | null;
  /** Us, by name. */
  me: string;
  /** chattr +i or +a. */
  isImmutable: boolean;
  /** Nothing can be made there because there are no inodes left, be there bytes or not. */
  isOutOfInodes: boolean;
}

/** What the kernel says of a disk that fails. */
const LOOK_AT_DISK = lineFix("sudo dmesg --level=err,warn | tail -n 20");

/** Why a directory cannot be used. */
export function explainDiskRefusal(facts: DiskFacts): Finding {
  const { code } = facts;
  if (isHiddenHome(facts)) return sandboxed(facts, "ProtectHome=", ["ProtectHome=no"]);
  if (code === "EROFS") return readOnly(facts);
  if (isFull(code)) return full(facts);
  if (code === "EACCES" || code === "EPERM") return forbidden(facts);
  if (code === "ENOTDIR" || code === "EEXIST") {
    const { path } = facts;
    return { what: `${path} is not a directory, or something above it is none`, fix: null };
  }
  if (FAILING.includes(code)) {
    const what = `${facts.path} cannot be used: its disk, or what serves it, fails (${code})`;
    return { what, fix: LOOK_AT_DISK };
  }
  return { what: `${facts.path} cannot be used: ${code}`, fix: null };
}

/** A broken disk or file system, one that was torn out, a server that is away. */
const FAILING: readonly string[] = [
  ...["EIO", "EUCLEAN", "EBADMSG", "ENODEV", "ENXIO"],
  ...["ESTALE", "ENOTCONN", "ETIMEDOUT", "EREMOTEIO"],
];
/** A disk that is full or closed, and what this machine has no more of. */
const REFUSING: readonly string[] = [
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "EACCES",
  "EPERM",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "EBUSY",
];

/** A disk without room, of whatever kind. */
export function isFull(code: string): boolean {
  return code === "ENOSPC" || code === "EDQUOT";
}

/** What the machine refuses may be otherwise at the next try; anything else is a wrong path in the configuration. */
export function isMachinesRefusal(code: string): boolean {
  return FAILING.includes(code) || REFUSING.includes(code);
}

/** Where ProtectHome=yes puts an empty directory that nobody may enter. */
const HOMES = ["/home", "/root", "/run/user"];

function isHiddenHome({ code, service, mount, path }: DiskFacts): boolean {
  const isRefused = ["EROFS", "EACCES", "ENOENT"].includes(code);
  const isBelowHome = HOMES.some((home) => path === home || path.startsWith(`${home}/`));
  return service !== null && isRefused && isBelowHome && mount !== null && HOMES.includes(mount.point);
}

function readOnly(facts: DiskFacts): Finding {
  const { mount, service, path } = facts;
  const point = mount?.point ?? path;
  if (mount?.isStopped) {
    const what = `the kernel has stopped writing to the file system at ${point}, since its disk or it is broken`;
    return { what, fix: LOOK_AT_DISK };
  }
  const isDisk = mount?.isDiskReadOnly ?? true;
  if (!isDisk && service !== null) return sandboxed(facts, "ProtectSystem=", []);
  const options = isDisk ? "remount,rw" : "remount,bind,rw";
  const why = isDisk ? "; the kernel makes one so when its disk is broken: dmesg shows it" : "";
  return {
    what: `the file system at ${point} is read-only${why}`,
    fix: byCommands(here("sudo", "mount", "-o", options, point)),
  };
}

/** What opens a place to a unit has the place in its name: of two places neither takes the other's. */
export function dropInFor(path: string): string {
  return `open-${path.replace(/^\/+/, "").replace(/[^A-Za-z0-9._]+/g, "-")}`;
}

/** The sandbox of our own unit: a drop-in opens it for this one directory. */
function sandboxed(facts: DiskFacts, setting: string, more: readonly string[]): Finding {
  const { path, service, owner, me } = facts;
  // Without it the unit would not even start; and what is there keeps its mode.
  const make = owner === null ? [shellLine(makeDir(me, path).argv)] : [];
  const steps = [...make, dropInLine(service ?? "", dropInFor(path), [...more, `ReadWritePaths=${unitPath(path)}`])];
  return { what: `${path} is closed to ${service} by its unit's ${setting}`, fix: lineFix(steps.join(" && ")) };
}

function full({ mount, path, code, me, isOutOfInodes }: DiskFacts): Finding {
  const point = mount?.diskPoint ?? path;
  if (code === "EDQUOT")
    return {
      what: `the quota of ${me} on the file system at ${point} is used up`,
      fix: byCommands(here("sudo", "edquota", me)),
    };
  const what = isOutOfInodes ? "has no inodes left, so no file can be made there" : "is full";
  // What may be removed only a person knows: this shows where it is.
  return {
    what: `the file system at ${point} ${what}`,
    fix: lineFix(whatFills(point, isOutOfInodes ? "inodes" : "bytes")),
  };
}

/** The line that shows what fills a file system: of bytes the largest files too, of inodes the fullest directories. */
export function whatFills(mountPoint: string, of: "bytes" | "inodes"): string {
  const du = ["sudo", "du", ...(of === "inodes" ? ["--inodes"] : ["-a", "-k"]), "-x", mountPoint];
  return `${shellLine(du)} | sort -n | tail -n 20`;
}

function makeDir(owner: string, path: string): Command {
  return here("sudo", "install", "-d", "-o", owner, path);
}

function forbidden({ path, owner, closed, isImmutable, me }: DiskFacts): Finding {
  if (isImmutable)
    return { what: `${path} is immutable (chattr)`, fix: byCommands(here("sudo", "chattr", "-i", "-a", path)) };
  if (closed !== null)
    return { what: `${me} may not enter ${closed}`, fix: byCommands(here("sudo", "chmod", "a+x", closed)) };
  if (owner === null) return { what: `${me} may not make ${path}`, fix: byCommands(makeDir(me, path)) };
  return {
    what: `${path} belongs to ${owner}, and ${me} may not write in it`,
    fix: byCommands(here("sudo", "chown", me, path)),
  };
}

/** A path in a unit: specifiers are doubled, and anything unusual stands in quotes (systemd.syntax(7)). */
function unitPath(path: string): string {
  const text = path.replaceAll("%", "%%");
  return /^[\w./%@:+-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
