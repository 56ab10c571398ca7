// Reads the configuration that a command line names. It is checked in a thread of the tool's own that ends: what the
// check needs is heavy, and needed once.

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { errorCode, UserError } from "../core/failure.ts";
import { formatBytes } from "../core/text/quantity.ts";
import { askThread } from "../os/process/thread.ts";
import type { Log } from "./log/log.ts";
import { explainUnreadable } from "./unreadable.ts";

/** What the thread is asked, and what it answers. */
export interface ConfigText {
  text: string;
  /** The file's name, for messages. */
  file: string;
  /** Where relative paths in it begin. */
  directory: string;
}
export interface CheckedConfig<T> {
  config: T;
  warnings: string[];
}

/** A daemon leaves its directory; the configuration that it was given is still the one it reads anew. */
const START_DIR = process.cwd();

/** The least that a lab host's configuration holds, in words. */
export const LEAST_LAB_HOST = 'host_id = "lab1", and below [receiver] url = "https://collector.wg:8443", to begin with';

export interface ConfigSource {
  /** The `--config` option. */
  given: string | true | undefined;
  defaultPath: string;
  /** The thread that checks it, by its path in the project. */
  thread: string;
  /** What it holds at the least, in words. */
  least: string;
}

/** The file that is read, by its full path. */
export function configFile({ given, defaultPath }: ConfigSource): string {
  return resolve(START_DIR, typeof given === "string" ? given : defaultPath);
}

/**
 * Reads and checks a configuration; what is odd in it is logged.
 * @throws UserError (exit 2) when it cannot be read, or naming every problem in it
 */
export async function loadConfig<T>({ given, defaultPath, thread, least }: ConfigSource, log: Log): Promise<T> {
  const file = typeof given === "string" ? given : defaultPath;
  const question: ConfigText = { text: readText(file, least), file, directory: START_DIR };
  const { config, warnings } = await askThread<ConfigText, CheckedConfig<T>>(thread, question);
  for (const warning of warnings) log.warn(warning);
  return config;
}

function readText(file: string, least: string): string {
  const path = resolve(START_DIR, file);
  try {
    return readFile(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    if (errorCode(error) === "ENOENT") {
      throw new UserError(
        `there is no configuration at ${path}`,
        `write it (${least}), or name another with --config PATH`,
      );
    }
    const { what, fix } = explainUnreadable(path, error, process.env);
    throw new UserError(`the configuration ${path} ${what}`, fix);
  }
}

/** A person writes it. */
const CONFIG_BYTES_MAX = 1024 * 1024;

/** Never waits for a pipe, and reads no device: what has that name may have no end. @throws UserError, Error of the system */
function readFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    const what = stats.isFIFO() ? "is a pipe" : stats.isFile() ? null : "is no regular file";
    // Of a directory the system itself says that it is one.
    if (what !== null && !stats.isDirectory())
      throw new UserError(`the configuration ${path} ${what}`, "write it to a file, which is read again at a reload");
    if (stats.size > CONFIG_BYTES_MAX)
      throw new UserError(
        `the configuration ${path} has ${formatBytes(stats.size)}, and at most ${formatBytes(CONFIG_BYTES_MAX)} are read`,
        "name the right file with --config PATH",
      );
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
