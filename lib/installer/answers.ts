// What is to be installed, from what a person says now and has said before: the configuration that is there is kept as it is, and only
// what is not yet known has to be said.

import type { CommandLine } from "../cli/options.ts";
import { isName, NAME_RULE } from "../contract/names.ts";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import { nearest } from "../core/text/nearest.ts";
import { readIfExists } from "../os/files/files.ts";
import { parseToml } from "../schema/toml.ts";
import { ANSWERS } from "./command-line.ts";
import { readManifest } from "./facts.ts";
import { type Answers, configPath, ETC_DIR, type Role, USER, type WantedFile } from "./wanted.ts";

const DEFAULT_LISTEN = "0.0.0.0:8443";
const TOKEN = `${ETC_DIR}/token`;
const CA = `${ETC_DIR}/tls/ca.crt`;
const CERTIFICATE = `${ETC_DIR}/tls/collector.crt`;
const KEY = `${ETC_DIR}/tls/collector.key`;

/** What is said, by the names of options: on the command line, else in the environment, else in a file. */
type Said = ReadonlyMap<string, string>;

/** @throws UserError: something is missing, or is none of what may be said */
export async function readAnswers(line: CommandLine): Promise<Answers> {
  const said = await readSaid(line);
  const role = await roleOf(said);
  const there = await readIfExists(configPath(role));
  const config = there ?? (role === "lab-host" ? hostConfig(said) : collectorConfig(said));
  if (there !== null) {
    sameAsBefore(said, role, there);
    isNamed(said, role, there);
  }
  return { role, config, files: await filesOf(said, role) };
}

/** @throws UserError: a line of the file is none */
async function readSaid({ options }: CommandLine): Promise<Said> {
  const said = new Map(typeof options.answers === "string" ? await readAnswersFile(options.answers) : []);
  for (const name of Object.keys(ANSWERS)) {
    const inEnvironment = process.env[`LABFLEET_${name.toUpperCase().replaceAll("-", "_")}`];
    if (inEnvironment !== undefined && inEnvironment !== "") said.set(name, inEnvironment);
    const option = options[name];
    if (typeof option === "string") said.set(name, option);
  }
  return said;
}

/** The collector that is named now, with whom to trust to be it; null: none is. */
export async function collectorOf(line: CommandLine): Promise<{ url: string; ca: string | null } | null> {
  const said = await readSaid(line);
  const url = said.get("url");
  if (url === undefined) return null;
  const bundle = said.get("ca-bundle");
  if (bundle !== undefined) return { url: urlOf(url), ca: await readGiven("ca-bundle", bundle) };
  // As before.
  const file = configPath("lab-host");
  const before = await readIfExists(file);
  const { receiver = null } = before === null ? {} : parseToml(before, file);
  const path = typeof receiver === "object" && receiver !== null && "ca_bundle" in receiver ? receiver.ca_bundle : null;
  return { url: urlOf(url), ca: typeof path === "string" ? await readIfExists(path) : null };
}

/** @throws UserError: it is no address of a collector */
function urlOf(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "") return text;
  throw new UserError(`--url: found ${quoted(text)}, expected an address such as https://collector.wg:8443`);
}

async function readAnswersFile(path: string): Promise<[string, string][]> {
  const text = await readIfExists(path).catch((error: unknown) => {
    throw new UserError(`--answers: cannot read ${path}: ${quoted(errorText(error))}`);
  });
  if (text === null) throw new UserError(`--answers: there is no ${path}`);
  return text.split("\n").flatMap((whole, i): [string, string][] => {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) return [];
    const [, name = "", value = ""] = /^([a-z-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (Object.hasOwn(ANSWERS, name)) return [[name, value]];
    const meant = nearest(name, Object.keys(ANSWERS));
    throw new UserError(
      `${path}, line ${i + 1}: ${name === "" ? "expected a line such as host=lab1" : `there is no ${quoted(name)}`}`,
      meant === null ? `one of ${Object.keys(ANSWERS).join(", ")}` : `did you mean ${meant}?`,
    );
  });
}

async function roleOf(all: Said): Promise<Role> {
  const before = (await readManifest())?.role ?? null;
  const said = all.get("role") ?? before;
  if (said === null) throw new UserError("say what this machine is to be", "--role lab-host, or --role collector");
  if (said !== "lab-host" && said !== "collector")
    throw new UserError(`--role: found ${quoted(said)}, expected lab-host or collector`);
  if (before !== null && before !== said)
    throw new UserError(`this machine is a ${before} already`, { text: "take that away first", commands: [] });
  return said;
}

function textOf(said: Said, name: string): string | null {
  return said.get(name) ?? null;
}

/** A string of TOML: what JSON writes is one. */
function toml(text: string): string {
  return JSON.stringify(text);
}

function hostConfig(line: Said): string {
  const host = textOf(line, "host");
  const url = textOf(line, "url");
  if (host === null || url === null)
    throw new UserError(
      "say which host this is, and where its collector is",
      "--host lab1 --url https://collector.wg:8443",
    );
  urlOf(url);
  if (!isName(host)) throw new UserError(`--host: found ${quoted(host)}, expected ${NAME_RULE}`);
  const secret = textOf(line, "token-file") === null ? [] : [`bearer_token_file = ${toml(TOKEN)}`];
  const trust = textOf(line, "ca-bundle") === null ? [] : [`ca_bundle = ${toml(CA)}`];
  const plain = url.startsWith("http://") ? ["trusted_network = true"] : [];
  return [`host_id = ${toml(host)}`, "", "[receiver]", `url = ${toml(url)}`, ...secret, ...trust, ...plain, ""].join(
    "\n",
  );
}

function collectorConfig(line: Said): string {
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
  "lab-host": [
    ["host", null, "host_id"],
    ["url", "receiver", "url"],
  ],
  collector: [["listen", null, "listen"]],
};

/** @throws UserError: something else is said than stands there */
function sameAsBefore(line: Said, role: Role, text: string): void {
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

/** @throws UserError: what is handed over is not what the configuration names */
function isNamed(said: Said, role: Role, text: string): void {
  const file = configPath(role);
  const table = parseToml(text, file);
  for (const { option, path, section, key } of GIVEN[role]) {
    const inner = table[section];
    const named = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
    if (said.has(option) && named !== path)
      throw new UserError(
        `--${option} would be put into ${path}, and ${file} does not name that`,
        `write ${key} = "${path}" below [${section}] of ${file}`,
      );
  }
}

interface Given {
  option: string;
  /** Where it is put. */
  path: string;
  kind: WantedFile["kind"];
  mode: number;
  /** Where the configuration names it. */
  section: string;
  key: string;
}

const GIVEN: Readonly<Record<Role, readonly Given[]>> = {
  "lab-host": [
    { option: "token-file", path: TOKEN, kind: "secret", mode: 0o640, section: "receiver", key: "bearer_token_file" },
    { option: "ca-bundle", path: CA, kind: "config", mode: 0o644, section: "receiver", key: "ca_bundle" },
  ],
  collector: [
    { option: "tls-certificate", path: CERTIFICATE, kind: "config", mode: 0o644, section: "tls", key: "certificate" },
    { option: "tls-key", path: KEY, kind: "secret", mode: 0o640, section: "tls", key: "key" },
  ],
};

/** What a person hands over as a file is copied to where the configuration looks for it. */
async function filesOf(line: Said, role: Role): Promise<WantedFile[]> {
  const files: WantedFile[] = [];
  for (const { option, path, kind, mode } of GIVEN[role]) {
    const from = textOf(line, option);
    if (from === null) continue;
    const text = await readGiven(option, from);
    files.push({ path, kind, text, mode, owner: "root", group: mode === 0o640 ? USER : "root" });
  }
  return files;
}

/** @throws UserError: it is not there, or cannot be read */
async function readGiven(option: string, path: string): Promise<string> {
  const text = await readIfExists(path).catch((error: unknown) => {
    throw new UserError(`--${option}: cannot read ${path}: ${quoted(errorText(error))}`);
  });
  if (text === null) throw new UserError(`--${option}: there is no ${path}`);
  return text;
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
  const listen = role === "lab-host" ? null : typeof table.listen === "string" ? table.listen : DEFAULT_LISTEN;
  const drains = ["shipper", "heartbeat", "receiver"].flatMap((name) => {
    const drain = drainOf(name);
    return drain === undefined ? [] : [[name, drain] as const];
  });
  return { listen, drainS: Object.fromEntries(drains) };
}
