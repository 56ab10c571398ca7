// `receiver token …`: makes, counts and revokes the tokens of hosts. A token is shown once, when it is made.

import { randomBytes } from "node:crypto";
import { chownSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommandLine } from "../cli/options.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { isName, NAME_RULE } from "../core/names.ts";
import { complain, print } from "../os/answer.ts";
import { makeDir, writeFileDurable } from "../os/files.ts";
import { openLog, readLogLevel } from "../runtime/log.ts";
import { hashToken, parseTokenFile, TOKENS_PER_HOST } from "./auth.ts";
import { OPERATOR } from "./heartbeats/decide.ts";
import { loadReceiverConfig } from "./load.ts";

/** `token add <host>`: the token is the last line of stdout. */
export async function tokenAdd(line: CommandLine): Promise<number> {
  const { host, file, tokensDir } = await subject(line, "token add <host>");
  const text = readTokens(file) ?? "";
  if (countTokens(text, file) >= TOKENS_PER_HOST) {
    throw new UserError(`${host} has ${TOKENS_PER_HOST} tokens already`, `receiver token revoke ${host} --oldest`);
  }
  const token = `lf_${randomBytes(32).toString("base64url")}`;
  const entry = `# added ${new Date().toISOString()}\nsha256:${hashToken(token).toString("hex")}\n`;
  await writeTokens(file, tokensDir, text === "" || text.endsWith("\n") ? text + entry : `${text}\n${entry}`);
  const use =
    host === OPERATOR
      ? "It reads about all hosts: GET /v1/hosts."
      : `On ${host}, put it into lab-host.toml as [receiver] bearer_token, or into the file that bearer_token_file names.`;
  complain(`receiver: a new token for ${host}; it is shown only now. ${use}\n`);
  try {
    await print(`${token}\n`);
  } catch (error) {
    // Nobody can ever use it.
    await writeTokens(file, tokensDir, text);
    throw new UserError(
      `${errorText(error)}; no token was added`,
      "see that standard output has room",
      EXIT.undelivered,
    );
  }
  return EXIT.ok;
}

/** `token revoke <host> --oldest|--all`. */
export async function tokenRevoke(line: CommandLine): Promise<number> {
  const { host, file, tokensDir } = await subject(line, "token revoke <host> --oldest|--all");
  const all = line.options.all === true;
  if (all === (line.options.oldest === true)) {
    throw new UserError("say which: --oldest or --all", `receiver token revoke ${host} --oldest`);
  }
  const text = readTokens(file);
  const before = text === null ? 0 : countTokens(text, file);
  if (text === null || before === 0) throw new UserError(`${host} has no token`, "receiver token list");
  const after = all ? "" : withoutOldest(text);
  await writeTokens(file, tokensDir, after);
  const left = countTokens(after, file);
  await print(`${host}: ${before - left} revoked, ${left} left\n`);
  return EXIT.ok;
}

/** `token list [--json]`: how many tokens each host has. */
export async function tokenList(line: CommandLine): Promise<number> {
  const { tokensDir } = await loadReceiverConfig(line, openLog("receiver", readLogLevel(line.options)));
  const hosts = listDir(tokensDir)
    .filter(isName)
    .sort()
    .map((host) => ({ host, tokens: countTokens(readTokens(join(tokensDir, host)) ?? "", join(tokensDir, host)) }));
  if (line.options.json === true) await print(`${JSON.stringify({ tokens_dir: tokensDir, hosts })}\n`);
  else if (hosts.length === 0) await print(`no host has a token; make one: receiver token add <host>\n`);
  else for (const { host, tokens } of hosts) await print(`${host}  ${tokens} ${tokens === 1 ? "token" : "tokens"}\n`);
  return EXIT.ok;
}

/** A token file's text without its first token and the comments that stand before it. Pure. */
export function withoutOldest(text: string): string {
  const lines = text.split("\n");
  const oldest = lines.findIndex((line) => line.trim().startsWith("sha256:"));
  return lines.slice(oldest + 1).join("\n");
}

async function subject(line: CommandLine, usage: string): Promise<{ host: string; file: string; tokensDir: string }> {
  const host = line.operands[0];
  if (host === undefined) throw new UserError("which host?", `receiver ${usage}`);
  if (!isName(host)) throw new UserError(`${quoted(host)} is no host name: ${NAME_RULE}`, `receiver ${usage}`);
  const { tokensDir } = await loadReceiverConfig(line, openLog("receiver", readLogLevel(line.options)));
  return { host, tokensDir, file: join(tokensDir, host) };
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

async function writeTokens(file: string, tokensDir: string, text: string): Promise<void> {
  try {
    if (!existsSync(tokensDir)) {
      await makeDir(tokensDir);
      inheritOwner(tokensDir);
    }
    await writeFileDurable(file, text, 0o640);
    inheritOwner(file);
  } catch (error) {
    throw cannot("write", file, error);
  }
}

/** Run by root, a file belongs to whom its directory belongs to: the receiver's own user must be able to read it. */
function inheritOwner(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}

function cannot(what: string, path: string, error: unknown): unknown {
  if (errorCode(error) === null) return error;
  return new UserError(
    `cannot ${what} ${path}: ${quoted(errorText(error))}`,
    "run this as root or as the receiver's user",
  );
}
