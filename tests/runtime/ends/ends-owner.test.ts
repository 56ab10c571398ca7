// The ledger of ends between two users: a run by hand as root takes nothing from the service's user, and what another has taken
// is replaced where that can be.

import { expect, test } from "bun:test";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { endsDir, idsIn } from "../../support/ends.ts";
import { inText } from "../../support/in-text.ts";

const NOBODY = 65534;
const MISSING = process.getuid?.() !== 0 || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";
const PROGRAM = join(import.meta.dir, "../../fixtures/programs/ends-run.ts");

/** A ledger in a data root of nobody's. */
function nobodysDir(): string {
  const dir = endsDir();
  chownSync(dirname(dir), NOBODY, NOBODY);
  return dir;
}

/** A run that ends cleanly. @returns what it said */
function run(dir: string, uid: number) {
  const user = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const env = { ...process.env, HOME: dirname(dir), INVOCATION_ID: "" };
  const child = Bun.spawnSync([...user, process.execPath, PROGRAM, dir, "clean"], { env });
  return JSON.parse(child.stdout.toString());
}

test.skipIf(MISSING !== "")(`a run by hand as root leaves all files to the service's user${MISSING}`, () => {
  const dir = nobodysDir();
  const first = run(dir, 0);
  const second = run(dir, 0);
  for (const path of [dir, ...readdirSync(dir).map((name) => join(dir, name))]) {
    const { uid, gid } = lstatSync(path);
    expect([path, uid, gid]).toEqual([path, NOBODY, NOBODY]);
  }
  const { failure, lastEnd } = run(dir, NOBODY);
  expect([failure, lastEnd.run_id]).toEqual([null, second.runId]);
  expect(idsIn(dir)).toEqual([first.runId, second.runId]);
});

test.skipIf(MISSING !== "")(
  `files that are root's are replaced, and the next start says nothing of them${MISSING}`,
  () => {
    const dir = nobodysDir();
    run(dir, NOBODY);
    run(dir, NOBODY);
    for (const name of ["history.jsonl", "running.json"]) {
      chownSync(join(dir, name), 0, 0);
      chmodSync(join(dir, name), 0o640);
    }
    const { failure, lastEnd } = run(dir, NOBODY);
    expect(failure).toBeNull();
    expect(lastEnd.sentence).toBe(
      "the last run left no record that can be read; running.json cannot be read: EACCES; history.jsonl cannot be read: EACCES",
    );
    const next = run(dir, NOBODY);
    expect([next.failure, next.lastEnd.kind]).toEqual([null, "clean-stop"]);
    expect(next.lastEnd.sentence).not.toContain("EACCES");
    expect(statSync(join(dir, "history.jsonl")).uid).toBe(NOBODY);
    expect(statSync(join(dir, "history.jsonl.unreadable")).uid).toBe(0);
  },
);

test.skipIf(MISSING !== "")(`what cannot be replaced is named in the command that mends it${MISSING}`, () => {
  const dir = nobodysDir();
  run(dir, NOBODY);
  run(dir, NOBODY);
  chownSync(join(dir, "history.jsonl"), 0, 0);
  chownSync(dir, 0, NOBODY);
  expect(inText(run(dir, NOBODY).failure)).toBe(
    `cannot write ${dir}/history.jsonl: EACCES: the end of the last run stands in the log alone; fix: sudo chown nobody ${dir} ${dir}/history.jsonl`,
  );
  const other = nobodysDir();
  mkdirSync(other);
  expect(inText(run(other, NOBODY).failure)).toBe(
    `cannot write ${other}/running.json: EACCES: how this run ends may stay unknown; fix: sudo chown nobody ${other}`,
  );
  const blank = join(dirname(nobodysDir()), "lab data");
  mkdirSync(blank);
  expect(inText(run(blank, NOBODY).failure)).toEndWith(`; fix: sudo chown nobody '${blank}'`);
  chownSync(dirname(other), 0, 0);
  chmodSync(dirname(other), 0o755);
  const none = join(dirname(other), "none");
  expect(inText(run(none, NOBODY).failure)).toBe(
    `cannot write ${none}: EACCES: how this run ends may stay unknown; fix: sudo chown nobody ${dirname(none)}`,
  );
});
