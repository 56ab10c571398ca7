// A collector whose answers are given by a script: real HTTP, marked and echoed as a receiver's are.

import { onTestFinished } from "bun:test";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type JudgeRequest, PROBLEM_TYPE } from "../../lib/contract/judgement.ts";

export const COLLECTOR_ID = "1".repeat(32);

export interface Ask {
  method: string;
  id: string;
  /** Of a judge call. */
  question: JudgeRequest | null;
  headers: IncomingMessage["headers"];
}

export interface Say {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The judge's word, or its refusal, about what was asked. */
export function judgement(
  ask: Ask,
  says: "accept" | "stored" | { status: number; reason: string; more?: object },
): Say {
  const { bytes = null, sha256 = null, code_commit = null } = ask.question ?? {};
  const echo = { host_id: "lab1", episode_id: ask.id, code_commit, bytes, sha256 };
  if (typeof says === "string") return { status: 200, body: { would: says, receiver_id: COLLECTOR_ID, echo } };
  const { status, reason, more = {} } = says;
  const problem = { type: PROBLEM_TYPE + reason, title: "T", status, reason, detail: "D", receiver_id: COLLECTOR_ID };
  const headers = { "content-type": "application/problem+json" };
  return { status, headers, body: { ...problem, echo, ...more } };
}

/** Starts one; gone after the test. `date` is its clock. */
export async function scriptedCollector(
  answer: (ask: Ask) => Say,
  date: () => string = () => new Date().toUTCString(),
) {
  const asked: string[] = [];
  const server = createServer((request, response) => void serve(request, response));
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const method = request.method ?? "";
    const id = /\/([^/]+?)(?:\.tar\.zst)?$/.exec(request.url ?? "")?.[1] ?? "";
    const question = method === "POST" ? JSON.parse(Buffer.concat(chunks).toString()) : null;
    asked.push(`${method} ${id}`);
    const { status, headers = {}, body } = answer({ method, id, question, headers: request.headers });
    response.sendDate = false;
    const { "x-labfleet-ask": ask } = request.headers;
    const ours = {
      date: date(),
      "x-labfleet-receiver-id": COLLECTOR_ID,
      ...(ask !== undefined && { "x-labfleet-ask": ask }),
    };
    response.writeHead(status, { ...ours, ...headers });
    response.end(body === undefined ? "" : JSON.stringify(body));
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, asked };
}
