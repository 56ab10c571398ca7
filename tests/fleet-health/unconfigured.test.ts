// A run whose configuration cannot be read, as the unit starts it.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHealthRun } from "../../lib/contract/health-run.ts";
import { UserError } from "../../lib/core/failure.ts";
import { noteUnconfigured } from "../../lib/fleet-health/unconfigured.ts";
import { tempDir } from "../support/temp-dir.ts";

const AT = "2026-05-01T06:00:00.000000+00:00";
const ROOT = join(import.meta.dir, "../..");

function collector(tables: string): { file: string; path: string; last: () => ReturnType<typeof parseHealthRun> } {
  const root = tempDir();
  const file = join(root, "collector.toml");
  const path = join(root, "data/fleet-health/last-run.json");
  mkdirSync(join(root, "data/fleet-health"), { recursive: true });
  writeFileSync(file, `[paths]\ndata_root = "${join(root, "data")}"\n${tables}`);
  return { file, path, last: () => parseHealthRun(readFileSync(path, "utf8")) };
}

test("says in last-run.json what is wrong with it, and what mends that", () => {
  const { file, last } = collector("[fleet_health]\nlookback_hours = -1\n");
  const program = [process.execPath, join(ROOT, "bin/fleet-health.ts")];
  const { exitCode } = Bun.spawnSync([...program, "--config", file], { stderr: "ignore" });
  expect(exitCode).toBe(2);
  expect(last()).toMatchObject({
    ...{ exit: 2, problem: expect.stringContaining(`${file}:4: fleet_health.lookback_hours must be `) },
    ...{ fix: `mend ${file}`, hosts: 0 },
  });
});

test("of several problems the first is said, and how all are seen", () => {
  const { file, last } = collector("");
  const line = { command: "", operands: [], options: { config: file } };
  noteUnconfigured(new UserError("one\ntwo\nthree", "mend it"), line, AT);
  expect(last()).toMatchObject({
    ...{ began_at: AT, exit: 2, problem: "one, and 2 other problems" },
    fix: `sudo fleet-health config test --config ${file}`,
  });
  noteUnconfigured(new UserError("one"), { ...line, options: { config: file } }, AT);
  expect(last()).toMatchObject({ problem: "one", fix: `sudo fleet-health config test --config ${file}` });
});

test("writes nothing where it is not known whose run it was, and fails at nothing", () => {
  const { file, path, last } = collector("");
  const note = (options: Record<string, string>): void =>
    noteUnconfigured(new UserError("one"), { command: "", operands: [], options }, AT);
  note({ config: file, "index-path": "/other/index.jsonl" });
  note({ config: file, now: AT });
  note({ config: join(path, "nowhere") });
  note({ config: file, "state-path": "" });
  note({ config: file, "state-path": "/proc/self/nowhere" });
  expect(existsSync(path)).toBe(false);
  writeFileSync(file, "[paths");
  note({ config: file });
  expect(existsSync(path)).toBe(false);
  note({ config: file, "state-path": join(path, "..") });
  expect(last()?.problem).toBe("one");
  rmSync(path);
});
