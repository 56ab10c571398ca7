// `receiver enrol`: makes a code with which a new host gets its token, and prints the line that a person copies to that host.

import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { CODE_BYTES, codeOf } from "../../contract/enrolment.ts";
import type { Code } from "../../contract/enrolment-code.ts";
import { isName, NAME_RULE } from "../../contract/names.ts";
import { dataPaths } from "../../contract/places.ts";
import { isoWall } from "../../core/clock.ts";
import { EXIT } from "../../core/exit.ts";
import { errorText, UserError } from "../../core/failure.ts";
import { byCommands, here } from "../../core/finding.ts";
import { urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { formatSeconds, parseSeconds } from "../../core/text/quantity.ts";
import { complain, isOutputNowhere, print } from "../../os/answer.ts";
import { namesIn, readIfExists } from "../../os/files/files.ts";
import { servedName } from "../../release/shelf.ts";
import type { Call } from "../../runtime/tool.ts";
import { needDataRoot } from "../disk/data-root.ts";
import { dropCode, dropUnusedOf, pruneCodes, writeCode } from "../enrolment/codes.ts";
import { decideEnrolment } from "../enrolment/decide.ts";
import { closedTokens } from "../enrolment/enrolling.ts";
import { enrolLine, type Line } from "../enrolment/line.ts";
import { certificateNames, ownNames } from "../enrolment/own-names.ts";
import { hostNames } from "../heartbeats/latest-file.ts";
import { authorityBeside, isIssuedBy } from "../listen/own-authority.ts";
import { loadReceiverConfig } from "../load.ts";
import type { ReceiverConfig } from "../settings.ts";

const DEFAULT_FOR = "1h";
const MOST_S = 30 * 86_400;

/** The code's line is all of stdout. */
export async function enrolCommand(call: Call): Promise<number> {
  const { host, replace, url, for: span = DEFAULT_FOR } = call.line.options;
  const config = await loadReceiverConfig(call);
  needTokens(config);
  const name = typeof host === "string" ? host : null;
  if (name === null && replace === true)
    throw new UserError("--replace: say which host", "receiver enrol --host lab1 --replace");
  const forS = parseSeconds(String(span));
  if (forS === null || forS > MOST_S)
    throw new UserError(`--for: found ${quoted(String(span))}, expected a time such as 1h or 2d, of at most 30d`);
  if (isOutputNowhere()) throw notShown("standard output is closed, or /dev/null, and the line is shown only once");
  const line = await lineOf(config, typeof url === "string" ? url : null);
  needDataRoot(config.dataRoot);
  needRoomForTokens(config);
  const nowMs = Date.now();
  const made: Code = {
    ...{ made_at: isoWall(nowMs), until: isoWall(nowMs + forS * 1000) },
    ...{ host: name, replaces: replace === true, used: null },
  };
  if (name !== null) await needFree(config, made, name, nowMs);
  const dir = dataPaths(config.dataRoot).enrolment;
  await pruneCodes(dir, nowMs);
  if (name !== null) await dropUnusedOf(dir, name);
  const code = codeOf(randomBytes(CODE_BYTES));
  await writeCode(dir, code, made);
  const whom = name ?? "a new host, which says its name with --host (else it is the machine's own)";
  complain(`receiver: a code for ${whom}; it is good once, for ${formatSeconds(forS)}. Copy this line to the host:\n`);
  // What nobody has seen, nobody can ever use.
  let isShown: boolean;
  try {
    isShown = await print(`${enrolLine({ ...line, host: name, code })}\n`);
  } catch (error) {
    await dropCode(dir, code);
    throw notShown(errorText(error));
  }
  if (isShown) return EXIT.ok;
  await dropCode(dir, code);
  throw notShown("whoever reads standard output has gone");
}

function notShown(why: string): UserError {
  const fix = "let a terminal, or a file that has room, have standard output";
  return new UserError(`${why}; no code was made`, fix, EXIT.undelivered);
}

/** @throws UserError: a code would be of no use */
function needTokens({ requireToken, tls }: ReceiverConfig): void {
  if (!requireToken)
    throw new UserError("no host needs a token here: [auth] require_token is false", "install it without a code");
  if (tls?.clientCa != null)
    throw new UserError(
      "a host has to show a certificate before it is heard here ([tls] client_ca), and a code gives it none",
      "issue it a certificate, and make its token with receiver token add",
    );
}

/** Whoever owns the data root is whom the receiver runs as. @throws UserError: it could add no token, and the code would be of no use */
function needRoomForTokens({ tokensDir, dataRoot }: ReceiverConfig): void {
  const found = statSync(tokensDir, { throwIfNoEntry: false });
  const { uid, gid } = statSync(dataRoot);
  const isOpen = (stats: Stats): boolean => {
    const needed = stats.uid === uid ? 0o200 : stats.gid === gid ? 0o020 : 0o002;
    return uid === 0 || (stats.mode & needed) !== 0;
  };
  const code = found === undefined ? "ENOENT" : !found.isDirectory() ? "ENOTDIR" : isOpen(found) ? null : "EACCES";
  if (code === null) return;
  const { what, fix } = closedTokens(tokensDir, code);
  throw new UserError(`the receiver ${what}; no code was made`, fix, EXIT.undelivered);
}

/** @throws UserError: the name is none, or somebody's */
async function needFree(
  { tokensDir, dataRoot, tls }: ReceiverConfig,
  made: Code,
  host: string,
  nowMs: number,
): Promise<void> {
  if (!isName(host)) throw new UserError(`--host: found ${quoted(host)}, expected ${NAME_RULE}`);
  const { episodes, heartbeats } = dataPaths(dataRoot);
  const seen = [...(await namesIn(tokensDir)), ...(await namesIn(episodes)), ...(await hostNames(heartbeats))];
  const hosts = seen.filter(isName);
  const names = { hosts, own: ownNames(tls?.certificate ?? null) };
  const decided = decideEnrolment(made, { host_id: host, token_sha256: "" }, nowMs, names);
  if (decided.kind !== "refused") return;
  const replace = byCommands(here("sudo", "receiver", "enrol", "--host", host, "--replace"));
  const again = {
    ...replace,
    text: "another --host; or, for a machine that takes its place, after which the old one is refused",
  };
  throw new UserError(decided.detail, hosts.includes(host) ? again : "another --host");
}

/** By which URL hosts reach it, whom they are to trust, and the script that they are to run. @throws UserError: no name is known */
async function lineOf(
  { tls, listen, releasesDir }: ReceiverConfig,
  said: string | null,
): Promise<Omit<Line, "host" | "code">> {
  const fault = said === null ? null : urlFault(said);
  if (said !== null && fault !== null) throw new UserError(`--url: found ${quoted(said)}, expected ${fault}`);
  const [name] = tls === null ? [] : certificateNames(tls.certificate);
  if (said === null && name === undefined)
    throw new UserError("by which address hosts reach this collector is not known", "--url https://collector.wg:8443");
  const host = name?.includes(":") ? `[${name}]` : name;
  const served = await servedName(releasesDir);
  const script = served === null ? null : await readIfExists(join(releasesDir, served, "install.sh"));
  return {
    url: said?.replace(/\/+$/, "") ?? `https://${host}:${listen.port}`,
    authority: tls === null ? null : await fingerprintOf(tls.certificate),
    script: script === null ? null : createHash("sha256").update(script).digest("hex"),
  };
}

/** Null: it was issued by somebody whom everybody knows, or by nobody whose certificate is here. */
async function fingerprintOf(certificate: string): Promise<string | null> {
  const beside = authorityBeside(certificate).certificate;
  const [of, by] = [await readIfExists(certificate), await readIfExists(beside)];
  if (of === null || by === null) return null;
  try {
    return isIssuedBy(of, by) ? new X509Certificate(by).fingerprint256.replaceAll(":", "").toLowerCase() : null;
  } catch (error) {
    throw new UserError(`${beside} is no certificate: ${quoted(errorText(error))}`, "put the authority's there again");
  }
}
