// Where the collector's certificate, its key and its authority lie, and how they are read and written: a power cut leaves each file as it
// was or as it is to be, and nobody reads a key who may not.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { closeSync, constants, openSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Authority } from "../../authority/certificates.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { here, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { tryLock } from "../../os/file-calls.ts";
import { whyDiskRefuses } from "../../os/files/disk-refusal.ts";
import { exists } from "../../os/files/files.ts";
import type { Rights } from "../../os/files/owner.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { withSudo } from "../../os/process/as-typed.ts";
import { type AuthorityFiles, authorityBeside } from "../listen/own-authority.ts";
import { readPem } from "../listen/tls-files.ts";
import type { ReceiverConfig } from "../settings.ts";

export interface Places {
  certificate: string;
  key: string;
  authority: AuthorityFiles;
}

/** @throws UserError without [tls], and when two of the four would be one file */
export function placesOf(tls: ReceiverConfig["tls"], config: string): Places {
  if (tls === null)
    throw new UserError(
      `${config} has no [tls]: this receiver speaks plain HTTP, and has no certificate`,
      `put into it: [tls] certificate = "/etc/labfleet/tls/collector.crt", key = "/etc/labfleet/tls/collector.key"`,
    );
  const { certificate, key } = tls;
  const authority = authorityBeside(certificate);
  const all = [certificate, key, authority.certificate, authority.key];
  const twice = all.find((path, i) => all.indexOf(path) !== i);
  if (twice === undefined) return { certificate, key, authority };
  throw new UserError(
    `${twice} would be two files: tls.certificate, tls.key, and ca.crt and ca.key of its authority beside it`,
    "name others in [tls], such as collector.crt and collector.key",
  );
}

/**
 * Makes sure that one at a time is at work on a directory; held until this process ends.
 * @throws UserError when it is not there, or another one is at work
 */
export function lockDirectory(dir: string): void {
  let fd: number;
  try {
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errorCode(error) === "ENOENT")
      throw new UserError(`there is no directory ${dir}`, {
        text: "make it",
        commands: [here("sudo", "install", "-d", "-m", "0750", "-g", "labfleet", dir)],
      });
    throw refused("open", dir, error);
  }
  if (tryLock(fd)) return;
  const fix = inWords("wait for its end, then begin again");
  throw new UserError(`another \`receiver certificate\` is at work in ${dir}`, fix, EXIT.undelivered);
}

/**
 * Refuses a directory in which an authority's key would not be root's alone: whoever rules a directory rules what lies in it.
 * @throws UserError when root is asked to write a key there
 */
export function needOwnDirectory(dir: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, mode } = statSync(dir);
  if (uid !== 0)
    throw new UserError(`${dir} does not belong to root: whoever it belongs to could put another authority there`, {
      text: "give it to root",
      commands: [here("sudo", "chown", "root", dir)],
    });
  if ((mode & 0o022) !== 0)
    throw new UserError(`others than root may write in ${dir}, and could put another authority there`, {
      text: "take that from them",
      commands: [here("sudo", "chmod", "go-w", dir)],
    });
}

/** @throws UserError where we may not even look */
export async function isThere(path: string): Promise<boolean> {
  try {
    return await exists(path);
  } catch (error) {
    throw refused("look at", path, error);
  }
}

/**
 * Reads an authority whose files are there.
 * @throws UserError when they cannot be read, do not belong together, or are no authority's
 */
export function readAuthority({ certificate, key }: AuthorityFiles): Authority {
  const elsewhere = "put the authority's files there again, ca.crt and ca.key, from your backup";
  const texts = {
    certificate: readPem("the authority's certificate", certificate, "certificate", { elsewhere }),
    privateKey: readAuthorityKey(key, elsewhere),
  };
  const parsed = new X509Certificate(texts.certificate);
  if (!parsed.ca)
    throw new UserError(`${certificate} is not the certificate of an authority (CA:TRUE is not said in it)`, elsewhere);
  if (!parsed.checkPrivateKey(createPrivateKey(texts.privateKey)))
    throw new UserError(`${key} is not the key of the authority ${certificate}`, elsewhere);
  return texts;
}

/** @param elsewhere what is to be done when it is another file @throws UserError when it cannot be used */
export function readAuthorityKey(path: string, elsewhere: string): string {
  return readPem("the authority's key", path, "key", { elsewhere, locked: "nobody is asked for its password" });
}

/** Of root alone. */
export function secretRights(): Rights {
  return { ...self(), mode: 0o600 };
}

/** For whoever the directory's group is, as the service's user is of it; of a person without root, that person's alone. */
export function servedKeyRights(path: string): Rights {
  const { uid, gid } = self();
  return { uid, gid: uid === 0 ? statSync(dirname(path)).gid : gid, mode: 0o640 };
}

export function publicRights(): Rights {
  return { ...self(), mode: 0o644 };
}

/** Those of the file that is replaced. */
export function sameRights(path: string): Rights {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode: mode & 0o777 };
}

function self(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** @throws UserError when it cannot be written; then nothing is left of it */
export function write(path: string, text: string, rights: Rights): void {
  try {
    closeSync(replaceDurable(path, text, { rights }));
  } catch (error) {
    throw refused("write", path, error);
  }
}

/** What the machine refused, as a sentence: who is not root begins with sudo, and a disk says what is wrong with it. */
function refused(what: string, path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === null) return error;
  const isOfRights = code === "EACCES" || code === "EPERM";
  if (isOfRights && process.geteuid?.() !== 0)
    return new UserError(`cannot ${what} ${path}: ${quoted(errorText(error))}`, withSudo());
  const why = whyDiskRefuses(dirname(path), code);
  return new UserError(`cannot ${what} ${basename(path)}: ${why.what}`, why.fix, EXIT.undelivered);
}
