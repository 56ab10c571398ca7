// One POST: no redirect is followed, no proxy variable obeyed, and no answer waited for without end.

import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { errorCode, errorText } from "../../../core/failure.ts";
import type { ConnectionFailure } from "./connection-failures.ts";
import { secretsOf, withoutSecrets } from "./secrets.ts";
import { isTaken, type Posted } from "./web-failures.ts";

const TIMEOUT_MS = 15_000;
/** So much of an answer is read, bytes, and so much of that is shown: what is secret in it is taken out before it is cut. */
const READ_BYTES = 64 * 1024;
const SHOWN = 200;

export interface Address {
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Authorities that may have signed for it, as PEM, in place of those that everybody knows. */
  ca?: string | null;
}

/** Posts it once. Never throws, and never rejects. What proves who we are is in nothing that it gives back. */
export async function post(address: Address, body: string, timeoutMs = TIMEOUT_MS): Promise<Posted> {
  const posted = await talk(address, Buffer.from(body), timeoutMs).catch((error: unknown) =>
    failed(error, { wasSent: false, isMute: false }),
  );
  const secrets = secretsOf(address.url, address.headers ?? {});
  if (posted.kind === "status") return { ...posted, text: withoutSecrets(posted.text, secrets).slice(0, SHOWN) };
  const { failure } = posted;
  return { ...posted, failure: { ...failure, message: withoutSecrets(failure.message, secrets) } };
}

async function talk({ url, headers = {}, ca = null }: Address, bytes: Buffer, timeoutMs: number): Promise<Posted> {
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const send = url.protocol === "https:" ? secure : plain;
  // Said outright, NODE_TLS_REJECT_UNAUTHORIZED has no say: a notice and its token go to nobody unknown.
  const believed = { rejectUnauthorized: true, ...(ca !== null && { ca }) };
  const sized = { ...headers, "content-length": String(bytes.length) };
  // A connection of its own: one that is kept from the call before may be closed by the other side just now.
  const call = send(url, { method: "POST", headers: sized, agent: false, ...believed });
  const progress = watched(call);
  let answered: (() => Posted) | null = null;
  const end = (posted: Posted): void => {
    clearTimeout(timer);
    call.destroy();
    resolve(posted);
  };
  // What it has answered counts, whether the rest of that ever comes or not.
  const fail = (error: unknown, isMute = false): void => {
    // Nothing leaves for whoever has not shown a good certificate, though it was written.
    const wasSent = progress.isWritten && (url.protocol !== "https:" || isAuthorized(call.socket));
    end(answered?.() ?? failed(error, { wasSent, isMute }));
  };
  const late = (): void => fail(new Error(`no answer within ${timeoutMs / 1000} s`), progress.isConnected);
  const timer = setTimeout(late, timeoutMs);
  call.on("error", (error) => fail(error));
  call.on("response", (answer) => {
    const parts: Buffer[] = [];
    let size = 0;
    const said = (): Posted => ({
      ...{ kind: "status", status: answer.statusCode ?? 0 },
      text: Buffer.concat(parts).toString("utf8"),
    });
    answered = said;
    if (isTaken(said())) return end(said());
    answer.on("data", (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size >= READ_BYTES) end(said());
    });
    answer.on("error", (error) => fail(error));
    answer.on("end", () => end(said()));
  });
  call.end(bytes);
  return promise;
}

interface Progress {
  isConnected: boolean;
  /** The whole request has gone out. */
  isWritten: boolean;
}

function watched(call: ReturnType<typeof plain>): Progress {
  const progress = { isConnected: false, isWritten: false };
  call.on("socket", (socket) => socket.once("connect", () => Object.assign(progress, { isConnected: true })));
  call.on("finish", () => Object.assign(progress, { isWritten: true }));
  return progress;
}

function failed(error: unknown, { wasSent, isMute }: { wasSent: boolean; isMute: boolean }): Posted {
  const failure: ConnectionFailure = { code: errorCode(error), message: errorText(error), isMute };
  return { kind: "failed", failure, wasSent };
}

function isAuthorized(socket: object | null): boolean {
  return socket !== null && "authorized" in socket && socket.authorized === true;
}
