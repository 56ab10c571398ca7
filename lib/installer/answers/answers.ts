// What is to be installed, from what a person says now and has said before: the configuration that is there is kept as it is, and only
// what is not yet known has to be said.

import { hostname } from "node:os";
import { dirname, isAbsolute } from "node:path";
import { isName, NAME_RULE } from "../../contract/names.ts";
import { UserError } from "../../core/failure.ts";
import { isLoopback, urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { exists, readIfExists } from "../../os/files/files.ts";
import { readAccounts, readManifest } from "../facts.ts";
import { isTaken } from "../preflight/collector.ts";
import { type Answers, configPath, type Enrolment, type Introduced, type Role } from "../wanted.ts";
import { type Collector, receiverIn } from "./collector.ts";
import { enrolmentOf } from "./enrolment.ts";
import {
  CA,
  CERTIFICATE,
  CLIENT_CERT,
  CLIENT_KEY,
  filesOf,
  isNamed,
  KEY,
  ownTls,
  type Texts,
  TOKEN,
  textsOf,
} from "./given.ts";
import { FROM_PYTHON, takesOver } from "./python.ts";
import type { Said } from "./said.ts";
import { forWhoAnswers, takenBy } from "./take-over.ts";
import { DEFAULT_LISTEN, dataRootFault, dataRootIn, isListen, sameAsBefore, type Table, tableOf } from "./written.ts";

/** @param collector the one that is named now @throws UserError: something is missing, or is none of what may be said */
export async function readAnswers(said: Said, collector: Collector | null): Promise<Answers> {
  const role = await roleOf(said);
  const there = await readIfExists(configPath(role));
  const before = there === null ? null : tableOf(role, there);
  if (before !== null) sameAsBefore(said, role, before);
  isForRole(said, role);
  const enrolment = role === "lab-host" ? await neededEnrolment(said, before, collector) : null;
  const texts = await textsOf(said, role, collector, enrolment);
  if (role === "collector" && before === null) for (const [option, text] of await ownTls(said)) texts.set(option, text);
  if (before !== null) isNamed(said, texts, role, before);
  if (before === null) await checkDataRoot(said);
  const written = there ?? (role === "lab-host" ? hostConfig(said, texts) : collectorConfig(said, texts));
  const introducedAs = (config: string): Introduced | null => {
    const named = role === "lab-host" ? receiverIn(tableOf(role, config)) : null;
    return named === null ? null : introducedBy(said, named, collector, enrolment);
  };
  const config = await forWhoAnswers(written, { isNew: there === null && takesOver(said) }, introducedAs(written));
  const dataRoot = dataRootIn(role, tableOf(role, config));
  return {
    ...{ role, config, files: filesOf(texts, role), dataRoot, recorder: await recorderOf(said, role) },
    ...{ introduced: introducedAs(config), taken: await takenBy(said, role, dataRoot) },
  };
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
  const { caBundle, clientCert, clientKey, bearerTokenFile, verifyTls: verify } = receiver;
  const taken = said.get(FROM_PYTHON.token);
  const isTaken = taken !== undefined && !said.has("token-file") && !said.has("code");
  const now = {
    ...receiver,
    caBundle: said.get("ca-bundle") ?? caBundle,
    clientCert: said.get("client-cert") ?? clientCert,
    clientKey: said.get("client-key") ?? clientKey,
    bearerTokenFile: isTaken ? null : (said.get("token-file") ?? bearerTokenFile),
    ...(isTaken && { bearerToken: taken }),
  };
  const tls = { ca: collector?.ca ?? null, cert: null, key: null, verify };
  return { hostId, receiver: now, enrolment, credentials: enrolment === null ? null : { token: null, tls } };
}

/** Options that are about the other role. */
const OTHERS: Readonly<Record<Role, readonly string[]>> = {
  "lab-host": ["listen", "name", "tls-certificate", "tls-key", "accepted-commits"],
  collector: [
    ...["host", "url", "token-file", "code", "ca-sha256", "ca-bundle", "client-cert", "client-key"],
    ...["trusted-network", "recorder", "commit-file", "keep-days"],
  ],
};

/** @throws UserError: something is said that would be passed over, or twice */
function isForRole(said: Said, role: Role): void {
  const other = OTHERS[role].find((option) => said.has(option));
  if (other !== undefined)
    throw new UserError(`--${other} says nothing of a ${role}`, `leave it out, or say another --role`);
  if (said.has("code") && said.has("token-file"))
    throw new UserError("--code and --token-file bring two tokens", "leave one of them out");
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

/** @throws UserError: it is none where the units could write */
async function checkDataRoot(said: Said): Promise<void> {
  const path = said.get("data-root");
  if (path === undefined) return;
  const fault = dataRootFault(path);
  if (fault !== null) throw new UserError(`--data-root: found ${quoted(path)}, expected ${fault}`);
  const above = dirname(path);
  if (!(await exists(above)))
    throw new UserError(`--data-root: there is no ${above}`, "mount the disk there, or make it");
}

function pathLines(said: Said): string[] {
  const path = said.get("data-root");
  return path === undefined ? [] : [`data_root = ${toml(path)}`];
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
  const shown = clientLines(texts);
  const old = [said.get(FROM_PYTHON.receiver) ?? []].flat();
  return tomlOf([`host_id = ${toml(host)}`], {
    receiver: [`url = ${toml(url)}`, ...secret, ...trust, ...shown, ...old, ...plain],
    paths: pathLines(said),
    shipper: [...fileLines(said, "commit-file", "commit_file"), ...[said.get(FROM_PYTHON.shipper) ?? []].flat()],
    retention: said.has("keep-days") ? keepLines(said) : [said.get(FROM_PYTHON.retention) ?? []].flat(),
  });
}

/** A section without a line is left out. */
function tomlOf(top: readonly string[], sections: Readonly<Record<string, readonly string[]>>): string {
  const written = Object.entries(sections).filter(([, lines]) => lines.length > 0);
  return [...top, ...written.flatMap(([name, lines]) => ["", `[${name}]`, ...lines]), ""].join("\n");
}

/** @throws UserError: it is no whole path */
function fileLines(said: Said, option: string, key: string): string[] {
  const path = said.get(option);
  if (path === undefined || path === "") return [];
  if (!isAbsolute(path)) throw new UserError(`--${option}: found ${quoted(path)}, expected a whole path`);
  return [`${key} = ${toml(path)}`];
}

/** @throws UserError: it is no number of days */
function keepLines(said: Said): string[] {
  const days = said.get("keep-days") ?? "";
  if (/^\d{1,5}$/.test(days)) return [`keep_local_for_days = ${Number(days)}`];
  throw new UserError(`--keep-days: found ${quoted(days)}, expected a number of days, such as 7; 0 keeps for ever`);
}

/** @throws UserError: one of the two is missing */
function clientLines(texts: Texts): string[] {
  const [cert, key] = [texts.has("client-cert"), texts.has("client-key")];
  if (cert !== key)
    throw new UserError("a certificate and its key go together", "--client-cert PATH --client-key PATH");
  return cert ? [`client_cert = ${toml(CLIENT_CERT)}`, `client_key = ${toml(CLIENT_KEY)}`] : [];
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
  if (!isListen(listen))
    throw new UserError(`--listen: found ${quoted(listen)}, expected an address and a port, such as ${DEFAULT_LISTEN}`);
  if (!texts.has("tls-certificate") || !texts.has("tls-key"))
    throw new UserError(
      "say by which names hosts reach this collector, or with which certificate it answers",
      "--name collector.wg (with an authority of its own), or --tls-certificate PATH --tls-key PATH",
    );
  return tomlOf([`listen = ${toml(listen)}`], {
    tls: [`certificate = ${toml(CERTIFICATE)}`, `key = ${toml(KEY)}`],
    paths: pathLines(said),
    gate: fileLines(said, "accepted-commits", "accepted_commits_file"),
  });
}
