// One heartbeat, one PUT, to a server that answers as the test says: what it is sent, and what comes of its answer.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { heartbeatClient, type SendResult, sendHeartbeat } from "../../../lib/heartbeat/send/send.ts";
import type { HeartbeatConfig } from "../../../lib/heartbeat/settings.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { inText } from "../../support/in-text.ts";
import { tempDir } from "../../support/temp-dir.ts";

let answer: () => Response = () => new Response();
let got: { method: string; path: string; headers: Headers; text: string }[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { method, url, headers } = request;
    got.push({ method, path: new URL(url).pathname, headers, text: await request.text() });
    return answer();
  },
});
afterAll(() => server.stop(true));

let dir = "";
let config: HeartbeatConfig;
beforeEach(() => {
  dir = tempDir();
  got = [];
  answer = () => Response.json({ status: "stored", received_at_wall: "x" });
  const receiver = {
    url: `http://127.0.0.1:${server.port}`,
    caBundle: null,
    clientCert: null,
    clientKey: null,
    bearerToken: null,
    bearerTokenFile: join(dir, "token"),
    verifyTls: true,
    kind: "labfleet",
    trustedNetwork: false,
  };
  config = { hostId: "lab1", runDir: dir, requestTimeoutS: 5, receiver } as HeartbeatConfig;
  writeFileSync(join(dir, "token"), "lf_one\n");
});

const send = (text = '{"sequence":1}'): Promise<SendResult> =>
  sendHeartbeat(heartbeatClient(config), config, text, new AbortController().signal);

/** The same, and what is said of it as the line that it becomes. */
const sent = async (): Promise<object> => {
  const result = await send();
  return result.kind === "sent" ? result : { ...result, why: inText(result.why) };
};

test("is a PUT to the host's own path, with the time that it is there now", async () => {
  const before = Date.now();
  expect(await send('{"sequence":"ä"}')).toEqual({ kind: "sent", retryAfterS: null, status: 200 });
  expect(got.map(({ method, path, text }) => [method, path, text])).toEqual([
    ["PUT", "/v1/heartbeats/lab1", '{"sequence":"ä"}'],
  ]);
  const headers = got[0]?.headers;
  expect(headers?.get("Content-Length")).toBe("17");
  expect(headers?.get("Authorization")).toBe("Bearer lf_one");
  // Whole seconds, cut off.
  const date = Date.parse(headers?.get("Date") ?? "");
  expect(date).toBeGreaterThan(before - 1000);
  expect(date).toBeLessThanOrEqual(Date.now());
});

describe("which store has taken it is", () => {
  const [A, B] = ["a".repeat(32), "b".repeat(32)] as const;
  test.each<[string, object, Record<string, string>, string | undefined]>([
    ["what the body says", { receiver_id: A }, {}, A],
    ["what the header says", {}, { "X-Labfleet-Receiver-Id": A }, A],
    ["what both say", { receiver_id: A }, { "X-Labfleet-Receiver-Id": A }, A],
    ["not known where they differ", { receiver_id: A }, { "X-Labfleet-Receiver-Id": B }, undefined],
    ["not known from what is no id", { receiver_id: "me" }, {}, undefined],
    ["not known where nobody says it", {}, {}, undefined],
  ])("%s", async (_, more, headers, receiverId) => {
    answer = () => Response.json({ status: "stored", received_at_wall: "", ...more }, { headers });
    const sent = { kind: "sent" as const, retryAfterS: null, status: 200 };
    expect(await send()).toEqual(receiverId === undefined ? sent : { ...sent, receiverId });
  });
});

test("a token that was renewed is used at once", async () => {
  await send();
  writeFileSync(join(dir, "token"), "lf_two");
  await send();
  expect(got.map(({ headers }) => headers.get("Authorization"))).toEqual(["Bearer lf_one", "Bearer lf_two"]);
});

test("a refusal carries the receiver's own words, which can neither forge a line nor fill the log", async () => {
  const detail = `no\n<3>ERROR a=b ${"x".repeat(10_000)}`;
  const headers = { "Content-Type": "application/problem+json", "Retry-After": "7" };
  const mark = { type: "urn:labfleet:problem:malformed", title: "t", status: 422, receiver_id: "0".repeat(32) };
  answer = () => new Response(JSON.stringify({ ...mark, reason: "malformed", detail }), { status: 422, headers });
  const result = await send();
  expect(result).toMatchObject({ kind: "drop", retryAfterS: 7 });
  const why = inText(result.kind === "sent" ? "" : result.why);
  expect(why).toStartWith('the receiver answers 422 (malformed): "no\\n<3>ERROR a\\u003db xxx');
  expect(why.length).toBeLessThan(500);
});

test("a refusal of something else, whatever it calls its reason, refuses nothing for good", async () => {
  answer = () => Response.json({ reason: "malformed", detail: "bad" }, { status: 422 });
  expect(await send()).toMatchObject({ kind: "later", reason: "422 unmarked" });
});

test("a date to come again is judged by the answer's own clock: a receiver a day ahead silences nobody", async () => {
  const ahead = Date.now() + 86_400_000;
  const [date = "", later = ""] = [ahead, ahead + 20_000].map((ms) => new Date(ms).toUTCString());
  answer = () => new Response("", { status: 503, headers: { Date: date, "Retry-After": later } });
  expect(await send()).toMatchObject({ kind: "later", retryAfterS: 20 });
});

for (const [what, body] of [
  ["a page", "<html>sign in</html>"],
  ["no object", "7"],
  ["a detail that is none", '{"detail": 7}'],
] as const) {
  test(`${what} with 200 has not taken it`, async () => {
    answer = () => new Response(body);
    expect(await send()).toMatchObject({ kind: "later", reason: "200 unmarked", retryAfterS: null, status: 200 });
  });
}

test("what stands in the way here is said, and the heartbeat is kept", async () => {
  const token = join(dir, "token");
  rmSync(token);
  expect(await sent()).toMatchObject({
    kind: "later",
    reason: "credentials bearer_token_file absent",
    why: expect.stringContaining(
      `receiver.bearer_token_file ${token} is not there; fix: make one, paste it into this command and end it with Ctrl-D: on the collector: sudo receiver token add lab1; then on the lab host: sudo install -D -m 0640 -g `,
    ),
  });
  expect(Bun.spawnSync(["mkfifo", token]).exitCode).toBe(0);
  expect(await sent()).toMatchObject({ kind: "later", reason: "credentials bearer_token_file no-file" });
  expect(got).toEqual([]);
});

test("needs no room, neither in the run directory nor anywhere", async () => {
  config.runDir = join(dir, "token/none");
  expect(await sent()).toMatchObject({ kind: "sent" });
});

test("nobody there, and a stop before it is sent", async () => {
  config.receiver.url = "http://127.0.0.1:1";
  expect(await sent()).toMatchObject({
    kind: "later",
    reason: "connect ECONNREFUSED",
    why: "nobody listens at 127.0.0.1:1; fix: start the receiver there, or mend the port in receiver.url: on the collector: sudo systemctl start labfleet-receiver",
    status: 0,
  });
  expect(await sendHeartbeat(heartbeatClient(config), config, "{}", AbortSignal.abort())).toMatchObject({
    kind: "later",
  });
});

test("an answer without end is given up; what it is and what to look at is said", async () => {
  config.requestTimeoutS = 0.3;
  const encoder = new TextEncoder();
  answer = () => {
    const body = new ReadableStream({
      async pull(controller) {
        await Bun.sleep(30);
        controller.enqueue(encoder.encode("x"));
      },
    });
    return new Response(body);
  };
  expect(await sent()).toMatchObject({
    kind: "later",
    reason: "stalled answering",
    why: expect.stringMatching(
      /was given up: its answer, status 200, was not complete after \d+ s; fix: .*heartbeat\.request_timeout_s/,
    ),
    status: 0,
  });
});

test("what cannot be TLS, or is not believed, is said with what mends it", async () => {
  config.receiver.url = `https://127.0.0.1:${server.port}`;
  expect(await sent()).toMatchObject({
    why: expect.stringContaining(" does not speak TLS, and receiver.url says https://; fix: "),
  });
  const issued = makeAuthority(join(dir, "ca")).issue("collector", { san: "DNS:collector.wg" });
  const { cert, key } = issued;
  using tls = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: () => new Response() });
  config.receiver.url = `https://127.0.0.1:${tls.port}`;
  expect(await sent()).toMatchObject({
    why: expect.stringContaining("was issued by “test CA”: receiver.ca_bundle is not set"),
  });
  config.receiver.caBundle = join(dir, "ca/ca.crt");
  expect(await sent()).toMatchObject({
    why: expect.stringContaining(`; fix: set receiver.url to https://collector.wg:${tls.port}`),
  });
});
