// One POST: no redirect is followed, no proxy variable obeyed, and no answer waited for without end.

import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { errorCode, errorText } from "../../../core/failure.ts";
import { isTaken, type Posted } from "./web-failures.ts";

const TIMEOUT_MS = 15_000;
/** So much of an answer is shown. */
const SHOWN_BYTES = 200;

export interface Address {
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Authorities that may have signed for it, as PEM, in place of those that everybody knows. */
  ca?: string | null;
}

/** Posts it once. Never rejects for an error of the system. */
export function post({ url, headers = {}, ca = null }: Address, body: string, timeoutMs = TIMEOUT_MS): Promise<Posted> {
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const bytes = Buffer.from(body);
  const send = url.protocol === "https:" ? secure : plain;
  // Said outright, NODE_TLS_REJECT_UNAUTHORIZED has no say: a notice and its token go to nobody unknown.
  const believed = { rejectUnauthorized: true, ...(ca !== null && { ca }) };
  const sized = { ...headers, "content-length": String(bytes.length) };
  const call = send(url, { method: "POST", headers: sized, ...believed });
  let isWritten = false;
  const fail = (error: unknown): void => {
    clearTimeout(timer);
    // Nothing leaves for whoever has not shown a good certificate, though it was written.
    const wasSent = isWritten && (url.protocol !== "https:" || isAuthorized(call.socket));
    call.destroy();
    resolve({ kind: "failed", failure: { code: errorCode(error), message: errorText(error) }, wasSent });
  };
  const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  call.on("finish", () => {
    isWritten = true;
  });
  call.on("error", fail);
  call.on("response", (answer) => {
    const { statusCode: status = 0 } = answer;
    // It has taken it: whether its body ever ends does not matter.
    const taken: Posted = { kind: "status", status, text: "" };
    if (isTaken(taken)) {
      clearTimeout(timer);
      resolve(taken);
      call.destroy();
      return;
    }
    const parts: Buffer[] = [];
    let size = 0;
    answer.on("data", (part: Buffer) => {
      if (size < SHOWN_BYTES) parts.push(part);
      size += part.length;
    });
    answer.on("error", fail);
    answer.on("end", () => {
      clearTimeout(timer);
      const text = Buffer.concat(parts).toString("utf8").slice(0, SHOWN_BYTES);
      resolve({ kind: "status", status, text });
    });
  });
  call.end(bytes);
  return promise;
}

function isAuthorized(socket: object | null): boolean {
  return socket !== null && "authorized" in socket && socket.authorized === true;
}
