// Who may judge: every answer names the store that gives it, and every refusal of an episode repeats what was asked of it as
// it arrived. The table walks all reasons that there are; one more does not compile without a row here.

import { afterEach, describe, expect, test } from "bun:test";
import { rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { type Echo, isEchoOf, readProblem } from "../../lib/contract/judgement.ts";
import { REFUSALS, type Reason, type Refusal, refuse } from "../../lib/receiver/decide.ts";
import { createDownloads } from "../../lib/receiver/episodes/downloads.ts";
import { realDisk } from "../../lib/receiver/store/files/disk.ts";
import {
  bytes,
  cleanUp,
  IDENTITY,
  put,
  rawClient,
  reprDigest,
  sha256,
  startReceiver,
  type TestOptions,
  type TestReceiver,
} from "./support.ts";

afterEach(cleanUp);

const BODY = bytes(3000);
const ASKED: Echo = { host_id: "lab1", episode_id: "ep1", code_commit: "abc123", bytes: 3000, sha256: sha256(BODY) };
const NONE: Echo = { host_id: null, episode_id: null, code_commit: null, bytes: null, sha256: null };
const HEADERS: Record<string, string> = {
  Host: "x",
  "Content-Length": "3000",
  "Repr-Digest": reprDigest(BODY),
  "X-Labfleet-Code-Commit": "abc123",
};

interface Way {
  options?: TestOptions;
  before?: (receiver: TestReceiver) => unknown;
  method?: string;
  path?: string;
  headers?: Record<string, string | undefined>;
  body?: Uint8Array;
  /** What the answer must say was asked; null: it is about no episode. */
  echo?: Partial<Echo> | null;
  /** What happens after the head was sent. */
  midway?: (receiver: TestReceiver) => unknown;
}

const failing = (code: string): TestOptions => ({
  disk: { ...realDisk, create: () => Promise.reject(Object.assign(new Error(code), { code })) },
});
const throwing = (): never => {
  throw new Error("a bug");
};

/** A way to each reason. `null`: nobody is answered. */
const WAYS: Record<Reason, Way[] | null> = {
  "malformed-path": [
    { path: "/v1/episodes/lab1/ep1.tar.gz", echo: { host_id: null, episode_id: null } },
    { method: "GET", path: "/v1/episodes/lab1", echo: { host_id: null, episode_id: null } },
    { path: "/v1/heartbeats/-", echo: null },
  ],
  malformed: [{ headers: { "Content-Length": "0" }, body: bytes(0), echo: { bytes: 0 } }],
  "malformed-digest": [
    { headers: { "Repr-Digest": "sha-256=:x:" }, echo: { sha256: null } },
    { headers: { "X-Labfleet-Tree-Digest": "x" } },
  ],
  "malformed-commit": [{ headers: { "X-Labfleet-Code-Commit": "a b" }, echo: { code_commit: null } }],
  "missing-commit": [
    {
      options: { rules: { commitRequired: true } },
      headers: { "X-Labfleet-Code-Commit": undefined },
      echo: { code_commit: null },
    },
  ],
  "digest-mismatch": [{ body: bytes(3000, 2) }],
  unauthorized: [{ options: { deps: { checkToken: () => "unknown" } } }],
  "wrong-host": [{ options: { deps: { checkToken: () => "other-host" } } }],
  "tokens-unreadable": [{ options: { deps: { checkToken: () => ({ unreadable: "x" }) } } }],
  "reserved-name": [
    { path: "/v1/heartbeats/operator", echo: null },
    { path: "/v1/episodes/operator/ep1.tar.zst", echo: { host_id: "operator" } },
  ],
  "not-found": [
    { path: "/v1/nothing", echo: null },
    { method: "GET" },
    { path: "/v1/episode/lab1/ep1.tar.zst", echo: null },
  ],
  "method-not-allowed": [
    { method: "DELETE" },
    { method: "PATCH" },
    { method: "FOO" },
    { method: "PUTT" },
    { path: "/v1/hosts", echo: null },
  ],
  "too-slow": [{ options: { listen: { rate: { minBytesPerS: 1e6, windowS: 0.05 } } }, body: bytes(10) }],
  conflict: [{ before: ({ url }) => put(url, "lab1", "ep1", bytes(3000, 2)) }],
  "length-required": [
    {
      headers: { "Content-Length": undefined, "Transfer-Encoding": "chunked" },
      echo: { bytes: null },
      body: Buffer.from("0\r\n\r\n"),
    },
  ],
  "commit-not-accepted": [{ options: { deps: { accepted: () => ({ kind: "list", commits: new Set(["x"]) }) } } }],
  "too-large": [{ options: { rules: { maxBytes: 2999 } } }],
  "too-many-uploads": [{ options: { limits: { uploadsTotal: 0 } } }],
  "too-many-downloads": [
    {
      options: { deps: { downloads: createDownloads({ total: 0, perHost: 4 }) } },
      method: "GET",
      before: ({ url }) => put(url, "lab1", "ep1", BODY),
    },
  ],
  "client-gone": null,
  // Of a HEAD alone, which has no body: confirmed.test.ts.
  "being-read": null,
  // These come before there is a request: http/connection.test.ts.
  "head-too-large": null,
  "too-many-connections": null,
  "storage-failed": [
    { options: failing("EIO") },
    { method: "GET", before: ({ dataRoot }) => unsearchable(join(dataRoot, "episodes")) },
  ],
  internal: [
    { options: { deps: { accepted: throwing } } },
    { options: { deps: { checkToken: throwing } }, method: "GET" },
  ],
  stopping: [
    { before: ({ state }) => Object.assign(state, { stopping: true }) },
    { body: bytes(10), midway: ({ listener }) => listener.cutBodies() },
  ],
  "not-ready": [
    {
      options: { ready: async () => ({ kind: "refused", why: "no disk", fix: null }) },
      method: "GET",
      path: "/readyz",
      echo: null,
    },
  ],
  "gate-unreadable": [{ options: { deps: { accepted: () => ({ kind: "unreadable" }) } } }],
  "code-unknown": [enrolment()],
  "code-used": [enrolment(refuse("code-used", "x"))],
  "host-exists": [enrolment(refuse("host-exists", "x"))],
  "tokens-closed": [enrolment(refuse("tokens-closed", "x"))],
  damaged: [{ before: damage }, { before: damage, method: "GET" }],
  "disk-full": [
    { options: { freeBytes: () => 10 } },
    { options: { freeInodes: () => 10 } },
    { options: failing("ENOSPC") },
  ],
};

/** A code that nobody has made. @param outcome what is answered instead */
function enrolment(outcome?: Refusal): Way {
  const body = Buffer.from(JSON.stringify({ code: "0".repeat(20), host_id: "lab1", token_sha256: sha256("") }));
  const enrol = outcome && { enrol: async () => outcome };
  return {
    ...{ method: "POST", path: "/v1/enrol", body, echo: null, headers: { "Content-Length": String(body.length) } },
    options: { deps: { checkToken: () => "unknown", ...enrol } },
  };
}

async function damage({ url, dataRoot }: TestReceiver): Promise<void> {
  await put(url, "lab1", "ep1", BODY);
  truncateSync(join(dataRoot, "episodes/lab1/ep1.tar.zst"), 10);
}

/** A directory in which nobody can look anything up, root neither. */
function unsearchable(path: string): void {
  rmSync(path, { recursive: true });
  symlinkSync(path, path);
}

async function answerTo(way: Way): Promise<{ receiver: TestReceiver; status: number; headers: Headers; body: string }> {
  const receiver = await startReceiver(way.options);
  await way.before?.(receiver);
  const client = await rawClient(receiver.port);
  const sent = Object.entries({ ...HEADERS, ...way.headers }).filter(([, value]) => value !== undefined);
  const isGet = way.method === "GET" || way.method === "HEAD";
  const head = sent
    .filter(([name]) => !isGet || name !== "Content-Length")
    .map(([name, value]) => `${name}: ${value}\r\n`);
  await client.send(
    `${way.method ?? "PUT"} ${way.path ?? "/v1/episodes/lab1/ep1.tar.zst"} HTTP/1.1\r\n${head.join("")}\r\n`,
  );
  if (!isGet) await client.send(way.body ?? BODY);
  if (way.midway !== undefined) {
    while (receiver.incoming().length === 0) await Bun.sleep(2);
    await way.midway(receiver);
  }
  await client.seen("\r\n\r\n");
  const [first, rest] = split(client.text());
  const headers = new Headers(
    first
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(": ", 2) as [string, string]),
  );
  if (way.method !== "HEAD") await client.seen("}\n");
  return {
    receiver,
    status: Number(first.split(" ")[1]),
    headers,
    body: way.method === "HEAD" ? rest : split(client.text())[1],
  };
}

function split(text: string): [string, string] {
  const at = text.indexOf("\r\n\r\n");
  return [text.slice(0, at), text.slice(at + 4)];
}

const ROWS = Object.entries(WAYS).flatMap(([reason, ways]) => (ways ?? []).map((way, i) => [reason, i, way] as const));

describe("every reason", () => {
  test.each(ROWS)("%s, way %i: is marked and echoes what was asked, as it arrived", async (reason, _, way) => {
    const { status, headers, body } = await answerTo(way);
    const names = ["x-labfleet-receiver-id", "x-labfleet-reason", "content-type"];
    expect(names.map((name) => headers.get(name))).toEqual([IDENTITY.id, reason, "application/problem+json"]);
    const problem = readProblem(JSON.parse(body), headers.get("content-type"));
    expect(problem).toMatchObject({
      type: `urn:labfleet:problem:${reason}`,
      reason,
      status: REFUSALS[reason as Reason][0],
      receiver_id: IDENTITY.id,
    });
    expect(status).toBe(REFUSALS[reason as Reason][0]);
    const lengthless = way.method === "GET" ? { bytes: null } : {};
    const expected = way.echo === null ? undefined : { ...ASKED, ...lengthless, ...way.echo };
    expect(problem?.echo).toEqual(expected as Echo);
    expect(isEchoOf(problem?.echo ?? NONE, ASKED)).toBe(expected !== undefined && isEchoOf(expected, ASKED));
  });

  test.each(["not-found", "damaged", "unauthorized"] as const)(
    "to HEAD, %s: no body, and the store's name",
    async (reason) => {
      const way = WAYS[reason]?.[0] ?? {};
      const path = "/v1/episodes/lab1/ep1.tar.zst";
      const { status, headers, body } = await answerTo({ ...way, method: "HEAD", path });
      const named = [headers.get("x-labfleet-receiver-id"), headers.get("x-labfleet-reason")];
      expect([status, ...named, body]).toEqual([REFUSALS[reason][0], IDENTITY.id, reason, ""]);
    },
  );
});
