// The Python fleet on this machine: what its own configuration says, and which of its units do what ours do. Reads, and changes nothing.

import { isAbsolute } from "node:path";
import { UserError } from "../../core/failure.ts";
import { unitProperties } from "../../core/linux/unit-properties.ts";
import { quoted } from "../../core/text/fields.ts";
import { exists, readIfExists } from "../../os/files/files.ts";
import { run } from "../../os/process/exec.ts";
import { parseToml } from "../../schema/toml.ts";
import { configPath, type Role } from "../wanted.ts";
import type { Said } from "./said.ts";
import { type Table, valueIn } from "./written.ts";

/** Where it has everything (seeds 001 and 002). Of a collector there is no configuration: its options stand in its unit. */
const PLACES: Readonly<Record<Role, { config: string | null; dataRoot: string; units: readonly string[] }>> = {
  "lab-host": {
    config: "/etc/cis490/lab-host.toml",
    dataRoot: "/var/lib/cis490/data",
    units: ["cis490-shipper.service"],
  },
  collector: {
    config: null,
    dataRoot: "/var/lib/cis490",
    units: ["cis490-receiver.service", "cis490-fleet-health.timer"],
  },
};

/** Answers that come from its configuration, and that nobody can say: the token, and lines of ours. */
export const FROM_PYTHON = {
  token: "python.token",
  receiver: "python.receiver",
  shipper: "python.shipper",
  retention: "python.retention",
} as const;

/** Its units of that role that systemd knows. */
export async function pythonUnits(role: Role): Promise<string[]> {
  const loaded = await Promise.all(
    PLACES[role].units.map(async (unit) => {
      const asked = await run(["systemctl", "show", unit, "-p", "LoadState"], { timeoutMs: ASK_MS });
      return asked.kind === "exited" && unitProperties(asked.stdout).LoadState === "loaded" ? [unit] : [];
    }),
  );
  return loaded.flat();
}

const ASK_MS = 10_000;

/** Whether something of it is here that could be taken over as that role. */
export async function isPythonHere(role: Role): Promise<boolean> {
  const { config } = PLACES[role];
  return config === null ? (await pythonUnits(role)).length > 0 : await exists(config);
}

/** Whether its place is to be taken. @throws UserError: it is neither said nor denied */
export function takesOver(said: Said): boolean {
  const answer = said.get("take-over");
  if (answer !== undefined && answer !== "yes" && answer !== "no")
    throw new UserError(`--take-over: found ${quoted(answer)}, expected yes or no`);
  return answer === "yes";
}

/**
 * With what its configuration says, where nothing else is said, and where labfleet has none yet.
 * @throws UserError: its place is to be taken, and there is none
 */
export async function withPython(said: Said): Promise<Said> {
  if (!takesOver(said)) return said;
  const role = said.get("role") === "collector" ? "collector" : "lab-host";
  if (await exists(configPath(role))) return said;
  const { config, dataRoot } = PLACES[role];
  const all = new Map([["role", role], ["data-root", dataRoot], ...said]);
  if (config === null) return await withCollector(all);
  const text = await readIfExists(config);
  if (text === null) throw new UserError(`--take-over: there is no ${config}`, "leave --take-over out");
  return new Map([...all, ...hostAnswers(parseToml(text, config), config), ...said]);
}

async function withCollector(said: Map<string, string>): Promise<Said> {
  const root = said.get("data-root") ?? "";
  if (await exists(`${root}/index.jsonl`)) return said;
  throw new UserError(
    `--take-over: there is no ${root}/index.jsonl`,
    "say with --data-root where its index.jsonl lies",
  );
}

/** What it says of a lab host, by our options. Pure. @throws UserError: a path in it is none that could be taken over */
export function hostAnswers(table: Table, file: string): [string, string][] {
  const text = (section: string | null, key: string): string | null => {
    const value = valueIn(table, section, key);
    return typeof value === "string" && value !== "" ? value : null;
  };
  const path = (section: string, key: string): string | null => {
    const value = text(section, key);
    if (value === null || isAbsolute(value)) return value;
    throw new UserError(`${file}: [${section}] ${key} is ${quoted(value)}`, "write the whole path there");
  };
  const answers: [string, string | null][] = [
    ["host", text(null, "host_id")],
    ["url", text("receiver", "url")?.replace(/\/+$/, "") ?? null],
    ["data-root", path("paths", "data_root")?.replace(/(?<=.)\/+$/, "") ?? null],
    ["ca-bundle", path("receiver", "ca_bundle")],
    ["client-cert", path("receiver", "client_cert")],
    ["client-key", path("receiver", "client_key")],
    [FROM_PYTHON.token, text("receiver", "bearer_token")],
    [FROM_PYTHON.receiver, valueIn(table, "receiver", "verify_tls") === false ? "verify_tls = false" : null],
    [FROM_PYTHON.shipper, numbers(table, "shipper", ["scan_interval_s", "request_timeout_s"])],
    [FROM_PYTHON.retention, numbers(table, "retention", ["keep_local_for_days", "quarantine_keep_days"])],
  ];
  return answers.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
}

/** Those that mean the same to us, as lines. */
function numbers(table: Table, section: string, keys: readonly string[]): string | null {
  const lines = keys.flatMap((key) => {
    const value = valueIn(table, section, key);
    return typeof value === "number" ? [`${key} = ${value}`] : [];
  });
  return lines.length === 0 ? null : lines.join("\n");
}
