// What mends a token or a certificate file that cannot be used, by what is wrong with it. Pure.

import { type Mendable, onHost } from "../../core/finding.ts";
import { addToken, giveToken } from "../../core/linux/token-fix.ts";
import { asPem, bothPublicKeys, withoutPassword } from "../../core/pem-fix.ts";
import type { Access } from "../../os/files/access.ts";
import type { CredentialFault, CredentialKey } from "../credentials.ts";
import type { Asked } from "./explain.ts";

/** Which host, for the collector's command; and its other files. */
export type Who = Pick<Asked, "hostId" | "receiver">;

type Say = (fault: CredentialFault & { path: string }, who: Who) => Mendable;

/** What each file should hold, to stand in a sentence. */
const HOLDS: Readonly<Record<CredentialKey, string>> = {
  ca_bundle: "the certificate of the authority that issued the receiver's, as PEM",
  client_cert: "this host's certificate, as PEM",
  client_key: "the private key of this host's certificate, as PEM",
  bearer_token_file: "the host's token",
  bearer_token: "the host's token",
};

/** `receiver.ca_bundle /etc/labfleet/tls/ca.crt`. */
function nameOf({ key, path }: CredentialFault): string {
  return `receiver.${key} ${path ?? ""}`.trimEnd();
}

const namesAnother = (what: string): Say => {
  return (fault) => ({
    what: `${nameOf(fault)} ${what}`,
    fix: { text: `name a file there that holds ${HOLDS[fault.key]}`, commands: [] },
  });
};

const TABLE: Readonly<Record<CredentialFault["problem"], Say>> = {
  absent: (fault, who) => {
    const { path, access } = fault;
    if (fault.key === "bearer_token_file")
      return { what: `${nameOf(fault)} is not there`, fix: newToken(path, access, who) };
    const text = `put ${HOLDS[fault.key]}, there, or name in receiver.${fault.key} where it lies`;
    return { what: `${nameOf(fault)} is not there`, fix: { text, commands: [] } };
  },
  unreadable: (fault) => {
    const { access, code } = fault;
    if (access === null || (code !== "EACCES" && code !== "EPERM")) {
      const look = onHost("sudo", "dmesg", "--level=err,warn");
      return {
        what: `${nameOf(fault)} cannot be read: ${code}`,
        fix: { text: "look at the disk it lies on", commands: [look] },
      };
    }
    const { path, owner, group, mode, user, isDirectory } = access;
    const which = isDirectory ? `the directory ${path}` : "it";
    return {
      what: `${nameOf(fault)} cannot be read by user ${user}: ${which} belongs to ${owner}:${group}, mode ${mode}`,
      fix: opened(fault, access),
    };
  },
  "no-file": namesAnother("is no regular file"),
  "too-large": namesAnother("is larger than 1 MiB"),
  slow: (fault) => ({
    what: `${nameOf(fault)} could not be read in time: its disk gives no answer`,
    fix: { text: "look at the mount it lies on", commands: [onHost("findmnt", "--target", fault.path)] },
  }),
  stopped: (fault) => ({ what: `${nameOf(fault)} was not read: stopped`, fix: { text: "nothing", commands: [] } }),
  empty: (fault, who) => {
    if (fault.key.startsWith("bearer_token"))
      return { what: `${nameOf(fault)} is empty`, fix: newToken(fault.path, fault.access, who) };
    return namesAnother("is empty")(fault, who);
  },
  "no-token": (fault, who) => ({
    what: `${nameOf(fault)} holds no token: it has blanks, several lines or characters that no header can carry`,
    fix: newToken(fault.path, fault.access, who),
  }),
  "no-pem": namesAnother("holds no PEM text"),
  der: (fault) => ({
    what: `${nameOf(fault)} is DER, and PEM is needed`,
    fix: { text: "write it as PEM", commands: asPem(fault.path, fault.key === "client_key" ? "key" : "certificate") },
  }),
  key: namesAnother("holds a private key and no certificate"),
  certificate: namesAnother("holds a certificate and no private key"),
  request: namesAnother("holds a request for a certificate, which nobody has signed yet"),
  "public-key": namesAnother("holds a public key"),
  broken: (fault) => ({
    what: `${nameOf(fault)} is damaged: what stands between its BEGIN and END cannot be read`,
    fix: { text: `put ${HOLDS[fault.key]}, there again`, commands: [onHost(...inspect(fault))] },
  }),
  mismatch: (fault, { receiver: { clientCert } }) => ({
    what: `receiver.client_cert ${clientCert} and ${nameOf(fault)} do not belong together`,
    fix: {
      text: "name the key that this certificate was made for; both must show the same",
      commands: bothPublicKeys(clientCert ?? "", fault.path),
    },
  }),
  encrypted: (fault) => ({
    what: `${nameOf(fault)} is encrypted, and a daemon has nobody who types its password`,
    fix: { text: "take the password off", commands: withoutPassword(fault.path) },
  }),
};

function inspect({ key, path }: CredentialFault & { path: string }): string[] {
  return ["sudo", "openssl", key === "client_key" ? "pkey" : "x509", "-in", path, "-noout", "-text"];
}

/** A token is shown once, by the command that makes it: its file is written from the terminal. */
export function newToken(path: string | null, access: Access | null, { hostId }: Pick<Who, "hostId">): Mendable["fix"] {
  if (path === null || path === "")
    return {
      text: "make one, and put it into a file that receiver.bearer_token_file names",
      commands: [addToken(hostId)],
    };
  // Root may look on behalf of the service, which reads the token by its group.
  const isOwn = access !== null && access.ownGroup !== "root";
  const place = { path, ...(isOwn && { group: access.ownGroup }) };
  return giveToken("make one, paste it into this command and end it with Ctrl-D", hostId, place);
}

/** Directories outside /etc are closed for reasons of their own (/root, a home, ProtectHome=): the file moves instead. */
function opened(
  fault: CredentialFault & { path: string },
  { path, isDirectory, ownGroup, group, user }: Access,
): Mendable["fix"] {
  if (isDirectory && !`${path}/`.startsWith("/etc/")) {
    const place = `/etc/labfleet/${fault.path.split("/").at(-1)}`;
    return {
      text: `copy it to where ${user} can read it, and name ${place} in receiver.${fault.key}`,
      commands: [onHost("sudo", "install", "-m", "0640", "-g", ownGroup, fault.path, place)],
    };
  }
  const join = group === ownGroup ? [] : [onHost("sudo", "chgrp", ownGroup, path)];
  return { text: `let ${user} in`, commands: [...join, onHost("sudo", "chmod", isDirectory ? "g+x" : "g+r", path)] };
}

/** A token in the configuration itself has no path: only what can be wrong with its text is said of it. */
export function explainCredential(fault: CredentialFault, who: Who): Mendable {
  return TABLE[fault.problem]({ ...fault, path: fault.path ?? "" }, who);
}
