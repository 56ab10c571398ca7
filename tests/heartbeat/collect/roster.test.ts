// Plugins load and join each for itself: one that hangs holds up nobody, and who is fastest decides nothing.

import { expect, test } from "bun:test";
import { Roster, type RosterOptions } from "../../../lib/heartbeat/collect/roster.ts";
import type { Plugin, PluginFile } from "../../../lib/heartbeat/plugin.ts";
import type { Log, LogMessage } from "../../../lib/runtime/log/log.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";

function plugin(name: string, more: Partial<Plugin> = {}): Plugin {
  return { name, initialise: () => true, collect: () => [{ status: "ok", message: "" }], ...more };
}

type Loaded = Awaited<ReturnType<PluginFile["load"]>>;

/** A file whose load ends when the test says so. */
function slowFile(name: string) {
  const gate = Promise.withResolvers<Loaded>();
  let signal: AbortSignal | null = null;
  const load = (given: AbortSignal): Promise<Loaded> => {
    signal = given;
    return gate.promise;
  };
  return { file: { name, path: `/p/${name}`, load }, ready: gate.resolve, isEnded: () => signal?.aborted === true };
}

function file(name: string, loaded: Loaded): PluginFile {
  return { name, path: `/p/${name}`, load: async () => loaded };
}

function rosterOf(more: Partial<RosterOptions>): Roster {
  return new Roster({
    builtIn: [],
    files: [],
    refused: [],
    deadlineMs: 10_000,
    claimMs: 10_000,
    log: quietLog,
    now: () => new Date("2026-05-01T06:30:00.000Z"),
    contextFor: () => ({ log: quietLog, intervalS: 60, settings: {}, root: "/" }),
    ...more,
  });
}

function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (text: LogMessage) => void lines.push(`${level} ${inText(text)}`);
  return { log: { error: at("error"), warn: at("warn"), info: at("info"), debug: () => {} }, lines };
}

const namesOf = (roster: Roster): string[] => roster.plugins().map(({ name }) => name);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(1);
}

test("one that hangs while it loads holds up nobody, is said, and joins in its place when it is ready", async () => {
  const { log, lines } = keptLog();
  const slow = slowFile("2.ts");
  const files = [file("1.ts", plugin("a")), slow.file, file("3.ts", plugin("c"))];
  const roster = rosterOf({ builtIn: [plugin("load")], files, log, claimMs: 1 });
  await roster.begin(1);
  await until(() => roster.plugins().length === 3);
  expect(namesOf(roster)).toEqual(["load", "a", "c"]);
  const pending = { name: "2.ts", state: "failed", reason: "it has not finished loading yet" } as const;
  expect(roster.states()[2]).toEqual(pending);
  expect(roster.absent()).toEqual([{ name: "2.ts", reason: pending.reason, pendingSince: "2026-05-01T06:30:00.000Z" }]);
  slow.ready(plugin("b"));
  await roster.settled;
  expect(namesOf(roster)).toEqual(["load", "a", "b", "c"]);
  expect(roster.states()[2]).toEqual({ name: "b", state: "loaded", reason: null });
  expect(roster.absent()).toEqual([]);
  expect(lines).toContain("warn Plugin 2.ts may join later: it has not finished loading yet");
  expect(lines).toContain("info Plugin b takes part from now on");
});

test("one whose initialise hangs is shown by its own name, and fails at its deadline as ever", async () => {
  const { log, lines } = keptLog();
  const hung = plugin("hung", { initialise: () => new Promise(() => {}) });
  const roster = rosterOf({ files: [file("1.ts", hung), file("2.ts", plugin("b"))], log, deadlineMs: 50 });
  await roster.begin(0);
  expect(roster.absent()).toMatchObject([{ name: "hung", reason: "its initialise has not ended yet" }]);
  await roster.settled;
  expect(namesOf(roster)).toEqual(["b"]);
  const reason = "initialise did not answer within 0.05 s";
  expect(roster.absent()).toEqual([{ name: "hung", reason, pendingSince: null }]);
  expect(lines).toContain(`warn Plugin hung failed initialization, skipping: ${reason}`);
});

test("built-in ones are there in the first collection, however long that takes", async () => {
  const gate = Promise.withResolvers<boolean>();
  const roster = rosterOf({ builtIn: [plugin("load", { initialise: () => gate.promise })] });
  const begun = roster.begin(0).then(() => namesOf(roster));
  setTimeout(() => gate.resolve(true), 20);
  expect(await begun).toEqual(["load"]);
});

test("a person waits for all of them", async () => {
  const slow = slowFile("1.ts");
  const roster = rosterOf({ files: [slow.file] });
  const begun = roster.begin(null).then(() => namesOf(roster));
  setTimeout(() => slow.ready(plugin("a")), 20);
  expect(await begun).toEqual(["a"]);
});

test("two of one name: the first file keeps it, even if it is the last to be ready and another one broke meanwhile", async () => {
  const { log, lines } = keptLog();
  const first = slowFile("1.ts");
  let closed = 0;
  const twin = plugin("same", { close: () => void closed++ });
  const roster = rosterOf({ files: [first.file, file("2.ts", { why: "broken" }), file("3.ts", twin)], log });
  await Bun.sleep(1);
  first.ready(plugin("same"));
  await roster.begin(null);
  const reason = "/p/3.ts: the name same is taken by /p/1.ts: choose another";
  expect(roster.states()).toEqual([
    { name: "same", state: "loaded", reason: null },
    { name: "2.ts", state: "failed", reason: "broken" },
    { name: "3.ts", state: "failed", reason },
  ]);
  expect(closed).toBe(1);
  expect(lines).toEqual(["error Plugin 2.ts failed to load: broken", `error Plugin 3.ts failed to load: ${reason}`]);
});

test("once the time for that is over, the name is the first comer's", async () => {
  const first = slowFile("1.ts");
  const roster = rosterOf({ files: [first.file, file("2.ts", plugin("same"))], claimMs: 1 });
  await until(() => roster.plugins().length === 1);
  first.ready(plugin("same"));
  await roster.settled;
  expect(roster.states()).toEqual([
    { name: "1.ts", state: "failed", reason: "/p/1.ts: the name same is taken by /p/2.ts: choose another" },
    { name: "same", state: "loaded", reason: null },
  ]);
});

test("a built-in plugin's name is taken", async () => {
  const roster = rosterOf({ builtIn: [plugin("load")], files: [file("1.ts", plugin("load"))] });
  await roster.begin(null);
  expect(roster.states()[1]?.reason).toBe("/p/1.ts: the name load is taken by a built-in plugin: choose another");
});

test("closing ends one that still loads, one that still initialises, and one that comes too late; nothing is said", async () => {
  const { log, lines } = keptLog();
  const closed: string[] = [];
  const closing = (name: string, more: Partial<Plugin> = {}): Plugin =>
    plugin(name, { close: () => void closed.push(name), ...more });
  const [never, late] = [slowFile("1.ts"), slowFile("2.ts")];
  const end = Promise.withResolvers<boolean>();
  const starting = closing("starting", { initialise: () => end.promise });
  const roster = rosterOf({
    builtIn: [closing("built-in")],
    files: [never.file, late.file, file("3.ts", starting)],
    log,
    claimMs: 1,
  });
  await until(() => roster.states()[3]?.name === "starting");
  await roster.close(1000);
  expect([never.isEnded(), late.isEnded()]).toEqual([true, true]);
  expect(closed.sort()).toEqual(["built-in", "starting"]);
  never.ready({ why: "it was closed" });
  late.ready(closing("late"));
  end.reject(new Error("it was closed"));
  await roster.settled;
  expect(closed).toEqual(["built-in", "starting", "late"]);
  expect(namesOf(roster)).toEqual(["built-in"]);
  expect(lines).toEqual([]);
});

test("what is skipped is not missing; what is refused or fails is; names of tables are told from names of files", async () => {
  const skips = plugin("skips", { initialise: () => false, skipReason: "not configured" });
  const fails = plugin("fails", { initialise: () => false });
  const roster = rosterOf({
    files: [file("1.ts", skips), file("2.ts", fails), file("3.ts", { why: "x".repeat(900) })],
    refused: [{ name: "plugins_dir", state: "failed", why: { what: "too many", fix: null } }],
  });
  await roster.begin(null);
  expect(roster.absent()).toEqual([
    { name: "fails", reason: "initialise said no, and gave no reason", pendingSince: null },
    { name: "3.ts", reason: "x".repeat(500), pendingSince: null },
    { name: "plugins_dir", reason: "too many", pendingSince: null },
  ]);
  expect(roster.ownNames()).toEqual({ own: ["skips", "fails"], brokenFiles: ["3.ts"] });
});
