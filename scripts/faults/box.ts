// A box between lab1 and the collector, on the collector's machine: with its certificate, and with an answer of its own to every
// request below /v1/ while /run/box says one as JSON; else it passes requests on as they came.

import { readFileSync } from "node:fs";
import { createServer, request } from "node:https";

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const TLS = "/etc/labfleet/tls";
const [cert, key, ca] = ["collector.crt", "collector.key", "ca.crt"].map((name) =>
  readFileSync(`${TLS}/${name}`, "utf8"),
);

function ownAnswer(): Answer | null {
  const text = readFileSync("/run/box", "utf8");
  return text === "" ? null : JSON.parse(text);
}

createServer({ cert, key }, (asked, out) => {
  const own = ownAnswer();
  if (own !== null && asked.url?.startsWith("/v1/")) {
    asked.resume();
    out.writeHead(own.status, own.headers).end(own.body);
    return;
  }
  const to = { host: "127.0.0.1", port: 8443, servername: "collector.wg", ca };
  const passed = request({ ...to, method: asked.method, path: asked.url, headers: asked.headers }, (answer) => {
    out.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(out);
  });
  passed.on("error", () => out.destroy());
  asked.pipe(passed);
}).listen(9443);
