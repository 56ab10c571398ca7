// Finds the plugins of plugins_dir: which files are plugins, and whether their owners and modes may be trusted. Every file
// fails alone, in one sentence.

import { existsSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { printable } from "../../core/text/printable.ts";
import type { Log } from "../../runtime/log/log.ts";
import { PLUGINS_DIR } from "../collect/absent.ts";
import type { PluginFile, Standing } from "../plugin.ts";
import { isDirectory, refuseImports } from "./imports.ts";
import { ThreadPlugin } from "./thread.ts";
import { checkTrust, refusalOf } from "./trusted.ts";

export interface PluginsDirOptions {
  /** Absolute. */
  directory: string;
  /** A directory that was not asked for need not exist. */
  isSet: boolean;
  log: Log;
  /** How long one file may take to load, milliseconds. */
  deadlineMs: number;
  /** Who besides root is trusted; the running user if left out. */
  uid?: number;
}

export interface FoundPlugins {
  /** By name. */
  files: PluginFile[];
  /** Why there are none, or not all. */
  refused: Standing[];
}

const EXTENSIONS = new Set([".ts", ".js", ".mjs"]);
const FILES_MAX = 100;

/** Finds all plugins of the directory; loads none yet. Never throws. */
export function findPlugins(options: PluginsDirOptions): FoundPlugins {
  const { directory, isSet, log, deadlineMs, uid = process.geteuid?.() ?? 0 } = options;
  const refusal = refuseDirectory(directory, uid, isSet);
  if (refusal === "absent") return { files: [], refused: [] };
  const fail = (why: Finding): Standing[] => {
    log.error({ what: `plugins_dir: ${printable(why.what)}`, fix: why.fix });
    return [{ name: PLUGINS_DIR, state: "failed", why }];
  };
  if (refusal !== null) return { files: [], refused: fail(refusal) };
  const found = pluginFiles(directory);
  if ("failed" in found) return { files: [], refused: fail(only(found.failed)) };
  const refuse = (path: string): Finding | null => refuseFile(path, uid);
  const files = found.names.slice(0, FILES_MAX).map((name): PluginFile => {
    const path = join(directory, name);
    return { name, path, load: (signal) => ThreadPlugin.load({ path, log, deadlineMs, refuse }, signal) };
  });
  const more = found.names.length - FILES_MAX;
  if (more <= 0) return { files, refused: [] };
  const why = `${directory} has ${found.names.length} plugins, and only the first ${FILES_MAX} are loaded`;
  return { files, refused: fail(only(`${why}: ${found.names[FILES_MAX]} and what comes after it is not`)) };
}

/** Helpers, whose names begin with `_` or `.`, type declarations and directories are no plugins. */
function pluginFiles(directory: string): { names: string[] } | { failed: string } {
  try {
    const names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name)))
      .map(({ name }) => name)
      .filter((name) => !/^[._]/.test(name) && !name.endsWith(".d.ts"));
    return { names: names.sort() };
  } catch (error) {
    return { failed: `${directory} cannot be read: ${errorCode(error) ?? errorText(error)}` };
  }
}

function refuseDirectory(directory: string, uid: number, isSet: boolean): Finding | "absent" | null {
  // It or what is above it.
  if (!existsSync(directory)) {
    return isSet ? only(`${directory}: there is no such directory; create it, or remove plugins_dir`) : "absent";
  }
  const trust = checkTrust(directory, uid);
  if (trust.kind === "trusted" && trust.isFile)
    return only(`${directory} is a file, and plugins_dir must be a directory`);
  return refusalOf(trust, "no plugin is loaded from it");
}

/** Its words say what to do. */
function only(what: string): Finding {
  return { what, fix: null };
}

function refuseFile(path: string, uid: number): Finding | null {
  // First of all: who drops a link to a directory here shall not be told to change that one.
  if (isDirectory(path)) return only(`${path} is a directory, and a plugin is a file`);
  const trust = checkTrust(path, uid);
  if (trust.kind === "trusted" && !trust.isFile) return only(`${path} is no regular file`);
  if (trust.kind === "refused") return refusalOf(trust, "it is not loaded");
  return refuseImports(path, trust.path, uid);
}
