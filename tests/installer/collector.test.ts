// What the collector's answer to a host that is about to be installed says, and what the clocks do.

import { expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { endpointOf } from "../../lib/client/endpoint.ts";
import { PROBLEM_MEDIA_TYPE, PROBLEM_TYPE, RECEIVER_ID_HEADER } from "../../lib/contract/judgement.ts";
import { answerRow, checkCollector, clockRow, nameRow } from "../../lib/installer/preflight/collector.ts";

type Reply = Parameters<typeof answerRow>[1];

const ID = "0123456789abcdef0123456789abcdef";
const OWN = { id: "a".repeat(32), hardware: [] };
const OTHER = { id: "b".repeat(32), hardware: [] };

const introducedTo = (url: string, more: object = {}) => ({
  hostId: "lab1",
  receiver: endpointOf({ url, ...more }, "lab-host.toml"),
  credentials: null,
  enrolment: null,
});
const HUB = introducedTo("https://hub:8443", { bearer_token: "lf_x" });

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  const all = { [RECEIVER_ID_HEADER.toLowerCase()]: ID, ...headers };
  return {
    ...{ kind: "answer", status, headers: all, text: JSON.stringify(body), body },
    ...{ retryAfterS: null, answeredAtMs: null },
  };
}

function problem(status: number, reason: string, detail: string): Reply {
  const body = { type: PROBLEM_TYPE + reason, title: "", status, reason, detail, receiver_id: ID };
  return answer(status, body, { "content-type": PROBLEM_MEDIA_TYPE });
}

test("a host is taken for who it is when the collector answers about it, or knows nothing of it yet", () => {
  for (const reply of [answer(200, {}), problem(404, "not-found", "no heartbeat of lab1 has come")])
    expect(answerRow(HUB, reply)).toEqual({
      ...{ id: "collector", status: "ok", what: "https://hub:8443 answers, and takes lab1 for who it is", fix: null },
    });
});

test("a token that it does not take, none at all, and what is no collector are red", () => {
  const refused = problem(401, "unauthorized", "the token is not known");
  const row = answerRow(HUB, refused);
  expect([row.status, row.what]).toEqual([
    ...["fail", 'the receiver answers 401 (unauthorized): "the token is not known"'],
  ]);
  expect(row.fix?.commands.map(({ argv, on }) => [on, argv.join(" ")])).toContainEqual([
    ...["collector", "sudo receiver token add lab1"],
  ]);
  expect(answerRow(introducedTo("https://hub:8443"), refused).what).toEndWith("; this host has no token");
  const page = { ...answer(200, {}), headers: { server: "nginx" } };
  expect(answerRow(HUB, page)).toMatchObject({
    status: "fail",
    what: 'hub:8443 answers 200 from "nginx", not the receiver',
  });
  // One of before labfleet has no mark to be known by.
  expect(answerRow(introducedTo("https://hub:8443", { kind: "python" }), page).status).toBe("ok");
});

test("a collector that is not reached is red, with what mends it", async () => {
  const closed = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
  const own = { machine: OWN, clock: { synchronised: true }, nowMs: () => 0 };
  const rows = await checkCollector(introducedTo(`http://127.0.0.1:${closed}`), own);
  expect(rows.map(({ id, status, what }) => [id, status, what])).toEqual([
    ["collector", "fail", `nobody listens at 127.0.0.1:${closed}`],
    ["clock", "ok", "the clock is synchronised"],
  ]);
  expect(rows[0]?.fix?.commands[0]?.argv).toEqual(["sudo", "systemctl", "start", "labfleet-receiver"]);
});

test("a host asks about itself with its token, and another machine of its name is red", async () => {
  const asked: (string | undefined)[] = [];
  await using server = createServer((request, response) => {
    asked.push(request.method, request.url, request.headers.authorization);
    response.setHeader(RECEIVER_ID_HEADER, ID);
    response.setHeader("Date", new Date(1_000_000).toUTCString());
    response.end(JSON.stringify({ heartbeat: { machine: OTHER }, received_at_wall: "2026-11-30T10:00:00Z" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const own = { machine: OWN, clock: null, nowMs: () => 1_060_000 };
  const rows = await checkCollector(introducedTo(`http://127.0.0.1:${port}`, { bearer_token: "lf_x" }), own);
  expect(asked).toEqual(["GET", "/v1/hosts/lab1", "Bearer lf_x"]);
  expect(rows.map(({ id, status, what }) => [id, status, what])).toEqual([
    ["collector", "ok", `http://127.0.0.1:${port} answers, and takes lab1 for who it is`],
    ["clock", "warn", "this host's clock is 60 seconds ahead of the collector's"],
    ["name", "fail", 'the collector knows another machine as lab1 (heard of last at "2026-11-30T10:00:00Z")'],
  ]);
});

test("a name is nobody's, or this machine's own, where nothing says otherwise", () => {
  const of = (body: unknown) => nameRow(HUB, answer(200, body), OWN);
  for (const body of [null, {}, { heartbeat: {} }, { heartbeat: { machine: OWN } }, { heartbeat: { machine: "x" } }])
    expect(of(body)).toBeNull();
  expect(nameRow(HUB, problem(404, "not-found", ""), OWN)).toBeNull();
});

test("clocks that differ, or that nobody sets, are yellow and never red", () => {
  const at = (answeredAtMs: number | null, synchronised: boolean | null) => {
    const reply = answeredAtMs === null ? null : ({ ...answer(200, {}), answeredAtMs } as Reply);
    const clock = synchronised === null ? null : { synchronised };
    const { status, what } = clockRow(reply, { clock, nowMs: () => 100_000 });
    return `${status}: ${what}`;
  };
  expect([at(111_000, true), at(110_000, true), at(89_000, false), at(null, false), at(null, null)]).toEqual([
    "warn: this host's clock is 11 seconds behind the collector's",
    "ok: the clock is synchronised, and within 10 s of the collector's",
    "warn: this host's clock is 11 seconds ahead of the collector's",
    "warn: the clock is not synchronised",
    "ok: the clock is not to be asked",
  ]);
});
