// Reads the configuration that a command line names. It is checked in a thread of the tool's own that ends: what the
// check needs is heavy, and needed once.

import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandLine } from "../../cli/options.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { type ServiceName, TOOLS } from "../../core/tools.ts";
import { askThread } from "../../os/process/thread.ts";
import type { Call } from "../tool.ts";
import { explainUnreadable } from "../unreadable.ts";
import type { CheckedConfig, ConfigText } from "./config-thread.ts";
import { knownGood } from "./known-good.ts";

/** A daemon leaves its directory; the configuration that it was given is still the one it reads anew. */
const START_DIR = process.cwd();

/** The file that a command line names, as it is written there; else that of the tool's unit. */
function namedFile(tool: ServiceName, { options }: CommandLine): string {
  return typeof options.config === "string" ? options.config : TOOLS[tool].config.file;
}

/** The same by its full path. */
export function configFile(tool: ServiceName, line: CommandLine): string {
  return resolve(START_DIR, namedFile(tool, line));
}

interface Loading<T> {
  /** Nothing of it is needed: where no file is named and the unit's is not there, all defaults hold. */
  isSpared?: boolean;
  /** Reads a text that was found good before (known-good.ts), without the check: for whoever is started again and again. */
  unchecked?: (text: string, file: string) => T;
}

/**
 * Reads and checks a tool's configuration in lib/<tool>/config-worker.ts; what is odd in it is logged.
 * @throws UserError (exit 2) when it cannot be read, or naming every problem in it
 */
export async function loadConfig<T>(
  tool: ServiceName,
  { line, log }: Call,
  { isSpared = false, unchecked }: Loading<T> = {},
): Promise<T> {
  const file = namedFile(tool, line);
  const isNone = isSpared && line.options.config === undefined && !existsSync(file);
  const text = isNone ? "" : readText(file, TOOLS[tool].config.least);
  const question: ConfigText = { text, file, directory: START_DIR };
  const known = unchecked === undefined ? null : knownGood(tool, question);
  if (unchecked !== undefined && known?.isKnown()) return unchecked(text, file);
  const thread = `lib/${tool}/config-worker`;
  const { config, warnings } = await askThread<ConfigText, CheckedConfig<T>>(thread, question);
  for (const warning of warnings) log.warn(warning);
  if (warnings.length === 0) known?.remember();
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
