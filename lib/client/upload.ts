// Sends one request over HTTP (RFC 9110), a large body or none, and says what came of it. Waits for `100 Continue` before a
// large one, so that a refusal costs a header and not gigabytes. Tries a second time only by its caller, follows no redirect,
// knows no proxy; when it gives up is in upload-watch.ts.

import { type ClientRequest, type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { type Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { errorText } from "../core/failure.ts";
import { sendBody } from "./upload-body.ts";
import { type Failure, faultOf, followConnection } from "./upload-phase.ts";
import { type Limits, watchProgress } from "./upload-watch.ts";

export type { Failure, Phase } from "./upload-phase.ts";

export interface TlsFiles {
  /** PEM texts; null: the system's authorities, no client certificate. */
  ca: string | null;
  cert: string | null;
  key: string | null;
  verify: boolean;
}

export interface Upload extends Limits {
  /** PUT if left out. */
  method?: "PUT" | "POST" | "GET" | "HEAD";
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The path of what is sent, or what is sent itself; null: nothing, and no length either. */
  file: string | Uint8Array | null;
  /** Exactly so many bytes are sent, from its beginning. */
  bytes: number;
  tls: TlsFiles;
  /** Wait for `100 Continue` before a large body (the default); false after a 417. */
  expectContinue?: boolean;
  /** Gives a connection and takes it back, when it can serve again; left out: one for this request alone. */
  connections?: HttpAgent | HttpsAgent;
  signal: AbortSignal;
}

export interface Answer {
  kind: "answer";
  status: number;
  headers: AnswerHeaders;
  text: string;
}

export type UploadOutcome = Answer | Failure;

/** An answer's header fields by their names in lower case; of repeated ones what node:http makes of them. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** Bodies up to this size go without waiting for 100 Continue: a round trip costs more than they do. */
const EXPECT_ABOVE_BYTES = 64 * 1024;
/** A server that knows no Expect is not waited for longer than this, in milliseconds (RFC 9110 §10.1.1). */
const CONTINUE_MS = 2000;
/** Of a name with several addresses each is tried so long, in milliseconds; 250, as usual, is less than a slow link's round trip. */
const ADDRESS_MS = 3000;
/** As much of an answer as is read: receipts and problems are below 1 KiB. */
const ANSWER_BYTES = 64 * 1024;
/** So many interim answers (1xx) come at most; a proxy that sends `102 Processing` each second takes minutes for them. */
const INTERIM_MAX = 256;

/** Sends a request. Resolves once, whatever happens. */
export function upload(job: Upload): Promise<UploadOutcome> {
  if (job.signal.aborted) return Promise.resolve(unprepared("aborted", STOPPED));
  let request: ClientRequest;
  try {
    request = openRequest(job);
  } catch (error) {
    // Only certificates and keys are read here: what cannot be parsed is a TLS failure.
    return Promise.resolve(unprepared("tls", errorText(error), faultOf(error).code));
  }
  return new Promise((resolve) => exchange(job, request, resolve));
}

type Fault = Pick<Failure, "cause" | "code" | "detail">;

const STOPPED = "stopped";

function unprepared(cause: Failure["cause"], detail: string, code: string | null = null): Failure {
  const nothing = { address: null, acknowledged: 0, gaveSign: false, isStale: false };
  return { kind: "failed", phase: "preparing", cause, code, detail, ...nothing };
}

function waitsForContinue(job: Upload): boolean {
  return job.expectContinue !== false && job.bytes > EXPECT_ABOVE_BYTES;
}

function openRequest(job: Upload): ClientRequest {
  const url = new URL(job.url);
  const headers = {
    ...job.headers,
    ...(job.file !== null && { "Content-Length": String(job.bytes) }),
    ...(waitsForContinue(job) && { Expect: "100-continue" }),
  };
  const agent = job.connections ?? (false as const);
  const options = { method: job.method ?? "PUT", headers, agent, autoSelectFamilyAttemptTimeout: ADDRESS_MS };
  return url.protocol === "https:"
    ? httpsRequest(url, { ...options, ...tlsOptions(job.tls) })
    : httpRequest(url, options);
}

function exchange(job: Upload, request: ClientRequest, resolve: (outcome: UploadOutcome) => void): void {
  let settled = false;
  const connection = followConnection(request, new URL(job.url), () => {
    if (waitsForContinue(job)) setTimeout(send, CONTINUE_MS).unref();
  });
  const watch = watchProgress(request, connection, job, (detail) => fail({ cause: "stalled", code: null, detail }));
  const finish = (outcome: UploadOutcome, isReusable: boolean): void => {
    if (settled) return;
    settled = true;
    watch.stop();
    job.signal.removeEventListener("abort", onAbort);
    resolve(outcome);
    if (!isReusable) request.destroy();
  };
  const fail = (fault: Fault): void => {
    const { phase, address, isReused, gaveSign } = connection;
    const acknowledged = watch.acknowledged();
    const isStale = isReused && !gaveSign && (fault.cause === "network" || acknowledged === 0);
    finish({ kind: "failed", phase, address, acknowledged, gaveSign, isStale, ...fault }, false);
  };
  const onAbort = (): void => fail({ cause: "aborted", code: null, detail: STOPPED });
  let sending = false;
  const send = (): void => {
    if (sending || settled) return;
    sending = true;
    sendBody(request, job.file ?? NOTHING, job.bytes, () => settled).then(watch.bodyWritten, (error: unknown) =>
      fail({ cause: "local", code: faultOf(error).code, detail: errorText(error) }),
    );
  };
  job.signal.addEventListener("abort", onAbort);
  request.on("error", (error) => fail(faultOf(error)));
  request.on("information", countInterim(connection, fail));
  let isAnswering = false;
  request.on("response", (response) => {
    isAnswering = true;
    connection.gaveSign = true;
    watch.answerBegan(response.statusCode ?? 0);
    readAnswer(response).then(
      (answer) => finish(answer, job.connections !== undefined && isOver(request, response)),
      (error: unknown) => fail(faultOf(error)),
    );
  });
  // A connection that is kept is given back before the last of the answer is read; one that breaks in it ends the reading.
  request.on("close", () => isAnswering || fail({ cause: "network", code: null, detail: CLOSED }));
  request.on("continue", send);
  if (waitsForContinue(job)) request.flushHeaders();
  else send();
}

/** A connection on which a part of the request or of the answer is still to come can serve no other. */
function isOver(request: ClientRequest, response: IncomingMessage): boolean {
  return request.writableFinished && response.complete;
}

const NOTHING = new Uint8Array();
const CLOSED = "the connection was closed without an answer";

/** An announced answer is none, and a thousand announcements are no progress. */
function countInterim(connection: { gaveSign: boolean }, fail: (fault: Fault) => void): () => void {
  let count = 0;
  return () => {
    connection.gaveSign = true;
    count++;
    if (count > INTERIM_MAX)
      fail({ cause: "network", code: null, detail: `${count} interim answers (1xx) came, and none that is final` });
  };
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
async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= ANSWER_BYTES) break;
  }
  const text = Buffer.concat(chunks).toString("utf8", 0, ANSWER_BYTES);
  return { kind: "answer", status: response.statusCode ?? 0, headers: headersOf(response), text };
}

function headersOf({ headers }: IncomingMessage): AnswerHeaders {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")] as const],
  );
  return Object.fromEntries(entries);
}
