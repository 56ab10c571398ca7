// The ledger of ends where things break: starts that are killed at any step, full and read-only disks, damaged files. Each end
// is explained once, and nothing of it ever throws.

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readEnds } from "../../../lib/runtime/ends/ends.ts";
import { appendStop } from "../../../lib/runtime/ends/stop-record.ts";
import {
  addStop,
  cleanRun,
  endsDir,
  idsIn,
  killedRun,
  openRun,
  recordIn,
  spawnRun,
  stopOf,
} from "../../support/ends.ts";
import { inText } from "../../support/in-text.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("a start that is killed between two writes neither loses nor doubles an end", () => {
  const POINTS = "sync-files.replace";
  for (const [what, failpoint, kept] of [
    ["before the history has the end", `${POINTS}.before-rename:1`, ["victim"]],
    ["when the history has it", `${POINTS}.before-flush:1`, ["victim"]],
    ["before its own record is there", `${POINTS}.before-rename:2`, ["victim"]],
    ["when its own record is there", `${POINTS}.before-flush:2`, ["victim", "killed start"]],
  ] as const) {
    test(what, async () => {
      const dir = endsDir();
      const victim = (await killedRun(dir, "running")).runId;
      // Dies by the fail point: it never says anything.
      expect(await killedRun(dir, "running", { failpoint })).toBeNull();
      const { said } = await spawnRun(dir, "clean");
      const ids = idsIn(dir);
      expect(ids).toEqual([victim, ...(kept.length > 1 ? [said.lastEnd.run_id] : [])]);
      expect(said.lastEnd.run_id === victim).toBe(kept.length === 1);
      expect(said.lastEnd.sentence).toContain(kept.length === 1 ? '"running"' : '"starting"');
      expect(readdirSync(dir).sort()).toEqual(["history.jsonl", "running.json"]);
    });
  }
});

describe("a disk", () => {
  test.skipIf(smallDiskMissing !== null)(
    `that is full costs a line of the history, and no explanation${smallDiskMissing === null ? "" : ` (skipped: ${smallDiskMissing})`}`,
    () => {
      using disk = smallDisk(1);
      const dir = join(disk.path, "ends");
      cleanRun(dir, "a");
      // In small pieces, down to the last page.
      const ballast = join(disk.path, "ballast");
      expect(() => {
        for (;;) appendFileSync(ballast, Buffer.alloc(4096));
      }).toThrow("ENOSPC");
      expect(statfsSync(disk.path).bavail).toBe(0);
      const full = cleanRun(dir, "b");
      expect(full.lastEnd?.run_id).toBe("a");
      expect(inText(full.failure)).toBe(
        `cannot write ${dir}/history.jsonl: ENOSPC: the end of the last run stands in the log alone; fix: make room on its disk`,
      );
      expect(recordIn(dir)).toMatchObject({ run_id: "b", ended: { exit_code: 0 } });
      rmSync(ballast);
      const { lastEnd, failure } = openRun(dir, "c");
      expect([lastEnd?.run_id, lastEnd?.kind, failure]).toEqual(["b", "clean-stop", null]);
      expect(idsIn(dir)).toEqual(["b"]);
      expect(readdirSync(dir).sort()).toEqual(["history.jsonl", "running.json"]);
    },
  );

  test.skipIf(smallDiskMissing !== null)(
    `that is read-only is said once, and the last end is told all the same${smallDiskMissing === null ? "" : ` (skipped: ${smallDiskMissing})`}`,
    () => {
      using disk = smallDisk(1);
      const dir = join(disk.path, "ends");
      cleanRun(dir, "a");
      expect(Bun.spawnSync(["mount", "-o", "remount,ro", disk.path]).exitCode).toBe(0);
      const ledger = cleanRun(dir, "b");
      expect(ledger.lastEnd?.run_id).toBe("a");
      expect(inText(ledger.failure)).toBe(
        `cannot write ${dir}/history.jsonl: EROFS: the end of the last run stands in the log alone; fix: mount its file system writable`,
      );
      expect(recordIn(dir)).toMatchObject({ run_id: "a" });
    },
  );

  test("without the directory's parent, or with a file or a link of its name, has no ledger and no harm", () => {
    const top = tempDir();
    writeFileSync(join(top, "file"), "mine");
    mkdirSync(join(top, "elsewhere"));
    symlinkSync(join(top, "elsewhere"), join(top, "link"));
    const away = (name: string) => `move ${top}/${name} away; the next start makes a new one`;
    for (const [name, why, fix] of [
      ["none/ends", "ENOENT", `make ${top}/none`],
      ["file", "it is no directory", away("file")],
      ["link", "it is a link", away("link")],
    ] as const) {
      const ledger = cleanRun(join(top, name), "a");
      expect(inText(ledger.failure)).toBe(
        `cannot write ${top}/${name}: ${why}: how this run ends may stay unknown; fix: ${fix}`,
      );
      expect(ledger.lastEnd).toBeNull();
    }
    expect(readFileSync(join(top, "file"), "utf8")).toBe("mine");
    expect(readdirSync(join(top, "elsewhere"))).toEqual([]);
  });
});

describe("a record that is damaged is said, and replaced", () => {
  for (const [what, content] of [
    ["nothing", ""],
    ["zeros, as after a power cut", "\0".repeat(4096)],
    ["half of it", '{"run_id":"4f1c","tool":"ship'],
    ["no object", "null"],
    ["fields of other types", '{"run_id":7,"started_at":[],"phase":{}}'],
    ["an id that leads elsewhere", '{"run_id":"../x","started_at":"2026","phase":"running"}'],
    ["no text", Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ["too much of it", "x".repeat(2 * 1024 * 1024)],
  ] as const) {
    test(what, () => {
      const dir = endsDir();
      mkdirSync(dir);
      writeFileSync(join(dir, "running.json"), content);
      const { lastEnd, failure } = openRun(dir, "a");
      expect(failure).toBeNull();
      expect(lastEnd?.kind).toBe("unknown");
      expect(lastEnd?.sentence).toMatch(
        /^the last run left no record that can be read; running\.json cannot be read: /,
      );
      expect(lastEnd?.run_id).toMatch(/^unreadable-\d+$/);
      cleanRun(dir, "b");
      expect(idsIn(dir)).toEqual([lastEnd?.run_id ?? "", "a"]);
    });
  }

  test("a pipe, which is not waited for, and a link, which is not followed", () => {
    const dir = endsDir();
    mkdirSync(dir);
    const secret = join(tempDir(), "secret");
    writeFileSync(secret, '{"run_id":"x","started_at":"y","phase":"z"}');
    symlinkSync(secret, join(dir, "running.json"));
    expect(openRun(dir, "a").lastEnd?.sentence).toEndWith("running.json cannot be read: ELOOP");
    expect(readFileSync(secret, "utf8")).toStartWith('{"run_id":"x"');
    rmSync(join(dir, "running.json"));
    expect(Bun.spawnSync(["mkfifo", join(dir, "running.json")]).exitCode).toBe(0);
    expect(openRun(dir, "b").lastEnd?.sentence).toEndWith("running.json cannot be read: no regular file");
    expect(recordIn(dir)).toMatchObject({ run_id: "b" });
  });

  test("a directory of its name, which cannot be replaced", () => {
    const dir = endsDir();
    mkdirSync(join(dir, "running.json/x"), { recursive: true });
    const ledger = cleanRun(dir, "a");
    expect(ledger.lastEnd?.sentence).toEndWith("running.json cannot be read: no regular file");
    expect(inText(ledger.failure)).toStartWith(
      `cannot write ${dir}/running.json: EISDIR: how this run ends may stay unknown`,
    );
  });

  test("systemd's word on it is used, and goes before that of starts that failed", () => {
    const dir = endsDir();
    cleanRun(dir, "a");
    addStop(dir, "a", { service_result: "success", exit_status: "0" });
    openRun(dir, "b").ready();
    for (const id of ["x", "y"]) addStop(dir, id);
    addStop(dir, "b", { service_result: "watchdog", exit_code: "killed", exit_status: "ABRT" });
    addStop(dir, "z");
    addStop(dir, "called-off", { service_result: "signal", exit_code: "killed", exit_status: "TERM" });
    writeFileSync(join(dir, "running.json"), "");
    const { lastEnd } = openRun(dir, "c");
    expect(lastEnd).toMatchObject({ run_id: "b", kind: "watchdog", failed_starts: 1 });
    expect(lastEnd?.sentence).toEndWith("; running.json cannot be read: damaged");
  });
});

describe("torn lines", () => {
  test("among the stops are said where one is missed, and the others hold", () => {
    const dir = endsDir();
    openRun(dir, "a").ready();
    appendFileSync(join(dir, "stops.jsonl"), `${stopOf("a").slice(0, 40)}\n[]\n`);
    const { lastEnd } = openRun(dir, "b");
    expect(lastEnd?.kind).toBe("unknown");
    expect(lastEnd?.sentence).toEndWith("; stops.jsonl has 2 lines that cannot be read");
    addStop(dir, "b", { exit_status: "70" });
    expect(openRun(dir, "c").lastEnd?.fix).toBe("see its log: sudo journalctl -u labfleet-shipper");
  });

  test("in the history are said once, and the others stay", () => {
    const dir = endsDir();
    cleanRun(dir, "a");
    cleanRun(dir, "b");
    appendFileSync(join(dir, "history.jsonl"), '{"run_id":');
    expect(openRun(dir, "c").lastEnd?.sentence).toEndWith("; history.jsonl had a line that cannot be read");
    expect(openRun(dir, "d").lastEnd?.sentence).not.toContain("history.jsonl");
    expect(idsIn(dir)).toEqual(["a", "b", "c"]);
  });

  test("a history that cannot be read at all is kept beside a new one, which is said once", () => {
    const makers: readonly [(path: string) => void, string][] = [
      [(path) => mkdirSync(join(path, "x"), { recursive: true }), "no regular file"],
      [(path) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0), "no regular file"],
      [(path) => symlinkSync("/etc/hostname", path), "ELOOP"],
      [(path) => writeFileSync(path, "x".repeat(2 * 1024 * 1024)), "more than 1048576 bytes"],
    ];
    for (const [make, why] of makers) {
      const dir = endsDir();
      cleanRun(dir, "a");
      make(join(dir, "history.jsonl"));
      const { lastEnd, failure } = openRun(dir, "b");
      expect([lastEnd?.run_id, failure]).toEqual(["a", null]);
      expect(lastEnd?.sentence).toEndWith(`; history.jsonl cannot be read: ${why}`);
      expect(openRun(dir, "c").lastEnd?.sentence).not.toContain("history.jsonl");
      expect(idsIn(dir)).toEqual(["a", "b"]);
      expect(readdirSync(dir).sort()).toEqual(["history.jsonl", "history.jsonl.unreadable", "running.json"]);
    }
  });

  test("a history that can be neither read nor put aside costs the history alone, and the fix names it", () => {
    const dir = endsDir();
    cleanRun(dir, "a");
    mkdirSync(join(dir, "history.jsonl"));
    mkdirSync(join(dir, "history.jsonl.unreadable/x"), { recursive: true });
    const { lastEnd, failure } = openRun(dir, "b");
    expect(lastEnd?.run_id).toBe("a");
    expect(inText(failure)).toBe(
      `cannot write ${dir}/history.jsonl: ENOTEMPTY: the end of the last run stands in the log alone; fix: move ${dir}/history.jsonl away; the next start makes a new one`,
    );
    expect(recordIn(dir)).toMatchObject({ run_id: "b" });
  });
});

test("pipes of all three names hold up neither a start, nor a stop, nor a reader", () => {
  const dir = endsDir();
  mkdirSync(dir);
  for (const name of ["running.json", "stops.jsonl", "history.jsonl"])
    expect(Bun.spawnSync(["mkfifo", join(dir, name)]).exitCode).toBe(0);
  expect(readEnds(dir)).toMatchObject({ last: { kind: "unknown" }, history: [] });
  expect(() => appendStop(dir, JSON.parse(stopOf("a")))).toThrow("no regular file");
  const { lastEnd, failure } = openRun(dir, "b");
  expect(failure).toBeNull();
  expect(lastEnd?.sentence).toBe(
    "the last run left no record that can be read; running.json cannot be read: no regular file; stops.jsonl cannot be read: no regular file; history.jsonl cannot be read: no regular file",
  );
});
