// Every verb of every tool, each with what it needs to do its work: read from the tools' tables, so that a new one is among
// them. Each run gets a small lab of its own, since some verbs change it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolSpec } from "../../lib/cli/table.ts";

/** Options without which a verb only says what is missing. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "shipper requeue": ["--all"],
  "receiver token revoke": ["--all"],
  "receiver enrol": ["--url", "https://hub:8443"],
};

/** What stands in the lab for a placeholder of the table; options that are offered instead of operands stand in NEEDED. */
const OPERANDS: Readonly<Record<string, string>> = { "<host>": "lab1", "<name>…": "collector.wg" };

export interface Verb {
  tool: string;
  /** The command and its operands, without --config. */
  words: readonly string[];
  /** Whether it reads a configuration, which is named then. */
  isConfigured: boolean;
}

/** All but the daemons themselves; also what a person types by mistake. */
export function verbs({ name, commands, options }: ToolSpec): Verb[] {
  const its = { tool: name, isConfigured: Object.hasOwn(options, "config") };
  const real = Object.entries(commands)
    .filter(([command]) => command !== "")
    .map(([command, { operands = "" }]) => {
      const operand = OPERANDS[operands];
      const needed = NEEDED[`${name} ${command}`] ?? [];
      return { ...its, words: [...command.split(" "), ...needed, ...(operand === undefined ? [] : [operand])] };
    });
  const odd = [["--help"], ["--version"], ["help"], ["no-such-command"]].map((words) => ({ ...its, words }));
  return [...real, ...odd];
}

export interface Lab extends Disposable {
  directory: string;
  configOf(tool: string): string;
  runDir(tool: string): string;
  dataRoot(tool: string): string;
}

/** A host and a collector that were never started, with one refused episode and one token. */
export function makeLab(): Lab {
  const directory = mkdtempSync(join(tmpdir(), "labfleet-verb-"));
  const at = (path: string): string => join(directory, path);
  const runDir = (tool: string): string => at(`run-${tool}`);
  const places: Readonly<Record<string, string>> = {
    shipper: "host",
    receiver: "collector",
    heartbeat: "state",
    "fleet-health": "collector",
  };
  const dataRoot = (tool: string): string => at(places[tool] ?? "");
  for (const dir of ["episodes", "outbox", "shipped", "quarantine/ep1"])
    mkdirSync(at(`host/${dir}`), { recursive: true });
  writeFileSync(at("host/quarantine/ep1/rejection.json"), '{"labfleet":1,"episode_id":"ep1","reason":"conflict"}');
  mkdirSync(at("collector"));
  mkdirSync(at("tokens.d"), { mode: 0o750 });
  writeFileSync(at("tokens.d/lab1"), `sha256:${"0".repeat(64)}\n`);
  const pathKeys = (tool: string): string => `data_root = "${dataRoot(tool)}"\nrun_dir = "${runDir(tool)}"\n`;
  const limits = '[limits]\ndisk_reserve = "1 MiB"\n';
  writeFileSync(
    at("receiver.toml"),
    `listen = "127.0.0.1:0"\n[paths]\n${pathKeys("receiver")}[auth]\ntokens_dir = "${at("tokens.d")}"\n${limits}`,
  );
  const host = `host_id = "lab1"\n[receiver]\nurl = "http://127.0.0.1:1"\nbearer_token = "lf_x"\n`;
  writeFileSync(at("shipper.toml"), `${host}[paths]\n${pathKeys("shipper")}[shipper]\ndisk_reserve = "1 MiB"\n`);
  const agent = `[heartbeat]\nstate_dir = "${dataRoot("heartbeat")}"\nrun_dir = "${runDir("heartbeat")}"\n`;
  writeFileSync(at("heartbeat.toml"), host + agent);
  writeFileSync(at("fleet-health.toml"), `[paths]\n${pathKeys("fleet-health")}`);
  const configOf = (tool: string): string => at(`${tool}.toml`);
  return {
    ...{ directory, configOf, runDir, dataRoot },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
