// Taking refused episodes back, as `shipper requeue` does.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requeue } from "../../../lib/shipper/settle/requeue.ts";
import { makeDirs, writeFiles } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { walkTree } from "../../support/walked.ts";

const OURS = JSON.stringify({ labfleet: 1, episode_id: "ep", reason: "missing-commit" });

function quarantined(name: string, files: Readonly<Record<string, string>>) {
  const dirs = makeDirs(tempDir());
  writeFiles(join(dirs.quarantine, name), { "data.bin": "data", "done.marker": "", ...files });
  return dirs;
}

describe("an episode taken back", () => {
  test("is among the episodes again, as it was before it was refused", async () => {
    const dirs = quarantined("ep", { "rejection.json": OURS });
    expect(await requeue(dirs, "quarantine", "ep")).toEqual({ id: "ep" });
    expect(readdirSync(join(dirs.episodes, "ep")).sort()).toEqual(["data.bin", "done.marker"]);
    expect(readdirSync(dirs.quarantine)).toEqual([]);
  });

  test("keeps its own rejection.json; ours beside it goes", async () => {
    const dirs = quarantined("ep", { "rejection.json": "mine", "rejection.labfleet.json": OURS });
    await requeue(dirs, "quarantine", "ep");
    expect(readFileSync(join(dirs.episodes, "ep/rejection.json"), "utf8")).toBe("mine");
    expect(existsSync(join(dirs.episodes, "ep/rejection.labfleet.json"))).toBe(false);
  });

  test("keeps a rejection.json that is not ours", async () => {
    const dirs = quarantined("ep", { "rejection.json": "mine" });
    await requeue(dirs, "quarantine", "ep");
    expect(readFileSync(join(dirs.episodes, "ep/rejection.json"), "utf8")).toBe("mine");
  });

  test("under another name has that one, unless it is taken", async () => {
    const dirs = quarantined("ep", { "rejection.json": OURS });
    mkdirSync(join(dirs.episodes, "ep-2"));
    expect(await requeue(dirs, "quarantine", "ep", "ep-2")).toMatchObject({
      refused: `${join(dirs.episodes, "ep-2")} exists`,
    });
    expect(await requeue(dirs, "quarantine", "ep", "ep-3")).toEqual({ id: "ep-3" });
    expect(readdirSync(join(dirs.episodes, "ep-3")).sort()).toEqual(["data.bin", "done.marker"]);
  });

  test("that had to take a second name gets its first one back", async () => {
    const dirs = quarantined("ep~2", { "rejection.json": OURS });
    expect(await requeue(dirs, "quarantine", "ep~2")).toEqual({ id: "ep" });
    expect(existsSync(join(dirs.episodes, "ep/data.bin"))).toBe(true);
  });
});

test("a kill on the way back leaves it in the queue, with a note that is never packed", async () => {
  const dirs = quarantined("ep", { "rejection.json": OURS });
  const module = JSON.stringify(join(import.meta.dir, "../../../lib/shipper/settle/requeue.ts"));
  const program = `await (await import(${module})).requeue(${JSON.stringify(dirs)}, "quarantine", "ep");`;
  const killed = Bun.spawnSync([process.execPath, "--define", "LABFLEET_FAILPOINTS=true", "-e", program], {
    env: { ...process.env, LABFLEET_FAILPOINT: "requeue.after-rename" },
  });
  expect([killed.signalCode, killed.stderr.toString()]).toEqual(["SIGKILL", ""]);
  expect(readdirSync(dirs.quarantine)).toEqual([]);
  expect(readdirSync(join(dirs.episodes, "ep")).sort()).toEqual(["data.bin", "done.marker", "rejection.json"]);
  const packed = walkTree(join(dirs.episodes, "ep")).entries.map(({ path }) => path);
  expect(packed).toEqual(["", "data.bin", "done.marker"]);
});

describe("what is not taken back", () => {
  test("is an episode whose name stands among the episodes: both stay", async () => {
    const dirs = quarantined("ep", { "rejection.json": OURS });
    mkdirSync(join(dirs.episodes, "ep"));
    expect(await requeue(dirs, "quarantine", "ep")).toMatchObject({ refused: expect.stringContaining("exists") });
    expect(readdirSync(join(dirs.quarantine, "ep")).sort()).toEqual(["data.bin", "done.marker", "rejection.json"]);
  });

  for (const name of ["missing", "../episodes/x", "..", "", ".pruned-ep", "/etc", "ep\0", "ep~x", "ep~1~2"]) {
    test(`is ${JSON.stringify(name)}`, async () => {
      const dirs = quarantined("ep", { "rejection.json": OURS });
      writeFiles(join(dirs.quarantine, ".pruned-ep"), { "data.bin": "x" });
      expect(await requeue(dirs, "quarantine", name)).toMatchObject({ refused: expect.stringContaining("no episode") });
      expect(readdirSync(dirs.episodes)).toEqual([]);
    });
  }

  test("is a stray file, and it keeps no other from being taken back", async () => {
    const dirs = quarantined("ep", { "rejection.json": OURS });
    writeFileSync(join(dirs.quarantine, "notes.txt"), "");
    expect(await requeue(dirs, "quarantine", "notes.txt")).toMatchObject({ refused: expect.anything() });
  });
});

test("what cannot be moved keeps its note: nobody has to guess why it lies there", async () => {
  const dirs = quarantined("ep", { "rejection.json": OURS });
  // The queue has gone: the move is refused.
  renameSync(dirs.episodes, `${dirs.episodes}.away`);
  await expect(requeue(dirs, "quarantine", "ep")).rejects.toMatchObject({ code: "ENOENT" });
  expect(readFileSync(join(dirs.quarantine, "ep/rejection.json"), "utf8")).toBe(OURS);
});
