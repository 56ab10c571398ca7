// Paths as a person writes them in a configuration.

import { homedir } from "node:os";
import { resolve } from "node:path";

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
