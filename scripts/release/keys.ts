// The two keys of a fleet: one signs releases, the other lies in a drawer and mends what goes wrong with the first. What is public of
// them is compiled into each tool, so whoever builds labfleet for a fleet of his own makes them once.

import { chmodSync, closeSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isCancel, password } from "@clack/prompts";
import { UserError } from "../../lib/core/failure.ts";
import { replaceDurable } from "../../lib/os/files/sync-files.ts";
import { ROOT } from "../checkout.ts";
import { formatSecretKey, isEncrypted, newKey, parseSecretKey, publicText, type SecretKey } from "./secret-key.ts";

/** What the tools carry; its values are the second lines of public keys. */
export const PUBLIC_KEYS = join(ROOT, "lib/contract/release-keys.json");
export const KEY_DIR = join(homedir(), ".labfleet-keys");
const NAMES = ["release", "recovery"] as const;
/** For whoever signs without a terminal. */
const PASSWORD = "LABFLEET_RELEASE_PASSWORD";

/** Makes both, and takes over no key that is there. @throws UserError */
export async function makeKeys(dir: string, isHidden: boolean): Promise<void> {
  const paths = NAMES.map((name) => join(dir, `${name}.key`));
  for (const path of paths)
    if (existsSync(path)) throw new UserError(`${path} is there already`, `keep it, or make others with --out DIR`);
  const secret = isHidden ? await askTwice("a password for both keys") : null;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const texts = NAMES.map((name, i) => {
    const key = newKey();
    keep(paths[i] ?? "", formatSecretKey(key, secret), 0o600);
    keep(join(dir, `${name}.pub`), publicText(key), 0o644);
    return [name, lineOf(key)] as const;
  });
  // Last: what is committed has a key that is on the disk.
  keep(PUBLIC_KEYS, `${JSON.stringify(Object.fromEntries(texts), null, 2)}\n`, 0o644);
  console.log(`made ${paths.join(" and ")}
${PUBLIC_KEYS} holds what is public of them: commit it, whatever checks a release is built with it
put recovery.key where no machine reads it, and release.key on no collector`);
}

/** After a power cut, too. */
function keep(path: string, text: string, mode: number): void {
  closeSync(replaceDurable(path, text, { mode }));
}

/** @throws UserError: it is not there, or cannot be read */
export async function openKey(path: string): Promise<SecretKey> {
  if (!existsSync(path)) throw new UserError(`there is no key ${path}`, "bun run release keygen");
  const text = readFileSync(path, "utf8");
  const key = parseSecretKey(text, path, isEncrypted(text, path) ? await ask(`the password of ${path}`) : null);
  const known = Object.values(JSON.parse(readFileSync(PUBLIC_KEYS, "utf8")));
  if (known.includes(lineOf(key))) return key;
  throw new UserError(
    `${path} is none of the keys in ${PUBLIC_KEYS}: no tool of this release would take the next one`,
    "sign with one of those, or commit the new ones that bun run release keygen makes",
  );
}

function lineOf(key: SecretKey): string {
  return publicText(key).trim().split("\n").at(-1) ?? "";
}

/** @throws UserError: nobody is there to ask, or nobody answers */
async function ask(what: string): Promise<string> {
  const given = process.env[PASSWORD];
  if (given === "") throw new UserError(`${PASSWORD} is empty`, "say --no-password where there is to be none");
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) throw new UserError(`${what} is needed, and this is no terminal`, `set ${PASSWORD}`);
  const answer = await password({ message: what });
  if (isCancel(answer) || answer === undefined || answer === "") throw new UserError("nothing was made: no password");
  return answer;
}

/** A password that was mistyped opens nothing any more. @throws UserError */
async function askTwice(what: string): Promise<string> {
  const first = await ask(what);
  if (process.env[PASSWORD] === undefined && (await ask("the same once more")) !== first)
    throw new UserError("nothing was made: the second password is another");
  return first;
}
