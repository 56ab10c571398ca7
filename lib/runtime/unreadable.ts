// A file that a tool must read and cannot: who may, and what lets this user in. The sentence is for whoever reads the log of
// a service, or for a person who forgot to become root.

import { errorCode, errorText } from "../core/failure.ts";
import { type Finding, type Fix, here, lineFix } from "../core/finding.ts";
import { quoted } from "../core/text/fields.ts";
import { type Access, accessTo } from "../os/files/access.ts";
import { typedLine, withSudo } from "../os/process/as-typed.ts";

/** systemd gives each run of a unit one; a person's shell has none. */
const OF_A_SERVICE = "INVOCATION_ID";

/** Why a file cannot be read, for an error of the machine: what stands behind its name, such as `is not there`. */
export function explainUnreadable(
  path: string,
  error: unknown,
  env: Readonly<Record<string, string | undefined>>,
): Finding {
  const code = errorCode(error);
  const access = code === "EACCES" || code === "EPERM" ? accessTo(path) : null;
  const isService = env[OF_A_SERVICE] !== undefined || isSystemUser(process.geteuid?.() ?? 0);
  return unreadable({ path, code, text: errorText(error), access, isService, typed: typedLine() });
}

/** Users of services have such numbers (login.defs: SYS_UID_MAX): root does the same once more for none of them. */
const SYSTEM_UIDS = 1000;

/** Whether it is a service's user, as in a command that is tried as one: what it may not read the service may not. */
export function isSystemUser(uid: number): boolean {
  return uid > 0 && uid < SYSTEM_UIDS;
}

export interface UnreadableFacts {
  path: string;
  code: string | null;
  text: string;
  /** Where the way to it ends, when a right is missing; null: not to be seen. */
  access: Access | null;
  isService: boolean;
  /** The command line of this process. */
  typed: readonly string[];
}

/** The same from facts. Pure. */
export function unreadable({ path, code, text, access, isService, typed }: UnreadableFacts): Finding {
  if (code === "ENOENT") return { what: "is not there", fix: null };
  if (code === "EISDIR") return { what: "is a directory", fix: lineFix("name the file in it") };
  if (access === null) {
    const isRefused = code === "EACCES" || code === "EPERM";
    return { what: `cannot be read: ${quoted(text)}`, fix: isRefused ? withSudo(typed) : null };
  }
  const whose = `belongs to ${access.owner}:${access.group}, mode ${access.mode}`;
  const what = `cannot be read by ${access.user}: ${access.path === path ? "it" : access.path} ${whose}`;
  return { what, fix: isService ? letIn(access) : withSudo(typed) };
}

/** Lets our group in; what stands in the way may be a directory. */
export function letIn({ path, isDirectory, group, ownGroup, user }: Access): Fix {
  const join = group === ownGroup ? [] : [here("sudo", "chgrp", ownGroup, path)];
  return { text: `let ${user} in`, commands: [...join, here("sudo", "chmod", isDirectory ? "g+x" : "g+r", path)] };
}
