// What is to be installed, from what a person says now and has said before: the configuration that is there is kept as it is, and only
// what is not yet known has to be said.

import { hostname } from "node:os";
import { isName, NAME_RULE } from "../../contract/names.ts";
import { UserError } from "../../core/failure.ts";
import { isLoopback, urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists } from "../../os/files/files.ts";
import { readAccounts, readManifest } from "../facts.ts";
import { isTaken } from "../preflight/collector.ts";
import {
  type Answers,
  configPath,
  type Enrolment,
  ETC_DIR,
  type Introduced,
  type Role,
  USER,
  type WantedFile,
} from "../wanted.ts";
import { type Collector, receiverIn } from "./collector.ts";
import { enrolmentOf } from "./enrolment.ts";
import { makeOwnTls, OWN } from "./own-tls.ts";
import { readGiven, type Said } from "./said.ts";
import { DEFAULT_LISTEN, sameAsBefore, type Table, tableOf, valueIn } from "./written.ts";

const TOKEN = `${ETC_DIR}/token`;
const CA = `${ETC_DIR}/tls/ca.crt`;
const CERTIFICATE = `${ETC_DIR}/tls/collector.crt`;
const KEY = `${ETC_DIR}/tls/collector.key`;

/** @param collector the one that is named now @throws UserError: something is missing, or is none of what may be said */
export async function readAnswers(said: Said, collector: Collector | null): Promise<Answers> {
  const role = await roleOf(said);
  const there = await readIfExists(configPath(role));
  const before = there === null ? null : tableOf(role, there);
  if (before !== null) sameAsBefore(said, role, before);
  const enrolment = role === "lab-host" ? await neededEnrolment(said, before, collector) : null;
  const texts = await textsOf(said, role, collector, enrolment);
  if (role === "collector" && before === null) for (const [option, text] of await ownTls(said)) texts.set(option, text);
  if (before !== null) isNamed(said, texts, role, before);
  const config = there ?? (role === "lab-host" ? hostConfig(said, texts) : collectorConfig(said, texts));
  const named = role === "lab-host" ? receiverIn(tableOf(role, config)) : null;
  const introduced = named === null ? null : introducedBy(said, named, collector, enrolment);
  return { role, config, files: filesOf(texts, role), recorder: await recorderOf(said, role), introduced };
}

/** Of a host whose token the collector takes already nothing is to be enrolled: the same line a second time. */
async function neededEnrolment(
  said: Said,
  before: Table | null,
  collector: Collector | null,
): Promise<Enrolment | null> {
  const enrolment = await enrolmentOf(said);
  if (enrolment === null) return null;
  if (collector === null) throw new UserError("--code: say whose it is", "--url https://collector.wg:8443");
  const named = before === null ? null : receiverIn(before);
  return named !== null && (await isTaken({ ...named, credentials: null, enrolment: null })) ? null : enrolment;
}

/** With what is handed over where it lies now, and not yet where it will lie. */
function introducedBy(
  said: Said,
  { hostId, receiver }: Pick<Introduced, "hostId" | "receiver">,
  collector: Collector | null,
  enrolment: Enrolment | null,
): Introduced {
  const { caBundle, bearerTokenFile, verifyTls: verify } = receiver;
  const now = {
    ...receiver,
    caBundle: said.get("ca-bundle") ?? caBundle,
    bearerTokenFile: said.get("token-file") ?? bearerTokenFile,
  };
  const tls = { ca: collector?.ca ?? null, cert: null, key: null, verify };
  return { hostId, receiver: now, enrolment, credentials: enrolment === null ? null : { token: null, tls } };
}

async function roleOf(all: Said): Promise<Role> {
  const before = (await readManifest())?.role ?? null;
  const said = all.get("role") ?? before ?? (all.has("code") ? "lab-host" : null);
  if (said === null) throw new UserError("say what this machine is to be", "--role lab-host, or --role collector");
  if (said !== "lab-host" && said !== "collector")
    throw new UserError(`--role: found ${quoted(said)}, expected lab-host or collector`);
  if (before !== null && before !== said)
    throw new UserError(`this machine is a ${before} already`, { text: "take that away first", commands: [] });
  return said;
}

/** @throws UserError: there is no such user */
async function recorderOf(said: Said, role: Role): Promise<string | null> {
  const name = said.get("recorder");
  if (name === undefined || name === "" || role !== "lab-host") return null;
  if ((await readAccounts()).users.has(name)) return name;
  throw new UserError(
    `--recorder: there is no user ${quoted(name)} in /etc/passwd`,
    "name one who is there, or make it first",
  );
}

/** A string of TOML: what JSON writes is one. */
function toml(text: string): string {
  return JSON.stringify(text);
}

function hostConfig(said: Said, texts: Texts): string {
  const [host, url] = [said.get("host") ?? ownName(said), said.get("url")];
  if (host === undefined || url === undefined)
    throw new UserError(
      "say which host this is, and where its collector is",
      "--host lab1 --url https://collector.wg:8443",
    );
  const fault = urlFault(url);
  if (fault !== null) throw new UserError(`--url: found ${quoted(url)}, expected ${fault}`);
  if (!isName(host)) throw new UserError(`--host: found ${quoted(host)}, expected ${NAME_RULE}`);
  const secret = texts.has("token-file") ? [`bearer_token_file = ${toml(TOKEN)}`] : [];
  const trust = texts.has("ca-bundle") ? [`ca_bundle = ${toml(CA)}`] : [];
  const plain = isTrusted(said, url) ? ["trusted_network = true"] : [];
  return [`host_id = ${toml(host)}`, "", "[receiver]", `url = ${toml(url)}`, ...secret, ...trust, ...plain, ""].join(
    "\n",
  );
}

/** The machine's: a collector refuses a code's host that has the name of another one. */
function ownName(said: Said): string | undefined {
  return said.has("code") ? hostname().split(".")[0] : undefined;
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

function collectorConfig(said: Said, texts: Texts): string {
  const listen = said.get("listen") ?? DEFAULT_LISTEN;
  if (!texts.has("tls-certificate") || !texts.has("tls-key"))
    throw new UserError(
      "say by which names hosts reach this collector, or with which certificate it answers",
      "--name collector.wg (with an authority of its own), or --tls-certificate PATH --tls-key PATH",
    );
  return [
    ...[`listen = ${toml(listen)}`, "", "[tls]", `certificate = ${toml(CERTIFICATE)}`],
    ...[`key = ${toml(KEY)}`, ""],
  ].join("\n");
}

/** @throws UserError: what is handed over is not what the configuration names */
function isNamed(said: Said, texts: Texts, role: Role, table: Table): void {
  const file = configPath(role);
  for (const { option, path, section, key, bringer } of GIVEN[role])
    if (section !== null && texts.has(option) && valueIn(table, section, key) !== path)
      throw new UserError(
        `--${said.has(option) ? option : bringer} would be put into ${path}, and ${file} does not name that`,
        `write ${key} = "${path}" below [${section}] of ${file}`,
      );
}

interface Given {
  option: string;
  /** Where it is put. */
  path: string;
  kind: WantedFile["kind"];
  mode: number;
  /** Where the configuration names it; null: it does not. */
  section: string | null;
  key: string;
  /** The option that brings the same without a file. */
  bringer?: string;
}

const GIVEN: Readonly<Record<Role, readonly Given[]>> = {
  "lab-host": [
    {
      ...{ option: "token-file", path: TOKEN, kind: "secret", mode: 0o640 },
      ...{ section: "receiver", key: "bearer_token_file", bringer: "code" },
    },
    {
      ...{ option: "ca-bundle", path: CA, kind: "config", mode: 0o644 },
      ...{ section: "receiver", key: "ca_bundle", bringer: "ca-sha256" },
    },
  ],
  collector: [
    { option: "tls-certificate", path: CERTIFICATE, kind: "config", mode: 0o644, section: "tls", key: "certificate" },
    { option: "tls-key", path: KEY, kind: "secret", mode: 0o640, section: "tls", key: "key" },
    // Beside the certificate, where receiver certificate looks for them.
    { option: OWN.authority, path: CA, kind: "config", mode: 0o644, section: null, key: "" },
    { option: OWN.authorityKey, path: `${ETC_DIR}/tls/ca.key`, kind: "secret", mode: 0o600, section: null, key: "" },
  ],
};

/** What is put into files, by the option that hands it over. */
type Texts = ReadonlyMap<string, string>;

/** Of a collector that brings no certificate: an authority of its own, and what that issues. @throws UserError: names are none */
async function ownTls(said: Said): Promise<Texts> {
  const name = said.get("name");
  const isBrought = said.has("tls-certificate") || said.has("tls-key");
  if (name === undefined || isBrought) {
    if (name !== undefined) throw new UserError("--name is for a certificate of its own authority", "leave --name out");
    return new Map();
  }
  const names = name.split(",").map((each) => each.trim());
  return await makeOwnTls(names, Date.now());
}

async function textsOf(
  said: Said,
  role: Role,
  collector: Collector | null,
  enrolment: Enrolment | null,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { option } of GIVEN[role]) {
    const text = await readGiven(said, option);
    if (text !== null) texts.set(option, text);
  }
  if (enrolment !== null) texts.set("token-file", `${enrolment.token}\n`);
  if (role === "lab-host" && said.has("ca-sha256") && collector?.ca != null) texts.set("ca-bundle", collector.ca);
  return texts;
}

/** What a person hands over is put to where the configuration looks for it. */
function filesOf(texts: Texts, role: Role): WantedFile[] {
  return GIVEN[role].flatMap(({ option, path, kind, mode }) => {
    const text = texts.get(option);
    const group = mode === 0o640 ? USER : "root";
    return text === undefined ? [] : [{ path, kind, text, mode, owner: "root", group }];
  });
}
