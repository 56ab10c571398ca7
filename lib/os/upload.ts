// Sends one file by HTTP PUT (RFC 9110) and says what came of it. Waits for `100 Continue` before the body, so that a
// refusal costs a header and not gigabytes; tells a slow link from a dead one by what the peer acknowledged. Never
// retries by itself, never follows a redirect, knows no proxy.

import { closeSync, openSync, read as readCallback } from "node:fs";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { errorCode, errorText } from "../core/failure.ts";
import { unacknowledgedBytes } from "./libc.ts";

const read = promisify(readCallback);

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
  file: string;
  /** Exactly so many bytes are sent, from the file's beginning. */
  bytes: number;
  tls: TlsFiles;
  /** Wait for `100 Continue` before a large body (the default); false after a 417. */
  expectContinue?: boolean;
  /** Milliseconds without a byte acknowledged by the peer before the upload is given up. */
  stallMs: number;
  /** Milliseconds that the peer may take for its answer after the last byte. */
  answerMs: number;
  signal: AbortSignal;
  /** Called when bytes moved. */
  moved: () => void;
}

export type UploadOutcome =
  | { kind: "answer"; status: number; retryAfter: string | null; date: string | null; text: string }
  /** `tls`: their certificate or ours; `network`: anything between; `local`: our own file; `aborted`: by the signal. */
  | { kind: "failed"; cause: "network" | "tls" | "stalled" | "local" | "aborted"; detail: string };

/** Bodies up to this size go without waiting for 100 Continue: a round trip costs more than they do. */
const EXPECT_ABOVE_BYTES = 64 * 1024;
/** A server that knows no Expect is not waited for longer than this, in milliseconds (RFC 9110 §10.1.1). */
const CONTINUE_MS = 2000;
const CHUNK_BYTES = 256 * 1024;
/** As much of an answer as is kept: receipts and problems are below 1 KiB. */
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
    sendBody(request, job, () => settled).then(watch.bodySent, (error: unknown) =>
      finish({ kind: "failed", cause: "local", detail: errorText(error) }),
    );
  };
  job.signal.addEventListener("abort", onAbort);
  request.on("error", (error) => finish(failureOf(error)));
  request.on("response", (response) => void readAnswer(response, finish));
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

async function sendBody(request: ClientRequest, job: Upload, isOver: () => boolean): Promise<void> {
  const fd = openSync(job.file, "r");
  // Two buffers, one read into while the other is on its way: a fresh one per chunk would pile up until a collection.
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
  let onItsWay = Promise.resolve();
  try {
    for (let left = job.bytes, turn = 0; left > 0 && !isOver(); turn++) {
      const buffer = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, left);
      const { bytesRead } = await read(fd, buffer, 0, buffer.length, job.bytes - left);
      if (bytesRead === 0) throw new Error(`${job.file} is shorter than when it was packed`);
      left -= bytesRead;
      await onItsWay;
      if (isOver()) return;
      onItsWay = written(request, buffer.subarray(0, bytesRead));
    }
    await onItsWay;
    if (!isOver()) request.end();
  } finally {
    closeSync(fd);
  }
}

/** Resolves when the bytes were handed to the kernel, or when the request is over: nobody may wait for ever. */
function written(request: ClientRequest, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("close", done);
      resolve();
    };
    request.on("close", done);
    if (request.destroyed) done();
    else request.write(bytes, done);
  });
}

async function readAnswer(response: IncomingMessage, finish: (outcome: UploadOutcome) => void): Promise<void> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      if (length < ANSWER_BYTES) chunks.push(chunk);
      length += chunk.length;
    }
  } catch (error) {
    return finish(failureOf(error));
  }
  const text = Buffer.concat(chunks).toString("utf8", 0, ANSWER_BYTES);
  const { date = null, "retry-after": retryAfter = null } = response.headers;
  finish({ kind: "answer", status: response.statusCode ?? 0, retryAfter, date, text });
}

/** Looks once in a while whether the peer acknowledged anything; a kernel's full send buffer is not progress. */
function watchProgress(request: ClientRequest, job: Upload, stalled: (detail: string) => void) {
  let acknowledged = -1;
  let movedAt = performance.now();
  let answerDue = false;
  const look = (): void => {
    const now = acknowledgedBytes(request);
    if (now !== acknowledged) {
      acknowledged = now;
      movedAt = performance.now();
      job.moved();
    }
    const limitMs = answerDue ? job.answerMs : job.stallMs;
    const still = performance.now() - movedAt;
    if (still < limitMs) return;
    const what = answerDue ? "no answer came" : "no byte moved";
    stalled(`${what} for ${Math.round(still / 1000)} s after ${Math.max(0, now)} bytes`);
  };
  const timer = setInterval(look, Math.min(1000, job.stallMs / 4));
  return {
    bodySent: (): void => {
      answerDue = true;
    },
    stop: (): void => clearInterval(timer),
  };
}

function acknowledgedBytes(request: ClientRequest): number {
  const socket = request.socket;
  if (socket === null || socket === undefined) return -1;
  // Not in Node's types, but it is what the file descriptor is called there and in Bun; without it we count less well.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  const fd =
    typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" ? handle.fd : -1;
  const waiting = fd >= 0 ? unacknowledgedBytes(fd) : null;
  return socket.bytesWritten - socket.writableLength - (waiting ?? 0) + socket.bytesRead;
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
