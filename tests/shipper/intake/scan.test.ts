// The scan: which directories are finished episodes.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { PROBE } from "../../../lib/shipper/data-root.ts";
import { scanEpisodes } from "../../../lib/shipper/intake/scan.ts";
import { makeDirs, makeEpisode } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const nothingKnown = (): boolean => false;

describe("a scan", () => {
  test("finds what has a marker, with the marker's time, and counts what has none", async () => {
    const dirs = makeDirs(tempDir());
    const episode = makeEpisode(dirs, "done");
    utimesSync(join(episode, "done.marker"), 1_700_000_000, 1_700_000_000.5);
    mkdirSync(join(dirs.episodes, "recording"));
    const scan = await scanEpisodes(dirs.episodes, nothingKnown);
    expect(scan).toEqual({
      finished: [{ id: "done", finishedMs: 1_700_000_000_500 }],
      recording: 1,
      problems: [],
      present: new Set(["done", "recording"]),
    });
  });

  test("does not look into episodes that are known, but says that they are there", async () => {
    const dirs = makeDirs(tempDir());
    makeEpisode(dirs, "known");
    const scan = await scanEpisodes(dirs.episodes, (id) => id === "known");
    expect([scan.finished, scan.recording, [...scan.present]]).toEqual([[], 0, ["known"]]);
  });

  test("passes over its own passing names and hidden files, and counts hidden directories as being recorded", async () => {
    const dirs = makeDirs(tempDir());
    for (const name of [PROBE, ".ep1.copy"]) makeEpisode(dirs, name);
    writeFileSync(join(dirs.episodes, ".DS_Store"), "");
    mkdirSync(join(dirs.episodes, ".being-recorded"));
    const scan = await scanEpisodes(dirs.episodes, nothingKnown);
    expect([scan.finished, scan.recording, scan.problems, scan.present.size]).toEqual([[], 1, [], 0]);
  });

  test("names a directory of a bad name while it is still recorded: it would never be shipped", async () => {
    const dirs = makeDirs(tempDir());
    mkdirSync(join(dirs.episodes, "bad name"));
    const scan = await scanEpisodes(dirs.episodes, nothingKnown);
    expect([scan.recording, scan.problems.map(({ name }) => name)]).toEqual([0, ["bad name"]]);
  });

  test("names a marker that is a directory, a link or a pipe, with its mending", async () => {
    const dirs = makeDirs(tempDir());
    for (const id of ["dir", "link", "pipe", "to-file"]) mkdirSync(join(dirs.episodes, id));
    mkdirSync(join(dirs.episodes, "dir/done.marker"));
    symlinkSync("/dev/zero", join(dirs.episodes, "link/done.marker"));
    symlinkSync("/etc/hostname", join(dirs.episodes, "to-file/done.marker"));
    Bun.spawnSync(["mkfifo", join(dirs.episodes, "pipe/done.marker")]);
    const scan = await scanEpisodes(dirs.episodes, nothingKnown);
    expect(scan.finished).toEqual([]);
    expect(scan.problems.map(({ name }) => name).sort()).toEqual(["dir", "link", "pipe", "to-file"]);
    for (const { name, problem, fix } of scan.problems) {
      const marker = join(dirs.episodes, name, "done.marker");
      expect([problem, fix === null ? null : fixText(fix)]).toEqual([
        "its done.marker is no regular file",
        `sudo mv ${marker} ${marker}.aside && sudo touch ${marker}`,
      ]);
    }
  });

  test("lets other work go on between thousands of episodes", async () => {
    // In memory: thousands of directories on a busy disk would take seconds.
    const episodes = mkdtempSync("/dev/shm/labfleet-test-");
    onTestFinished(() => rmSync(episodes, { recursive: true, force: true }));
    for (let i = 0; i < 2001; i++) mkdirSync(join(episodes, `ep${i}`));
    let turns = 0;
    setImmediate(() => turns++);
    const scan = await scanEpisodes(episodes, nothingKnown);
    expect([scan.recording, turns]).toEqual([2001, 1]);
  });

  test("of a directory that is not there fails with the file system's word", async () => {
    await expect(scanEpisodes(join(tempDir(), "none"), nothingKnown)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
