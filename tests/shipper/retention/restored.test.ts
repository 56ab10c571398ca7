// A data root that was restored from a backup: the same files under other inodes. Nothing is removed on an old note's word, and nothing
// stays for ever without a way out.

import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { housekeeper, refused, SHA, shipped } from "../../support/housekeeper.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HAS: Say = { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };
const AGAIN = "queued again, to be compared: its files changed since it was shipped, or were restored from a backup";

/** What `cp -a` does to a directory: the same files, times included, with other inodes. */
function restored(directory: string): string {
  cpSync(directory, `${directory}.copy`, { recursive: true, preserveTimestamps: true });
  rmSync(directory, { recursive: true });
  renameSync(`${directory}.copy`, directory);
  return directory;
}

describe("a restored data root", () => {
  test("shipped ones that are due go again, to be compared, without their old note; what was not restored goes", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, lines, dirs } = housekeeper(tempDir(), url);
    restored(shipped(dirs, "old"));
    writeFileSync(join(shipped(dirs, "late"), "late.bin"), "nowhere else");
    restored(shipped(dirs, "fresh", { receiver_day: 99 }));
    shipped(dirs, "untouched");
    await keeper.tidy();
    expect([readdirSync(dirs.shipped), readdirSync(dirs.episodes).sort()]).toEqual([["fresh"], ["late", "old"]]);
    expect(readdirSync(join(dirs.episodes, "old")).sort()).toEqual(["data.bin", "done.marker"]);
    expect(readdirSync(join(dirs.episodes, "late")).sort()).toEqual(["data.bin", "done.marker", "late.bin"]);
    expect(lines.filter((line) => line.startsWith(AGAIN)).length).toBe(2);
  });

  test("at most twenty a round: they are older than all that waits, and would go first", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, clock, dirs } = housekeeper(tempDir(), url);
    for (let i = 0; i < 45; i++) restored(shipped(dirs, `ep${i}`));
    const queued: number[] = [];
    for (let round = 0; round < 3; round++) {
      clock.monotonic = round * 3_600_000;
      await keeper.tidy();
      // Room that is needed meanwhile gives them no second way.
      await keeper.freeSpace(Number.MAX_SAFE_INTEGER);
      queued.push(readdirSync(dirs.episodes).length);
    }
    expect(queued).toEqual([20, 40, 45]);
  });

  test("one whose name waits in the queue stays, is said once, and keeps no other", async () => {
    const { url } = await scriptedCollector(() => HAS);
    const { keeper, lines, clock, dirs } = housekeeper(tempDir(), url);
    for (const name of ["again", "other"]) restored(shipped(dirs, name));
    makeEpisode(dirs, "again");
    await keeper.tidy();
    clock.monotonic = 3_600_000;
    await keeper.tidy();
    expect([readdirSync(dirs.shipped), readdirSync(dirs.episodes).sort()]).toEqual([["again"], ["again", "other"]]);
    expect(lines.filter((line) => line.startsWith("not queued again")).length).toBe(1);
  });

  test("stays where the receiver does not say that it has it", async () => {
    const { url } = await scriptedCollector(() => ({ status: 503 }));
    const { keeper, dirs } = housekeeper(tempDir(), url);
    restored(shipped(dirs, "old"));
    await keeper.tidy();
    expect([readdirSync(dirs.shipped), readdirSync(dirs.episodes)]).toEqual([["old"], []]);
  });

  test("a refused one that would go stays, and is said with the line that has it judged as it is", async () => {
    const { url } = await scriptedCollector((ask) => judgement(ask, { status: 412, reason: "commit-not-accepted" }));
    const { keeper, lines, dirs, config } = housekeeper(tempDir(), url);
    writeFileSync(config.commitFile, "new");
    restored(refused(dirs, "ep"));
    writeFileSync(
      join(config.dataRoot, "expiring.json"),
      JSON.stringify({ number: 1, episodes: { ep: { number: 1, announced_day: 1 } } }),
    );
    await keeper.tidy();
    expect(readdirSync(dirs.quarantine)).toEqual(["ep"]);
    expect(lines.find((line) => line.startsWith("not removed"))).toContain(
      "episode=ep; fix: queue it again, to be judged as it is now: sudo shipper requeue ep",
    );
  });
});
