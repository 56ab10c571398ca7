// Directories without a marker: what is being recorded is left alone, and what would never be shipped is said.

import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { scanEpisodes } from "../../../lib/shipper/intake/scan.ts";
import { isNearlyMarker, Unfinished } from "../../../lib/shipper/intake/unfinished.ts";
import { makeDirs } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** An episodes directory, and a clock that runs ahead of its files. */
function host() {
  const dirs = makeDirs(tempDir());
  const clock = { aheadMs: 0 };
  // Date.now() cuts off the fraction of a millisecond that the time of a file has.
  const unfinished = new Unfinished(() => Date.now() + 1 + clock.aheadMs);
  const make = (path: string): void => {
    mkdirSync(join(dirs.episodes, path, ".."), { recursive: true });
    writeFileSync(join(dirs.episodes, path), "");
  };
  const scan = async () => {
    const { recording, problems } = await scanEpisodes(dirs.episodes, () => false, unfinished);
    return { recording, said: problems.map(({ problem, fix }) => [problem, fix === null ? null : fixText(fix)]) };
  };
  return { episodes: dirs.episodes, clock, make, scan };
}

describe("a directory without a marker", () => {
  test("is being recorded as long as it is not quiet, and whatever its files are called", async () => {
    const { make, scan, clock } = host();
    make("a/DONE.MARKER");
    make("b/run1/done.marker");
    clock.aheadMs = MINUTE - 5000;
    expect(await scan()).toEqual({ recording: 2, said: [] });
  });

  test("with a marker of another name is said, and what gives it the right one", async () => {
    const { episodes, make, scan, clock } = host();
    make("a/done.marker.txt");
    clock.aheadMs = MINUTE;
    expect(await scan()).toEqual({
      recording: 0,
      said: [
        [
          'it has "done.marker.txt" and no done.marker: the name has to be exactly that',
          `sudo mv -T ${episodes}/a/done.marker.txt ${episodes}/a/done.marker`,
        ],
      ],
    });
  });

  test("with an episode in it is said, and what takes that out, unless its name is taken", async () => {
    const { episodes, make, scan, clock } = host();
    make("day/run1/done.marker");
    clock.aheadMs = MINUTE;
    const problem = "it has no done.marker, and run1/ in it has one: an episode stands directly in episodes/";
    expect((await scan()).said).toEqual([[problem, `sudo mv -T ${episodes}/day/run1 ${episodes}/day-run1`]]);
    const taken = host();
    taken.make("day/run1/done.marker");
    taken.make("day-run1/f");
    taken.clock.aheadMs = MINUTE;
    expect((await taken.scan()).said).toEqual([[problem, null]]);
  });

  test("with finished parts in it is being recorded as long as anything beside them is newer than a day", async () => {
    const { episodes, make, scan, clock } = host();
    make("long/part1/done.marker");
    make("long/part2/data");
    make("two/part1/done.marker");
    make("two/part2/done.marker");
    clock.aheadMs = DAY - MINUTE;
    expect(await scan()).toEqual({ recording: 2, said: [] });
    clock.aheadMs = DAY + 15 * MINUTE;
    const { recording, said } = await scan();
    const problem = expect.stringMatching(/^it has no done\.marker, and part[12]\/ in it has one/);
    expect([recording, said.map(([said]) => said)]).toEqual([0, [problem, problem]]);
    expect(said.map(([, fix]) => fix)).toContain(`sudo mv -T ${episodes}/long/part1 ${episodes}/long-part1`);
  });

  test("that nothing has touched for a day is said", async () => {
    const { episodes, make, scan, clock } = host();
    make("left/data");
    clock.aheadMs = DAY - MINUTE;
    expect(await scan()).toEqual({ recording: 1, said: [] });
    clock.aheadMs = DAY + MINUTE;
    // Asked again only after ten minutes.
    expect(await scan()).toEqual({ recording: 1, said: [] });
    clock.aheadMs = DAY + 15 * MINUTE;
    const { recording, said } = await scan();
    expect([recording, said.length]).toEqual([0, 1]);
    expect(said[0]?.[0]).toMatch(/^it has no done\.marker, and nothing in it has changed since 20\d\d-\S+Z$/);
    expect(said[0]?.[1]).toBe(
      `let its recorder finish it; if it is whole as it lies there: sudo touch ${episodes}/left/done.marker`,
    );
  });

  test("that is hidden may hold anything for a day, and is said then, with what makes an episode of it", async () => {
    const { episodes, make, scan, clock } = host();
    for (const path of [".a/done.marker.tmp", ".b/run1/done.marker", ".c d/x", ".e\nf/x"]) make(path);
    clock.aheadMs = DAY - MINUTE;
    expect(await scan()).toEqual({ recording: 4, said: [] });
    clock.aheadMs = DAY + 15 * MINUTE;
    const { recording, said } = await scan();
    expect(recording).toBe(0);
    for (const [problem] of said)
      expect(problem).toMatch(/^it has no done\.marker, and nothing in it has changed since /);
    const text = "let its recorder finish it; if it is whole as it lies there";
    const inode = lstatSync(join(episodes, ".e\nf")).ino;
    const find = `sudo find ${episodes} -maxdepth 1 -inum ${inode} -exec`;
    expect(said.map(([, fix]) => fix).sort()).toEqual([
      `${text}: ${find} touch '{}/done.marker' ';' && ${find} mv -T '{}' ${episodes}/e_f ';'`,
      `${text}: sudo touch '${episodes}/.c d/done.marker' && sudo mv -T '${episodes}/.c d' ${episodes}/c_d`,
      `${text}: sudo touch ${episodes}/.a/done.marker && sudo mv -T ${episodes}/.a ${episodes}/a`,
      `${text}: sudo touch ${episodes}/.b/done.marker && sudo mv -T ${episodes}/.b ${episodes}/b`,
    ]);
  });

  test("whose file still grows is being recorded, though its own time is a day old", async () => {
    const { episodes, make } = host();
    make("grows/data");
    const before = lstatSync(join(episodes, "grows")).ctimeMs;
    while (lstatSync(join(episodes, "grows/data")).ctimeMs <= before)
      writeFileSync(join(episodes, "grows/data"), "more");
    const seen = async (now: number) =>
      (await scanEpisodes(episodes, () => false, new Unfinished(() => now))).problems.length;
    const after = lstatSync(join(episodes, "grows/data")).ctimeMs;
    expect([await seen(before + DAY), await seen(after + DAY)]).toEqual([0, 1]);
  });

  test("that was looked into in vain is looked into anew as soon as it changed", async () => {
    const { episodes, make, scan, clock } = host();
    make("a/data");
    clock.aheadMs = MINUTE;
    expect(await scan()).toEqual({ recording: 1, said: [] });
    const before = lstatSync(join(episodes, "a")).ctimeMs;
    make("a/done.marker.txt");
    // The clock of a file system may stand for some milliseconds.
    for (let i = 0; lstatSync(join(episodes, "a")).ctimeMs <= before; i++) make(`a/more${i}`);
    expect((await scan()).said).toHaveLength(1);
  });

  test("is looked into once, until it changes, and forgotten when it goes", async () => {
    const { episodes, make, scan, clock } = host();
    make("a/done.marker.tmp");
    clock.aheadMs = MINUTE;
    expect((await scan()).said).toHaveLength(1);
    rmSync(join(episodes, "a"), { recursive: true });
    expect(await scan()).toEqual({ recording: 0, said: [] });
    make("a/other");
    expect(await scan()).toEqual({ recording: 1, said: [] });
  });
});

describe("a copy that one of our remedies made", () => {
  test("and that stands alone is named after ten minutes, with what gives it its name", async () => {
    const { episodes, make, scan, clock } = host();
    make(".ep1.copy/done.marker");
    clock.aheadMs = 9 * MINUTE;
    expect(await scan()).toEqual({ recording: 0, said: [] });
    clock.aheadMs = 20 * MINUTE;
    const { recording, said } = await scan();
    expect([recording, said]).toEqual([
      0,
      [
        [
          "it is a copy of ep1, which is not there any more: it may be the only one",
          `sudo mv -T ${episodes}/.ep1.copy ${episodes}/ep1`,
        ],
      ],
    ]);
    renameSync(join(episodes, ".ep1.copy"), join(episodes, "ep1"));
    expect(await scan()).toEqual({ recording: 0, said: [] });
  });

  test("and that stands beside its original is under way for a day; then the two are to be compared", async () => {
    const { episodes, make, scan, clock } = host();
    make(".ep1.copy/data");
    make("ep1/done.marker");
    clock.aheadMs = DAY - MINUTE;
    expect(await scan()).toEqual({ recording: 0, said: [] });
    clock.aheadMs = DAY + 15 * MINUTE;
    expect((await scan()).said).toEqual([
      [
        "it is a copy of ep1, which stands beside it",
        `remove .ep1.copy or ep1, whichever lacks something that the other one has; this shows it: sudo diff -rq --no-dereference ${episodes}/ep1 ${episodes}/.ep1.copy`,
      ],
    ]);
    rmSync(join(episodes, "ep1"), { recursive: true });
    expect((await scan()).said[0]?.[1]).toBe(`sudo mv -T ${episodes}/.ep1.copy ${episodes}/ep1`);
  });

  test("of a link that stands still is under way", async () => {
    const { episodes, make, scan, clock } = host();
    make(".ep1.copy/done.marker");
    symlinkSync("/nowhere", join(episodes, "ep1"));
    clock.aheadMs = DAY - MINUTE;
    expect((await scan()).said.map(([problem]) => problem)).toEqual([
      "it is a symbolic link, and links are not followed",
    ]);
  });
});

test.each([
  ["DONE.MARKER", true],
  ["Done.Marker", true],
  ["done.marker.txt", true],
  ["done.marker.part", true],
  ["done_marker", true],
  ["donemarker", true],
  [".done.marker", true],
  ["done.marker", false],
  ["done", false],
  ["done.marker.sig", false],
  ["undone.marker", false],
])("the name %s was meant for the marker: %p", (name, is) => {
  expect(isNearlyMarker(name)).toBe(is);
});
