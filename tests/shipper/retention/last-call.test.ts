// The daily last call for refused episodes: back into the queue, kept, or removed to the last; over real HTTP, on a real disk.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expiryPath } from "../../../lib/shipper/retention/expiry.ts";
import { FRESH, housekeeper, OLD, refused, shipped } from "../../support/housekeeper.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { type Ask, COLLECTOR_ID, judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { tempDir } from "../../support/temp-dir.ts";

const REFUSES = { status: 412, reason: "commit-not-accepted" } as const;
const refusing = (ask: Ask): Say => judgement(ask, REFUSES);
const DAY_MS = 86_400_000;

/** Notes that a heartbeat with this announcement arrived. */
function arrive(root: string, number: number, receiverId = COLLECTOR_ID): void {
  mkdirSync(join(root, "hb"), { recursive: true });
  writeFileSync(join(root, "hb/announced.json"), JSON.stringify({ number, receiver_id: receiverId }));
}

/** A refused episode that was announced to the last: one more refusal, and it goes. */
async function lastDay(answer: (ask: Ask) => Say, change: object = {}) {
  const root = tempDir();
  const { url, asked } = await scriptedCollector(answer);
  const host = housekeeper(root, url);
  refused(host.dirs, "ep", change);
  const episodes = { ep: { number: 1, announced_day: 90 } };
  writeFileSync(expiryPath(root), JSON.stringify({ number: 1, episodes }));
  return { ...host, root, asked };
}

describe("a refused episode", () => {
  for (const would of ["accept", "stored"] as const) {
    test(`goes back to the queue by itself when the judge says ${would}`, async () => {
      const { url, asked } = await scriptedCollector((ask) => judgement(ask, would));
      const { keeper, dirs, lines } = housekeeper(tempDir(), url);
      refused(dirs, "ep");
      await keeper.tidy();
      expect(readdirSync(join(dirs.episodes, "ep")).sort()).toEqual(["data.bin", "done.marker", "meta.json"]);
      expect([readdirSync(dirs.quarantine), asked]).toEqual([[], ["POST ep"]]);
      expect(lines[0]).toContain("queued again: the receiver would take it now");
    });
  }

  test("is asked about with the stamp that it would carry now", async () => {
    const commits: (string | null)[] = [];
    const { url } = await scriptedCollector((ask) => {
      commits.push(ask.question?.code_commit ?? null);
      return refusing(ask);
    });
    const root = tempDir();
    const { keeper, dirs } = housekeeper(root, url);
    writeFileSync(join(root, "VERSION"), "new\n");
    rmSync(join(refused(dirs, "a"), "meta.json"));
    refused(dirs, "b");
    await keeper.tidy();
    expect(commits.sort()).toEqual(["new", "old"]);
  });

  test("is asked about once a day, however often it is tidied", async () => {
    const { url, asked } = await scriptedCollector(refusing);
    const { keeper, dirs, clock } = housekeeper(tempDir(), url);
    refused(dirs, "ep");
    for (let hour = 0; hour <= 24; hour++) {
      clock.monotonic = hour * 3_600_000;
      await keeper.tidy();
    }
    expect(asked).toEqual(["POST ep", "POST ep"]);
  });

  test("is asked about again at the next round when nobody answered", async () => {
    let up = false;
    const { url, asked } = await scriptedCollector((ask) => (up ? refusing(ask) : { status: 502 }));
    const { keeper, dirs, clock } = housekeeper(tempDir(), url);
    refused(dirs, "a");
    refused(dirs, "b");
    await keeper.tidy();
    expect(asked.length).toBe(2);
    up = true;
    clock.monotonic += 3_600_000;
    await keeper.tidy();
    expect(asked.length).toBe(4);
  });

  test("that never gets an answer keeps no other from being asked; three in a row end the round", async () => {
    const { url } = await scriptedCollector((ask) => (ask.id === "a" ? { status: 403 } : judgement(ask, "accept")));
    const { keeper, dirs } = housekeeper(tempDir(), url);
    for (const id of ["a", "b", "c"]) refused(dirs, id);
    await keeper.tidy();
    expect([readdirSync(dirs.quarantine), readdirSync(dirs.episodes).sort()]).toEqual([["a"], ["b", "c"]]);
    const dead = await scriptedCollector(() => ({ status: 502 }));
    const other = housekeeper(tempDir(), dead.url);
    for (const id of ["a", "b", "c", "d", "e"]) refused(other.dirs, id);
    await other.keeper.tidy();
    expect(dead.asked.length).toBe(3);
  });

  test("comes after the others when it got no answer the last time: three such do not stand before all others", async () => {
    const disliked = ["a", "b", "c"];
    const answer = (ask: Ask): Say => (disliked.includes(ask.id) ? { status: 403 } : refusing(ask));
    const { url, asked } = await scriptedCollector(answer);
    const { keeper, dirs, clock } = housekeeper(tempDir(), url);
    for (const id of [...disliked, "d", "e"]) refused(dirs, id);
    // Which come first is the disk's matter: whatever it is, two rounds ask about all.
    for (let round = 0; round < 2; round++) {
      await keeper.tidy();
      clock.monotonic += 3_600_000;
    }
    expect(asked).toEqual(expect.arrayContaining(["POST d", "POST e"]));
  });

  test("whose rejection an older release made counts from the first refusal that may judge", async () => {
    const { url } = await scriptedCollector(refusing);
    const { keeper, dirs, clock } = housekeeper(tempDir(), url);
    const old = { rules: undefined, judged_by: undefined, refused_day: undefined, prunable: true };
    const directory = refused(dirs, "ep", old);
    await keeper.tidy();
    const note = JSON.parse(readFileSync(join(directory, "rejection.json"), "utf8"));
    expect(note).toMatchObject({ rules: 2, judged_by: COLLECTOR_ID, refused_day: 100, prunable: false });
    clock.day = 101;
    clock.monotonic += DAY_MS;
    await keeper.tidy();
    expect(JSON.parse(readFileSync(join(directory, "rejection.json"), "utf8")).refused_day).toBe(100);
  });

  for (const reason of ["conflict", "incomplete", "unpackable", "changed-after-shipping"]) {
    test(`as ${reason} is a person's: nobody is asked`, async () => {
      const { asked, keeper, dirs } = await lastDay((ask) => judgement(ask, "accept"), { reason });
      await keeper.tidy();
      expect([readdirSync(dirs.quarantine), asked]).toEqual([["ep"], []]);
    });
  }
});

describe("a refused episode on its last day", () => {
  test("goes when it is refused again, and leaves its note", async () => {
    const { keeper, dirs, root, lines } = await lastDay(refusing);
    await keeper.tidy();
    expect(readdirSync(dirs.quarantine)).toEqual([]);
    expect(JSON.parse(readFileSync(join(root, "removed.jsonl"), "utf8"))).toMatchObject({
      place: "quarantine",
      name: "ep",
      why: "pruned",
      receiver_day: 100,
      note: { reason: "commit-not-accepted", code_commit: "old", judged_by: COLLECTOR_ID },
    });
    expect(lines.at(-1)).toContain("refused again today");
  });

  for (const [what, answer] of [
    ["nobody answers as a receiver", () => ({ status: 412 })],
    ["another receiver refuses", (ask: Ask) => judgement(ask, { ...REFUSES, more: { receiver_id: "2".repeat(32) } })],
    ["the echo is of something else", (ask: Ask) => judgement(ask, { ...REFUSES, more: { echo: { bytes: 1 } } })],
    ["the stamp is missing", (ask: Ask) => judgement(ask, { status: 400, reason: "missing-commit" })],
    ["it has become too large", (ask: Ask) => judgement(ask, { status: 413, reason: "too-large" })],
    [
      "it has become a conflict",
      (ask: Ask) => judgement(ask, { status: 409, reason: "conflict", more: { sha256: "c".repeat(64) } }),
    ],
    ["the token is refused", (ask: Ask) => judgement(ask, { status: 401, reason: "unauthorized" })],
  ] as [string, (ask: Ask) => Say][]) {
    test(`stays when ${what}`, async () => {
      const { keeper, dirs } = await lastDay(answer);
      await keeper.tidy();
      expect(readdirSync(dirs.quarantine)).toEqual(["ep"]);
    });
  }

  test("stays when its files changed, when its note cannot be kept, or when it carries this host's own stamp", async () => {
    const changed = await lastDay(refusing);
    writeFileSync(join(changed.dirs.quarantine, "ep/late.bin"), "x");
    const blocked = await lastDay(refusing);
    mkdirSync(join(blocked.root, "removed.jsonl"));
    const own = await lastDay(refusing);
    writeFileSync(join(own.root, "VERSION"), "old\n");
    for (const { keeper, dirs } of [changed, blocked, own]) {
      await keeper.tidy();
      expect(readdirSync(dirs.quarantine)).toEqual(["ep"]);
    }
  });

  test("stays until an announcement has been at the trusted collector for seven of its days", async () => {
    const root = tempDir();
    const { url } = await scriptedCollector(refusing);
    const { keeper, dirs, clock } = housekeeper(root, url);
    refused(dirs, "ep");
    const tidy = async (day: number): Promise<string[]> => {
      clock.day = day;
      clock.monotonic += DAY_MS;
      await keeper.tidy();
      return readdirSync(dirs.quarantine);
    };
    expect(await tidy(100)).toEqual(["ep"]);
    arrive(root, 1, "2".repeat(32));
    expect(await tidy(120)).toEqual(["ep"]);
    arrive(root, 1);
    expect(await tidy(121)).toEqual(["ep"]);
    expect(await tidy(127)).toEqual(["ep"]);
    expect(await tidy(128)).toEqual([]);
  });
});

describe("rejections of an older release", () => {
  test("that were our own fault go back to the queue, said once; the others stay", async () => {
    const { keeper, dirs, lines } = housekeeper(tempDir(), "http://127.0.0.1:9");
    const old = { rules: undefined, judged_by: undefined, prunable: true };
    for (const reason of ["missing-commit", "incomplete", "changed-after-shipping", "commit-not-accepted"])
      refused(dirs, reason, { ...old, reason });
    await keeper.begin();
    expect(readdirSync(dirs.episodes).sort()).toEqual(["incomplete", "missing-commit"]);
    expect(readdirSync(dirs.quarantine).sort()).toEqual(["changed-after-shipping", "commit-not-accepted"]);
    await keeper.begin();
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('{"count":2,"reasons":"incomplete, missing-commit"}');
  });

  test("so do episodes that it called shipped on anybody's 409: nobody may have them", async () => {
    const { keeper, dirs, lines } = housekeeper(tempDir(), "http://127.0.0.1:9");
    const old = { verified: false, receiver_day: undefined };
    shipped(dirs, "on-a-page", old);
    shipped(dirs, "on-a-page~1", { ...old, status: "duplicate" });
    shipped(dirs, "proved", { receiver_day: undefined });
    shipped(dirs, "python-of-now", { verified: false });
    await keeper.begin();
    expect(readdirSync(join(dirs.episodes, "on-a-page")).sort()).toEqual(["data.bin", "done.marker"]);
    // Of two of one name the second waits until the first is shipped.
    const left = readdirSync(dirs.shipped).map((name) => name.replace("~1", ""));
    expect(left.sort()).toEqual(["on-a-page", "proved", "python-of-now"]);
    expect(lines).toEqual([
      expect.stringContaining("not queued again"),
      'queued again: an older release called them shipped without a receipt {"count":1}',
    ]);
    const python = housekeeper(tempDir(), "http://127.0.0.1:9", 'kind = "python"\n');
    shipped(python.dirs, "ep", old);
    await python.keeper.begin();
    expect(readdirSync(python.dirs.shipped)).toEqual(["ep"]);
  });

  test("stay where another episode of the name stands, and with a Python receiver", async () => {
    const old = { rules: undefined, reason: "missing-commit" };
    const taken = housekeeper(tempDir(), "http://127.0.0.1:9");
    refused(taken.dirs, "ep", old);
    makeEpisode(taken.dirs, "ep");
    const python = housekeeper(tempDir(), "http://127.0.0.1:9", 'kind = "python"\n');
    refused(python.dirs, "ep", old);
    for (const { keeper, dirs } of [taken, python]) {
      await keeper.begin();
      expect(readdirSync(dirs.quarantine)).toEqual(["ep"]);
    }
  });
});

describe("what a Python receiver refused", () => {
  const note = { reason: "status-412", judged_by: null, at: OLD };
  for (const [what, toml, change, left] of [
    ["goes by its age where that is asked for, and leaves its note", "prune_unverified = true", {}, []],
    ["stays where it is not", "prune_unverified = false", {}, ["ep"]],
    ["stays as long as it is young", "prune_unverified = true", { at: FRESH }, ["ep"]],
    ["stays when it is not what was refused", "prune_unverified = true", { fingerprint: "other" }, ["ep"]],
  ] as [string, string, object, string[]][]) {
    test(what, async () => {
      const root = tempDir();
      const { keeper, dirs } = housekeeper(root, "http://127.0.0.1:9", `kind = "python"\n[retention]\n${toml}\n`);
      // What shows that this host's clock is right.
      shipped(dirs, "newest", { verified: false, received_at_wall: FRESH });
      refused(dirs, "ep", { ...note, ...change });
      await keeper.tidy();
      expect([readdirSync(dirs.quarantine), existsSync(join(root, "removed.jsonl"))]).toEqual([
        left,
        left.length === 0,
      ]);
    });
  }
});
