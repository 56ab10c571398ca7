// The agent with a receiver that answers as the test says: what is sent, what is kept, and what is said about it.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckResult, CheckStatus, Heartbeat } from "../../lib/core/heartbeat.ts";
import { Agent } from "../../lib/heartbeat/agent.ts";
import type { SendResult } from "../../lib/heartbeat/send.ts";
import type { HeartbeatConfig } from "../../lib/heartbeat/settings.ts";
import { Spool } from "../../lib/heartbeat/spool.ts";
import { liveStatus, statusLine } from "../../lib/heartbeat/status-live.ts";
import { createLog, type LogLevel } from "../../lib/runtime/log.ts";
import { tempDir } from "../support/temp-dir.ts";

const CONFIG = { hostId: "lab1", intervalS: 60, backoffSeconds: [3600] } as unknown as HeartbeatConfig;
const LATER: SendResult = { kind: "later", why: "network: refused", retryAfterS: null, status: 0 };
const SENT: SendResult = { kind: "sent", retryAfterS: null, status: 200 };

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

/** A collection, and all that is sent for it. */
async function beat(agent: Agent): Promise<void> {
  await agent.beat();
  await agent.settled();
}

interface SpoolDirs {
  state: string;
  run?: string;
  max?: number;
}

function agentWith(
  answers: SendResult[],
  statuses: CheckStatus[] = [],
  dirs: SpoolDirs = { state: tempDir() },
  level: LogLevel = "info",
) {
  const sent: Heartbeat[] = [];
  const lines: string[] = [];
  const spool = new Spool(dirs.state, dirs.max ?? 100, dirs.run ?? null);
  const write = (text: string): void => void lines.push(text.trimEnd());
  const agent = new Agent({
    config: CONFIG,
    spool,
    log: createLog({ tool: "h", level, sink: "journal", colour: false, write, now: () => new Date(0) }),
    versions: { heartbeat: "0.1.0" },
    collect: async (run) => [result(statuses.shift() ?? "ok", run)],
    states: () => [{ name: "p", state: "loaded", reason: null }],
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
  await beat(agent);
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
    for (let i = 0; i < 3; i++) await beat(agent);
    expect(spool.size).toBe(3);
    await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 1, 2, 3]);
    expect(spool.size).toBe(0);
    // Said once, and once that it is over.
    expect(lines).toEqual([
      "<4>heartbeat not sent, it is kept: network: refused sequence=1",
      "<6>heartbeats arrive again waiting=3",
      "<6>heartbeats that waited are through sent=3 waiting=0",
    ]);
    await agent.stop();
  });

  test("a receiver that goes away in between gets the rest next time", async () => {
    const { agent, sent, spool } = agentWith([LATER, LATER, SENT, SENT, LATER]);
    for (let i = 0; i < 3; i++) await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 1, 2]);
    expect(spool.size).toBe(1);
    await beat(agent);
    expect(sent.slice(5).map(({ sequence }) => sequence)).toEqual([4, 2]);
    await agent.stop();
  });

  test("what changed is marked, so that it is kept when too many wait", async () => {
    const { agent, spool } = agentWith([LATER, LATER, LATER, LATER, LATER], ["ok", "ok", "critical", "critical", "ok"]);
    for (let i = 0; i < 5; i++) await beat(agent);
    const kinds = new Bun.Glob("*").scanSync({ cwd: spool.directory });
    expect([...kinds].sort()).toEqual([
      "000000000001.change.json",
      "000000000002.plain.json",
      "000000000003.change.json",
      "000000000004.plain.json",
      "000000000005.change.json",
    ]);
    await agent.stop();
  });
});

const refuse = (why: string): SendResult => ({ kind: "drop", why, retryAfterS: null, status: 422 });
const lineOf = (agent: Agent): string => statusLine(liveStatus(agent, 0, 0));

describe("refused for good", () => {
  test("one is dropped and said; the next ones go on", async () => {
    const { agent, sent, spool, lines } = agentWith([refuse("status 400")]);
    await beat(agent);
    expect(lineOf(agent)).toBe("ok: 0 of 1 not ok, REFUSED: status 400");
    await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(spool.size).toBe(0);
    expect(lines).toEqual([
      "<3>the receiver refuses heartbeats for good: status 400 sequence=1",
      "<6>the receiver takes heartbeats again refused=1",
    ]);
    expect(lineOf(agent)).toBe("ok: 0 of 1 not ok");
    expect(agent.refused).toEqual({ count: 1, why: "status 400", lasts: false });
  });

  test("each reason is said once, until one is taken; all are counted", async () => {
    const reasons = ["results[3] was 17.1", "results[4] was 9", "host_id", "results[3] was 2"];
    const { agent, lines } = agentWith([...reasons.map(refuse), SENT, refuse("host_id")]);
    for (let i = 0; i < 4; i++) await beat(agent);
    expect(agent.refused).toEqual({ count: 4, why: "results[3] was 2", lasts: true });
    expect(agent.sentAt).toBeNull();
    for (let i = 0; i < 2; i++) await beat(agent);
    expect(lines.map((line) => line.replace(/ sequence=.*/, ""))).toEqual([
      "<3>the receiver refuses heartbeats for good: results[3] was 17.1",
      "<3>the receiver refuses heartbeats for good: host_id",
      "<6>the receiver takes heartbeats again refused=4",
      "<3>the receiver refuses heartbeats for good: host_id",
    ]);
  });

  test("reasons without end are not said without end", async () => {
    const words = Array.from({ length: 100 }, (_, i) => "x".repeat(i + 1));
    const { agent, lines } = agentWith(words.map(refuse));
    for (let i = 0; i < 100; i++) await beat(agent);
    expect(lines).toHaveLength(20);
    expect(agent.refused?.count).toBe(100);
  });

  test("an old one that is taken does not hide that the newest never is", async () => {
    const { agent, spool } = agentWith([LATER, refuse("host_id"), SENT]);
    await beat(agent);
    await beat(agent); // 2 is refused, then 1 is taken
    expect(spool.size).toBe(0);
    expect(agent.sentAt).toBeNull();
    expect(lineOf(agent)).toBe("ok: 0 of 1 not ok, REFUSED: host_id");
  });
});

test("a stop in the middle of a collection sends nothing of it: what was cut off is no failure", async () => {
  const { agent, sent, spool } = agentWith([]);
  const beating = agent.beat();
  await agent.stop();
  await beating;
  expect(sent).toEqual([]);
  expect(spool.size).toBe(0);
});

test("what waits never holds up what is new, and memory holds one: the rest is on the disk at once", async () => {
  const { agent, sent, spool } = agentWith([LATER, LATER, LATER]);
  for (let i = 0; i < 3; i++) await beat(agent);
  expect(spool.size).toBe(3);
  const slow = Promise.withResolvers<SendResult>();
  const { send } = agent.deps;
  agent.deps.send = (text, signal) =>
    sent.length === 4 ? send(text, signal).then(() => slow.promise) : send(text, signal);
  await agent.beat(); // 4 goes out at once, then the first one that waits, slowly
  while (sent.length < 5) await Bun.sleep(1);
  await agent.beat(); // 5
  await agent.beat(); // 6: 5 was not tried yet, and is on the disk now
  expect(spool.size).toBe(4);
  slow.resolve(SENT);
  await agent.settled();
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 1, 6, 2, 3, 5]);
  expect(spool.size).toBe(0);
});

test("the status line says how it stands, and what does not get through", async () => {
  const { agent } = agentWith([SENT, LATER], ["ok", "warning"]);
  expect(lineOf(agent)).toBe("collecting for the first time");
  await beat(agent);
  expect(lineOf(agent)).toBe("ok: 0 of 1 not ok");
  await beat(agent);
  expect(lineOf(agent)).toBe("warning: 1 of 1 not ok, 1 heartbeat to send, NOT SENT: network: refused");
  await agent.stop();
});

test("what has just been mended is tried at once; where nothing failed there is nothing to try", async () => {
  const { agent, sent, spool } = agentWith([LATER]);
  agent.tryNow();
  await agent.settled();
  expect(sent).toEqual([]);
  await beat(agent);
  agent.tryNow();
  await agent.settled();
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 1]);
  expect(spool.size).toBe(0);
  await agent.stop();
});

test("the newest that comes during a try that fails is tried itself, not kept for the next interval", async () => {
  const { agent, sent, spool } = agentWith([]);
  const slow = Promise.withResolvers<SendResult>();
  const { send } = agent.deps;
  agent.deps.send = (text, signal) =>
    sent.length === 0 ? send(text, signal).then(() => slow.promise) : send(text, signal);
  await agent.beat();
  while (sent.length < 1) await Bun.sleep(1);
  await agent.beat();
  slow.resolve(LATER);
  while (spool.size > 0 || sent.length < 3) await Bun.sleep(1);
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 1]);
  await agent.stop();
});

test("of those that waited, what is refused is not counted as having arrived", async () => {
  const { agent, lines } = agentWith([LATER, LATER, LATER, SENT, refuse("bad"), SENT, refuse("bad")]);
  for (let i = 0; i < 4; i++) await beat(agent);
  expect(lines.at(-1)).toBe("<6>heartbeats that waited are through sent=1 refused=2 waiting=0");
  await agent.stop();
});

describe("a failure", () => {
  const later = (why: string, status = 0): SendResult => ({ kind: "later", why, retryAfterS: null, status });
  const said = (lines: string[]): string[] =>
    lines.flatMap((line) => /not sent, it is kept: (.*) sequence=/.exec(line)?.[1] ?? []);

  test("is said once for each reason, whatever numbers are in it, until heartbeats arrive again", async () => {
    const reasons = ["no answer after 4427 bytes", "no answer after 4422 bytes", "status 503", "status 401"];
    const { agent, lines } = agentWith([...reasons, "no answer after 1 bytes"].map((why) => later(why)));
    for (let i = 0; i < 5; i++) await beat(agent);
    expect(said(lines)).toEqual(["no answer after 4427 bytes", "status 503", "status 401"]);
    expect(agent.failing).toEqual({ why: "no answer after 1 bytes", tries: 5 });
    await beat(agent);
    Object.assign(agent.deps, { send: async () => later("status 503") });
    await beat(agent);
    expect(said(lines).slice(3)).toEqual(["status 503"]);
    await agent.stop();
  });

  test("is said again when a person has changed something and it lasts", async () => {
    const { agent, lines } = agentWith([later("x"), later("x"), later("x")]);
    for (let i = 0; i < 2; i++) await beat(agent);
    agent.tryNow();
    await agent.settled();
    expect(said(lines)).toEqual(["x", "x"]);
    await agent.stop();
  });

  test("does not keep a new heartbeat from being tried at once: it is the newest truth", async () => {
    const { agent, sent } = agentWith([LATER, LATER, LATER]);
    for (let i = 0; i < 3; i++) await beat(agent);
    expect(sent).toHaveLength(3); // though the schedule says an hour
    await agent.stop();
  });
});

describe("a receiver that says when to come again", () => {
  const wait = (retryAfterS: number): SendResult => ({ kind: "later", why: "status 503", retryAfterS, status: 503 });

  test("is not asked before, by new heartbeats neither; they are kept, and shown as waiting", async () => {
    const dirs = { state: tempDir(), run: tempDir() };
    const { agent, sent, spool } = agentWith([wait(1800)], [], dirs);
    for (let i = 0; i < 3; i++) await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1]);
    expect(lineOf(agent)).toContain("3 heartbeats to send");
    // A person may know better.
    agent.tryNow();
    await agent.settled();
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 3, 1, 2]);
    expect(spool.size).toBe(0);
    await agent.stop();
  });

  test("is asked then: the newest first", async () => {
    const { agent, sent, spool } = agentWith([wait(0.05)]);
    Object.assign(agent.deps, { config: { ...CONFIG, backoffSeconds: [0.01] } });
    await beat(agent);
    await agent.beat();
    while (spool.size > 0 || sent.length < 3) await Bun.sleep(1);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 1]);
    await agent.stop();
  });

  test("is asked by new heartbeats after that time, whatever our own schedule says", async () => {
    const { agent, sent } = agentWith([wait(0.01)]);
    await beat(agent);
    await Bun.sleep(20);
    await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 1]);
    await agent.stop();
  });

  test("does not keep heartbeats from the disk at a stop", async () => {
    const { agent, spool } = agentWith([wait(1800)]);
    for (let i = 0; i < 3; i++) await beat(agent);
    await agent.stop();
    expect(readdirSync(spool.directory)).toHaveLength(3);
  });
});

describe("one that waits and is answered with an error each time", () => {
  const broken: SendResult = { kind: "later", why: "status 500", retryAfterS: null, status: 500 };

  /** The first `bad` heartbeats always get `answer`. */
  async function withBad(bad: number, answer: SendResult, count: number) {
    const made = agentWith(Array.from({ length: count }, () => LATER));
    for (let i = 0; i < count; i++) await beat(made.agent);
    made.lines.length = 0;
    Object.assign(made.agent.deps, {
      send: async (text: string) => {
        const heartbeat: Heartbeat = JSON.parse(text);
        made.sent.push(heartbeat);
        return heartbeat.sequence <= bad ? answer : SENT;
      },
    });
    const pass = async (): Promise<number[]> => {
      made.sent.length = 0;
      await beat(made.agent);
      return made.sent.map(({ sequence }) => sequence);
    };
    return { ...made, pass };
  }

  test("holds up no other, is said once, and is tried again", async () => {
    const { agent, spool, lines, pass } = await withBad(1, broken, 4);
    expect(await pass()).toEqual([5, 1, 2, 3, 4]);
    expect(spool.size).toBe(1);
    expect(agent.failing).toEqual({ why: "status 500", tries: 1 });
    expect(await pass()).toEqual([6, 1]);
    expect(lines).toEqual([
      "<6>heartbeats arrive again waiting=4",
      "<4>heartbeat not sent, it is kept: status 500 sequence=1",
      "<6>heartbeats that waited are through sent=3 waiting=1",
    ]);
    Object.assign(agent.deps, { send: async () => SENT });
    await beat(agent);
    expect([spool.size, agent.failing]).toEqual([0, null]);
    await agent.stop();
  });

  test("five at most in a pass; all of them have their turn", async () => {
    const { agent, pass } = await withBad(7, broken, 9);
    expect(await pass()).toEqual([10, 1, 2, 3, 4, 5]);
    expect(await pass()).toEqual([11, 6, 7, 8, 9]);
    expect(await pass()).toEqual([12, 1, 2, 3, 4, 5]);
    await agent.stop();
  });

  for (const [what, answer] of [
    ["the network", LATER],
    ["a receiver that is busy", { ...broken, status: 503 }],
    ["a receiver that asks to wait", { ...broken, retryAfterS: 600 }],
  ] as const) {
    test(`if it is ${what}, the others are not tried`, async () => {
      const { agent, pass } = await withBad(2, answer, 4);
      expect(await pass()).toEqual([5, 1]);
      await agent.stop();
    });
  }
});

test("what is under way to another receiver ends when the endpoint changes, and goes to the new one", async () => {
  const { agent, sent, lines } = agentWith([]);
  const receiver = { url: "http://old" };
  Object.assign(agent.deps, { config: { ...CONFIG, receiver } });
  const urls: string[] = [];
  agent.deps.send = (text, signal) => {
    sent.push(JSON.parse(text));
    urls.push(agent.deps.config.receiver.url);
    if (urls.length > 1) return Promise.resolve(SENT);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(LATER)));
  };
  await agent.beat();
  agent.tryNow(); // nothing has changed
  Object.assign(agent.deps.config, { receiver: { url: "http://new" } });
  agent.tryNow();
  await agent.settled();
  expect(urls).toEqual(["http://old", "http://new"]);
  expect([lines, agent.failing]).toEqual([[], null]);
});

test("at the level of debugging each collection and each try is a line", async () => {
  const { agent, lines } = agentWith([LATER], ["warning"], { state: tempDir() }, "debug");
  await beat(agent);
  const debug = lines.filter((line) => line.startsWith("<7>")).map((line) => line.replace(/\d+$/, "N"));
  expect(debug).toEqual([
    "<7>collected sequence=1 results=1 not_ok=1 took_ms=N",
    expect.stringMatching(/^<7>heartbeat tried sequence=1 bytes=\d+ outcome=later status=0 took_ms=N$/),
  ]);
  await agent.stop();
});

test("a run directory that takes nothing is said once, and heartbeats are sent", async () => {
  const run = join(tempDir(), "run");
  writeFileSync(run, "");
  const { agent, sent, lines } = agentWith([], [], { state: tempDir(), run });
  for (let i = 0; i < 3; i++) await beat(agent);
  expect(sent).toHaveLength(3);
  expect(lines).toEqual([
    expect.stringMatching(
      /^<4>cannot write .*\/run\/spool: ENOTDIR: a kill would cost the heartbeat that is on its way; fix: /,
    ),
  ]);
});

describe("a spool that is in trouble", () => {
  test("from the start, is said once, and once that it is over", async () => {
    const state = tempDir();
    writeFileSync(join(state, "spool"), "a file");
    const { agent, spool, lines } = agentWith([LATER, LATER, LATER], [], { state, run: tempDir() });
    for (let i = 0; i < 2; i++) await beat(agent);
    expect(lines).toEqual([
      `<4>cannot write ${state}/spool: it is no directory: heartbeats wait in memory only; fix: move ${state}/spool away; the next start makes a new one`,
      "<4>heartbeat not sent, it is kept: network: refused sequence=1",
    ]);
    expect(lineOf(agent)).toContain("2 heartbeats to send, IN MEMORY ONLY");
    rmSync(join(state, "spool"));
    await beat(agent);
    expect(lines.slice(2)).toEqual(["<6>the disk takes heartbeats again"]);
    expect(spool.inMemory).toBe(0);
    await agent.stop();
    expect(readdirSync(join(state, "spool"))).toHaveLength(3);
  });

  test("with strangers in it says so with the first collection", async () => {
    const state = tempDir();
    mkdirSync(join(state, "spool"));
    writeFileSync(join(state, "spool/README"), "");
    const { agent, lines } = agentWith([], [], { state });
    for (let i = 0; i < 2; i++) await beat(agent);
    expect(lines).toEqual([`<4>"README" in ${state}/spool: no heartbeats of ours, they are left alone`]);
  });

  test("that overflows says so once, and again when it had been empty", async () => {
    const { agent, spool, lines } = agentWith([LATER, LATER, LATER, LATER], [], { state: tempDir(), max: 2 });
    for (let i = 0; i < 4; i++) await beat(agent);
    expect([spool.size, spool.dropped]).toEqual([2, 2]);
    const full = "<4>too many heartbeats wait: the oldest go, those without news first waiting=2 dropped=1";
    const lost = (count: number): string => `<4>heartbeats are lost because too many waited dropped=${count}`;
    expect(lines.filter((line) => line === full)).toHaveLength(1);
    expect(lines).not.toContain(lost(2));
    await beat(agent);
    expect(spool.size).toBe(0);
    expect(lines.at(-1)).toBe(lost(2));
    Object.assign(agent.deps, { send: async () => LATER });
    for (let i = 0; i < 4; i++) await beat(agent);
    expect(lines.filter((line) => line === full)).toHaveLength(2);
    await agent.stop();
    expect(lines.filter((line) => line === lost(2))).toHaveLength(2);
  });

  test("with torn files in it says how many, once", async () => {
    const state = tempDir();
    const spool = new Spool(state, 100);
    for (let n = 1; n <= 4; n++) spool.keep(n, false, "{}");
    for (const n of [1, 3]) writeFileSync(join(state, `spool/00000000000${n}.change.json`), "{");
    const { agent, sent, lines } = agentWith([], [], { state });
    for (let i = 0; i < 2; i++) await beat(agent);
    expect(sent).toHaveLength(4);
    expect(lines).toEqual([
      "<6>heartbeats that waited are through sent=2 waiting=0",
      "<4>heartbeats that waited are lost: their files are torn, as by a power cut torn=2",
    ]);
  });

  test("says at the end what is lost with the process, because nothing else takes it", async () => {
    const state = tempDir();
    writeFileSync(join(state, "spool"), "a file");
    const { agent, lines } = agentWith([LATER], [], { state });
    await beat(agent);
    await agent.stop();
    expect(lines.at(-1)).toBe("<4>heartbeats are lost that nothing but this process holds lost=1");
  });
});

test("killed while it is on its way, a heartbeat is sent by the next run", async () => {
  const dirs = { state: tempDir(), run: tempDir() };
  const killed = agentWith([], [], dirs);
  const never = new Promise<SendResult>(() => undefined);
  killed.agent.deps.send = () => never;
  await killed.agent.beat();
  expect(readdirSync(join(dirs.state, "spool"))).toEqual([]);
  const next = agentWith([], [], dirs);
  await beat(next.agent);
  expect(next.sent.map(({ sequence }) => sequence)).toEqual([61, 1]);
  expect(readdirSync(join(dirs.run, "spool"))).toEqual([]);
});
