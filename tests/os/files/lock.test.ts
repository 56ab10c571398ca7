// One instance at a time, with real processes: the kernel holds the lock, so nothing stale can stay behind.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { holderOf, lockDataRoot } from "../../../lib/os/files/lock.ts";
import { lineReader } from "../../support/lines.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PROGRAM = join(import.meta.dir, "../../fixtures/programs/hold-lock.ts");

function start(dataRoot: string, runDir: string) {
  const child = Bun.spawn([process.execPath, PROGRAM, dataRoot, runDir], { stdin: "pipe", stdout: "pipe" });
  return { child, nextLine: lineReader(child.stdout) };
}

describe("a data root", () => {
  test("is refused to a second process, which is told the holder's pid, also from another run directory", async () => {
    const [data, run] = [tempDir(), join(tempDir(), "run")];
    const first = start(data, run);
    expect(await first.nextLine()).toBe("locked");
    expect(readFileSync(join(run, "pid"), "utf8")).toBe(`${first.child.pid}\n`);
    const [second, elsewhere] = [start(data, run), start(data, join(tempDir(), "other"))];
    expect(await second.nextLine()).toBe(`another shipper is at work on ${data} (pid ${first.child.pid})`);
    // From another run directory only the kernel's list can tell, and not on every file system.
    const known = `another shipper is at work on ${data} (pid ${first.child.pid})`;
    expect([known, `another shipper is at work on ${data}`]).toContain((await elsewhere.nextLine()) ?? "");
    // Not 2: systemd shall try again, for the other one may end.
    expect([await second.child.exited, await elsewhere.child.exited]).toEqual([3, 3]);
    expect(readFileSync(join(run, "pid"), "utf8")).toBe(`${first.child.pid}\n`);
    first.child.stdin.end();
    expect(await first.child.exited).toBe(0);
  });

  test("is free again at once when its holder was killed, whatever the pid file says", async () => {
    const [data, run] = [tempDir(), tempDir()];
    const first = start(data, run);
    expect(await first.nextLine()).toBe("locked");
    first.child.kill("SIGKILL");
    await first.child.exited;
    const next = start(data, run);
    expect(await next.nextLine()).toBe("locked");
    expect(readFileSync(join(run, "pid"), "utf8")).toBe(`${next.child.pid}\n`);
    next.child.stdin.end();
    await next.child.exited;
  });

  test("that is not there is an operator's mistake, said in a sentence", () => {
    expect(() => lockDataRoot("shipper", join(tempDir(), "none"), tempDir())).toThrow("cannot use");
  });

  test("that is a file, or whose run directory is one, is an operator's mistake too", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    mkdirSync(join(dir, "data"));
    expect(() => lockDataRoot("shipper", join(dir, "file"), join(dir, "run"))).toThrow("cannot use");
    expect(() => lockDataRoot("shipper", join(dir, "data"), join(dir, "file/run"))).toThrow("cannot use");
  });
});

describe("the holder by the kernel's list of locks", () => {
  for (const [what, locks, holder] of [
    ["one holder", "1: POSIX  ADVISORY  WRITE 9 08:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 4242 08:01:77 0 EOF\n", 4242],
    ["nobody", "1: FLOCK  ADVISORY  WRITE 4242 08:01:78 0 EOF\n", null],
    [
      "one who waits for it",
      "1: FLOCK  ADVISORY  WRITE 7 08:01:77 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 8 08:01:77 0 EOF\n",
      7,
    ],
    ["another disk with this inode", "1: FLOCK  ADVISORY  WRITE 7 08:02:77 0 EOF\n", null],
    [
      "two disks with this inode",
      "1: FLOCK  ADVISORY  WRITE 7 08:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 8 08:02:77 0 EOF\n",
      7,
    ],
    ["one outside our pid namespace", "1: FLOCK  ADVISORY  WRITE 0 08:01:77 0 EOF\n", null],
    ["a shared lock", "1: FLOCK  ADVISORY  READ 7 08:01:77 0 EOF\n", null],
    ["nothing", "", null],
  ] as const) {
    test(`${what}: ${holder ?? "not known"}`, () => expect(holderOf(locks, 77, 0x801)).toBe(holder));
  }
});
