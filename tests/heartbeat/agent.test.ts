// The agent with a receiver that answers as the test says: what is sent, what is kept, and what is said about it.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SendResult } from "../../lib/heartbeat/send/send.ts";
import { Spool } from "../../lib/heartbeat/send/spool.ts";
import { tempDir } from "../support/temp-dir.ts";
import { agentWith, beat, LATER, lineOf, refuse, result, SENT } from "./agent-support.ts";

test("a heartbeat says who, when, and what each check said", async () => {
  const { agent, sent, spool } = agentWith([]);
  await beat(agent);
  expect(sent).toEqual([
    {
      host_id: "lab1",
      sent_at: "2026-05-01T06:37:54.000Z",
      machine: { id: null, hardware: [] },
      receiver_id: null,
      answered_by: null,
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

test("the next one says which store answered last, whether it took the one before or refused it", async () => {
  const [a, b] = ["a".repeat(32), "b".repeat(32)];
  const { agent, sent } = agentWith([{ ...SENT, receiverId: a }, LATER, { ...refuse("status 400"), receiverId: b }]);
  for (let i = 0; i < 4; i++) await beat(agent);
  // The one that was kept is sent again with the text it had.
  expect(sent.map(({ sequence, answered_by }) => [sequence, answered_by])).toEqual([
    [1, null],
    [2, a],
    [3, a],
    [2, a],
    [4, b],
  ]);
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
    expect(agent.refused).toEqual({ count: 1, why: { what: "status 400", fix: null }, lasts: false });
  });

  test("each reason is said once, until one is taken; all are counted", async () => {
    const reasons = ["results[3] was 17.1", "results[4] was 9", "host_id", "results[3] was 2"];
    const { agent, lines } = agentWith([...reasons.map(refuse), SENT, refuse("host_id")]);
    for (let i = 0; i < 4; i++) await beat(agent);
    expect(agent.refused).toEqual({ count: 4, why: { what: "results[3] was 2", fix: null }, lasts: true });
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
    const spool = new Spool(state, () => 100);
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
