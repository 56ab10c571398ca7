// Where a channel is posted to, and with what it proves who it is: both may stand in files, which are read for each try.

import { createSecureContext } from "node:tls";
import { errorCode, errorText } from "../../../core/failure.ts";
import { byCommands, type Finding, type Fix, here, inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import { accessTo } from "../../../os/files/access.ts";
import { readIfExists } from "../../../os/files/files.ts";
import { isWrongKind } from "../../../os/files/regular.ts";
import { letIn } from "../../../runtime/unreadable.ts";
import { isOfRights, readFix } from "../../not-read.ts";
import { addressFault } from "../address.ts";
import type { Channel } from "../channel.ts";

export interface Target {
  url: URL;
  /** Its Authorization header, if it has one. A name and a password may stand in its address, too. */
  headers: Readonly<Record<string, string>>;
  /** Authorities that may have signed for it, as PEM; null: those that everybody knows. */
  ca: string | null;
  /** Where they come from. */
  caBundle: string | null;
  /** The setting that says it. */
  key: "url";
}

/** @returns why there is none, where a file does not give it */
export async function targetOf({ url, urlFile, tokenFile, caBundle }: Channel): Promise<Target | Finding> {
  const address = await secretOf(urlFile, url);
  if (typeof address !== "string") return address;
  const fault = addressFault(address);
  if (fault !== null) return { what: `${urlFile ?? "url"} must hold ${fault}`, fix: inWords("write it anew") };
  const token = await secretOf(tokenFile, "");
  if (typeof token !== "string") return token;
  if (!HEADER_TEXT.test(token))
    return { what: `${tokenFile} holds a character that no header field can hold`, fix: inWords(TOKEN_ALONE) };
  const ca = await authoritiesOf(caBundle);
  if (ca !== null && typeof ca !== "string") return ca;
  const headers: Target["headers"] = token === "" ? {} : { authorization: `Bearer ${token}` };
  return { url: new URL(address), headers, ca, caBundle, key: "url" };
}

/** What a token may be made of, to stand in a header field. */
const HEADER_TEXT = /^[\x20-\x7e]*$/;
const TOKEN_ALONE = "write the token there anew, alone in the first line";

/** The first line of a file; what stands in the configuration where none is named. */
export async function secretOf(file: string | null, plain: string | null): Promise<string | Finding> {
  if (file === null) return plain ?? "";
  const text = await textOf(file);
  if (typeof text !== "string") return text;
  return text.split("\n")[0]?.trim() || notThere(file);
}

/** The authorities' certificates in a file, as PEM; null where none is named. @returns why there are none, where it holds none */
export async function authoritiesOf(file: string | null): Promise<string | Finding | null> {
  if (file === null) return null;
  const text = await textOf(file);
  if (typeof text !== "string") return text;
  const fix = inWords("write the authority's there, as PEM");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) return { what: `${file} holds no certificate`, fix };
  const torn = tlsFault(text);
  return torn === null ? text : { what: `${file} holds a certificate that cannot be read: ${quoted(torn)}`, fix };
}

/** Whether TLS takes them: the connection would only throw. */
function tlsFault(ca: string): string | null {
  try {
    createSecureContext({ ca });
    return null;
  } catch (error) {
    return errorText(error);
  }
}

/** All that stands in a file. */
async function textOf(file: string): Promise<string | Finding> {
  try {
    return (await readIfExists(file, 1024 * 1024)) || notThere(file);
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    return { what: `${file} cannot be read: ${quoted(errorText(error))}`, fix: fixOf(file, code) };
  }
}

function fixOf(file: string, code: string): Fix {
  // Somebody else's things may lie there, and are not moved away.
  if (isWrongKind(code)) return inWords("name a file: the setting names something else");
  if (!isOfRights(code)) return readFix(file, code);
  const access = accessTo(file);
  return access === null ? byCommands(here("sudo", "chgrp", "labfleet", file)) : letIn(access);
}

function notThere(file: string): Finding {
  return { what: `${file} is empty, or not there`, fix: inWords("write it anew") };
}
