// The small parts: group commit, keyed lock, rate watch, attempts.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttemptRow } from "../../lib/contract/attempt-row.ts";
import { createGroupCommit } from "../../lib/receiver/disk/batch.ts";
import { expiredDays } from "../../lib/receiver/disk/day-files.ts";
import { createKeyedLock } from "../../lib/receiver/disk/keyed-lock.ts";
import { RateWatch } from "../../lib/receiver/http/body.ts";
import { openAttempts } from "../../lib/receiver/refusals/attempts.ts";
import { bytes, cleanUp, keptLog, put, startReceiver, tempDir } from "./support.ts";

afterEach(cleanUp);

describe("group commit", () => {
  test("whoever comes while a flush runs is served by the next one, not by that one", async () => {
    const runs: PromiseWithResolvers<void>[] = [];
    const commit = createGroupCommit(() => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    });
    const done: string[] = [];
    const call = (name: string) => commit().then(() => done.push(name));
    const first = call("first");
    const [second, third] = [call("second"), call("third")];
    expect(runs).toHaveLength(1);
    runs[0]?.resolve();
    await first;
    expect(done).toEqual(["first"]);
    while (runs.length < 2) await Bun.sleep(0);
    runs[1]?.resolve();
    await Promise.all([second, third]);
    expect(runs).toHaveLength(2);
  });
  test("a flush that fails fails for those who waited for it, and not for the next", async () => {
    let fail = true;
    const commit = createGroupCommit(async () => {
      if (fail) throw new Error("EIO");
    });
    const failed = commit().catch(String);
    const next = commit();
    fail = false;
    expect(await failed).toBe("Error: EIO");
    await next;
    await commit();
  });
});

test("a keyed lock runs one at a time for a key, and keys beside each other", async () => {
  const locked = createKeyedLock();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const a = locked("x", () => gate.promise.then(() => order.push("a")));
  const b = locked("x", async () => order.push("b"));
  const failed = locked("x", async () => Promise.reject(new Error("no")));
  const c = locked("x", async () => order.push("c"));
  await locked("y", async () => order.push("y"));
  gate.resolve();
  expect(await failed.catch(String)).toBe("Error: no");
  await Promise.all([a, b, c]);
  expect(order).toEqual(["y", "a", "b", "c"]);
});

describe("the minimum rate", () => {
  const rule = { minBytesPerS: 100, windowS: 10 };
  test("looks at whole windows of waiting", () => {
    const watch = new RateWatch(rule);
    watch.waited(9999);
    expect(watch.tooSlow).toBe(false);
    watch.waited(1);
    expect(watch.tooSlow).toBe(true);
  });
  test("forgives a pause after a quick start of the same window, not of the next", () => {
    const watch = new RateWatch(rule);
    watch.received(1000);
    watch.waited(10_000);
    expect(watch.tooSlow).toBe(false);
    watch.received(999);
    watch.waited(10_000);
    expect(watch.tooSlow).toBe(true);
  });
  test("a minimum of 0 cuts nobody", () => {
    const watch = new RateWatch({ minBytesPerS: 0, windowS: 1 });
    watch.waited(1e9);
    expect(watch.tooSlow).toBe(false);
  });
});

describe("attempts", () => {
  const row = (at: string): AttemptRow => ({
    at,
    host_id: "lab1",
    episode_id: "ep1",
    status: 201,
    reason: "stored",
    bytes: 5,
    code_commit: null,
    remote: "10.0.0.5:40112",
  });
  test("go to the day they belong to, one line each", async () => {
    const dir = join(tempDir(), "attempts");
    const attempts = openAttempts({ dir, log: keptLog() });
    attempts.add(row("2026-05-01T23:59:59.000000+00:00"));
    attempts.add(row("2026-05-02T00:00:00.000000+00:00"));
    attempts.add(row("2026-05-02T00:00:01.000000+00:00"));
    await attempts.flush();
    expect(readdirSync(dir).sort()).toEqual(["2026-05-01.jsonl", "2026-05-02.jsonl"]);
    expect(readFileSync(join(dir, "2026-05-02.jsonl"), "utf8").trim().split("\n")).toHaveLength(2);
  });
  test("are pruned after 14 days; what is no day of ours is left alone", async () => {
    const dir = tempDir();
    const days = (from: number, to: number): string[] =>
      Array.from({ length: to - from + 1 }, (_, i) => `2026-05-${String(from + i).padStart(2, "0")}.jsonl`);
    const names = [...days(1, 16), "notes.txt", "2026-01-01.jsonl.gz"];
    for (const name of names) writeFileSync(join(dir, name), "");
    const files = names.map((name) => ({ name, bytes: 10 }));
    const gone = (now: string, maxBytes?: number) => {
      const { aged, crowded } = expiredDays(files, Date.parse(now), maxBytes);
      return [aged, crowded].map((some) => some.map(({ name }) => name));
    };
    const now = "2026-05-16T12:00:00Z";
    expect(gone(now)).toEqual([days(1, 1), []]);
    // The newest 14 stay by any clock: one that runs years ahead knows no more of what is old than one that is right.
    expect(gone("2038-01-19T03:14:08Z")).toEqual([days(1, 2), []]);
    expect(gone("1970-01-01T00:00:01Z")).toEqual([[], []]);
    // The oldest go while all are too many bytes; what is written today stays.
    expect(gone(now, 145)).toEqual([days(1, 1), days(2, 2)]);
    expect(gone(now, 15)).toEqual([days(1, 1), days(2, 15)]);
    expect(gone(now, 5)).toEqual([days(1, 1), days(2, 15)]);
    await openAttempts({ dir, log: keptLog() }).prune(Date.parse(now));
    expect(readdirSync(dir).sort()).toEqual([...names.slice(1)].sort());
  });
  test("that cannot be written are told once, and no PUT fails for it", async () => {
    const receiver = await startReceiver();
    mkdirSync(join(receiver.dataRoot, "attempts", `${new Date().toISOString().slice(0, 10)}.jsonl`), {
      recursive: true,
    });
    expect((await put(receiver.url, "lab1", "ep1", bytes(100))).status).toBe(201);
    await receiver.attempts.flush();
    expect((await put(receiver.url, "lab1", "ep2", bytes(100))).status).toBe(201);
    await receiver.attempts.flush();
    expect(receiver.log.lines.filter((line) => line.startsWith("error: cannot write attempts"))).toHaveLength(1);
  });
});
