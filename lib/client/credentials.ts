// What a host shows the receiver: token and certificates, read afresh each time, so that a renewed one needs no restart.
// Only regular files, behind links too, and never for longer than allowed: a dead mount must not silence a daemon. What is
// wrong is told as facts; what mends it is in client/failures/credential-failures.ts.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { type PemFault, pemFault } from "../core/pem.ts";
import { type Access, accessTo } from "../os/files/access.ts";
import type { TlsFiles } from "./upload.ts";

export interface Credentials {
  token: string | null;
  tls: TlsFiles;
}

export type CredentialKey = "ca_bundle" | "client_cert" | "client_key" | "bearer_token_file" | "bearer_token";

export interface CredentialFault {
  key: CredentialKey;
  /** Null: it stands in the configuration itself. */
  path: string | null;
  /**
   * `slow`: its disk gave no answer in time; `unreadable`: `code` says why; `no-token`: characters that no header can carry;
   * `broken`: what stands between the labels is none; `mismatch`: the key is another certificate's; `stopped`: by the signal.
   */
  problem:
    | "absent"
    | "unreadable"
    | "no-file"
    | "too-large"
    | "slow"
    | "empty"
    | "no-token"
    | "broken"
    | "mismatch"
    | "stopped"
    | PemFault;
  code: string | null;
  /** Where reading ended and who may go on; null where that is not the point. */
  access: Access | null;
}

/** Thrown when a credential cannot be had. Its message names setting and file, never a secret. */
export class CredentialError extends Error {
  override name = "CredentialError";
  constructor(readonly fault: CredentialFault) {
    super(`cannot use receiver.${fault.key}${fault.path === null ? "" : ` ${fault.path}`}: ${wordOf(fault)}`);
  }
}

function wordOf({ problem, code }: CredentialFault): string {
  return code === null ? problem : `${problem} (${code})`;
}

export interface ReadLimits {
  /** Milliseconds that all of it may take; 10 s if left out. */
  deadlineMs?: number;
  signal?: AbortSignal;
  /** How a file is read, for tests: no disk hangs at will. */
  readFile?: (path: string) => Promise<string>;
}

const DEADLINE_MS = 10_000;
/** A bundle of all public authorities is a quarter of that. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the files that [receiver] names.
 * @throws CredentialError
 */
export async function readCredentials(receiver: ReceiverEndpoint, limits: ReadLimits = {}): Promise<Credentials> {
  const { bearerTokenFile } = receiver;
  const end = endOf(limits);
  try {
    const read = async (key: CredentialKey, path: string | null): Promise<string | null> =>
      path === null ? null : readCredential(key, path, readOnce(path, limits.readFile), end.reached);
    const files = [
      read("ca_bundle", receiver.caBundle),
      read("client_cert", receiver.clientCert),
      read("client_key", receiver.clientKey),
      read("bearer_token_file", bearerTokenFile),
    ] as const;
    // All of them first: of two faults always the same one is said.
    await Promise.allSettled(files);
    const [ca, cert, key, tokenText] = await Promise.all(files);
    const token = tokenText?.trim() ?? receiver.bearerToken;
    if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
      const key = tokenText === null ? "bearer_token" : "bearer_token_file";
      throw fault(key, tokenText === null ? null : bearerTokenFile, token === "" ? "empty" : "no-token");
    }
    return { token, tls: { ca, cert, key, verify: receiver.verifyTls } };
  } finally {
    end.forget();
  }
}

function fault(
  key: CredentialKey,
  path: string | null,
  problem: CredentialFault["problem"],
  code: string | null = null,
): CredentialError {
  const isRefused = path !== null && (problem === "absent" || problem === "unreadable");
  return new CredentialError({ key, path, problem, code, access: isRefused ? accessTo(path) : null });
}

async function readCredential(
  key: CredentialKey,
  path: string,
  reading: Promise<string>,
  end: Promise<Ended>,
): Promise<string> {
  let text: string | Ended;
  try {
    text = await Promise.race([end, reading]);
  } catch (error) {
    if (error instanceof NoFile) throw fault(key, path, error.problem);
    const code = errorCode(error) ?? errorText(error);
    throw fault(key, path, code === "ENOENT" ? "absent" : "unreadable", code);
  }
  if (typeof text !== "string") throw fault(key, path, text.why);
  if (key === "bearer_token_file") return text;
  const wrong = text.trim() === "" ? "empty" : pemFault(text, key === "client_key" ? "key" : "certificate");
  if (wrong !== null) throw fault(key, path, wrong);
  return text;
}

interface Ended {
  why: "slow" | "stopped";
}

/** Reads under way: one that hangs in the kernel holds a thread, and shall not be joined by one with each try. */
const underWay = new Map<string, Promise<string>>();

function readOnce(path: string, readFile = readRegular): Promise<string> {
  const begun = underWay.get(path);
  if (begun !== undefined) return begun;
  const reading = readFile(path).finally(() => underWay.delete(path));
  underWay.set(path, reading);
  return reading;
}

class NoFile extends Error {
  constructor(readonly problem: "no-file" | "too-large") {
    super(problem);
  }
}

async function readRegular(path: string): Promise<string> {
  // With O_NONBLOCK a pipe is opened at once, and then seen to be one.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new NoFile("no-file");
    if (stats.size > MAX_BYTES) throw new NoFile("too-large");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Resolves at the deadline or by the signal; `forget` it once nobody waits for it any more. */
function endOf({ deadlineMs = DEADLINE_MS, signal }: ReadLimits): { reached: Promise<Ended>; forget: () => void } {
  const { promise: reached, resolve } = Promise.withResolvers<Ended>();
  const timer = setTimeout(() => resolve({ why: "slow" }), deadlineMs);
  const onAbort = (): void => resolve({ why: "stopped" });
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted === true) onAbort();
  const forget = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
  return { reached, forget };
}
