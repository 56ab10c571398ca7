// `sudo shipper requeue --all --reason R`: whom it takes, and what it says when there is nobody.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { requeueEpisodes } from "../../lib/shipper/requeue-command.ts";
import { makeDirs, writeFiles } from "../support/lab-host.ts";
import { quietLog } from "../support/quiet-log.ts";
import { tempDir } from "../support/temp-dir.ts";

function refused(byName: Readonly<Record<string, string>>) {
  const dirs = makeDirs(tempDir());
  for (const [name, reason] of Object.entries(byName)) {
    const rejection = JSON.stringify({ labfleet: 1, reason });
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
  expect(error.hint).toBe("sudo shipper requeue --all --reason conflict, or all of them: sudo shipper requeue --all");
  expect(error.exitCode).toBe(2);
  expect(readdirSync(dirs.episodes)).toEqual([]);
});

test("with nothing in quarantine there is nothing to say", async () => {
  expect(await requeueEpisodes(refused({}), { ...all("typo"), operands: [] }, quietLog)).toBe(0);
});
