// What is to be installed, from what a person says now and has said before: the configuration that is there is kept as it is, and only
// what is not yet known has to be said.

import { isName, NAME_RULE } from "../../contract/names.ts";
import { UserError } from "../../core/failure.ts";
import { isLoopback, urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists } from "../../os/files/files.ts";
import { readManifest } from "../facts.ts";
import { type Answers, configPath, ETC_DIR, type Introduced, type Role, USER, type WantedFile } from "../wanted.ts";
import { receiverIn } from "./collector.ts";
import { readGiven, type Said } from "./said.ts";
import { DEFAULT_LISTEN, sameAsBefore, type Table, tableOf, valueIn } from "./written.ts";

const TOKEN = `${ETC_DIR}/token`;
const CA = `${ETC_DIR}/tls/ca.crt`;
const CERTIFICATE = `${ETC_DIR}/tls/collector.crt`;
const KEY = `${ETC_DIR}/tls/collector.key`;

/** @throws UserError: something is missing, or is none of what may be said */
export async function readAnswers(said: Said): Promise<Answers> {
  const role = await roleOf(said);
  const there = await readIfExists(configPath(role));
  const config = there ?? (role === "lab-host" ? hostConfig(said) : collectorConfig(said));
  if (there !== null) {
    const table = tableOf(role, there);
    sameAsBefore(said, role, table);
    isNamed(said, role, table);
  }
  const introduced = role === "lab-host" ? introducedBy(said, tableOf(role, config)) : null;
  return { role, config, files: await filesOf(said, role), introduced };
}

/** With what is handed over where it lies now, and not yet where it will lie. */
function introducedBy(said: Said, table: Table): Introduced | null {
  const named = receiverIn(table);
  if (named === null) return null;
  const { caBundle, bearerTokenFile } = named.receiver;
  const receiver = {
    ...named.receiver,
    caBundle: said.get("ca-bundle") ?? caBundle,
    bearerTokenFile: said.get("token-file") ?? bearerTokenFile,
  };
  return { hostId: named.hostId, receiver, credentials: null };
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

/** A string of TOML: what JSON writes is one. */
function toml(text: string): string {
  return JSON.stringify(text);
}

function hostConfig(said: Said): string {
  const [host, url] = [said.get("host"), said.get("url")];
  if (host === undefined || url === undefined)
    throw new UserError(
      "say which host this is, and where its collector is",
      "--host lab1 --url https://collector.wg:8443",
    );
  const fault = urlFault(url);
  if (fault !== null) throw new UserError(`--url: found ${quoted(url)}, expected ${fault}`);
  if (!isName(host)) throw new UserError(`--host: found ${quoted(host)}, expected ${NAME_RULE}`);
  const secret = said.has("token-file") ? [`bearer_token_file = ${toml(TOKEN)}`] : [];
  const trust = said.has("ca-bundle") ? [`ca_bundle = ${toml(CA)}`] : [];
  const plain = isTrusted(said, url) ? ["trusted_network = true"] : [];
  return [`host_id = ${toml(host)}`, "", "[receiver]", `url = ${toml(url)}`, ...secret, ...trust, ...plain, ""].join(
    "\n",
  );
}

/** Whether the network is to be trusted in TLS's place. @throws UserError: TLS is not used, and nobody has said so */
function isTrusted(said: Said, url: string): boolean {
  const trusted = said.get("trusted-network");
  if (trusted !== undefined && trusted !== "yes" && trusted !== "no")
    throw new UserError(`--trusted-network: found ${quoted(trusted)}, expected yes or no`);
  if (trusted === "yes" || !/^http:/i.test(url) || isLoopback(url)) return trusted === "yes";
  throw new UserError(
    `--url ${url} is without TLS: whoever is on the way can read the token, and say that it has stored what nobody has`,
    "take https://; or, where nobody else can be on the way, as within WireGuard, say --trusted-network yes, too",
  );
}

function collectorConfig(said: Said): string {
  const listen = said.get("listen") ?? DEFAULT_LISTEN;
  if (!said.has("tls-certificate") || !said.has("tls-key"))
    throw new UserError("say with which certificate the collector answers", "--tls-certificate PATH --tls-key PATH");
  return [
    ...[`listen = ${toml(listen)}`, "", "[tls]", `certificate = ${toml(CERTIFICATE)}`],
    ...[`key = ${toml(KEY)}`, ""],
  ].join("\n");
}

/** @throws UserError: what is handed over is not what the configuration names */
function isNamed(said: Said, role: Role, table: Table): void {
  const file = configPath(role);
  for (const { option, path, section, key } of GIVEN[role])
    if (said.has(option) && valueIn(table, section, key) !== path)
      throw new UserError(
        `--${option} would be put into ${path}, and ${file} does not name that`,
        `write ${key} = "${path}" below [${section}] of ${file}`,
      );
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
async function filesOf(said: Said, role: Role): Promise<WantedFile[]> {
  const files: WantedFile[] = [];
  for (const { option, path, kind, mode } of GIVEN[role]) {
    const text = await readGiven(said, option);
    if (text === null) continue;
    files.push({ path, kind, text, mode, owner: "root", group: mode === 0o640 ? USER : "root" });
  }
  return files;
}
