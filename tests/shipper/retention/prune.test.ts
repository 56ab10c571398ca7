// Shipped episodes go only when the receiver confirms them, asked then; over real HTTP, on a real disk.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { removeSettled, sweepDoomed } from "../../../lib/shipper/retention/removal.ts";
import { FRESH, housekeeper, OLD, refused, SHA, shipped } from "../../support/housekeeper.ts";
import { makeDirs, makeEpisode, writeFiles } from "../../support/lab-host.ts";
import { type Ask, judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HAS: Say = { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };
const said = (lines: readonly string[]): string[] => lines.map((line) => line.split(" {")[0] ?? "");

describe("pruning shipped/", () => {
  test("asks the receiver about each old one, removes what it confirms, and leaves the rest", async () => {
    const { url, asked } = await scriptedCollector(() => HAS);
    const { keeper, lines, dirs } = housekeeper(tempDir(), url);
    shipped(dirs, "fresh", { receiver_day: 99 });
    shipped(dirs, "old");
    shipped(dirs, "old~1");
    shipped(dirs, "unverified", { verified: false });
    writeFiles(join(dirs.shipped, "bare"), { "data.bin": "no note" });
    await keeper.tidy();
    expect(readdirSync(dirs.shipped).sort()).toEqual(["bare", "fresh", "unverified"]);
    expect(asked.sort()).toEqual(["HEAD old", "HEAD old"]);
    const removed = "removed from shipped/: kept for 7 days, and the receiver has it";
    expect(said(lines)).toEqual([removed, removed]);
  });

  for (const [what, say] of [
    ["is what a cache has kept", { ...HAS, headers: { ...HAS.headers, "x-labfleet-ask": "0".repeat(32) } }],
    ["has another digest", { ...HAS, headers: { ...HAS.headers, "repr-digest": formatReprDigest("b".repeat(64)) } }],
    ["is another one", { ...HAS, headers: { ...HAS.headers, "x-labfleet-receiver-id": "2".repeat(32) } }],
    ["is a page", { status: 200, headers: { "x-labfleet-receiver-id": "" } }],
    ["says that it is damaged", { status: 503 }],
    ["wants a login", { status: 401 }],
    ["is a proxy that knows no such page", { status: 404, headers: { "x-labfleet-receiver-id": "" } }],
  ] as [string, Say][]) {
    test(`removes nothing when what answers ${what}`, async () => {
      const { url } = await scriptedCollector(() => say);
      const { keeper, dirs } = housekeeper(tempDir(), url);
      shipped(dirs, "old");
      await keeper.tidy();
      expect([readdirSync(dirs.shipped), readdirSync(dirs.episodes)]).toEqual([["old"], []]);
    });
  }

  test("a copy that the receiver does not vouch for is said once for each, with what looks at it there, and the next are asked", async () => {
    const { url, asked } = await scriptedCollector(({ id }) =>
      id === "d" ? HAS : { status: 503, headers: { "x-labfleet-reason": "damaged" } },
    );
    const { keeper, lines, dirs, clock } = housekeeper(tempDir(), url);
    for (const id of ["a", "b", "c", "d"]) shipped(dirs, id);
    await keeper.tidy();
    expect([readdirSync(dirs.shipped).sort(), asked.length]).toEqual([["a", "b", "c"], 4]);
    clock.monotonic += 3_600_000;
    await keeper.tidy();
    const line = (id: string): string =>
      `stays in shipped/: the receiver does not vouch for its copy (503), which is damaged or cannot be read episode=${id}; fix: on the collector: sudo receiver verify`;
    expect(
      said(lines)
        .filter((each) => each.startsWith("stays"))
        .sort(),
    ).toEqual(["a", "b", "c"].map(line));
  });

  test("copies that are still being read are one line, end a round after three, and are asked first in the next", async () => {
    let isRead = false;
    const { url, asked } = await scriptedCollector(() =>
      isRead ? HAS : { status: 503, headers: { "x-labfleet-reason": "being-read", "retry-after": "60" } },
    );
    const { keeper, lines, dirs, clock } = housekeeper(tempDir(), url);
    for (const id of ["a", "b", "c", "d"]) shipped(dirs, id);
    await keeper.tidy();
    const first = [...asked];
    expect([readdirSync(dirs.shipped).length, first.length]).toEqual([4, 3]);
    expect(said(lines)).toEqual([
      "some of shipped/ stay for now: the receiver reads its copies before it confirms them, and is asked again",
    ]);
    isRead = true;
    clock.monotonic += 3_600_000;
    await keeper.tidy();
    expect([readdirSync(dirs.shipped), asked.slice(3, 6)]).toEqual([[], first]);
  });

  test("removes nothing when nobody answers, and does not ask a second time", async () => {
    const { keeper, dirs } = housekeeper(tempDir(), "http://127.0.0.1:9");
    shipped(dirs, "a");
    shipped(dirs, "b");
    await keeper.tidy();
    expect(readdirSync(dirs.shipped).sort()).toEqual(["a", "b"]);
  });

  test("one that never gets an answer keeps no other from going", async () => {
    const { url } = await scriptedCollector((ask) =>
      ask.id === "a" ? { status: 403, headers: { "x-labfleet-receiver-id": "" } } : HAS,
    );
    const { keeper, dirs } = housekeeper(tempDir(), url);
    for (const id of ["a", "b", "c"]) shipped(dirs, id);
    await keeper.tidy();
    expect(readdirSync(dirs.shipped)).toEqual(["a"]);
  });

  test("a pin that cannot be read removes nothing, and is no end of the daemon", async () => {
    const root = tempDir();
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, dirs } = housekeeper(root, url);
    writeFileSync(join(root, "receiver-pin.json"), "{");
    shipped(dirs, "old");
    refused(dirs, "ep");
    await keeper.tidy();
    expect(await keeper.freeSpace(Number.MAX_SAFE_INTEGER)).toBe(false);
    expect([readdirSync(dirs.shipped), readdirSync(dirs.quarantine)]).toEqual([["old"], ["ep"]]);
  });

  test("brings back what the receiver has no more, once its judge would take it: it was restored from a backup", async () => {
    const { url, asked } = await scriptedCollector((ask: Ask) =>
      ask.method === "HEAD" ? { status: 404 } : judgement(ask, "accept"),
    );
    const { keeper, lines, dirs } = housekeeper(tempDir(), url);
    shipped(dirs, "old");
    await keeper.tidy();
    expect(readdirSync(join(dirs.episodes, "old")).sort()).toEqual(["data.bin", "done.marker"]);
    expect([readdirSync(dirs.shipped), asked]).toEqual([[], ["HEAD old", "POST old"]]);
    expect(said(lines)).toEqual(["queued again: the receiver had it once and has it no more"]);
  });

  test("keeps what the receiver has not and would not take, and what stands in the queue already", async () => {
    const { url } = await scriptedCollector((ask) =>
      ask.method === "HEAD"
        ? { status: 404 }
        : judgement(ask, ask.id === "refused" ? { status: 412, reason: "commit-not-accepted" } : "accept"),
    );
    const { keeper, dirs, lines, clock } = housekeeper(tempDir(), url);
    for (const name of ["refused", "again"]) shipped(dirs, name);
    makeEpisode(dirs, "again");
    await keeper.tidy();
    clock.monotonic = 3_600_000;
    await keeper.tidy();
    const lost = 'stays in shipped/: the receiver had it once, has it no more, and would not take it: "D"; fix: ';
    expect(said(lines).filter((line) => line.startsWith("stays"))).toEqual([
      `${lost}update the recording code, or add its commit to accepted_commits_file on the collector: then it goes by itself within a day`,
    ]);
    expect([readdirSync(dirs.shipped).sort(), readdirSync(dirs.episodes)]).toEqual([["again", "refused"], ["again"]]);
  });

  test("leaves an unverified one whose files changed since it was delivered, says so once, and removes the others", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, lines, clock, dirs } = housekeeper(tempDir(), url, "[retention]\nprune_unverified = true\n");
    writeFileSync(
      join(shipped(dirs, "changed", { verified: false, receiver_day: undefined }), "late.bin"),
      "nowhere else",
    );
    shipped(dirs, "fresh", { received_at_wall: FRESH });
    shipped(dirs, "old");
    await keeper.tidy();
    clock.monotonic = 3_600_000;
    await keeper.tidy();
    expect([readdirSync(dirs.shipped), readdirSync(dirs.episodes)]).toEqual([["changed"], []]);
    expect(lines.filter((line) => line.includes('"changed"')).length).toBe(1);
  });

  test("waits for its interval on the clock that never jumps", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, clock, dirs } = housekeeper(tempDir(), url);
    await keeper.tidy();
    shipped(dirs, "old");
    clock.monotonic = 3_599_999;
    await keeper.tidy();
    expect(existsSync(join(dirs.shipped, "old"))).toBe(true);
    clock.monotonic = 3_600_000;
    await keeper.tidy();
    expect(existsSync(join(dirs.shipped, "old"))).toBe(false);
  });

  for (const [what, wallMs] of [
    ["1970", 0],
    ["2030", Date.parse("2030-01-01T00:00:00Z")],
  ] as const) {
    test(`by the receipt's age alone removes nothing in ${what}, and says so once`, async () => {
      const { url } = await scriptedCollector(() => HAS);
      const { keeper, lines, clock, dirs } = housekeeper(tempDir(), url);
      shipped(dirs, "old", { receiver_day: undefined });
      clock.wall = wallMs;
      for (let i = 0; i < 3; i++) {
        await keeper.tidy();
        clock.monotonic += 3_600_000;
      }
      expect(existsSync(join(dirs.shipped, "old"))).toBe(true);
      expect(lines.length).toBe(1);
      expect(lines[0]).toContain("some of shipped/ is not pruned: this host's clock");
    });
  }

  test("removes what a Python receiver took only where prune_unverified asks for it, and asks nobody", async () => {
    for (const [more, left] of [
      ["", ["fresh", "old"]],
      ["[retention]\nprune_unverified = true\n", ["fresh"]],
    ] as const) {
      const { url, asked } = await scriptedCollector(() => HAS);
      const { keeper, dirs } = housekeeper(tempDir(), url, `kind = "python"\n${more}`);
      const note = { verified: false, received_at_wall: undefined };
      shipped(dirs, "old", { ...note, shipped_at: OLD });
      shipped(dirs, "fresh", { ...note, shipped_at: FRESH });
      await keeper.tidy();
      expect([readdirSync(dirs.shipped).sort(), asked]).toEqual([[...left], []]);
    }
  });

  test("counts what lies here, with the bytes that giving up the quarantine would free", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, dirs } = housekeeper(tempDir(), url);
    shipped(dirs, "fresh", { receiver_day: 99 });
    shipped(dirs, "unverified", { verified: false });
    writeFiles(refused(dirs, "big", { reason: "conflict" }), { "big.bin": Buffer.alloc(1024 * 1024, 1) });
    expect(keeper.counts()).toBeNull();
    await keeper.tidy();
    const counts = keeper.counts();
    expect(counts).toMatchObject({ shipped: 2, unverified: 1, quarantined: 1, expiring: 0 });
    expect(counts?.quarantined_bytes).toBeGreaterThanOrEqual(1024 * 1024);
  });
});

describe("freeing space", () => {
  test("removes confirmed episodes, oldest first, and never what was refused", async () => {
    const { url, asked } = await scriptedCollector(() => HAS);
    const { keeper, dirs } = housekeeper(tempDir(), url);
    shipped(dirs, "b", { received_at_wall: "2026-06-02T00:00:00+00:00" });
    shipped(dirs, "a", { received_at_wall: "2026-06-01T00:00:00+00:00" });
    shipped(dirs, "unverified", { verified: false });
    refused(dirs, "refused");
    expect(await keeper.freeSpace(Number.MAX_SAFE_INTEGER)).toBe(true);
    expect([readdirSync(dirs.shipped), readdirSync(dirs.quarantine)]).toEqual([["unverified"], ["refused"]]);
    expect(asked).toEqual(["HEAD a", "HEAD b"]);
  });

  test("removes nothing when there is enough, and nothing that nobody confirms", async () => {
    const { url, asked } = await scriptedCollector(() => ({ status: 200 }));
    const { keeper, dirs } = housekeeper(tempDir(), url);
    shipped(dirs, "a");
    expect([await keeper.freeSpace(0), readdirSync(dirs.shipped), asked]).toEqual([false, ["a"], []]);
    expect([await keeper.freeSpace(Number.MAX_SAFE_INTEGER), readdirSync(dirs.shipped)]).toEqual([false, ["a"]]);
  });

  test("and pruning by age at the same time do not trip over each other", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, dirs, lines } = housekeeper(tempDir(), url);
    for (let i = 0; i < 30; i++) shipped(dirs, `ep${i}`);
    await Promise.all([keeper.tidy(), keeper.freeSpace(Number.MAX_SAFE_INTEGER)]);
    expect(readdirSync(dirs.shipped)).toEqual([]);
    expect(lines.filter((line) => line.startsWith("removed")).length).toBe(30);
  });
});

describe("an interrupted removal", () => {
  test("is finished at the next start, and is no episode meanwhile", async () => {
    const dirs = makeDirs(tempDir());
    for (const kind of ["shipped", "quarantine"] as const)
      writeFiles(join(dirs[kind], ".pruned-ep"), { "data.bin": "x" });
    mkdirSync(join(dirs.shipped, "stays"));
    expect(await sweepDoomed(dirs)).toEqual([]);
    expect([readdirSync(dirs.shipped), readdirSync(dirs.quarantine)]).toEqual([["stays"], []]);
  });

  test("of one episode does not touch another of a longer name", async () => {
    const dirs = makeDirs(tempDir());
    for (const name of ["ep", "ep1"]) mkdirSync(join(dirs.shipped, name));
    await removeSettled(dirs, "shipped", "ep");
    expect(readdirSync(dirs.shipped)).toEqual(["ep1"]);
  });
});
