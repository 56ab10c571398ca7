// One POST: no redirect is followed, no proxy variable obeyed, and no answer waited for without end.

import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { errorCode, errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";

const TIMEOUT_MS = 15_000;
/** So much of an answer is shown. */
const SHOWN_BYTES = 200;

/** `status`: what was answered; `failed`: nothing was; `wasSent`: the whole request had gone out, so that it may have been taken. */
export type Posted =
  | { kind: "status"; status: number; text: string }
  | { kind: "failed"; why: string; wasSent: boolean };

export function post(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs = TIMEOUT_MS,
): Promise<Posted> {
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const bytes = Buffer.from(body);
  const send = url.protocol === "https:" ? secure : plain;
  const call = send(url, { method: "POST", headers: { ...headers, "content-length": String(bytes.length) } });
  let wasSent = false;
  const fail = (why: string): void => {
    clearTimeout(timer);
    call.destroy();
    resolve({ kind: "failed", why, wasSent });
  };
  const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
  call.on("finish", () => {
    wasSent = true;
  });
  call.on("error", (error) => fail(failureText(error)));
  call.on("response", (answer) => {
    const { statusCode: status = 0 } = answer;
    // It has taken it: whether its body ever ends does not matter.
    if (status >= 200 && status < 300) {
      clearTimeout(timer);
      resolve({ kind: "status", status, text: "" });
      call.destroy();
      return;
    }
    const parts: Buffer[] = [];
    let size = 0;
    answer.on("data", (part: Buffer) => {
      if (size < SHOWN_BYTES) parts.push(part);
      size += part.length;
    });
    answer.on("error", (error) => fail(failureText(error)));
    answer.on("end", () => {
      clearTimeout(timer);
      const text = Buffer.concat(parts).toString("utf8").slice(0, SHOWN_BYTES);
      resolve({ kind: "status", status, text });
    });
  });
  call.end(bytes);
  return promise;
}

function failureText(error: unknown): string {
  const code = errorCode(error);
  return code === null ? quoted(errorText(error)) : `${code}: ${quoted(errorText(error))}`;
}
