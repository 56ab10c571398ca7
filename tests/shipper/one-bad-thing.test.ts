// One bad episode, directory or file must never stop the others.

import { expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogMessage } from "../../lib/runtime/log/log.ts";
import { noEpisodesDir } from "../../lib/shipper/disk/recorders.ts";
import { parseMarker } from "../../lib/shipper/episode/marker.ts";
import { scanEpisodes } from "../../lib/shipper/intake/scan.ts";
import { recoverOutbox } from "../../lib/shipper/pack/outbox.ts";
import { inText } from "../support/in-text.ts";
import { makeDirs, makeEpisode } from "../support/lab-host.ts";
import { quietLog } from "../support/quiet-log.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

test("a done.marker that is a link to itself does not keep the scan from finding the others", async () => {
  const dirs = makeDirs(tempDir());
  makeEpisode(dirs, "good");
  mkdirSync(join(dirs.episodes, "bad"));
  symlinkSync("done.marker", join(dirs.episodes, "bad", "done.marker"));
  const found = await scanEpisodes(dirs.episodes, () => false).catch(() => null);
  expect(found?.finished.map(({ id }) => id)).toEqual(["good"]);
});

test("an episode that never fits on the disk does not keep smaller ones from being packed", async () => {
  const { engine, dirs, calls, pass } = scriptedEngine(tempDir(), (id) =>
    id === "huge" ? { kind: "no-space", bytes: 1, detail: "" } : { kind: "changed", detail: "" },
  );
  makeEpisode(dirs, "huge");
  makeEpisode(dirs, "small");
  await engine.scan();
  for (let i = 0; i < 5; i++) {
    engine.pump();
    await engine.settled();
    pass(31_000);
  }
  await engine.stop(0);
  expect(calls).toContain("pack small");
});

test("room that somebody else makes is found at the next look, for those for whom it is enough", async () => {
  const [enough, tooMuch] = [1, Number.MAX_SAFE_INTEGER];
  let isFull = true;
  const { engine, dirs, calls, pass } = scriptedEngine(tempDir(), (id) => {
    if (id === "small" && !isFull) return { kind: "changed", detail: "" };
    return { kind: "no-space", bytes: id === "small" ? enough : tooMuch, detail: "" };
  });
  for (const id of ["small", "huge"]) makeEpisode(dirs, id);
  await engine.scan();
  engine.pump();
  await engine.settled();
  expect(calls.toSorted()).toEqual(["pack huge", "pack small"]);
  isFull = false;
  // Half a minute would have to go by for another try without it.
  pass(1000);
  await engine.scan();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  expect(calls.slice(2)).toEqual(["pack small", "cancel"]);
});

test("a disk that takes nothing is said once, whatever the episodes; others are tried before the same one again", async () => {
  const said: string[] = [];
  const { engine, dirs, calls, pass } = scriptedEngine(
    tempDir(),
    (id) => ({ kind: "unreadable", path: join(dirs.outbox, `.${id}.part`), code: "EROFS", detail: "" }),
    undefined,
    { ...quietLog, error: (line) => said.push(inText(line)) },
  );
  for (const id of ["a", "b", "c", "d", "e"]) makeEpisode(dirs, id);
  await engine.scan();
  for (let i = 0; i < 4; i++) {
    engine.pump();
    await engine.settled();
    pass(31_000);
  }
  expect(said).toHaveLength(1);
  expect(said[0]).toStartWith("packing waits, sending goes on: the file system at ");
  expect(new Set(calls)).toEqual(new Set(["a", "b", "c", "d", "e"].map((id) => `pack ${id}`)));
  await engine.scan();
  expect(engine.intake.problems.map(({ name }) => name)).toEqual([engine.deps.settings.current().dataRoot]);
  await engine.stop(0);
});

test("a stop that comes while a packing job is prepared starts no packing after it", async () => {
  const { engine, dirs, calls } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
  makeEpisode(dirs, "ep");
  await engine.scan();
  engine.pump();
  await engine.stop(0);
  expect(calls).not.toContain("pack ep");
});

test("an outbox record that says null is removed, not a reason to die at every start", async () => {
  const dirs = makeDirs(tempDir());
  writeFileSync(join(dirs.outbox, "ep.json"), "null");
  expect(await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot").catch(() => null)).toMatchObject({ records: [] });
});

test("a marker of NUL bytes, as a power cut leaves it, is not taken for an empty one", () => {
  expect(parseMarker("\0".repeat(66)).kind).toBe("refused");
});

test("episodes/ that cannot be read for a moment stops nothing, and nothing is forgotten", async () => {
  const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "changed", detail: "" }));
  makeEpisode(dirs, "ep");
  await engine.scan();
  renameSync(dirs.episodes, `${dirs.episodes}.away`);
  await engine.scan();
  expect(engine.intake.problems).toEqual([noEpisodesDir(dirs.episodes, { code: "ENOENT" })]);
  expect(engine.queue.has("ep")).toBe(true);
  renameSync(`${dirs.episodes}.away`, dirs.episodes);
  await engine.scan();
  expect(engine.intake.problems).toEqual([]);
});

test("what stands in episodes/ and is no episode is said once, however often it is looked at", async () => {
  const said: string[] = [];
  const log = { ...quietLog, error: (line: LogMessage) => said.push(inText(line)) };
  const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "changed", detail: "" }), undefined, log);
  mkdirSync(join(dirs.episodes, "a b"));
  writeFileSync(join(dirs.episodes, "ep.tar"), "");
  for (let i = 0; i < 3; i++) await engine.scan();
  await engine.stop(0);
  expect(said.map((line) => line.replace(/ because .*$/, "")).sort()).toEqual([
    'not shipped episode="a b"',
    "not shipped episode=ep.tar",
  ]);
  expect(engine.intake.problems).toHaveLength(2);
});

test("an episode that its recorder still writes to waits, with what mends that and not the disk", async () => {
  const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "changed", detail: "done.marker went away" }));
  makeEpisode(dirs, "ep");
  await engine.scan();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  expect(engine.queue.get("ep")?.trouble).toMatchObject({
    reason: "changing",
    detail: '"done.marker went away"',
    fix: { text: "let its recorder write nothing after done.marker, and make that last, by a rename", commands: [] },
  });
});
