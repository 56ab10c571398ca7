// A receiver's client: one request with this host's credentials, and what came of it, with what mends it where nothing did. Used
// by every program of a lab host. What an answer means is for each of them to decide.

import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import { dateMs, retryAfterSeconds } from "../core/backoff.ts";
import { openConnections } from "./connections.ts";
import { CredentialError, type Credentials, readCredentials } from "./credentials.ts";
import { lookAgain } from "./failures/diagnose.ts";
import type { Explanation } from "./failures/explain.ts";
import { explainCredentialFault, explainFailure } from "./failures/failures.ts";
import { type Answer, type Failure, type Upload, type UploadOutcome, upload } from "./upload.ts";

export interface Request extends Pick<Upload, "stallMs" | "answerMs" | "totalMs" | "signal"> {
  /** PUT if left out. */
  method?: Upload["method"];
  /** Below the receiver's base URL: `/v1/…`. */
  path: string;
  /** Without Authorization, Content-Length and Expect. */
  headers: Readonly<Record<string, string>>;
  /** What is sent: itself, or the beginning of a file; null: nothing. */
  body: Uint8Array | { file: string; bytes: number } | null;
  /** Milliseconds that reading the credentials may take; 10 s if left out. */
  credentialsMs?: number;
  /** What is shown in place of what the endpoint's files hold: where these are still to be written. */
  credentials?: Credentials;
  /** Called when bytes moved, with how many the peer has acknowledged by now. */
  moved?: (acknowledged: number) => void;
}

export type Reply =
  | {
      kind: "answer";
      status: number;
      /** By their names in lower case. */
      headers: Answer["headers"];
      /** At most 64 KiB of it. */
      text: string;
      /** The text as JSON, or null. */
      body: unknown;
      /** Seconds that it asks to wait, or null. */
      retryAfterS: number | null;
      /** When it was given, by the receiver's clock, in milliseconds since 1970, or null. */
      answeredAtMs: number | null;
    }
  | { kind: "failed"; cause: Failure["cause"] | "credentials"; why: Explanation }
  /** By the signal. */
  | { kind: "stopped" };

export interface ClientOptions {
  hostId: string;
  /** The setting that holds the time-out, for its remedy: `shipper.request_timeout_s`. */
  timeoutKey: string;
}

export interface Client {
  /** Sends a request. Resolves once, whatever the network or a credential does; never throws for it. */
  send(receiver: ReceiverEndpoint, request: Request): Promise<Reply>;
  /** Closes idle connections, and others after their request. */
  close(): void;
}

export function openClient({ hostId, timeoutKey }: ClientOptions): Client {
  const pool = openConnections();
  const send = async (endpoint: ReceiverEndpoint, request: Request): Promise<Reply> => {
    // Taken once: a configuration that is read anew meanwhile must not bring our token to another receiver.
    const receiver = { ...endpoint };
    const { signal } = request;
    let credentials: Credentials;
    try {
      const { credentialsMs } = request;
      credentials =
        request.credentials ??
        (await readCredentials(receiver, {
          signal,
          ...(credentialsMs !== undefined && { deadlineMs: credentialsMs }),
        }));
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      if (signal.aborted) return { kind: "stopped" };
      return { kind: "failed", cause: "credentials", why: explainCredentialFault(error.fault, { hostId, receiver }) };
    }
    const { token, tls } = credentials;
    const job = { ...jobOf(receiver, request, token), tls, connections: pool.to(receiver.url, token, tls) };
    const outcome = await exchange(job, pool.dropIdle);
    if (outcome.kind === "answer") return replyOf(outcome);
    if (outcome.cause === "aborted") return { kind: "stopped" };
    const seen = await unlessAborted(signal, lookAgain(outcome, receiver, tls));
    if (seen === null) return { kind: "stopped" };
    const asked = { hostId, receiver, now: new Date(), timeoutKey };
    return { kind: "failed", cause: outcome.cause, why: explainFailure(outcome, asked, seen) };
  };
  return { send, close: pool.close };
}

function jobOf(receiver: ReceiverEndpoint, request: Request, token: string | null): Omit<Upload, "tls"> {
  const { method, path, headers, body, stallMs, answerMs, totalMs, signal, moved = () => undefined } = request;
  const isFile = body !== null && "file" in body;
  return {
    ...(method !== undefined && { method }),
    url: receiver.url + path,
    headers: { ...headers, ...(token !== null && { Authorization: `Bearer ${token}` }) },
    file: isFile ? body.file : body,
    bytes: isFile ? body.bytes : (body?.length ?? 0),
    stallMs,
    answerMs,
    ...(totalMs !== undefined && { totalMs }),
    signal,
    moved,
  };
}

/** One exchange; a second one where the first says nothing about it. */
async function exchange(job: Upload, dropIdle: () => void): Promise<UploadOutcome> {
  let outcome = await upload(job);
  if (outcome.kind === "failed" && outcome.isStale) {
    dropIdle();
    const { connections: _, ...fresh } = job;
    outcome = await upload(fresh);
  }
  // 417: something on the way knows no Expect (RFC 9110 §15.5.18); that is no fault of what is sent.
  if (outcome.kind === "answer" && outcome.status === 417) outcome = await upload({ ...job, expectContinue: false });
  return outcome;
}

function replyOf({ status, headers, text }: Answer): Reply {
  return {
    kind: "answer",
    status,
    headers,
    text,
    body: parseJson(text),
    retryAfterS: retryAfterSeconds(headers, Date.now()),
    answeredAtMs: dateMs(headers),
  };
}

/** Null: the signal came first. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const onAbort = (): void => resolve(null);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
