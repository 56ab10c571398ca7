// How long the collector's own certificate holds, and what is said before it is too late: whoever is past it sees no more of its
// hosts than connections that hang up. What is wrong is decided by arguments alone.

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { shortTime } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import type { Command, Finding, Fix } from "../../core/finding.ts";
import { formatSeconds } from "../../core/text/quantity.ts";

/** Said so long before the end: time enough for whoever has to ask somebody else for a new one. */
export const SOON_MS = 14 * 86_400_000;

export interface CertificateLife {
  file: string;
  fromMs: number;
  toMs: number;
}

export interface CertificateFinding extends Finding {
  reason: "expired" | "expires-soon" | "not-yet-valid";
}

/** When all certificates of a PEM text hold: its own, and those of the chain that is sent with it. */
export function lifeOf(file: string, pem: string): CertificateLife {
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[\s\S]*?-----END \1-----/g) ?? [pem];
  const all = blocks.map((block) => new X509Certificate(block));
  return {
    file,
    fromMs: Math.max(...all.map(({ validFrom }) => Date.parse(validFrom))),
    toMs: Math.min(...all.map(({ validTo }) => Date.parse(validTo))),
  };
}

/** What a file holds now; null: nothing that we can read, or no certificate. */
export function readLife(file: string): CertificateLife | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
  try {
    return lifeOf(file, text);
  } catch {
    return null; // It may be half written; whoever reads it for use says what is wrong with it.
  }
}

/**
 * What is wrong with the certificate that is in use; null: nothing yet.
 * @param inFile what its file holds now, which may be newer; null: not known
 * @param renewal what renews it (own-authority.ts)
 */
export function certificateTrouble(
  used: CertificateLife,
  inFile: CertificateLife | null,
  nowMs: number,
  renewal: (file: string, nowMs: number) => Fix,
): CertificateFinding | null {
  const found = whatIsWrong(used, nowMs);
  if (found === null) return null;
  if (inFile !== null && whatIsWrong(inFile, nowMs) === null) {
    const text = `its file holds one until ${timeText(inFile.toMs)} already: let the receiver read it`;
    return { ...found, fix: { text, commands: [RELOAD] } };
  }
  const { text, commands } = renewal(used.file, nowMs);
  return { ...found, fix: { text: `${found.reason === "not-yet-valid" ? CLOCK : ""}${text}`, commands } };
}

const CLOCK = "set this machine's clock if it is wrong (sudo timedatectl set-ntp true), else ";
/** What lets the receiver read its certificate anew. */
export const RELOAD: Command = { argv: ["sudo", "systemctl", "reload", "labfleet-receiver"], on: "collector" };

function whatIsWrong({ file, fromMs, toMs }: CertificateLife, nowMs: number): Omit<CertificateFinding, "fix"> | null {
  const what = `tls.certificate ${file}`;
  if (toMs <= nowMs)
    return {
      reason: "expired",
      what: `${what} was valid until ${timeText(toMs)}, ${ago(nowMs - toMs)} ago: no host takes this receiver for what it is, and none gets through`,
    };
  if (fromMs > nowMs)
    return {
      reason: "not-yet-valid",
      what: `${what} is valid from ${timeText(fromMs)} on, and this machine's clock says ${timeText(nowMs)}: no host gets through before`,
    };
  if (toMs - nowMs > SOON_MS) return null;
  return {
    reason: "expires-soon",
    what: `${what} is valid until ${timeText(toMs)}, ${ago(toMs - nowMs)} from now: then no host gets through any more`,
  };
}

/** `2026-05-01 06:37 UTC` */
export function timeText(ms: number): string {
  return `${shortTime(new Date(ms).toISOString())} UTC`;
}

/** As coarse as it matters: days and hours, or less of the last hour. */
function ago(ms: number): string {
  const unitS = ms >= 3_600_000 ? 3600 : 60;
  return formatSeconds(Math.max(unitS, Math.floor(ms / 1000 / unitS) * unitS));
}
