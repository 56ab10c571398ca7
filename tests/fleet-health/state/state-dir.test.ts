import { expect, spyOn, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HealthRun, parseHealthRun } from "../../../lib/contract/health-run.ts";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { byCommands, here } from "../../../lib/core/finding.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import * as history from "../../../lib/fleet-health/state/history.ts";
import type { State } from "../../../lib/fleet-health/state/state.ts";
import { NOWHERE, openStateDir, type StateDir } from "../../../lib/fleet-health/state/state-dir.ts";
import * as aside from "../../../lib/os/files/aside.ts";
import * as files from "../../../lib/os/files/files.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ROW: IncidentRow = {
  ...{ sequence: 1, at: "a", host: "lab1", hosts: [], symptom: "silent", cause: "queue", change: "firing" },
  ...{ told: true, since: "b", fired_at: null, what: "w", fix: null },
};
const STATE: State = {
  index: { checkpoint: { device: 1, inode: 2, offset: 3, head: "a", before: "b" }, seen: new Map(), sinceMicros: null },
  past: new Map(),
  watch: NO_WATCH,
  mailboxes: [],
  setBacks: [],
  tick: null,
  retired: [],
  sequence: 1,
  rows: [ROW],
};
const NOON = Date.UTC(2026, 4, 1, 12);
const RUN: HealthRun = {
  began_at: "2026-05-01T06:00:00.000000+00:00",
  ended_at: "2026-05-01T06:00:01.000000+00:00",
  exit: 0,
  problem: null,
  fix: null,
  hosts: 2,
  rows: 3,
  bad_rows: 1,
  new_alerts: 1,
};

async function open(dir: string): Promise<StateDir> {
  const opened = await openStateDir(dir, NOON);
  if (opened === "busy") throw new Error("busy");
  return opened;
}

/** Its lock ends with the process that took it, so that each run here has a process of its own. */
async function inAnother(dir: string): Promise<string> {
  const code = `const d = await (await import("./lib/fleet-health/state/state-dir.ts")).openStateDir(process.argv[1], 0);
    console.log(d === "busy" ? d : JSON.stringify([d.state?.index.checkpoint.offset ?? null, d.doubts.map(({ what }) => what)]))`;
  const root = join(import.meta.dir, "../../..");
  const child = Bun.spawn([process.execPath, "-e", code, dir], { cwd: root });
  return (await child.stdout.text()).trim();
}

test("what one run keeps the next one finds; only the note on the run is for everybody", async () => {
  const dir = join(tempDir(), "data", "fleet-health");
  const first = await open(dir);
  expect([first.state, first.doubts]).toEqual([null, []]);
  expect([first.save(STATE), await first.tell(STATE.rows), first.note(RUN)]).toEqual([null, null, null]);
  expect(parseHealthRun(readFileSync(join(dir, "last-run.json"), "utf8"))).toEqual(RUN);
  const modes = ["state.json", "last-run.json", "lock", "incidents.jsonl"].map(
    (name) => statSync(join(dir, name)).mode & 0o777,
  );
  expect([statSync(dir).mode & 0o777, ...modes]).toEqual([0o750, 0o640, 0o644, 0o640, 0o640]);
  expect(readdirSync(dir).sort()).toEqual(["incidents.jsonl", "last-run.json", "lock", "spare", "state.json"]);
});

test("while a run is at work another one finds it busy", async () => {
  const dir = tempDir();
  await open(dir);
  expect(await inAnother(dir)).toBe("busy");
});

test("a state that is none is said, and the run begins anew", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, "state.json"), '{"labfleet":9}');
  expect(await inAnother(dir)).toBe(
    JSON.stringify([
      null,
      [
        `${join(dir, "state.json")} is torn, or of another release: what was told, and has not ended, is taken from incidents.jsonl; it is kept as state.json.aside`,
      ],
    ]),
  );
  expect(readFileSync(join(dir, "state.json.aside"), "utf8")).toBe('{"labfleet":9}');
  const next = await open(dir);
  await next.tell(STATE.rows);
  next.save(STATE);
  expect(await openStateDir(dir, NOON)).toBe("busy");
});

test("a state that is older than the history, as from a backup, is said: what the history tells counts, and no row vanishes", async () => {
  const dir = tempDir();
  const first = await open(dir);
  first.save({ ...STATE, sequence: 0, rows: [] });
  const rows = [1, 2, 3].map((sequence) => ({ ...ROW, sequence, host: `lab${sequence}` }));
  await first.tell([...rows, { ...ROW, sequence: 4, change: "recovered", host: "lab1" }]);
  first.release();
  const next = await open(dir);
  expect(next.doubts.map(({ what }) => what)).toEqual([
    `${join(dir, "state.json")} is older than incidents.jsonl, as one from a backup is: what was told, and has not ended, is taken from incidents.jsonl; it is kept as state.json.aside`,
  ]);
  expect([next.lastSequence, next.state?.sequence]).toEqual([4, 4]);
  expect(next.state?.watch.incidents.map(({ host, isTold }) => [host, isTold])).toEqual([
    ["lab2", true],
    ["lab3", true],
  ]);
  // One that is ahead is as a kill has left it.
  next.save({ ...STATE, sequence: 6 });
  next.release();
  expect((await open(dir)).doubts).toEqual([]);
});

test("a history that is too large to be read whole is said where the state was lost", async () => {
  const dir = tempDir();
  using read = spyOn(history, "readHistory").mockImplementation(async (_, take) => {
    take(ROW);
    return { isCut: true };
  });
  const opened = await open(dir);
  expect(read).toHaveBeenCalled();
  expect(opened.doubts.map(({ what }) => what)).toEqual([
    `${join(dir, "incidents.jsonl")} is too large to be read whole: what began in its oldest rows has no end`,
  ]);
});

test("a directory that cannot be used keeps nothing, and says so once", async () => {
  const file = join(tempDir(), "file");
  writeFileSync(file, "");
  const dir = await open(join(file, "below"));
  expect(dir.save(STATE)?.what).toStartWith(`what this run found cannot be kept in ${join(file, "below")}: `);
  expect(dir.note(RUN)).toBeNull();
  expect([NOWHERE.save(STATE), await NOWHERE.tell(STATE.rows), NOWHERE.note(RUN)]).toEqual([null, null, null]);
});

/** What may have the name of the state and is none. */
test.each([
  ["a directory", (path: string) => mkdirSync(join(path, "x"), { recursive: true }), "EISDIR"],
  ["a pipe", (path: string) => Bun.spawnSync(["mkfifo", path]), "EINVAL"],
  ["a link in a circle", (path: string) => symlinkSync(path, path), "ELOOP"],
])("%s in the place of the state is put aside, and what was told is taken from the history", async (_, put, why) => {
  const dir = tempDir();
  const path = join(dir, "state.json");
  await (await open(dir)).tell([{ ...ROW, sequence: 7 }]);
  rmSync(join(dir, "lock"));
  put(path);
  mkdirSync(`${path}.aside/y`, { recursive: true });
  const opened = await open(dir);
  expect([opened.state?.watch.incidents.map(({ host }) => host), opened.lastSequence]).toEqual([["lab1"], 7]);
  const [doubt, ...more] = opened.doubts;
  expect([doubt?.what, doubt?.fix, more]).toEqual([
    expect.stringContaining(`${path} cannot be read: "${why}`),
    null,
    [],
  ]);
  expect(doubt?.what).toEndWith("is taken from incidents.jsonl; it is kept as state.json.aside2");
  expect([opened.save(STATE), opened.note(RUN)]).toEqual([null, null]);
  expect(statSync(path).isFile()).toBe(true);
});

test("a state that can be neither read nor put aside is said with what mends it, and the numbers go on", async () => {
  const dir = tempDir();
  const path = join(dir, "state.json");
  await (await open(dir)).tell([{ ...ROW, sequence: 7 }]);
  rmSync(join(dir, "lock"));
  mkdirSync(path);
  using _ = spyOn(aside, "putAside").mockRejectedValue(Object.assign(new Error("EPERM"), { code: "EPERM" }));
  const { doubts, lastSequence } = await open(dir);
  expect([doubts.map(({ fix }) => fix), lastSequence]).toEqual([
    [byCommands(here("sudo", "mv", "-T", path, `${path}.aside`))],
    7,
  ]);
});

test.each(["EACCES", "EPERM"])(
  "a state that is closed to us (%s) stays, and nothing is told or kept beside it",
  async (code) => {
    const dir = tempDir();
    const path = join(dir, "state.json");
    const first = await open(dir);
    first.save(STATE);
    await first.tell(STATE.rows);
    rmSync(join(dir, "lock"));
    const [state, history] = [readFileSync(path, "utf8"), readFileSync(join(dir, "incidents.jsonl"), "utf8")];
    using _ = spyOn(files, "readIfExists").mockRejectedValue(Object.assign(new Error(`${code}: closed`), { code }));
    const opened = await open(dir);
    expect([opened.state, opened.doubts, await opened.tell([{ ...ROW, sequence: 9 }])]).toEqual([null, [], null]);
    expect(opened.save({ ...STATE, sequence: 9 })?.what).toBe(
      `${path}, which names what was told, cannot be read, so that this run tells nobody and keeps nothing: "${code}: closed"`,
    );
    expect(opened.note(RUN)).toBeNull();
    expect([readFileSync(path, "utf8"), readFileSync(join(dir, "incidents.jsonl"), "utf8")]).toEqual([state, history]);
    expect(readdirSync(dir).sort()).toEqual(["incidents.jsonl", "last-run.json", "lock", "spare", "state.json"]);
  },
);

test("a history that is a directory is named, and neither the state nor the run is blamed for it", async () => {
  const dir = tempDir();
  const path = join(dir, "incidents.jsonl");
  mkdirSync(path);
  const opened = await open(dir);
  const fix = byCommands(here("sudo", "mv", "-T", path, `${path}.aside`));
  expect(opened.doubts).toEqual([{ what: expect.stringContaining(`${path} cannot be read: "EISDIR`), fix }]);
  // What was written there before, and can be read again some day, has a smaller number.
  expect(opened.lastSequence).toBe(NOON / 1000);
  expect(await opened.tell(STATE.rows)).toEqual({
    what: `what this run found cannot be kept in ${dir}: ${path} is a directory`,
    fix,
  });
});

test.each(["lock", "last-run.json", "incidents.jsonl"])("%s as a pipe or a directory: what mends it", async (name) => {
  for (const put of [(path: string) => Bun.spawnSync(["mkfifo", path]), (path: string) => mkdirSync(path)]) {
    const dir = tempDir();
    const path = join(dir, name);
    put(path);
    const opened = await open(dir);
    const found = [opened.save(STATE), await opened.tell(STATE.rows), opened.note(RUN)].filter((one) => one !== null);
    // A pipe can be locked, and is replaced as a file is.
    const isDone = name !== "incidents.jsonl" && !statSync(path).isDirectory();
    expect(found.map(({ fix }) => fix)).toEqual(
      isDone ? [] : [byCommands(here("sudo", "mv", "-T", path, `${path}.aside`))],
    );
  }
});
