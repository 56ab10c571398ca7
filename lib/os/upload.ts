// Sends one body by HTTP PUT (RFC 9110) and says what came of it. Waits for `100 Continue` before a large one, so that a
// refusal costs a header and not gigabytes; tells a slow link from a dead one by what the peer acknowledged, never by
// what it says: an answer has a time and a size of its own. Never retries by itself, follows no redirect, knows no proxy.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { errorCode, errorText } from "../core/failure.ts";
import { unacknowledgedBytes } from "./libc.ts";
import { sendBody } from "./upload-body.ts";

export interface TlsFiles {
  /** PEM texts; null: the system's authorities, no client certificate. */
  ca: string | null;
  cert: string | null;
  key: string | null;
  verify: boolean;
}

export interface Upload {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The path of what is sent, or what is sent itself. */
  file: string | Uint8Array;
  /** Exactly so many bytes are sent, from its beginning. */
  bytes: number;
  tls: TlsFiles;
  /** Wait for `100 Continue` before a large body (the default); false after a 417. */
  expectContinue?: boolean;
  /** Milliseconds without a byte acknowledged by the peer before the upload is given up. */
  stallMs: number;
  /** Milliseconds that the peer may take until its answer begins, after the last byte; and then until it is whole. */
  answerMs: number;
  /** Milliseconds that all of it may take; left out: as long as bytes are acknowledged. */
  totalMs?: number;
  signal: AbortSignal;
  /** Called when bytes moved. */
  moved: () => void;
}

export type UploadOutcome =
  | { kind: "answer"; status: number; headers: AnswerHeaders; text: string }
  /** `tls`: their certificate or ours; `network`: anything between; `local`: our own file; `aborted`: by the signal. */
  | { kind: "failed"; cause: "network" | "tls" | "stalled" | "local" | "aborted"; detail: string };

/** An answer's header fields by their names in lower case; of repeated ones what node:http makes of them. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** Bodies up to this size go without waiting for 100 Continue: a round trip costs more than they do. */
const EXPECT_ABOVE_BYTES = 64 * 1024;
/** A server that knows no Expect is not waited for longer than this, in milliseconds (RFC 9110 §10.1.1). */
const CONTINUE_MS = 2000;
/** As much of an answer as is read: receipts and problems are below 1 KiB. */
const ANSWER_BYTES = 64 * 1024;

/** Uploads a file. Resolves once, whatever happens. */
export function upload(job: Upload): Promise<UploadOutcome> {
  if (job.signal.aborted) return Promise.resolve(ABORTED);
  let request: ClientRequest;
  try {
    request = openRequest(job);
  } catch (error) {
    // Only certificates and keys are read here: what cannot be parsed is a TLS failure.
    return Promise.resolve({ kind: "failed", cause: "tls", detail: errorText(error) });
  }
  return new Promise((resolve) => exchange(job, request, resolve));
}

const ABORTED: UploadOutcome = { kind: "failed", cause: "aborted", detail: "stopped" };

function waitsForContinue(job: Upload): boolean {
  return job.expectContinue !== false && job.bytes > EXPECT_ABOVE_BYTES;
}

function openRequest(job: Upload): ClientRequest {
  const url = new URL(job.url);
  const expect = waitsForContinue(job) ? { Expect: "100-continue" } : {};
  const headers = { ...job.headers, "Content-Length": String(job.bytes), ...expect };
  const options = { method: "PUT", headers, agent: false as const };
  return url.protocol === "https:"
    ? httpsRequest(url, { ...options, ...tlsOptions(job.tls) })
    : httpRequest(url, options);
}

function exchange(job: Upload, request: ClientRequest, resolve: (outcome: UploadOutcome) => void): void {
  let settled = false;
  const watch = watchProgress(request, job, (detail) => finish({ kind: "failed", cause: "stalled", detail }));
  const finish = (outcome: UploadOutcome): void => {
    if (settled) return;
    settled = true;
    watch.stop();
    job.signal.removeEventListener("abort", onAbort);
    resolve(outcome);
    request.destroy();
  };
  const onAbort = (): void => finish(ABORTED);
  let sending = false;
  const send = (): void => {
    if (sending || settled) return;
    sending = true;
    sendBody(request, job.file, job.bytes, () => settled).then(watch.bodySent, (error: unknown) =>
      finish({ kind: "failed", cause: "local", detail: errorText(error) }),
    );
  };
  job.signal.addEventListener("abort", onAbort);
  request.on("error", (error) => finish(failureOf(error)));
  request.on("response", (response) => {
    watch.answerBegan(response.statusCode ?? 0);
    void readAnswer(response, finish);
  });
  request.on("close", () =>
    finish({ kind: "failed", cause: "network", detail: "the connection was closed without an answer" }),
  );
  if (!waitsForContinue(job)) {
    send();
    return;
  }
  request.on("continue", send);
  request.on("socket", (socket) => socket.once("connect", () => setTimeout(send, CONTINUE_MS).unref()));
  request.flushHeaders();
}

function tlsOptions(tls: TlsFiles) {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.ca !== null && { ca: tls.ca }),
    ...(tls.cert !== null && { cert: tls.cert }),
    ...(tls.key !== null && { key: tls.key }),
  };
}

/** Of an answer that is longer than any of ours, the beginning is the answer: a page need not end to be none of ours. */
async function readAnswer(response: IncomingMessage, finish: (outcome: UploadOutcome) => void): Promise<void> {
  const chunks: Buffer[] = [];
  let length = 0;
  const answer = (): void => {
    const text = Buffer.concat(chunks).toString("utf8", 0, ANSWER_BYTES);
    finish({ kind: "answer", status: response.statusCode ?? 0, headers: headersOf(response), text });
  };
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      length += chunk.length;
      // To leave the loop closes the connection: by then it has to be settled.
      if (length >= ANSWER_BYTES) return answer();
    }
  } catch (error) {
    return finish(failureOf(error));
  }
  answer();
}

function headersOf({ headers }: IncomingMessage): AnswerHeaders {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")] as const],
  );
  return Object.fromEntries(entries);
}

/** Looks once in a while whether the peer acknowledged anything; a kernel's full send buffer is not progress. */
function watchProgress(request: ClientRequest, job: Upload, stalled: (detail: string) => void) {
  const startedAt = performance.now();
  let acknowledged = -1;
  let movedAt = startedAt;
  let answerDue = false;
  let answer: { status: number; beganAt: number } | null = null;
  const look = (): void => {
    const at = performance.now();
    const now = acknowledgedBytes(request);
    if (now !== acknowledged) {
      acknowledged = now;
      movedAt = at;
      job.moved();
    }
    const after = `after ${Math.max(0, now)} bytes`;
    const limitMs = answer !== null || answerDue ? job.answerMs : job.stallMs;
    const still = at - (answer?.beganAt ?? movedAt);
    if (still >= limitMs) {
      if (answer !== null) stalled(`its answer, status ${answer.status}, was not complete after ${seconds(still)}`);
      else stalled(`${answerDue ? "no answer came" : "no byte moved"} for ${seconds(still)} ${after}`);
    } else if (at - startedAt >= (job.totalMs ?? Number.POSITIVE_INFINITY))
      stalled(`it was not done in ${seconds(at - startedAt)}, ${after}`);
  };
  const timer = setInterval(look, Math.min(1000, job.stallMs / 4, job.answerMs / 4));
  return {
    bodySent: (): void => {
      answerDue = true;
    },
    answerBegan: (status: number): void => {
      answer ??= { status, beganAt: performance.now() };
    },
    stop: (): void => clearInterval(timer),
  };
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

function acknowledgedBytes(request: ClientRequest): number {
  const socket = request.socket;
  if (socket === null || socket === undefined) return -1;
  // Not in Node's types, but it is what the file descriptor is called there and in Bun; without it we count less well.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  const fd =
    typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" ? handle.fd : -1;
  const waiting = fd >= 0 ? unacknowledgedBytes(fd) : null;
  return socket.bytesWritten - socket.writableLength - (waiting ?? 0);
}

function failureOf(error: unknown): UploadOutcome {
  const code = errorCode(error) ?? "";
  const text = code === "" || errorText(error).includes(code) ? errorText(error) : `${errorText(error)} (${code})`;
  return { kind: "failed", cause: isTlsFailure(code, text) ? "tls" : "network", detail: text };
}

/** OpenSSL's verification codes, Node's own, and alerts: a certificate is wrong, theirs or ours. A damaged record is not. */
function isTlsFailure(code: string, text: string): boolean {
  if (/BAD_RECORD_MAC|DECRYPTION_FAILED|BAD_DECRYPT/.test(code + text)) return false;
  return (
    /CERT|ERR_TLS|ERR_SSL|UNABLE_TO_|SELF_SIGNED|^EPROTO$/.test(code) ||
    /certificate|SSL routines|tlsv1 alert|sslv3 alert/i.test(text)
  );
}
