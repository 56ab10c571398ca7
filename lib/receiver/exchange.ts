// One request and its answer: node:http on one side, the application (a function of a web Request) on the other. An
// answer may come before the body; the rest is then read and thrown away, since closing at once would send a reset that
// destroys the answer before a client that is still sending has read it (algesten/ureq#676).

import type { IncomingMessage, ServerResponse } from "node:http";
import { type RateRule, type WireBody, wireBody } from "./body.ts";
import type { Wire } from "./wire.ts";

/** `answered`: what still comes is thrown away. */
export type BodyState = "open" | "answered" | "over";

export type Fetch = (request: Request, wire: Wire) => Response | Promise<Response>;

export interface ExchangeOptions {
  fetch: Fetch;
  rate: RateRule;
  /** True when connections are handed over to the HTTP server, as TLS connections are. */
  handedOver: boolean;
  peerNames: (req: IncomingMessage) => readonly string[] | null;
  /** Called with each body when its request comes, when it is answered, and when it is over: a stop must end it. */
  onBody: (body: WireBody, state: BodyState) => void;
}

/** Responses up to this size go out in one piece, bytes. */
const SMALL_BYTES = 64 * 1024;

/**
 * Serves one request. Resolves when the answer is out and the body is through; the connection is then fit for the next
 * request, or destroyed. Never rejects.
 */
export async function serveExchange(
  req: IncomingMessage,
  res: ServerResponse,
  expectsContinue: boolean,
  options: ExchangeOptions,
): Promise<void> {
  const { socket } = req;
  const body = wireBody(req, {
    rate: options.rate,
    handedOver: options.handedOver,
    onFirstRead: () => {
      if (expectsContinue && !res.headersSent) res.writeContinue();
    },
  });
  // An answer to nobody raises an error event, and without a listener that would end the process.
  res.on("error", () => undefined);
  options.onBody(body, "open");
  try {
    const wire: Wire = {
      target: req.url ?? "",
      remote: remoteOf(req),
      peerNames: options.peerNames(req),
      body,
    };
    await sendResponse(res, await options.fetch(webRequest(req), wire), req.method === "HEAD");
    options.onBody(body, "answered");
    if (!(await discard(body, req))) socket.destroy();
  } catch {
    socket.destroy();
  } finally {
    options.onBody(body, "over");
  }
}

function remoteOf({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? "-";
  return `${address.includes(":") ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}

/** Method and headers only: the target and the body are on the wire. */
function webRequest(req: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined) headers.set(name, typeof value === "string" ? value : value.join(", "));
  }
  return new Request("http://receiver/", { method: req.method ?? "GET", headers });
}

async function sendResponse(res: ServerResponse, response: Response, headOnly: boolean): Promise<void> {
  res.statusCode = response.status;
  response.headers.forEach((value, name) => {
    res.setHeader(name, value);
  });
  const length = Number(response.headers.get("content-length") ?? 0);
  if (headOnly || response.body === null) {
    res.end();
  } else if (length <= SMALL_BYTES) {
    const bytes = Buffer.from(await response.arrayBuffer());
    res.setHeader("Content-Length", bytes.length);
    res.end(bytes);
  } else {
    for await (const chunk of response.body) if (!res.write(chunk)) await drained(res);
    res.end();
  }
}

/** Resolves when the client takes more; rejects when it is gone: nobody may wait for a drain that never comes. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      res.off("drain", settle);
      res.off("close", settle);
      if (res.destroyed || res.closed) reject(new Error("the client is gone"));
      else resolve();
    };
    res.on("drain", settle);
    res.on("close", settle);
    if (res.destroyed) settle();
  });
}

/** Reads what is left of the body; false when the connection is of no more use. */
async function discard(body: WireBody, req: IncomingMessage): Promise<boolean> {
  if (req.headers["content-length"] === undefined && req.headers["transfer-encoding"] === undefined) return true;
  for (;;) {
    const chunk = await body.read();
    if (typeof chunk === "string") return chunk === "end";
  }
}
