// POST /v1/judge: what a PUT would be answered, without the episode.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { readJudgeAnswer, readProblem } from "../../../lib/contract/judgement.ts";
import {
  bytes,
  cleanUp,
  IDENTITY,
  put,
  type ReceiverDeps,
  rawClient,
  rawStatus,
  reprDigest,
  sha256,
  startReceiver,
  type TestOptions,
  type TestReceiver,
  until,
} from "../support.ts";

afterEach(cleanUp);

const BODY = bytes(3000);
const TREE = "c".repeat(64);
const ASKED = { bytes: 3000, sha256: sha256(BODY), tree_sha256: TREE, code_commit: "abc123" };
const ECHO = { host_id: "lab1", episode_id: "ep1", code_commit: "abc123", bytes: 3000, sha256: sha256(BODY) };

function judge(
  url: string,
  asked: unknown = ASKED,
  path = "/v1/judge/lab1/ep1",
  init: RequestInit = {},
): Promise<Response> {
  const body = typeof asked === "string" ? asked : JSON.stringify(asked);
  return fetch(`${url}${path}`, { method: "POST", body, proxy: "", ...init });
}

const HEADERS = {
  "Repr-Digest": reprDigest(BODY),
  "X-Labfleet-Tree-Digest": `sha256:${TREE}`,
  "X-Labfleet-Code-Commit": "abc123",
};

/** What both are answered: status, problem without its own words for who was asked what. */
async function both(receiver: TestReceiver): Promise<[put: unknown, judge: unknown]> {
  const judged = await judge(receiver.url);
  const putted = await put(receiver.url, "lab1", "ep1", BODY, HEADERS);
  return [
    [putted.status, putted.headers.get("retry-after"), await putted.json()],
    [judged.status, judged.headers.get("retry-after"), await judged.json()],
  ];
}

const bug = (): never => {
  throw new Error("a bug");
};

describe("a refusal is that of a PUT, to the letter", () => {
  test.each<[reason: string, Partial<ReceiverDeps>, TestOptions]>([
    ["unauthorized", { checkToken: () => "absent" }, {}],
    ["wrong-host", { checkToken: () => "other-host" }, {}],
    ["tokens-unreadable", { checkToken: () => ({ unreadable: "x" }) }, {}],
    ["stopping", { stopping: () => true }, {}],
    ["commit-not-accepted", { accepted: () => ({ kind: "list", commits: new Set(["x"]) }) }, {}],
    ["gate-unreadable", { accepted: () => ({ kind: "unreadable" }) }, {}],
    ["too-large", {}, { rules: { maxBytes: 2999 } }],
    ["disk-full", {}, { freeBytes: () => 10 }],
    ["too-many-uploads", {}, { limits: { uploadsTotal: 0 } }],
    ["internal", { accepted: bug }, {}],
  ])("%s", async (reason, deps, options) => {
    const receiver = await startReceiver({ ...options, deps });
    const [putted, judged] = await both(receiver);
    expect(judged).toEqual(putted);
    expect(judged).toMatchObject(
      [expect.any(Number), expect.anything(), { reason, echo: ECHO }].map((x, i) =>
        i === 1 ? (judged as unknown[])[1] : x,
      ),
    );
  });

  test("conflict, with the digests of what is stored", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", bytes(3000, 2));
    const [putted, judged] = await both(receiver);
    expect(judged).toEqual(putted);
    expect(judged).toMatchObject([409, null, { reason: "conflict", sha256: sha256(bytes(3000, 2)), echo: ECHO }]);
  });

  test("damaged", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", BODY, HEADERS);
    truncateSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"), 10);
    const [putted, judged] = await both(receiver);
    expect(judged).toEqual(putted);
    expect(judged).toMatchObject([503, "300", { reason: "damaged", echo: ECHO }]);
  });

  test("missing-commit", async () => {
    const receiver = await startReceiver({ rules: { commitRequired: true } });
    const judged = await judge(receiver.url, { ...ASKED, code_commit: null });
    expect([judged.status, await judged.json()]).toMatchObject([
      400,
      {
        reason: "missing-commit",
        detail: "missing X-Labfleet-Code-Commit, missing X-Cis490-Code-Commit",
        echo: { ...ECHO, code_commit: null },
      },
    ]);
  });

  test.each([
    [{ code_commit: "a b" }, "malformed-commit", { code_commit: null }],
    [{ bytes: 0 }, "malformed", { bytes: 0 }],
  ])("%j: %s", async (over, reason, echo) => {
    const receiver = await startReceiver();
    const judged = await judge(receiver.url, { ...ASKED, ...over });
    expect([judged.status, await judged.json()]).toMatchObject([400, { reason, echo: { ...ECHO, ...echo } }]);
  });
});

describe("what a PUT would do", () => {
  test("accept: it is not stored, no row, no attempt, no place of an upload", async () => {
    const receiver = await startReceiver({ limits: { uploadsTotal: 1, uploadsPerHost: 1 } });
    for (let i = 0; i < 6; i++) {
      const answer = await judge(receiver.url);
      expect([answer.status, answer.headers.get("x-labfleet-receiver-id")]).toEqual([200, IDENTITY.id]);
      const body: unknown = await answer.json();
      expect(body).toEqual({ would: "accept", receiver_id: IDENTITY.id, echo: ECHO });
      expect(readJudgeAnswer(body)).toEqual(body as never);
    }
    expect([receiver.rows(), await receiver.attemptRows().catch(() => []), receiver.incoming()]).toEqual([[], [], []]);
    expect(existsSync(join(receiver.dataRoot, "episodes/lab1"))).toBe(false);
    expect(receiver.log.lines).toEqual([]);
  });

  test.each([
    ["the same bytes", {}],
    ["packed again: other bytes, equal tree", { sha256: "d".repeat(64), bytes: 2000 }],
  ])("stored: %s", async (_, over) => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", BODY, HEADERS);
    const answer = await judge(receiver.url, { ...ASKED, ...over });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { would: "stored", receiver_id: IDENTITY.id, echo: { ...ECHO, ...over } },
    ]);
    expect(await receiver.attemptRows()).toHaveLength(1);
  });

  test("accept, where a row's file is gone: the same bytes would be taken again", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", BODY, HEADERS);
    rmSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"));
    expect(await (await judge(receiver.url)).json()).toMatchObject({ would: "accept" });
  });

  test("no tree digest is as good", async () => {
    const receiver = await startReceiver();
    expect(await (await judge(receiver.url, { ...ASKED, tree_sha256: null })).json()).toMatchObject({
      would: "accept",
    });
  });
});

describe("what is no judge call", () => {
  const echo = (over: object) => ({ ...ECHO, bytes: null, sha256: null, code_commit: null, ...over });
  test.each<[string, unknown, string, object]>([
    ["no JSON", "{", 'the body is not JSON, found "{"', {}],
    ["an array", [], "bytes must be a number, found none; code_commit must be a string or null, found none; ", {}],
    ["null", null, "the body must be an object, found null", {}],
    [
      "no sha256",
      { ...ASKED, sha256: undefined },
      "sha256 must be a string, found none",
      { bytes: 3000, code_commit: "abc123" },
    ],
    [
      "another digest",
      { ...ASKED, sha256: "x" },
      'sha256 must be a SHA-256 digest in hex, found "x"',
      { bytes: 3000, code_commit: "abc123" },
    ],
    [
      "a length that is none",
      { ...ASKED, bytes: -1 },
      "bytes must be non-negative, found -1",
      { sha256: ECHO.sha256, code_commit: "abc123" },
    ],
    [
      "a commit that is no text",
      { ...ASKED, code_commit: 5 },
      "code_commit must be a string or null, found 5",
      { bytes: 3000, sha256: ECHO.sha256 },
    ],
    ["a tree digest that is none", { ...ASKED, tree_sha256: "x" }, "tree_sha256 must be", { ...ECHO }],
    ["5,000 bytes", { ...ASKED, x: "x".repeat(5000) }, "the body of a judge call has at most 4096 bytes", {}],
  ])("%s: 400 malformed, and what could be read of it is echoed", async (_, body, detail, over) => {
    const receiver = await startReceiver();
    const answer = await judge(receiver.url, body);
    const problem = readProblem(await answer.json(), answer.headers.get("content-type"));
    expect([answer.status, problem]).toMatchObject([
      400,
      { reason: "malformed", detail: expect.stringContaining(detail), echo: echo(over) },
    ]);
  });

  test.each([
    ["/v1/judge/lab1", 400, "malformed-path"],
    ["/v1/judge/lab1/ep1/x", 400, "malformed-path"],
    ["/v1/judge/lab1/-", 400, "malformed-path"],
    ["/v1/judge/lab1/%252e", 400, "malformed-path"],
    ["/v1/judges/lab1/ep1", 404, "not-found"],
  ])("%s: %i %s", async (path, status, reason) => {
    const receiver = await startReceiver();
    const answer = await judge(receiver.url, ASKED, path);
    expect([answer.status, await answer.json()]).toMatchObject([status, { reason }]);
  });

  test.each(["GET", "HEAD", "PUT", "DELETE"])("%s: 405", async (method) => {
    const receiver = await startReceiver();
    const answer = await fetch(`${receiver.url}/v1/judge/lab1/ep1`, { method, proxy: "" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("chunked: 411, with the names", async () => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    await client.send("POST /v1/judge/lab1/ep1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    await client.seen('"length-required"');
    expect(client.text()).toContain(
      '"echo":{"host_id":"lab1","episode_id":"ep1","bytes":null,"sha256":null,"code_commit":null}',
    );
  });

  test("a body that is cut off is nobody's; one that is too slow is 408", async () => {
    const receiver = await startReceiver({ listen: { rate: { minBytesPerS: 1e6, windowS: 0.05 } } });
    const head = "POST /v1/judge/lab1/ep1 HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n";
    expect(await rawStatus(receiver.port, head, bytes(10))).toBe("408");
  });
});

test("a name that is escaped is the same one", async () => {
  const receiver = await startReceiver();
  expect(await (await judge(receiver.url, ASKED, "/v1/judge/l%61b1/%65p1")).json()).toMatchObject({ echo: ECHO });
});

test("more than four of one host at a time are told to come again; no other host is held up by them", async () => {
  const receiver = await startReceiver();
  await put(receiver.url, "lab1", "ep1", BODY);
  const gate = Promise.withResolvers<void>();
  const { store } = receiver.opened;
  const find = store.find.bind(store);
  store.find = async (address) => {
    if (address.host === "lab1") await gate.promise;
    return find(address);
  };
  const early: number[] = [];
  const ask = async (): Promise<number> => {
    const { status } = await judge(receiver.url);
    early.push(status);
    return status;
  };
  const many = Array.from({ length: 20 }, ask);
  expect((await judge(receiver.url, ASKED, "/v1/judge/lab2/ep1")).status).toBe(200);
  await until(() => early.length === 16);
  expect(new Set(early)).toEqual(new Set([429]));
  gate.resolve();
  const statuses = await Promise.all(many);
  expect(statuses.filter((status) => status === 200)).toHaveLength(4);
  expect(readdirSync(join(receiver.dataRoot, "incoming"))).toEqual([]);
});
