// One request and its answer: a connection on one side, the application (a function of a web Request) on the other. An
// answer may come before the body; what becomes of the rest then is decided in http/leftover.ts. To close at once would send
// a reset that destroys the answer before a client that is still sending has read it (algesten/ureq#676).

import { CONTINUE, sendAnswer } from "./answer.ts";
import { type RateRule, type WireBody, wireBody } from "./body.ts";
import type { Head } from "./head.ts";
import type { Wire } from "./incoming.ts";
import { decideLeftover } from "./leftover.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";

/** `answered`: what still comes is thrown away. */
export type BodyState = "open" | "answered" | "over";

export type Fetch = (request: Request, wire: Wire) => Response | Promise<Response>;

export interface ExchangeOptions {
  fetch: Fetch;
  rate: RateRule;
  /** Called with each body when its request comes, when it is answered, and when it is over: a stop must end it. */
  onBody: (body: WireBody, state: BodyState) => void;
  /** True once connections serve nothing after the answer that is being made. */
  closing: () => boolean;
}

/** One request on its connection. */
export interface Exchange {
  head: Head;
  source: Source;
  sink: Sink;
  wire: Omit<Wire, "body" | "target">;
  /** Called before the answer goes out; resolves when it may. */
  beforeAnswer: () => Promise<void>;
  /** Whether so many bytes that nobody wants may be read. */
  mayRead: (bytes: number) => boolean;
  /** Called when so many of them were read; resolves when more may be. */
  beforeMore: (bytes: number) => Promise<void>;
}

/**
 * Serves one request: the answer is out then, and the body through.
 * @returns `next`: the connection is fit for another one; `last`: for none, but what was sent shall arrive; `leave`: the same,
 *   and the client may still be sending what nobody will read
 * @throws when the connection is of no more use
 */
export async function serveExchange(exchange: Exchange, options: ExchangeOptions): Promise<"next" | "last" | "leave"> {
  const { head, source, sink, wire } = exchange;
  let answered = false;
  const body = wireBody(source, {
    rate: options.rate,
    length: head.length,
    onFirstRead: () => {
      // Where it cannot be written, reading ends too.
      if (head.expectsContinue && !answered) sink.write(CONTINUE).catch(() => undefined);
    },
  });
  options.onBody(body, "open");
  try {
    const response = await options.fetch(webRequest(head), { ...wire, target: head.target, body });
    await exchange.beforeAnswer();
    const leftover = decideLeftover({
      left: body.left,
      awaited: head.expectsContinue && !body.asked,
      mayRead: exchange.mayRead,
    });
    const isFit = leftover === "none" || leftover === "read";
    const last = !head.keepAlive || !isFit || options.closing();
    answered = true;
    await sendAnswer(sink, response, { headOnly: head.method === "HEAD", last });
    options.onBody(body, "answered");
    if (leftover === "leave") return "leave";
    if (leftover === "last") sink.end();
    if (!(await discard(body, exchange.beforeMore))) return "leave";
    return last || options.closing() ? "last" : "next";
  } finally {
    options.onBody(body, "over");
  }
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]);

/** Method and headers only: the target and the body are on the wire. */
function webRequest({ method, headers }: Head): Request {
  // Bun makes a GET of a method that it does not know, and refuses others: none of them is one of ours.
  return new Request("http://receiver/", { method: METHODS.has(method) ? method : "OPTIONS", headers });
}

/** Reads what is left of the body; false when it does not come. */
async function discard(body: WireBody, beforeMore: (bytes: number) => Promise<void>): Promise<boolean> {
  for (;;) {
    const chunk = await body.read();
    if (typeof chunk === "string") return chunk === "end";
    await beforeMore(chunk.length);
  }
}
