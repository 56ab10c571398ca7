// Paths as a person writes them in a configuration.

import { homedir } from "node:os";
import { resolve } from "node:path";

/** `~` and `~/x` as the running user's home. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

/** An absolute path, or null for "" and for what is not set. */
export function optionalPath(path: string | undefined): string | null {
  return path === undefined || path === "" ? null : resolve(expandHome(path));
}
