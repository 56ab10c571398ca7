// The agent with a receiver that answers as the test says: what is sent, what is kept, and what is said about it.

import { describe, expect, test } from "bun:test";
import type { CheckResult, CheckStatus, Heartbeat } from "../../lib/core/heartbeat.ts";
import { Agent } from "../../lib/heartbeat/agent.ts";
import type { SendResult } from "../../lib/heartbeat/send.ts";
import type { HeartbeatConfig } from "../../lib/heartbeat/settings.ts";
import { Spool } from "../../lib/heartbeat/spool.ts";
import { createLog } from "../../lib/runtime/log.ts";
import { tempDir } from "../support/temp-dir.ts";

const CONFIG = { hostId: "lab1", intervalS: 60, backoffSeconds: [3600] } as unknown as HeartbeatConfig;
const LATER: SendResult = { kind: "later", why: "network: refused", retryAfterS: null };
const SENT: SendResult = { kind: "sent", retryAfterS: null };

const result = (status: CheckStatus, run: number): CheckResult => ({
  plugin: "p",
  name: "p",
  status,
  message: "",
  perfdata: [],
  started_at: "2026-05-01T06:37:53.830Z",
  duration_ms: 1,
  ttl_s: 130,
  run,
});

function agentWith(answers: SendResult[], statuses: CheckStatus[] = []) {
  const sent: Heartbeat[] = [];
  const lines: string[] = [];
  const spool = new Spool(tempDir(), 100);
  const write = (text: string): void => void lines.push(text.trimEnd());
  const agent = new Agent({
    config: CONFIG,
    spool,
    log: createLog({ tool: "h", level: "info", sink: "journal", colour: false, write, now: () => new Date(0) }),
    versions: { heartbeat: "0.1.0" },
    collect: async (run) => [result(statuses.shift() ?? "ok", run)],
    states: [{ name: "p", state: "loaded", reason: null }],
    queue: () => null,
    send: async (text) => {
      sent.push(JSON.parse(text));
      return answers.shift() ?? SENT;
    },
    bootId: "boot",
    uptimeS: () => 42,
    now: () => new Date("2026-05-01T06:37:54Z"),
    random: () => 0.5,
  });
  return { agent, spool, sent, lines };
}

test("a heartbeat says who, when, and what each check said", async () => {
  const { agent, sent, spool } = agentWith([]);
  await agent.beat();
  expect(sent).toEqual([
    {
      host_id: "lab1",
      sent_at: "2026-05-01T06:37:54.000Z",
      boot_id: "boot",
      sequence: 1,
      uptime_s: 42,
      interval_s: 60,
      versions: { heartbeat: "0.1.0" },
      queue: null,
      plugins: [{ name: "p", state: "loaded", reason: null }],
      results: [result("ok", 1)],
    },
  ]);
  expect(spool.size).toBe(0);
});

describe("without a receiver", () => {
  test("heartbeats are kept, and sent later: the newest first, then those that waited, oldest first", async () => {
    const { agent, sent, spool, lines } = agentWith([LATER, LATER, LATER]);
    for (let i = 0; i < 3; i++) await agent.beat();
    expect(spool.size).toBe(3);
    await agent.beat();
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 1, 2, 3]);
    expect(spool.size).toBe(0);
    // Said once, and once that it is over.
    expect(lines).toEqual([
      "<4>heartbeat not sent, it is kept: network: refused",
      "<6>heartbeats arrive again waiting=3",
      "<6>heartbeats that waited are sent sent=3 waiting=0",
    ]);
    await agent.stop();
  });

  test("a receiver that goes away in between gets the rest next time", async () => {
    const { agent, sent, spool } = agentWith([LATER, LATER, SENT, SENT, LATER]);
    for (let i = 0; i < 3; i++) await agent.beat();
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 1, 2]);
    expect(spool.size).toBe(1);
    await agent.beat();
    expect(sent.slice(5).map(({ sequence }) => sequence)).toEqual([4, 2]);
    await agent.stop();
  });

  test("what changed is marked, so that it is kept when too many wait", async () => {
    const { agent, spool } = agentWith([LATER, LATER, LATER, LATER], ["ok", "ok", "critical", "ok"]);
    for (let i = 0; i < 4; i++) await agent.beat();
    const kinds = new Bun.Glob("*").scanSync({ cwd: spool.directory });
    expect([...kinds].sort()).toEqual([
      "000000000001.change.json",
      "000000000002.plain.json",
      "000000000003.change.json",
      "000000000004.change.json",
    ]);
    await agent.stop();
  });
});

test("one that the receiver refuses for good is dropped and said; the next ones go on", async () => {
  const { agent, sent, spool, lines } = agentWith([{ kind: "drop", why: "status 400", retryAfterS: null }]);
  await agent.beat();
  await agent.beat();
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(spool.size).toBe(0);
  expect(lines).toEqual(["<3>the receiver refuses a heartbeat for good: status 400 sequence=1"]);
});

test("a stop in the middle of a collection sends nothing of it: what was cut off is no failure", async () => {
  const { agent, sent, spool } = agentWith([]);
  const beating = agent.beat();
  await agent.stop();
  await beating;
  expect(sent).toEqual([]);
  expect(spool.size).toBe(0);
});

test("the status line says how it stands, and what does not get through", async () => {
  const { agent } = agentWith([SENT, LATER], ["ok", "warning"]);
  expect(agent.status()).toBe("collecting for the first time");
  await agent.beat();
  expect(agent.status()).toBe("ok: 0 of 1 not ok");
  await agent.beat();
  expect(agent.status()).toBe("warning: 1 of 1 not ok, 1 heartbeats wait, NOT SENT: network: refused");
  await agent.stop();
});
