// Paths as a person writes them in a configuration.

import { homedir } from "node:os";
import { resolve } from "node:path";
import { type Finding, inWords } from "../../core/finding.ts";

/** Relative paths count from here. */
let base = process.cwd();

/** A daemon may have left the directory in which it was started, and a configuration still means that one. */
export function resolveFrom(directory: string): void {
  base = directory;
}

/** An absolute path. */
export function resolvePath(path: string): string {
  return resolve(base, expandHome(path));
}

/** `~` and `~/x` as the running user's home. */
function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

/** An absolute path, or null for "" and for what is not set. */
export function optionalPath(path: string | undefined): string | null {
  return path === undefined || path === "" ? null : resolvePath(path);
}

/**
 * A remark for each path that means another place wherever a tool is started from: the daemon and a command that asks about it
 * may look at two.
 * @param file the configuration's name
 * @param paths what stands there, by its key
 */
export function relativeRemarks(file: string, paths: Readonly<Record<string, string | undefined>>): Finding[] {
  return Object.entries(paths).flatMap(([key, path]) => {
    if (path === undefined || path === "" || path.startsWith("/") || /^~(?:\/|$)/.test(path)) return [];
    const absolute = resolvePath(path);
    const name = key.split(".").at(-1);
    return [
      {
        what: `${file}: ${key} ${JSON.stringify(path)} is relative: it means ${absolute}, because this was started in ${base}`,
        fix: inWords(`write ${name} = ${JSON.stringify(absolute)}`),
      },
    ];
  });
}
