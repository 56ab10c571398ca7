// An answer as bytes on a connection.

import { STATUS_CODES } from "node:http";
import type { Sink } from "./sink.ts";

/** Answers up to this size go out in one piece, bytes. */
const SMALL_BYTES = 64 * 1024;

export interface AnswerOptions {
  /** The request was HEAD: the headers of a body, and no body. */
  headOnly: boolean;
  /** Nothing is served on this connection after it. */
  last: boolean;
}

/**
 * Sends an answer; one whose size is not said, or is small, whole.
 * @throws when the client is gone or takes too little
 */
export async function sendAnswer(sink: Sink, response: Response, options: AnswerOptions): Promise<void> {
  try {
    await send(sink, response, options);
  } catch (error) {
    // What stands behind a body that nobody took must be given back.
    if (response.body?.locked === false) await response.body.cancel().catch(() => undefined);
    throw error;
  }
}

async function send(sink: Sink, response: Response, { headOnly, last }: AnswerOptions): Promise<void> {
  const { body, headers } = response;
  const declared = headers.get("content-length");
  if (headOnly || body === null) {
    // That of a body which is left out is not known here, and need not be said (RFC 9110 §8.6).
    await sink.write(headBytes(response, declared ?? (headOnly ? null : "0"), last));
  } else if (declared === null || Number(declared) <= SMALL_BYTES) {
    const bytes = Buffer.from(await response.arrayBuffer());
    await sink.write(Buffer.concat([headBytes(response, String(bytes.length), last), bytes]));
  } else {
    await sink.write(headBytes(response, declared, last));
    for await (const chunk of body) await sink.write(chunk);
  }
}

function headBytes({ status, headers }: Response, length: string | null, last: boolean): Buffer {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  headers.forEach((value, name) => {
    if (name !== "content-length" && name !== "connection") text += `${name}: ${value}\r\n`;
  });
  if (length !== null) text += `content-length: ${length}\r\n`;
  text += `date: ${httpDate()}\r\n${last ? "connection: close\r\n" : ""}\r\n`;
  return Buffer.from(text, "latin1");
}

let dated = { second: 0, text: "" };

/** Of this second (RFC 9110 §6.6.1): senders compare it with their own clock. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dated.second) dated = { second, text: new Date(second * 1000).toUTCString() };
  return dated.text;
}

/** Asks for the body that the client has not sent yet (RFC 9110 §10.1.1). */
export const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
