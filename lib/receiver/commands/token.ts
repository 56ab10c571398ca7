// `receiver token …`: makes, counts and revokes the tokens of hosts. A token is shown once, when it is made.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { TOKEN_BYTES, tokenOf } from "../../contract/enrolment.ts";
import { isName, NAME_RULE, OPERATOR } from "../../contract/names.ts";
import { dataPaths } from "../../contract/places.ts";
import { shortTime } from "../../core/clock.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { byCommands, type Fix, here } from "../../core/finding.ts";
import { columns } from "../../core/text/columns.ts";
import { quoted } from "../../core/text/fields.ts";
import { ownValue } from "../../core/text/own.ts";
import { complain, isOutputNowhere, print } from "../../os/answer.ts";
import { makeDir, writeFileDurable } from "../../os/files/files.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Call } from "../../runtime/tool.ts";
import { hashToken, parseTokenFile, TOKENS_PER_HOST } from "../access/auth.ts";
import {
  entryOf,
  type HostUse,
  type TokenFacts,
  tokensIn,
  tokenText,
  toRevoke,
  useText,
  withoutToken,
} from "../access/token-file.ts";
import { readTokenUse, type TokenUse } from "../access/token-use.ts";
import { dropCodesOf } from "../enrolment/codes.ts";
import { loadReceiverConfig } from "../load.ts";
import type { ReceiverConfig } from "../settings.ts";

/** `token add <host>`: the token is the last line of stdout. */
export async function tokenAdd(call: Call): Promise<number> {
  const { host, file, config } = await subject(call, "token add <host>");
  const text = readTokens(file) ?? "";
  if (countTokens(text, file) >= TOKENS_PER_HOST) throw tooMany(host, tokensIn(text, useOf(config, host)));
  if (isOutputNowhere()) throw notShown("standard output is closed, or /dev/null, and a token is shown only once");
  const token = tokenOf(randomBytes(TOKEN_BYTES));
  const entry = entryOf(hashToken(token).toString("hex"), Date.now());
  await writeTokens(file, config, text === "" || text.endsWith("\n") ? text + entry : `${text}\n${entry}`);
  const use =
    host === OPERATOR
      ? "It reads about all hosts: GET /v1/hosts."
      : `On ${host}, put it into lab-host.toml as [receiver] bearer_token, or into the file that bearer_token_file names.`;
  complain(`receiver: a new token for ${host}; it is shown only now. ${use}\n`);
  // What nobody has seen, nobody can ever use.
  const takeBack = (): Promise<void> => writeTokens(file, config, text);
  let isShown: boolean;
  try {
    isShown = await print(`${token}\n`);
  } catch (error) {
    await takeBack();
    throw notShown(errorText(error));
  }
  if (isShown) return EXIT.ok;
  await takeBack();
  throw notShown("whoever reads standard output has gone");
}

function notShown(why: string): UserError {
  const fix = "let a terminal, or a file that has room, have standard output";
  return new UserError(`${why}; no token was added`, fix, EXIT.undelivered);
}

/** The refusal at two tokens names the one that may go, and what revokes exactly that one. */
function tooMany(host: string, tokens: readonly TokenFacts[]): UserError {
  return new UserError(
    `${host} has ${TOKENS_PER_HOST} tokens already: ${tokens.map(tokenText).join(", ")}`,
    revokeOne(host, tokens),
  );
}

function revokeOne(host: string, tokens: readonly TokenFacts[]): Fix {
  return byCommands(here("sudo", "receiver", "token", "revoke", host, "--token", toRevoke(tokens)?.id ?? ""));
}

/** `token revoke <host> --token ID|--oldest|--all`. */
export async function tokenRevoke(call: Call): Promise<number> {
  const usage = "token revoke <host> --token ID|--oldest|--all";
  const { host, file, config } = await subject(call, usage);
  const { all, oldest, token } = call.line.options;
  const text = readTokens(file);
  const tokens = text === null ? [] : checkedTokens(text, file, useOf(config, host));
  if (text === null || tokens.length === 0) throw noToken(host);
  if ([all === true, oldest === true, typeof token === "string"].filter((said) => said).length !== 1) {
    throw new UserError(
      `say which: --token ID, --oldest or --all; ${host} has ${tokens.map(tokenText).join(", ")}`,
      revokeOne(host, tokens),
    );
  }
  if (typeof token === "string" && !tokens.some(({ id }) => id === token)) {
    throw new UserError(
      `${host} has no token ${quoted(token)}: it has ${tokens.map(tokenText).join(", ")}`,
      byCommands(here("sudo", "receiver", "token", "list")),
    );
  }
  const after = all === true ? "" : typeof token === "string" ? withoutToken(text, token) : withoutOldest(text);
  // The codes first: a kill between leaves a token that is still there, and said to be.
  const codes = dataPaths(config.dataRoot).enrolment;
  await dropCodesOf(codes, host).catch((error: unknown) => {
    throw cannot("write", codes, error);
  });
  await writeTokens(file, config, after);
  const left = checkedTokens(after, file, useOf(config, host));
  const those = left.length === 0 ? "" : `: ${left.map(tokenText).join(", ")}`;
  await print(`${host}: ${tokens.length - left.length} revoked, ${left.length} left${those}\n`);
  return EXIT.ok;
}

/** There is nothing to revoke: what is left to do is to add one, or to name another host. */
function noToken(host: string): UserError {
  return new UserError(`${host} has no token`, {
    text: "to give it one (`receiver token list` shows who has one)",
    commands: [here("sudo", "receiver", "token", "add", host)],
  });
}

/** `token list [--json]`: the tokens of each host, when they were added and last used. */
export async function tokenList(call: Call): Promise<number> {
  const config = await loadReceiverConfig(call);
  const { tokensDir } = config;
  const use = readTokenUse(dataPaths(config.dataRoot).tokenUse);
  const hosts = listDir(tokensDir)
    .filter(isName)
    .sort()
    .map((host) => {
      const file = join(tokensDir, host);
      return { host, all: checkedTokens(readTokens(file) ?? "", file, hostUse(use, host)) };
    });
  if (call.line.options.json === true)
    await print(`${JSON.stringify({ tokens_dir: tokensDir, hosts: hosts.map(asJson) })}\n`);
  else if (hosts.length === 0) await print(`no host has a token; make one: sudo receiver token add <host>\n`);
  else
    await print(`${columns([["HOST", "TOKEN", "ADDED", "LAST USED (UTC)"], ...hosts.flatMap(rowsOf)]).join("\n")}\n`);
  return EXIT.ok;
}

function asJson({ host, all }: { host: string; all: readonly TokenFacts[] }) {
  const each = all.map(({ id, added, lastUsed, watchedSince }) => ({
    id,
    added,
    last_used: lastUsed,
    watched_since: watchedSince,
  }));
  return { host, tokens: all.length, each };
}

function rowsOf({ host, all }: { host: string; all: readonly TokenFacts[] }): string[][] {
  if (all.length === 0) return [[host, "none", "", ""]];
  return all.map((token) => [
    host,
    token.id,
    token.added === null ? "not known" : shortTime(token.added),
    useText(token).replace("last used ", "").replace("last use ", ""),
  ]);
}

function useOf(config: ReceiverConfig, host: string): HostUse {
  return hostUse(readTokenUse(dataPaths(config.dataRoot).tokenUse), host);
}

function hostUse(use: TokenUse | null, host: string): HostUse {
  return { since: use?.since ?? null, used: ownValue(use?.used ?? {}, host) ?? {} };
}

/** A token file's text without its first token and the comments that stand before it. Pure. */
export function withoutOldest(text: string): string {
  const lines = text.split("\n");
  const oldest = lines.findIndex((line) => line.trim().startsWith("sha256:"));
  return lines.slice(oldest + 1).join("\n");
}

interface Subject {
  host: string;
  file: string;
  config: ReceiverConfig;
}

async function subject(call: Call, usage: string): Promise<Subject> {
  const host = call.line.operands[0];
  if (host === undefined) throw new UserError("which host?", `receiver ${usage}`);
  if (!isName(host)) throw new UserError(`${quoted(host)} is no host name: ${NAME_RULE}`, `receiver ${usage}`);
  const config = await loadReceiverConfig(call);
  return { host, config, file: join(config.tokensDir, host) };
}

function checkedTokens(text: string, file: string, use: HostUse): TokenFacts[] {
  countTokens(text, file);
  return tokensIn(text, use);
}

function countTokens(text: string, file: string): number {
  try {
    return parseTokenFile(text).length;
  } catch (error) {
    throw new UserError(`${file}: ${quoted(errorText(error))}`, "mend or remove that file");
  }
}

function readTokens(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw cannot("read", file, error);
  }
}

function listDir(tokensDir: string): string[] {
  try {
    return readdirSync(tokensDir);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw cannot("read", tokensDir, error);
  }
}

async function writeTokens(file: string, { tokensDir, dataRoot }: ReceiverConfig, text: string): Promise<void> {
  try {
    if (!existsSync(tokensDir)) await makeTokensDir(tokensDir, dataRoot);
    await writeFileDurable(file, text, 0o640);
  } catch (error) {
    throw cannot("write", file, error);
  }
}

/** Made by root it stays root's, and the receiver reads it by its group: the one that its data root belongs to. */
async function makeTokensDir(tokensDir: string, dataRoot: string): Promise<void> {
  await makeDir(tokensDir);
  const owner = statSync(dataRoot, { throwIfNoEntry: false });
  if (process.geteuid?.() !== 0 || owner === undefined) return;
  const fd = openSync(tokensDir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(fd, fstatSync(fd).uid, owner.gid);
    fchmodSync(fd, 0o2770);
  } finally {
    closeSync(fd);
  }
}

function cannot(what: string, path: string, error: unknown): unknown {
  if (errorCode(error) === null) return error;
  return new UserError(`cannot ${what} ${path}: ${quoted(errorText(error))}`, refusedFix(errorCode(error)));
}
