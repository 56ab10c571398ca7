// Heartbeats that wait: over restarts and kills, never more than allowed, and beside whatever else lies there.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../../lib/core/finding.ts";
import { HEARTBEAT_BYTES } from "../../../lib/heartbeat/send/fit.ts";
import { Spool } from "../../../lib/heartbeat/send/spool.ts";
import { inText } from "../../support/in-text.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PROJECT = join(import.meta.dir, "../../..");
const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;
const ROOT_MISSING = !IS_ROOT || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";

const beat = (sequence: number): string => JSON.stringify({ sequence });

/** What waits, in the order in which it is sent. */
function drained(spool: Spool): number[] {
  const sequences: number[] = [];
  for (let next = spool.oldest(); next !== null; next = spool.oldest()) {
    sequences.push(next.sequence);
    spool.done(next.sequence);
  }
  return sequences;
}

test("is sent oldest first, and outlives a restart with its sequence", () => {
  const dir = tempDir();
  const spool = new Spool(dir, () => 10);
  const numbers = [spool.nextSequence(), spool.nextSequence(), spool.nextSequence()];
  expect(numbers).toEqual([1, 2, 3]);
  for (const n of [1, 2, 3]) spool.keep(n, true, beat(n));
  spool.done(1);
  expect(spool.close()).toBe(0);
  const again = new Spool(dir, () => 10);
  expect(again.size).toBe(2);
  expect(again.oldest()).toEqual({ sequence: 2, text: beat(2) });
  expect(again.nextSequence()).toBe(4);
  expect(drained(again)).toEqual([2, 3]);
  expect(readdirSync(join(dir, "spool"))).toEqual([]);
  expect(again.takeNotes()).toEqual([]);
});

test("keeps no more than allowed: those without news go first, and what remains says so after a restart", () => {
  const dir = tempDir();
  const spool = new Spool(dir, () => 3);
  for (let n = 1; n <= 6; n++) spool.keep(n, n !== 2, beat(n));
  expect([spool.size, spool.dropped]).toEqual([3, 3]);
  expect(readdirSync(join(dir, "spool")).sort()).toEqual([
    "000000000002.change.json",
    "000000000005.plain.json",
    "000000000006.plain.json",
  ]);
  expect(new Spool(dir, () => 3).oldest()?.sequence).toBe(2);
});

test("keeps no more bytes than allowed, over restarts, and fewer while the disk takes none", () => {
  const [dir, run] = [tempDir(), tempDir()];
  const limits = { diskBytes: 5000, inMemory: { count: 60, bytes: 2500 } };
  const large = (sequence: number): string => JSON.stringify({ sequence, text: "x".repeat(950) });
  const first = new Spool(dir, () => 100, run, limits);
  for (let n = 1; n <= 8; n++) first.keep(n, n !== 2, large(n));
  expect([first.size, first.dropped]).toEqual([5, 3]);
  expect(readdirSync(join(dir, "spool"))).toHaveLength(5);
  // Those of an earlier run count too.
  const again = new Spool(dir, () => 100, run, limits);
  again.keep(9, true, large(9));
  expect([again.size, again.dropped]).toEqual([5, 1]);
  expect(drained(again)).toEqual([2, 6, 7, 8, 9]);
  rmSync(join(dir, "spool"), { recursive: true });
  writeFileSync(join(dir, "spool"), "a file");
  for (let n = 10; n <= 15; n++) again.keep(n, true, large(n));
  expect([again.size, again.inMemory]).toEqual([2, 2]);
  expect(readdirSync(join(run, "spool")).sort()).toEqual(["000000000014.plain.json", "000000000015.plain.json"]);
});

test("the oldest but those that are passed over", () => {
  const spool = new Spool(tempDir(), () => 10);
  for (const n of [1, 2, 3]) spool.keep(n, false, beat(n));
  expect(spool.oldest(new Set([1, 2]))?.sequence).toBe(3);
  expect(spool.oldest(new Set([1, 2, 3]))).toBeNull();
  expect(spool.oldest()?.sequence).toBe(1);
});

test("a heartbeat that a power cut has torn is dropped and counted, the others are not", () => {
  const dir = tempDir();
  const spool = new Spool(dir, () => 10);
  for (const n of [1, 2]) spool.keep(n, false, beat(n));
  truncateSync(join(dir, "spool/000000000001.change.json"), 5);
  const again = new Spool(dir, () => 10);
  expect(again.oldest()?.sequence).toBe(2);
  expect([again.size, again.damaged, again.dropped]).toEqual([1, 1, 0]);
  // Removed by a person: nobody's fault.
  rmSync(join(dir, "spool/000000000002.change.json"));
  expect(again.oldest()).toBeNull();
  expect([again.size, again.damaged, again.dropped]).toEqual([0, 1, 0]);
});

test("numbers of thirteen digits are read back, and are later than those of twelve", () => {
  const dir = tempDir();
  const spool = new Spool(dir, () => 10);
  for (const n of [999_999_999_999, 1_000_000_000_000, 5]) spool.keep(n, false, beat(n));
  writeFileSync(join(dir, "spool/1000000000000000.plain.json"), "{}"); // no number of ours
  const again = new Spool(dir, () => 10);
  expect(again.nextSequence()).toBe(1_000_000_000_001);
  expect(drained(again)).toEqual([5, 999_999_999_999, 1_000_000_000_000]);
});

describe("what is no heartbeat", () => {
  test("is left alone and said once; halves of a killed write are removed", () => {
    const dir = tempDir();
    const inSpool = (name: string): string => join(dir, "spool", name);
    mkdirSync(inSpool("000000000001.plain.json"), { recursive: true });
    writeFileSync(inSpool("README"), "mine");
    symlinkSync("/etc/hostname", inSpool("000000000002.plain.json"));
    expect(Bun.spawnSync(["mkfifo", inSpool("000000000003.plain.json")]).exitCode).toBe(0);
    writeFileSync(inSpool("000000000004.plain.json.tmp"), "{");
    writeFileSync(inSpool("000000000005.plain.json"), beat(5));
    const spool = new Spool(dir, () => 10);
    expect([spool.size, spool.nextSequence()]).toEqual([1, 6]);
    expect(drained(spool)).toEqual([5]);
    const [note, ...more] = spool.takeNotes();
    expect(more).toEqual([]);
    expect(inText(note)).toMatch(
      /^".*", ".*", ".*" and 1 more in .*\/spool: no heartbeats of ours, they are left alone$/,
    );
    expect(readdirSync(join(dir, "spool")).sort()).toEqual([
      "000000000001.plain.json",
      "000000000002.plain.json",
      "000000000003.plain.json",
      "README",
    ]);
  });

  test("cannot forge a line of the log with its name", () => {
    const dir = tempDir();
    mkdirSync(join(dir, "spool"));
    writeFileSync(join(dir, "spool/a\nb=c\u001b[31m"), "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(new Spool(dir, () => 10).takeNotes()[0]?.what).not.toMatch(/[\x00-\x1f]|b=c/);
  });

  test("has the name of the spool itself: heartbeats wait in memory, and what to do is said", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "spool"), "a file");
    const spool = new Spool(dir, () => 10);
    spool.keep(1, true, beat(1));
    expect(inText(spool.failure)).toBe(
      `cannot write ${dir}/spool: it is no directory: heartbeats wait in memory only; fix: move ${dir}/spool away; the next start makes a new one`,
    );
    rmSync(join(dir, "spool"));
    spool.nextSequence();
    expect(spool.failure).toBeNull();
    expect(readdirSync(join(dir, "spool"))).toEqual(["000000000001.plain.json"]);
  });
});

describe("one that cannot be read", () => {
  test("stays, is said once, holds up no other, and goes when it can be read", () => {
    const dir = tempDir();
    const path = join(dir, "spool/000000000001.change.json");
    const spool = new Spool(dir, () => 10);
    for (const n of [1, 2]) spool.keep(n, false, beat(n));
    truncateSync(path, HEARTBEAT_BYTES + 1);
    expect(drained(spool)).toEqual([2]);
    expect(spool.oldest()).toBeNull();
    expect([spool.size, spool.damaged]).toEqual([1, 0]);
    const why = `1 of the heartbeats that wait cannot be read: ${path}: more than ${HEARTBEAT_BYTES} bytes; fix: look at it, and move it away`;
    expect(inText(spool.unreadable)).toBe(why);
    expect(spool.takeNotes().map((note) => inText(note))).toEqual([why]);
    writeFileSync(path, beat(1));
    expect(drained(spool)).toEqual([1]);
    expect(spool.unreadable).toBeNull();
    expect(spool.takeNotes()).toEqual([]);
  });

  test.skipIf(ROOT_MISSING !== "")(`because it is root's: the chown is named, to be pasted${ROOT_MISSING}`, () => {
    const dir = join(tempDir(), "lab data");
    mkdirSync(dir);
    for (const path of [dir, join(dir, "..")]) chownSync(path, NOBODY, NOBODY);
    new Spool(dir, () => 10).keep(1, true, beat(1));
    const path = join(dir, "spool/000000000001.plain.json");
    chownSync(path, 0, 0);
    chmodSync(path, 0o600);
    const program = `
      import { Spool } from "${PROJECT}/lib/heartbeat/send/spool.ts";
      const spool = new Spool(${JSON.stringify(dir)}, () => 10);
      console.log(JSON.stringify([spool.oldest(), spool.nextSequence(), ...spool.takeNotes()]));`;
    const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const done = Bun.spawnSync([...user, process.execPath, "-e", program], { cwd: "/", stderr: "inherit" });
    const [oldest, sequence, ...notes] = JSON.parse(done.stdout.toString());
    expect([oldest, sequence, ...notes.map((note: Finding) => inText(note))]).toEqual([
      null,
      2,
      `1 of the heartbeats that wait cannot be read: ${path}: EACCES; fix: sudo chown nobody '${path}'`,
    ]);
    expect(existsSync(path)).toBe(true);
  });
});

test.skipIf(!IS_ROOT)("what root writes by hand belongs to the agent's user", () => {
  const dir = tempDir();
  chownSync(dir, NOBODY, NOBODY);
  const spool = new Spool(dir, () => 10);
  spool.keep(spool.nextSequence(), true, beat(1));
  for (const name of ["spool", "spool/000000000001.plain.json", "sequence"])
    expect([name, statSync(join(dir, name)).uid]).toEqual([name, NOBODY]);
});

describe("the sequence", () => {
  test("skips numbers after a kill, and gives none twice", () => {
    const dir = tempDir();
    const given: number[] = [];
    for (let run = 0; run < 5; run++) {
      const spool = new Spool(dir, () => 10);
      for (let n = 0; n < 70; n++) given.push(spool.nextSequence());
    }
    expect(new Set(given).size).toBe(given.length);
    expect(given).toEqual(given.toSorted((a, b) => a - b));
    expect(given.at(-1)).toBeLessThan(5 * 120);
  });

  test("is written once in sixty times", () => {
    const dir = tempDir();
    const spool = new Spool(dir, () => 10);
    spool.nextSequence();
    const text = readFileSync(join(dir, "sequence"), "utf8");
    for (let n = 2; n <= 60; n++) spool.nextSequence();
    expect(readFileSync(join(dir, "sequence"), "utf8")).toBe(text);
    spool.nextSequence();
    expect(readFileSync(join(dir, "sequence"), "utf8").trim()).toBe("120");
    spool.close();
    expect(readFileSync(join(dir, "sequence"), "utf8").trim()).toBe("61");
  });

  for (const [what, text, next, isSaid] of [
    ["of an older release", "17\n", 18, false],
    ["empty, as after a power cut", "", 6, true],
    ["torn", "\0\0\0\0", 6, true],
    ["a word", "many\n", 6, true],
    ["in another notation", "1e3\n", 6, true],
    ["below zero", "-3\n", 6, true],
    ["too large to be one", "9007199254740993\n", 6, true],
    ["endless", "1".repeat(5000), 6, true],
  ] as const) {
    test(`${what}: the next is ${next}${isSaid ? ", and that is said" : ""}`, () => {
      const dir = tempDir();
      new Spool(dir, () => 10).keep(5, false, beat(5));
      writeFileSync(join(dir, "sequence"), text);
      const spool = new Spool(dir, () => 10);
      expect(spool.nextSequence()).toBe(next);
      expect(spool.takeNotes().map((one) => inText(one))).toEqual(
        isSaid ? [expect.stringMatching(/sequence .*: heartbeats count on from 5$/)] : [],
      );
      expect(spool.failure).toBeNull();
      spool.close();
      expect(readFileSync(join(dir, "sequence"), "utf8")).toBe(`${String(next).padEnd(15)}\n`);
    });
  }

  test("as a link or a pipe is replaced, not followed and not waited for", () => {
    const dir = tempDir();
    const other = join(dir, "precious");
    writeFileSync(other, "1\n");
    symlinkSync(other, join(dir, "sequence"));
    const spool = new Spool(dir, () => 10);
    spool.nextSequence();
    expect(readFileSync(other, "utf8")).toBe("1\n");
    expect(statSync(join(dir, "sequence")).isFile()).toBe(true);
    rmSync(join(dir, "sequence"));
    expect(Bun.spawnSync(["mkfifo", join(dir, "sequence")]).exitCode).toBe(0);
    expect(new Spool(dir, () => 10).nextSequence()).toBe(1);
    expect(statSync(join(dir, "sequence")).isFile()).toBe(true);
  });

  test("as a directory is said with what mends it, heartbeats go on to the disk, and none gets a number twice", () => {
    const [dir, run] = [tempDir(), tempDir()];
    mkdirSync(join(dir, "sequence/in-the-way"), { recursive: true });
    const spool = new Spool(dir, () => 10, run);
    expect([spool.nextSequence(), spool.nextSequence()]).toEqual([1, 2]);
    expect(inText(spool.failure)).toContain(`cannot write ${dir}/sequence: EISDIR`);
    expect(inText(spool.failure)).toContain(`fix: move ${dir}/sequence away`);
    spool.keep(2, true, beat(2));
    expect(spool.inMemory).toBe(0);
    // The run directory knows it until the machine goes down.
    spool.done(2);
    expect(new Spool(dir, () => 10, run).nextSequence()).toBe(3);
  });
});

describe("a heartbeat that is being tried", () => {
  test("outlives a kill in the run directory, and is not written to the disk", () => {
    const [dir, run] = [tempDir(), tempDir()];
    const killed = new Spool(dir, () => 10, run);
    killed.hold(1, false, beat(1));
    expect([killed.size, readdirSync(join(dir, "spool"))]).toEqual([0, []]);
    const next = new Spool(dir, () => 10, run);
    expect([next.size, next.inMemory]).toEqual([1, 1]);
    expect(drained(next)).toEqual([1]);
    expect(readdirSync(join(run, "spool"))).toEqual([]);
  });

  test("leaves nothing when it has arrived, and moves to the disk when it has to wait", () => {
    const [dir, run] = [tempDir(), tempDir()];
    const spool = new Spool(dir, () => 10, run);
    for (const n of [1, 2]) spool.hold(n, false, beat(n));
    spool.done(1);
    spool.keep(2, false, beat(2));
    expect(readdirSync(join(run, "spool"))).toEqual([]);
    expect(readdirSync(join(dir, "spool"))).toEqual(["000000000002.change.json"]);
  });

  test("is one, though a kill between the two left it in both", () => {
    const [dir, run] = [tempDir(), tempDir()];
    const spool = new Spool(dir, () => 10, run);
    spool.keep(1, false, beat(1));
    spool.hold(1, false, beat(1));
    const next = new Spool(dir, () => 10, run);
    expect([next.size, next.inMemory]).toEqual([1, 0]);
    expect(readdirSync(join(run, "spool"))).toEqual([]);
  });

  test("is held by the process alone where there is no run directory", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    const spool = new Spool(dir, () => 10, join(dir, "file"));
    spool.hold(1, false, beat(1));
    spool.keep(1, false, beat(1));
    expect([spool.size, spool.failure]).toEqual([1, null]);
    spool.hold(2, false, beat(2));
    expect(spool.takeNotes().map((one) => inText(one))).toEqual([
      expect.stringMatching(/\/file\/spool: ENOTDIR: a kill would cost the heartbeat that is on its way; fix: /),
    ]);
    expect(drained(new Spool(dir, () => 10))).toEqual([1]);
  });
});
