// A box between lab1 and the collector, on the collector's machine, with its certificate. While /run/box says how, as JSON, it gives
// an answer of its own to every request below /v1/, or takes a key out of the receiver's; else it passes on what comes, as it came.

import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:https";

export type Told = { status: number; headers: Record<string, string>; body: string } | { without: string };

const TLS = "/etc/labfleet/tls";

function told(): Told | null {
  const text = readFileSync("/run/box", "utf8");
  return text === "" ? null : JSON.parse(text);
}

function serve(asked: IncomingMessage, out: ServerResponse, ca: string): void {
  const now = asked.url?.startsWith("/v1/") ? told() : null;
  if (now !== null && "status" in now) {
    asked.resume();
    out.writeHead(now.status, now.headers).end(now.body);
    return;
  }
  const to = { host: "127.0.0.1", port: 8443, servername: "collector.wg", ca };
  const passed = request({ ...to, method: asked.method, path: asked.url, headers: asked.headers }, (answer) => {
    if (now === null) {
      out.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(out);
    } else void withoutKey(answer, out, now.without);
  });
  passed.on("error", () => out.destroy());
  asked.pipe(passed);
}

/** An older receiver's answer: without that key, and without the header that says the same. */
async function withoutKey(answer: IncomingMessage, out: ServerResponse, key: string): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const { [key]: _, ...body } = JSON.parse(Buffer.concat(chunks).toString());
  const text = JSON.stringify(body);
  const headers = { ...answer.headers, "content-length": String(Buffer.byteLength(text)) };
  delete (headers as Record<string, unknown>)[`x-labfleet-${key.replaceAll("_", "-")}`];
  out.writeHead(answer.statusCode ?? 502, headers).end(text);
}

if (import.meta.main) {
  const [cert, key, ca = ""] = ["collector.crt", "collector.key", "ca.crt"].map((name) =>
    readFileSync(`${TLS}/${name}`, "utf8"),
  );
  createServer({ cert, key }, (asked, out) => serve(asked, out, ca)).listen(9443);
}
