// What is to be installed, from what a person says now and has said before: the configuration that is there is kept as it is, and only
// what is not yet known has to be said.

import type { CommandLine } from "../cli/options.ts";
import { isName, NAME_RULE } from "../contract/names.ts";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import { readIfExists } from "../os/files/files.ts";
import { parseToml } from "../schema/toml.ts";
import { readManifest } from "./facts.ts";
import { type Answers, configPath, ETC_DIR, type Role, USER, type WantedFile } from "./wanted.ts";

const DEFAULT_LISTEN = "0.0.0.0:8443";
const TOKEN = `${ETC_DIR}/token`;
const CA = `${ETC_DIR}/tls/ca.crt`;
const CERTIFICATE = `${ETC_DIR}/tls/collector.crt`;
const KEY = `${ETC_DIR}/tls/collector.key`;

/** @throws UserError: something is missing, or is none of what may be said */
export async function readAnswers(line: CommandLine): Promise<Answers> {
  const role = await roleOf(line);
  const there = await readIfExists(configPath(role));
  const config = there ?? (role === "host" ? hostConfig(line) : collectorConfig(line));
  if (there !== null) sameAsBefore(line, role, there);
  return { role, config, files: await filesOf(line, role) };
}

async function roleOf({ options: { role } }: CommandLine): Promise<Role> {
  const before = (await readManifest())?.role ?? null;
  const said = typeof role === "string" ? role : before;
  if (said === null) throw new UserError("say what this machine is to be", "--role host, or --role collector");
  if (said !== "host" && said !== "collector")
    throw new UserError(`--role: found ${quoted(said)}, expected host or collector`);
  if (before !== null && before !== said)
    throw new UserError(`this machine is a ${before} already`, { text: "take that away first", commands: [] });
  return said;
}

function textOf({ options }: CommandLine, name: string): string | null {
  const value = options[name];
  return typeof value === "string" ? value : null;
}

/** A string of TOML: what JSON writes is one. */
function toml(text: string): string {
  return JSON.stringify(text);
}

function hostConfig(line: CommandLine): string {
  const host = textOf(line, "host");
  const url = textOf(line, "url");
  if (host === null || url === null)
    throw new UserError(
      "say which host this is, and where its collector is",
      "--host lab1 --url https://collector.wg:8443",
    );
  if (!isName(host)) throw new UserError(`--host: found ${quoted(host)}, expected ${NAME_RULE}`);
  const secret = textOf(line, "token-file") === null ? [] : [`bearer_token_file = ${toml(TOKEN)}`];
  const trust = textOf(line, "ca-bundle") === null ? [] : [`ca_bundle = ${toml(CA)}`];
  const plain = url.startsWith("http://") ? ["trusted_network = true"] : [];
  return [`host_id = ${toml(host)}`, "", "[receiver]", `url = ${toml(url)}`, ...secret, ...trust, ...plain, ""].join(
    "\n",
  );
}

function collectorConfig(line: CommandLine): string {
  const listen = textOf(line, "listen") ?? DEFAULT_LISTEN;
  const [certificate, key] = [textOf(line, "tls-certificate"), textOf(line, "tls-key")];
  if (certificate === null || key === null)
    throw new UserError("say with which certificate the collector answers", "--tls-certificate PATH --tls-key PATH");
  return [
    ...[`listen = ${toml(listen)}`, "", "[tls]", `certificate = ${toml(CERTIFICATE)}`],
    ...[`key = ${toml(KEY)}`, ""],
  ].join("\n");
}

/** Keys of the configuration that an option is about. */
const KEYS: Readonly<Record<Role, readonly (readonly [option: string, table: string | null, key: string])[]>> = {
  host: [
    ["host", null, "host_id"],
    ["url", "receiver", "url"],
  ],
  collector: [["listen", null, "listen"]],
};

/** @throws UserError: something else is said than stands there */
function sameAsBefore(line: CommandLine, role: Role, text: string): void {
  const file = configPath(role);
  const table = parseToml(text, file);
  for (const [option, section, key] of KEYS[role]) {
    const said = textOf(line, option);
    const inner = section === null ? table : table[section];
    const stands = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
    if (said !== null && said !== stands)
      throw new UserError(
        `--${option} ${quoted(said)} is not what stands in ${file}: ${stands === undefined ? "nothing" : quoted(String(stands))}`,
        `leave --${option} out, or change ${file}`,
      );
  }
}

const GIVEN: Readonly<
  Record<Role, readonly (readonly [option: string, path: string, kind: WantedFile["kind"], mode: number])[]>
> = {
  host: [
    ["token-file", TOKEN, "secret", 0o640],
    ["ca-bundle", CA, "config", 0o644],
  ],
  collector: [
    ["tls-certificate", CERTIFICATE, "config", 0o644],
    ["tls-key", KEY, "secret", 0o640],
  ],
};

/** What a person hands over as a file is copied to where the configuration looks for it. */
async function filesOf(line: CommandLine, role: Role): Promise<WantedFile[]> {
  const files: WantedFile[] = [];
  for (const [option, path, kind, mode] of GIVEN[role]) {
    const from = textOf(line, option);
    if (from === null) continue;
    const text = await readIfExists(from).catch((error: unknown) => {
      throw new UserError(`--${option}: cannot read ${from}: ${quoted(errorText(error))}`);
    });
    if (text === null) throw new UserError(`--${option}: there is no ${from}`);
    files.push({ path, kind, text, mode, owner: "root", group: mode === 0o640 ? USER : "root" });
  }
  return files;
}

/** What of the configuration the installer itself goes by. */
export function settingsOf({ role, config }: Answers) {
  const table = parseToml(config, configPath(role));
  const drainOf = (name: string): number | undefined => {
    const inner = table[name];
    const value =
      typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>).drain_timeout_s : undefined;
    return typeof value === "number" && value >= 0 ? value : undefined;
  };
  const listen = role === "host" ? null : typeof table.listen === "string" ? table.listen : DEFAULT_LISTEN;
  const drains = ["shipper", "heartbeat", "receiver"].flatMap((name) => {
    const drain = drainOf(name);
    return drain === undefined ? [] : [[name, drain] as const];
  });
  return { listen, drainS: Object.fromEntries(drains) };
}
