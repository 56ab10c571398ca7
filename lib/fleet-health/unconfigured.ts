// A run that could not even read its configuration: whoever asks whether anybody looks at the fleet is told so, where that can be written.

import { existsSync, readFileSync } from "node:fs";
import type { CommandLine } from "../cli/options.ts";
import { COLLECTOR_DATA_ROOT } from "../contract/places.ts";
import { isoWall } from "../core/clock.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { byCommands, type Fix, fixOrNull, here } from "../core/finding.ts";
import { counted } from "../core/text/quantity.ts";
import { TOOLS } from "../core/tools.ts";
import { resolvePath } from "../os/files/paths.ts";
import { configFile } from "../runtime/config/config-file.ts";
import { parseToml } from "../schema/toml.ts";
import { placesOf } from "./settings.ts";
import { noteRun } from "./state/state-dir.ts";

/** Notes it in the state directory that the command line, or what can be read of the configuration, names. Never throws for the system. */
export function noteUnconfigured({ message, fix, exitCode }: UserError, line: CommandLine, beganAt: string): void {
  const dir = stateDirOf(line);
  // What root makes there would be root's.
  if (dir === null || (process.geteuid?.() === 0 && !existsSync(dir))) return;
  const [first = "", ...others] = message.split("\n");
  const more = others.length === 0 ? "" : `, and ${counted(others.length, "other problem")}`;
  noteRun(dir, {
    ...{ began_at: beganAt, ended_at: isoWall(Date.now()), exit: exitCode, problem: `${first}${more}` },
    fix: fixOrNull(others.length === 0 && fix !== null ? fix : seeAll(line), "collector"),
    ...{ hosts: 0, rows: 0, bad_rows: 0, new_alerts: 0 },
  });
}

function seeAll({ options }: CommandLine): Fix {
  const named = typeof options.config === "string" ? ["--config", options.config] : [];
  return byCommands(here("sudo", "fleet-health", "config", "test", ...named));
}

/** Null: it is another collector's configuration, and does not say where that keeps its data. */
function stateDirOf(line: CommandLine): string | null {
  const named = line.options["state-path"];
  if (typeof named === "string") return named.trim() === "" ? null : resolvePath(named);
  if (line.options["index-path"] !== undefined || line.options.now !== undefined) return null;
  const file = configFile("fleet-health", line);
  const root = dataRootOf(file) ?? (file === TOOLS["fleet-health"].config.file ? COLLECTOR_DATA_ROOT : null);
  return root === null ? null : placesOf(resolvePath(root)).stateDir;
}

/** As it stands there, though something else is wrong. */
function dataRootOf(file: string): string | null {
  try {
    const { paths } = parseToml(readFileSync(file, "utf8"), file);
    if (typeof paths !== "object" || paths === null || !("data_root" in paths)) return null;
    return typeof paths.data_root === "string" && paths.data_root !== "" ? paths.data_root : null;
  } catch (error) {
    if (!(error instanceof UserError) && errorCode(error) === null) throw error;
    return null;
  }
}
