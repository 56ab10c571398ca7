// What a person hands over, or has made here, and to which file each of it goes.

import { UserError } from "../../core/failure.ts";
import { hasPrivateKey, pemFault } from "../../core/pem.ts";
import { configPath, type Enrolment, ETC_DIR, type Role, USER, type WantedFile } from "../wanted.ts";
import type { Collector } from "./collector.ts";
import { makeOwnTls, OWN } from "./own-tls.ts";
import { FROM_PYTHON } from "./python.ts";
import { readGiven, type Said } from "./said.ts";
import { type Table, valueIn } from "./written.ts";

export const TOKEN = `${ETC_DIR}/token`;
export const CA = `${ETC_DIR}/tls/ca.crt`;
export const CLIENT_CERT = `${ETC_DIR}/tls/host.crt`;
export const CLIENT_KEY = `${ETC_DIR}/tls/host.key`;
export const CERTIFICATE = `${ETC_DIR}/tls/collector.crt`;
export const KEY = `${ETC_DIR}/tls/collector.key`;

/** @throws UserError: what is handed over is not what the configuration names */
export function isNamed(said: Said, texts: Texts, role: Role, table: Table): void {
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
    {
      ...{ option: "client-cert", path: CLIENT_CERT, kind: "config", mode: 0o644 },
      ...{ section: "receiver", key: "client_cert" },
    },
    {
      ...{ option: "client-key", path: CLIENT_KEY, kind: "secret", mode: 0o640 },
      ...{ section: "receiver", key: "client_key" },
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
export type Texts = ReadonlyMap<string, string>;

/** Of a collector that brings no certificate: an authority of its own, and what that issues. @throws UserError: names are none */
export async function ownTls(said: Said): Promise<Texts> {
  const name = said.get("name");
  const isBrought = said.has("tls-certificate") || said.has("tls-key");
  if (name === undefined || isBrought) {
    if (name !== undefined) throw new UserError("--name is for a certificate of its own authority", "leave --name out");
    return new Map();
  }
  const names = name.split(",").map((each) => each.trim());
  return await makeOwnTls(names, Date.now());
}

export async function textsOf(
  said: Said,
  role: Role,
  collector: Collector | null,
  enrolment: Enrolment | null,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { option } of GIVEN[role]) {
    const text = await readGiven(said, option);
    if (text === null) continue;
    isMeant(option, text, said.get(option) ?? "");
    texts.set(option, text);
  }
  const taken = said.get(FROM_PYTHON.token);
  if (taken !== undefined && !texts.has("token-file")) texts.set("token-file", `${taken}\n`);
  if (enrolment !== null) texts.set("token-file", `${enrolment.token}\n`);
  if (role === "lab-host" && said.has("ca-sha256") && collector?.ca != null) texts.set("ca-bundle", collector.ca);
  return texts;
}

/** What a file should hold, and what tells that it does. */
const HOLDS: Readonly<Record<string, readonly [what: string, is: (text: string) => boolean]>> = {
  "token-file": ["a token, in one line", (text) => /^[\x21-\x7e]+\s*$/.test(text)],
  "tls-key": ["a private key, as PEM", hasPrivateKey],
  "client-key": ["a private key, as PEM", hasPrivateKey],
};
const CERTIFICATES = ["certificates, as PEM, and no private key", isCertificates] as const;

/** A key must not go where certificates go: everybody reads those. @throws UserError: it holds something else */
function isMeant(option: string, text: string, path: string): void {
  const [what, is] = HOLDS[option] ?? CERTIFICATES;
  if (!is(text)) throw new UserError(`--${option}: ${path} does not hold ${what}`, "name the file that does");
}

function isCertificates(text: string): boolean {
  return pemFault(text, "certificate") === null && !hasPrivateKey(text);
}

/** What a person hands over is put to where the configuration looks for it. */
export function filesOf(texts: Texts, role: Role): WantedFile[] {
  return GIVEN[role].flatMap(({ option, path, kind, mode }) => {
    const text = texts.get(option);
    const group = mode === 0o640 ? USER : "root";
    return text === undefined ? [] : [{ path, kind, text, mode, owner: "root", group }];
  });
}
