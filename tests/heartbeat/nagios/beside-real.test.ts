// How the checks of nagios_runner stand beside each other as real processes: X17, X18 and a stop.

import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import { isGone, until, zombies } from "../checks/process-support.ts";
import { rig } from "./support.ts";

describe("real processes beside each other", () => {
  test("X17 a check is not started beside itself, and that is counted and shown with the last result", async () => {
    const dir = tempDir();
    const [log, gate] = [join(dir, "log"), join(dir, "gate")];
    appendFileSync(log, "");
    const begun = (): number => readFileSync(log, "utf8").length;
    const command = `printf x >>${log}; until [ -e ${gate} ]; do sleep 0.02; done; echo "OK $(cat ${gate})"`;
    const { collect } = rig({ commands: [{ name: "it", command, shell: true }], timeout: 60 }, {}, 600);
    const first = collect();
    await until(() => begun() === 1);
    const [beside] = await collect();
    expect(beside?.message).toMatch(/^its first run has not ended yet: begun \d+ s ago$/);
    expect(beside?.notes).toEqual({ pending: true, overlaps: 1 });
    writeFileSync(gate, "one");
    const [one] = await first;
    expect(one).toMatchObject({ status: "ok", message: "OK one", notes: { overlaps: 1 } });
    rmSync(gate);
    const second = collect();
    await until(() => begun() === 2);
    const [old] = await collect();
    expect(old).toMatchObject({
      message: "OK one",
      run: one?.run,
      started_at: one?.started_at,
      notes: { overlaps: 1 },
    });
    writeFileSync(gate, "two");
    const [two] = await second;
    expect(two).toMatchObject({ message: "OK two" });
    expect(two?.run ?? 0).toBeGreaterThan(one?.run ?? 0);
    expect(begun()).toBe(2);
  }, 180_000);

  test("X18 never more than the limit live at once, of sixty, and none of them stays behind", async () => {
    const dir = tempDir();
    const gate = join(dir, "gate");
    const commands = Array.from({ length: 60 }, (_, i) => ({
      ...{ name: `c${i}`, shell: true },
      command: `: >${dir}/c${i}; until [ -e ${gate} ]; do sleep 0.02; done; sleep 0.03; echo OK`,
    }));
    const { collect } = rig({ commands, timeout: 60 }, { atOnce: 4 }, 600);
    let done = false;
    const collected = collect().finally(() => {
      done = true;
    });
    await until(() => readdirSync(dir).length === 4);
    const counts: number[] = [];
    await until(() => {
      counts.push(livingChildren(dir));
      // Long enough for a fifth one to show itself.
      if (counts.length === 50) writeFileSync(gate, "");
      return done;
    });
    expect(new Set((await collected).map(({ status, message }) => `${status} ${message}`))).toEqual(new Set(["ok OK"]));
    expect(Math.max(...counts)).toBe(4);
    await until(() => zombies() === 0);
  }, 180_000);

  test("a stop while checks run and wait ends them, and none of them is reported", async () => {
    const dir = tempDir();
    const commands = Array.from({ length: 40 }, (_, i) => ({
      name: `c${i}`,
      shell: true,
      command: `: ${dir}; sleep 300`,
    }));
    const { runner, lines } = rig({ commands, grace: 1 });
    const stop = new AbortController();
    const collected = runner.collect(stop.signal);
    await until(() => livingChildren(dir) > 3);
    const pids = childrenOf(process.pid);
    stop.abort();
    expect(await collected).toEqual([]);
    await runner.close();
    expect(pids.every(isGone)).toBe(true);
    expect(lines.filter((line) => line.includes("check ended"))).toEqual([]);
    expect(livingChildren(dir)).toBe(0);
  });
});

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** Children of ours that are no zombies and name `mark` on their command line. */
function livingChildren(mark: string): number {
  return childrenOf(process.pid).filter((pid) => !isGone(pid) && commandLine(pid).includes(mark)).length;
}

function commandLine(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
