// `sudo shipper requeue --all --reason R`: whom it takes, and what it says when there is nobody.

import { expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../lib/core/failure.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { requeueEpisodes } from "../../../lib/shipper/commands/requeue.ts";
import { inText } from "../../support/in-text.ts";
import { makeDirs, writeFiles } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

function refused(byName: Readonly<Record<string, string>>) {
  const dirs = makeDirs(tempDir());
  for (const [name, reason] of Object.entries(byName)) {
    const rejection = JSON.stringify({ labfleet: 1, episode_id: name, reason });
    writeFiles(join(dirs.quarantine, name), { "data.bin": "data", "done.marker": "", "rejection.json": rejection });
  }
  return dirs;
}

const all = (reason: string) => ({ command: "requeue", operands: [], options: { all: true, reason } }) as const;

test("takes those that were refused for it", async () => {
  const dirs = refused({ a: "conflict", b: "incomplete", c: "conflict" });
  expect(await requeueEpisodes(dirs, { ...all("conflict"), operands: [] }, quietLog)).toBe(0);
  expect(readdirSync(dirs.episodes).sort()).toEqual(["a", "c"]);
});

test("a reason that nothing was refused for is an error that names the reasons there are, and the nearest", async () => {
  const dirs = refused({ a: "conflict", b: "incomplete", c: "conflict" });
  const error = await requeueEpisodes(dirs, { ...all("confict"), operands: [] }, quietLog).catch((e) => e);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toBe(
    `nothing in ${dirs.quarantine} was refused for "confict"; the reasons there are conflict (2), incomplete (1)`,
  );
  expect(error.hint).toBe(
    "all of them go without --reason; the nearest is: sudo shipper requeue --all --reason conflict",
  );
  expect(error.exitCode).toBe(2);
  expect(readdirSync(dirs.episodes)).toEqual([]);
});

test.each([
  [
    "an id that is not there",
    "nope",
    (root: string) => `"no episode nope in ${root}/quarantine"; fix: see which there are: sudo shipper status`,
  ],
  [
    "one whose name is taken",
    "a",
    (root: string) =>
      `"${root}/episodes/a exists"; fix: let that one be shipped first, or rename it: sudo mv -T ${root}/episodes/a ${root}/episodes/a-2`,
  ],
])("%s is not queued, and it is said what to do", async (_, id, line) => {
  const dirs = refused({ a: "conflict" });
  writeFiles(join(dirs.episodes, "a"), { "data.bin": "another" });
  const said: string[] = [];
  const log = { ...quietLog, error: (text: LogMessage) => said.push(inText(text)) };
  expect(await requeueEpisodes(dirs, { command: "requeue", operands: [id], options: {} }, log)).toBe(3);
  expect(said).toEqual([`not queued: ${line(join(dirs.episodes, ".."))}`]);
});

test("one that cannot be moved is said with its remedy", async () => {
  const dirs = refused({ a: "conflict" });
  rmSync(dirs.episodes, { recursive: true });
  const said: string[] = [];
  const log = { ...quietLog, error: (text: LogMessage) => said.push(inText(text)) };
  expect(await requeueEpisodes(dirs, { command: "requeue", operands: ["a"], options: {} }, log)).toBe(3);
  expect(said).toEqual([expect.stringMatching(/^not queued: ".* cannot be moved: ENOENT.*"; fix: .+/)]);
});

test("with nothing in quarantine there is nothing to say", async () => {
  expect(await requeueEpisodes(refused({}), { ...all("typo"), operands: [] }, quietLog)).toBe(0);
});
