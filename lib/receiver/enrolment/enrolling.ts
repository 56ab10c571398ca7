// Gives a host its token for a code. The code counts as used, on the disk, before the token does: a kill between leaves a host without a
// token, who asks again with the same hash, and never two hosts with one code.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import type { EnrolRequest } from "../../contract/enrolment.ts";
import { type Code, usedTwice } from "../../contract/enrolment-code.ts";
import { isName } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, type Fix, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { failpoint } from "../../os/failpoint.ts";
import { namesIn, readIfExists, writeFileDurable } from "../../os/files/files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { parseTokenFile, TOKENS_PER_HOST } from "../access/auth.ts";
import { entryOf } from "../access/token-file.ts";
import { type Refusal, refuse } from "../decide.ts";
import { dropUnusedOf, findCode, writeCode } from "./codes.ts";
import { decideEnrolment, type Names, usedBy } from "./decide.ts";

export interface EnrollingDeps {
  /** Where the codes lie. */
  codesDir: string;
  tokensDir: string;
  /** Of hosts that have episodes, or a heartbeat. */
  seenHosts: () => Promise<readonly string[]>;
  /** The collector's own names. */
  ownNames: () => readonly string[];
  log: Pick<Log, "info" | "error">;
  nowMs: () => number;
}

/** Rejects as the system does. @param remote who asks, for the log */
export type Enrol = (request: EnrolRequest, remote: string) => Promise<"enrolled" | "would" | Refusal>;

/** One after the other: two that use a code at once are a first and a second. */
export function openEnrolling(deps: EnrollingDeps): Enrol {
  let last: Promise<unknown> = Promise.resolve();
  return (request, remote) => {
    const mine = last.then(() => enrol(deps, request, remote));
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function enrol(deps: EnrollingDeps, request: EnrolRequest, remote: string): ReturnType<Enrol> {
  const { codesDir, tokensDir, log } = deps;
  const { host_id: host, token_sha256: hash } = request;
  const code = await findCode(codesDir, request.code);
  const decided = decideEnrolment(code, request, deps.nowMs(), await namesOf(deps));
  if (decided.kind === "refused") {
    const isTwice = decided.reason === "code-used" && code?.used != null;
    if (isTwice && !request.dry_run && code.again === undefined) await noteUsedTwice(deps, request.code, code, remote);
    return decided;
  }
  const closed = await whyClosed(deps);
  if (closed !== null || request.dry_run) return closed ?? "would";
  const file = join(tokensDir, host);
  const own = await readOwn(deps, file);
  if ("kind" in own) return own;
  if (own.hashes.includes(hash)) return "enrolled";
  if (code?.added === true)
    return refuse("code-used", `this code was used, and the token that ${host} got for it was taken away since`);
  if (!decided.replaces && own.hashes.length >= TOKENS_PER_HOST)
    return refuse("host-exists", `${host} has ${TOKENS_PER_HOST} tokens already`);
  const used = code === null || decided.kind === "known" ? code : usedBy(code, request, deps.nowMs());
  if (used !== null && used !== code) await writeCode(codesDir, request.code, used);
  failpoint("receiver.enrol.used");
  const entry = entryOf(hash, deps.nowMs());
  await writeFileDurable(file, decided.replaces ? entry : withEntry(own.text, entry), 0o640);
  if (used !== null) await writeCode(codesDir, request.code, { ...used, added: true });
  await dropUnusedOf(codesDir, host);
  log.info(`enrolled ${host}${decided.replaces ? ", in place of the machine that had this name" : ""}`, { remote });
  return "enrolled";
}

/** The host's own file, as it is without this token. Rejects as the disk does. */
async function readOwn(
  { log }: EnrollingDeps,
  file: string,
): Promise<{ text: string; hashes: readonly string[] } | Refusal> {
  let why: string;
  try {
    const text = (await readIfExists(file)) ?? "";
    return { text, hashes: parseTokenFile(text).map((each) => each.toString("hex")) };
  } catch (error) {
    const code = errorCode(error);
    if (code !== null && !["EISDIR", "EINVAL", "EFBIG", "EACCES"].includes(code)) throw error;
    why = errorText(error);
  }
  log.error({
    what: `cannot use token file ${file}: ${quoted(why)}`,
    fix: { text: "put it aside", commands: [here("sudo", "mv", "-T", file, `${file}.before`)] },
  });
  return refuse("tokens-unreadable", "the receiver cannot read this host's token file", { retryAfterS: 60 });
}

/** Whether a token could be added now; null: yes. A code that is used up by one that could not be would be lost. */
async function whyClosed({ tokensDir, log }: EnrollingDeps): Promise<Refusal | null> {
  try {
    await access(tokensDir, constants.W_OK);
    return null;
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    log.error(closedTokens(tokensDir, code));
    return refuse("tokens-closed", `the receiver may not add tokens (${code}); its log says what mends it`, {
      retryAfterS: 60,
    });
  }
}

/** Why the receiver can add no token, by what the system says. */
export function closedTokens(tokensDir: string, code: string): Finding {
  const open = byCommands(here("sudo", "chmod", "g+w", tokensDir));
  const restart = byCommands(here("sudo", "systemctl", "restart", "labfleet-receiver"));
  const unit = { ...restart, text: "its unit opens that directory where it is there at the start" };
  const make = byCommands(
    here("sudo", "install", "-d", "-m", "2770", "-g", "labfleet", tokensDir),
    ...restart.commands,
  );
  const fixes: Readonly<Record<string, Fix>> = { EROFS: unit, ENOENT: { ...make, text: "make it" } };
  const fix = fixes[code] ?? { ...open, text: "let the receiver write there" };
  return { what: `cannot add a token below ${tokensDir} (${code})`, fix };
}

function withEntry(text: string, entry: string): string {
  return text === "" || text.endsWith("\n") ? text + entry : `${text}\n${entry}`;
}

async function namesOf({ tokensDir, seenHosts, ownNames }: EnrollingDeps): Promise<Names> {
  // One whose tokens were all revoked has a file, too: its name is not free.
  const withToken = (await namesIn(tokensDir)).filter(isName);
  return { hosts: [...new Set([...withToken, ...(await seenHosts())])], own: ownNames() };
}

/**
 * Somebody has seen the code who should not have: the first to use it may have been the wrong one. It is said once, and stands in the code's
 * file, from which the health check tells it.
 */
async function noteUsedTwice(
  { codesDir, log, nowMs }: EnrollingDeps,
  text: string,
  code: Code,
  remote: string,
): Promise<void> {
  const again = { at: isoWall(nowMs()), remote };
  log.error(usedTwice(code.used?.host ?? "", again));
  await writeCode(codesDir, text, { ...code, again });
}
