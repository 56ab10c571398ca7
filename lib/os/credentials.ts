// What a tool shows the receiver: token and certificates, read afresh each time, so that a renewed one needs no restart.
// Only regular files, behind links too, and never for longer than allowed: a dead mount must not silence a daemon.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errorCode, errorText } from "../core/failure.ts";
import type { ReceiverEndpoint } from "../core/types.ts";
import type { TlsFiles } from "./upload.ts";

export interface Credentials {
  token: string | null;
  tls: TlsFiles;
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
 * @throws Error with a sentence that names the setting and its file
 */
export async function readCredentials(receiver: ReceiverEndpoint, limits: ReadLimits = {}): Promise<Credentials> {
  const { bearerTokenFile } = receiver;
  const end = endOf(limits);
  try {
    const read = async (key: string, path: string | null): Promise<string | null> =>
      path === null ? null : readCredential(key, path, readOnce(path, limits.readFile), end.reached);
    const [ca, cert, key, tokenText] = await Promise.all([
      read("ca_bundle", receiver.caBundle),
      read("client_cert", receiver.clientCert),
      read("client_key", receiver.clientKey),
      read("bearer_token_file", bearerTokenFile),
    ]);
    const token = tokenText?.trim() ?? receiver.bearerToken;
    if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
      const where = tokenText === null ? "receiver.bearer_token" : `receiver.bearer_token_file ${bearerTokenFile}`;
      const what = token === "" ? "is empty" : "has characters that no header can carry";
      throw new Error(`${where} ${what}; fix: put the host's token there, which the collector's token add prints`);
    }
    return { token, tls: { ca, cert, key, verify: receiver.verifyTls } };
  } finally {
    end.forget();
  }
}

async function readCredential(
  key: string,
  path: string,
  reading: Promise<string>,
  end: Promise<Ended>,
): Promise<string> {
  const where = `receiver.${key} ${path}`;
  let text: string | Ended;
  try {
    text = await Promise.race([end, reading]);
  } catch (error) {
    throw new Error(`cannot read ${where}: ${errorCode(error) ?? errorText(error)}`);
  }
  if (typeof text !== "string") throw new Error(`cannot read ${where}: ${text.why}`);
  if (key === "bearer_token_file" || text.includes("-----BEGIN ")) return text;
  throw new Error(`${where} holds no PEM text`);
}

interface Ended {
  why: string;
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

async function readRegular(path: string): Promise<string> {
  // With O_NONBLOCK a pipe is opened at once, and then seen to be one.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("it is no regular file; fix: name a file there");
    if (stats.size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes; fix: name the right file there`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Resolves at the deadline or by the signal; `forget` it once nobody waits for it any more. */
function endOf({ deadlineMs = DEADLINE_MS, signal }: ReadLimits): { reached: Promise<Ended>; forget: () => void } {
  const { promise: reached, resolve } = Promise.withResolvers<Ended>();
  const why = `its disk gave no answer in ${deadlineMs / 1000} s; fix: look at the mount it lies on`;
  const timer = setTimeout(() => resolve({ why }), deadlineMs);
  const onAbort = (): void => resolve({ why: "stopped" });
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted === true) onAbort();
  const forget = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
  return { reached, forget };
}
