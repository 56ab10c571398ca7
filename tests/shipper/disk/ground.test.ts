// Whether the data root is the one that was locked, whatever happens to its disk meanwhile.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dataDirs } from "../../../lib/contract/places.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import {
  cannotRestore,
  goneProblem,
  judgeGround,
  openGround,
  restoredFinding,
  type Standing,
} from "../../../lib/shipper/disk/ground.ts";
import { closedToRecorders } from "../../../lib/shipper/disk/recorders.ts";
import { inText } from "../../support/in-text.ts";
import { makeDirs, makeEpisode } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("the ground", () => {
  const missing = (count: number): string[] => Array.from({ length: count }, (_, n) => `/d${n}`);
  for (const [what, standing, ground] of [
    ["is ours by device and number", { id: "1:2", code: "", missing: [] }, "ours"],
    ["is ours also where somebody cleared it", { id: "1:2", code: "", missing: missing(4) }, "ours"],
    ["has gone when nothing is there", { id: null, code: "ENOENT", missing: missing(4) }, "gone"],
    ["has gone when the disk gives no answer", { id: null, code: "EIO", missing: missing(4) }, "gone"],
    ["has gone when an empty place to mount is there", { id: "1:3", code: "", missing: missing(4) }, "gone"],
    [
      "is another data root when it has some of its directories",
      { id: "1:3", code: "", missing: missing(3) },
      "another",
    ],
    ["is another one on another device", { id: "3:2", code: "", missing: [] }, "another"],
  ] as [string, Standing, string][]) {
    test(what, () => expect(judgeGround("1:2", standing, 4)).toBe(ground as ReturnType<typeof judgeGround>));
  }
});

test("what has the name is looked at anew each time; what is missing below it can be made again", async () => {
  const root = join(tempDir(), "data");
  const dirs = makeDirs(root);
  const ground = openGround(root, dirs);
  const { id } = ground;
  expect(await ground.look()).toEqual({ id, code: "", missing: [] });
  rmSync(dirs.outbox, { recursive: true });
  const cleared = await ground.look();
  expect(cleared).toEqual({ id, code: "", missing: ["outbox"] });
  expect(await ground.restore(cleared)).toEqual(["outbox"]);
  expect(await ground.look()).toEqual({ id, code: "", missing: [] });
  renameSync(root, `${root}.pulled`);
  expect(await ground.look()).toEqual({ id: null, code: "ENOENT", missing: Object.keys(dirs) });
  mkdirSync(root);
  const empty = await ground.look();
  expect([empty.id === id, empty.missing.length]).toEqual([false, 4]);
  expect(readdirSync(root)).toEqual([]);
  ground.close();
});

test("what is made again is made in the directory that was locked, though another has its name by now", async () => {
  const root = join(tempDir(), "data");
  const dirs = makeDirs(root);
  const ground = openGround(root, dirs);
  rmSync(dirs.outbox, { recursive: true });
  const cleared = await ground.look();
  renameSync(root, `${root}.pulled`);
  mkdirSync(root);
  await ground.restore(cleared);
  expect([readdirSync(root), existsSync(`${root}.pulled/outbox`)]).toEqual([[], true]);
  ground.close();
});

test("what was made again is said; episodes/ with what lets recorders in", () => {
  const dirs = dataDirs("/data");
  expect(inText(restoredFinding(dirs, "outbox"))).toBe("/data/outbox was not there and is made: somebody removed it");
  expect(restoredFinding(dirs, "episodes")).toEqual(closedToRecorders("/data/episodes"));
});

test("what cannot be made again keeps the daemon alive, and is said with what mends the disk", () => {
  const { name, problem, fix } = cannotRestore("/data", { id: "1:2", code: "", missing: ["shipped"] }, "EROFS");
  expect([name, problem]).toEqual(["/data", expect.stringContaining("shipped is missing in it and cannot be made: ")]);
  expect(fix).not.toBeNull();
});

test("while it is gone nothing is begun, and it is said each time that it goes", async () => {
  const said: string[] = [];
  const root = tempDir();
  const log = { ...quietLog, error: (line: LogMessage) => said.push(inText(line)) };
  const { engine, dirs, calls } = scriptedEngine(root, () => ({ kind: "vanished" }), undefined, log);
  makeEpisode(dirs, "ep");
  await engine.scan();
  const problem = goneProblem(root, { id: null, code: "ENOENT", missing: [] });
  for (let i = 0; i < 3; i++) engine.groundIs(problem);
  engine.pump();
  await engine.settled();
  expect([calls, said.length, engine.intake.problems]).toEqual([[], 1, [problem]]);
  expect(said[0]).toContain(
    "the data root has gone while the shipper was at work: there is none: ENOENT; fix: put its disk back",
  );
  engine.groundIs(null);
  await engine.scan();
  engine.pump();
  await engine.settled();
  expect(calls).toEqual(["pack ep"]);
  engine.groundIs(problem);
  expect(said.length).toBe(2);
  await engine.stop(0);
});
