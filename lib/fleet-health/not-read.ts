// Why something could not be read, with what mends it: for the service, and for a person at a prompt.

import { statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode, errorText } from "../core/failure.ts";
import { byCommands, type Finding, type Fix, here } from "../core/finding.ts";
import { quoted } from "../core/text/fields.ts";
import { type Access, accessTo } from "../os/files/access.ts";
import { isWrongKind, wrongAt } from "../os/files/regular.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { ownService } from "../os/process/own-unit.ts";
import { ourName } from "../os/process/own-user.ts";
import { outOfTheWay } from "./named.ts";

/** Why not all is known: what of, by which it is known again whatever is said of it. */
export interface Doubt extends Finding {
  about: string;
}

/**
 * @param error as the system threw it; anything else is thrown again
 * @param what could not be done, before the reason
 */
export function whyNotRead(path: string, error: unknown, what = `${path} cannot be read`): Finding {
  const code = errorCode(error);
  if (code === null) throw error;
  return { what: `${what}: ${quoted(errorText(error))}`, fix: readFix(path, code) };
}

/** Of which of several files an error of the system is; null: it does not say. */
export function pathOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("path" in error)) return null;
  return typeof error.path === "string" ? error.path : null;
}

/** Whether it is who we are that the system has refused. */
export function isOfRights(code: string | null): boolean {
  return code === "EACCES" || code === "EPERM";
}

/** What mends that a file, or a directory, cannot be read. */
export function readFix(path: string, code: string): Fix {
  if (isWrongKind(code)) return outOfTheWay(wrongAt(path));
  if (!isOfRights(code) || !isServices(path)) return refusedFix(code);
  const access = accessTo(path);
  return letServiceIn(path, access, ourName(), liesInOurs(access?.path ?? path));
}

/**
 * Whether we are the service, or its user by hand: then what lies in our own directory has to be ours. To a person who is no user of the
 * service the files are not given; the service would be blind again in its next run.
 */
export function isServices(path: string): boolean {
  return ownService() !== null || liesInOurs(path);
}

function liesInOurs(path: string): boolean {
  try {
    const me = process.geteuid?.() ?? 0;
    return me !== 0 && statSync(dirname(path)).uid === me;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/**
 * Gives it to the service for good, by the command that mends that it cannot be written, too. Pure.
 * @param access where the way to it ends; null: not to be seen
 * @param us by name
 * @param isInOurs whether it lies in a directory of ours: then nobody else has to come through it
 */
export function letServiceIn(path: string, access: Access | null, us: string, isInOurs: boolean): Fix {
  if (access === null) return byCommands(here("sudo", "chown", us, path));
  const { path: at, owner, mode, isDirectory } = access;
  const isOurs = owner === us;
  // What lies above may belong to anybody: it is enough to come through.
  if (at !== path && !isOurs && !isInOurs) return byCommands(here("sudo", "chmod", isDirectory ? "a+x" : "a+r", at));
  const wanted = isDirectory ? 0o500 : 0o400;
  const isClosed = (Number.parseInt(mode, 8) & wanted) !== wanted;
  return byCommands(
    ...(isOurs ? [] : [here("sudo", "chown", us, at)]),
    ...(isClosed || isOurs ? [here("sudo", "chmod", isDirectory ? "u+rx" : "u+r", at)] : []),
  );
}
