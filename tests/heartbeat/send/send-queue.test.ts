// What does not get through: what holds up what, when it is tried again, and what is said about it.

import { describe, expect, spyOn, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Heartbeat } from "../../../lib/contract/heartbeat.ts";
import type { SendResult } from "../../../lib/heartbeat/send/send.ts";
import { liveStatus } from "../../../lib/heartbeat/status-live.ts";
import { LiveSettings, settingsOf } from "../../../lib/runtime/config/settings.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { agentWith, beat, CONFIG, LATER, lineOf, refuse, SENT } from "../agent-support.ts";

test("of those that waited, what is refused is not counted as having arrived", async () => {
  const { agent, lines } = agentWith([LATER, LATER, LATER, SENT, refuse("bad"), SENT, refuse("bad")]);
  for (let i = 0; i < 4; i++) await beat(agent);
  expect(lines.at(-1)).toBe("<6>heartbeats that waited are through sent=1 refused=2 waiting=0");
  await agent.stop();
});

test("what has arrived is not planned to be tried again", async () => {
  const { agent } = agentWith([LATER, SENT]);
  await beat(agent);
  const timers = spyOn(globalThis, "setTimeout");
  await beat(agent);
  expect(timers).not.toHaveBeenCalled();
  timers.mockRestore();
  await agent.stop();
});

describe("a failure", () => {
  const later = (why: string, reason = why): SendResult => ({
    kind: "later",
    reason,
    why: { what: why, fix: null },
    retryAfterS: null,
    status: 0,
  });
  const said = (lines: string[]): string[] =>
    lines.flatMap((line) => /not sent, it is kept: (.*) sequence=/.exec(line)?.[1] ?? []);

  test("is said once for each reason, whatever its words, until heartbeats arrive again", async () => {
    const stalled = (bytes: number): SendResult => later(`no answer after ${bytes} bytes`, "stalled answering");
    const others = [later("status 503"), later("status 401")];
    const { agent, lines } = agentWith([stalled(4427), stalled(4422), ...others, stalled(1)]);
    for (let i = 0; i < 5; i++) await beat(agent);
    expect(said(lines)).toEqual(["no answer after 4427 bytes", "status 503", "status 401"]);
    expect(agent.failing).toEqual({ why: { what: "no answer after 1 bytes", fix: null }, tries: 5 });
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
  const wait = (retryAfterS: number): SendResult => ({
    kind: "later",
    reason: "503 stopping",
    why: { what: "status 503", fix: null },
    retryAfterS,
    status: 503,
  });

  test("is not asked before, by new heartbeats neither; they are kept, and shown as waiting", async () => {
    const dirs = { state: tempDir(), run: tempDir() };
    const { agent, sent, spool } = agentWith([wait(1800)], [], dirs);
    for (let i = 0; i < 3; i++) await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1]);
    expect(lineOf(agent)).toContain("3 heartbeats to send");
    // Half of a tenth more, by the jitter; it is 42 s after boot all the time.
    expect(liveStatus(agent, 0, 0).told_uptime_s).toBe(42 + 1800 + 90);
    // A person may know better.
    agent.tryNow();
    await agent.settled();
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 3, 1, 2]);
    expect(spool.size).toBe(0);
    expect(liveStatus(agent, 0, 0).told_uptime_s).toBeNull();
    await agent.stop();
  });

  test("is not asked by one that was collected while it was being asked, either", async () => {
    const { agent, sent } = agentWith([]);
    const asked = Promise.withResolvers<SendResult>();
    const { send } = agent.deps;
    agent.deps.send = (text, signal) => send(text, signal).then(() => asked.promise);
    await agent.beat();
    await agent.beat();
    asked.resolve(wait(1800));
    await agent.settled();
    await Bun.sleep(1);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1]);
    await agent.stop();
  });

  test("is asked then: the newest first", async () => {
    const { agent, sent, spool } = agentWith([wait(0.05)]);
    Object.assign(agent.deps, { settings: settingsOf({ ...CONFIG, backoffSeconds: [0.01] }) });
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
  const broken: SendResult = {
    kind: "later",
    reason: "500 internal",
    why: { what: "status 500", fix: null },
    retryAfterS: null,
    status: 500,
  };

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
    expect(agent.failing).toEqual({ why: { what: "status 500", fix: null }, tries: 1 });
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
  const at = (url: string) => ({ ...CONFIG, receiver: { ...CONFIG.receiver, url } });
  const settings = new LiveSettings(at("http://old"), {}, async () => at("http://new"));
  Object.assign(agent.deps, { settings });
  const urls: string[] = [];
  agent.deps.send = (text, signal) => {
    sent.push(JSON.parse(text));
    urls.push(settings.current().receiver.url);
    if (urls.length > 1) return Promise.resolve(SENT);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(LATER)));
  };
  await agent.beat();
  agent.tryNow(); // nothing has changed
  settings.replace(await settings.read());
  agent.tryNow();
  await agent.settled();
  expect(urls).toEqual(["http://old", "http://new"]);
  expect([lines, agent.failing]).toEqual([[], null]);
});
