// Bearer tokens: which host a token belongs to. Files below tokens.d are named by host and hold hashes (token-table.ts has
// them). Whether access is given is decided in decide.ts.

import { createHash, timingSafeEqual } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { byCommands, type Finding, type Fix, here } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Log } from "../../runtime/log/log.ts";
import { explainUnreadable } from "../../runtime/unreadable.ts";
import type { Credentials } from "../decide.ts";
import { openTokenTable, type TokenFile, type TokenTable } from "./token-table.ts";

/** Tokens that may be valid for one host at a time: the present one and the next, while it is rolled out. */
export const TOKENS_PER_HOST = 2;

/**
 * A token's hash as its file holds it. Plain SHA-256 and no password hash: a token is 256 random bits, which nobody can
 * try out, and it is computed for each request.
 */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Reads a token file: up to two lines `sha256:<64 hex>`, `#` begins a comment. Throws with a sentence. */
export function parseTokenFile(text: string): Buffer[] {
  const hashes: Buffer[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const entry = line.replace(/#.*/, "").trim();
    if (entry === "") continue;
    const hex = /^sha256:([0-9a-f]{64})$/.exec(entry)?.[1];
    if (hex === undefined) throw new Error(`line ${index + 1} is not sha256: and 64 hex digits`);
    hashes.push(Buffer.from(hex, "hex"));
  }
  if (hashes.length > TOKENS_PER_HOST)
    throw new Error(`it holds ${hashes.length} tokens, ${TOKENS_PER_HOST} are allowed`);
  return hashes;
}

/** The token of an Authorization header (RFC 6750 §2.1), or null. */
export function bearerToken(header: string | null): string | null {
  return /^Bearer +([A-Za-z0-9._~+/=-]{1,512}) *$/i.exec(header ?? "")?.[1] ?? null;
}

/** Says whose token came with a request. */
export type TokenCheck = (host: string, authorization: string | null) => Credentials["token"];

/** Opens a directory of token files. It may come and go; what cannot be read is logged once, with the fix. */
export function createTokenCheck(
  tokensDir: string,
  log: Log,
  table: TokenTable = openTokenTable(tokensDir, parseTokenFile),
  onUse: (host: string, hash: Buffer) => void = () => undefined,
): TokenCheck {
  /** What was said, by host; of hosts that have no file, names from the wire, together. */
  const said = new SaidOnce();
  const report = (host: string, file: TokenFile): void => {
    const subject = table.has(host) ? host : "";
    const why = file.kind === "unreadable" ? file.why : "";
    if (why !== "" && said.isNews(subject, why)) {
      const path = join(tokensDir, host);
      const anew = { text: "write it anew", commands: [here("sudo", "receiver", "token", "add", host)] };
      log.error({ what: `cannot use token file ${path}: ${quoted(why)}`, fix: readable(path) ?? anew });
    }
    if (why === "") said.isOver(host);
    if (file.kind === "read") said.isOver("");
  };
  return (host, authorization) => {
    const token = bearerToken(authorization);
    const own = table.own(host);
    report(host, own);
    if (token === null) return "absent";
    const hash = hashToken(token);
    if (own.kind === "read" && holds(own.value, hash)) {
      onUse(host, hash);
      return "valid";
    }
    if (own.kind === "unreadable") return { unreadable: own.why };
    return table.holds(hash) ? "other-host" : "unknown";
  };
}

/** What lets this service read a file that it may not read; null: that is not what is wrong with it. */
function readable(path: string): Fix | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return explainUnreadable(path, error, process.env).fix;
  }
}

/** Compares with every hash, in constant time, whatever the first says. */
function holds(hashes: readonly Buffer[], hash: Buffer): boolean {
  let found = false;
  for (const known of hashes) found = timingSafeEqual(known, hash) || found;
  return found;
}

/** What is said when others can read the hashes, or null. */
export function openToOthers(tokensDir: string): Finding | null {
  try {
    const mode = statSync(tokensDir).mode & 0o777;
    if ((mode & 0o007) === 0) return null;
    const what = `${tokensDir} can be read by every user of this machine (mode ${mode.toString(8)})`;
    return { what, fix: byCommands(here("sudo", "chmod", "0750", tokensDir)) };
  } catch {
    return null;
  }
}
