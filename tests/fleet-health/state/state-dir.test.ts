import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HealthRun, parseHealthRun } from "../../../lib/contract/health-run.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import type { State } from "../../../lib/fleet-health/state/state.ts";
import { NOWHERE, openStateDir, type StateDir } from "../../../lib/fleet-health/state/state-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";

const STATE: State = {
  index: { checkpoint: { device: 1, inode: 2, offset: 3, head: "a", before: "b" }, seen: new Map(), sinceMicros: null },
  past: new Map(),
  watch: NO_WATCH,
  mailboxes: [],
  retired: [],
  sequence: 1,
  rows: [
    {
      ...{ sequence: 1, at: "a", host: "lab1", hosts: [], symptom: "silent", cause: "queue", change: "firing" },
      ...{ told: true, since: "b", fired_at: null, what: "w", fix: null },
    },
  ],
};
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
  const opened = await openStateDir(dir);
  if (opened === "busy") throw new Error("busy");
  return opened;
}

/** Its lock ends with the process that took it, so that each run here has a process of its own. */
async function inAnother(dir: string): Promise<string> {
  const code = `const d = await (await import("./lib/fleet-health/state/state-dir.ts")).openStateDir(process.argv[1]);
    console.log(d === "busy" ? d : JSON.stringify([d.state?.index.checkpoint.offset ?? null, d.doubt?.what ?? null]))`;
  const root = join(import.meta.dir, "../../..");
  const child = Bun.spawn([process.execPath, "-e", code, dir], { cwd: root });
  return (await child.stdout.text()).trim();
}

test("what one run keeps the next one finds; only the note on the run is for everybody", async () => {
  const dir = join(tempDir(), "data", "fleet-health");
  const first = await open(dir);
  expect([first.state, first.doubt]).toEqual([null, null]);
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

test("where the state is a directory the run looks all the same, and can say how it went", async () => {
  const dir = tempDir();
  mkdirSync(join(dir, "state.json"));
  const opened = await open(dir);
  expect([opened.state, opened.doubt?.what.split(":")[0]]).toEqual([null, `${join(dir, "state.json")} cannot be read`]);
  expect(opened.save(STATE)).not.toBeNull();
  expect([opened.note(RUN), parseHealthRun(readFileSync(join(dir, "last-run.json"), "utf8"))]).toEqual([null, RUN]);
});

test("a state that is none is said, and the run begins anew", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, "state.json"), '{"labfleet":9}');
  expect(await inAnother(dir)).toBe(
    JSON.stringify([
      null,
      `${join(dir, "state.json")} is torn, or of another release: what was told, and has not ended, is taken from incidents.jsonl; it is kept as state.json.aside`,
    ]),
  );
  expect(readFileSync(join(dir, "state.json.aside"), "utf8")).toBe('{"labfleet":9}');
  const next = await open(dir);
  await next.tell(STATE.rows);
  next.save(STATE);
  expect(await openStateDir(dir)).toBe("busy");
});

test("a directory that cannot be used keeps nothing, and says so once", async () => {
  const file = join(tempDir(), "file");
  writeFileSync(file, "");
  const dir = await open(join(file, "below"));
  expect(dir.save(STATE)?.what).toStartWith(`what this run found cannot be kept in ${join(file, "below")}: `);
  expect(dir.note(RUN)).toBeNull();
  expect([NOWHERE.save(STATE), await NOWHERE.tell(STATE.rows), NOWHERE.note(RUN)]).toEqual([null, null, null]);
});
