import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fields } from "../../lib/core/fields.ts";
import type { PluginState } from "../../lib/core/heartbeat.ts";
import { CollectState, collectAll } from "../../lib/heartbeat/collect.ts";
import type { Plugin } from "../../lib/heartbeat/plugin.ts";
import { findPlugins } from "../../lib/heartbeat/plugins-dir.ts";
import { Roster } from "../../lib/heartbeat/roster.ts";
import type { Log } from "../../lib/runtime/log.ts";
import { PROJECT } from "../support/compiled.ts";
import { quietLog } from "../support/quiet-log.ts";
import { tempDir } from "../support/temp-dir.ts";

const GOOD =
  'export default { name: "good", initialise: () => true, collect: () => [{ status: "ok", message: "fine" }] };';

/** A directory with these files, mode 0644. */
function directoryOf(files: Readonly<Record<string, string>>): string {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o644);
  }
  return dir;
}

/** Long enough for a busy machine; what hangs on purpose gets less. */
const DEADLINE_MS = 20_000;

interface More {
  deadlineMs?: number;
  isSet?: boolean;
  uid?: number;
  log?: Log;
  settings?: Record<string, unknown>;
}

/** Loads and initialises all of a directory; `load` is the name of a built-in plugin. */
async function load(directory: string, more: More = {}): Promise<Roster> {
  const { deadlineMs = DEADLINE_MS, isSet = true, uid, log = quietLog, settings = {} } = more;
  const builtIn: Plugin = { name: "load", initialise: () => false, collect: () => [], skipReason: "not wanted" };
  const roster = new Roster({
    builtIn: [builtIn],
    ...findPlugins({ directory, isSet, log, deadlineMs, ...(uid === undefined ? {} : { uid }) }),
    deadlineMs,
    claimMs: null,
    log: { ...log, info: (text, fields) => text.startsWith("Plugin load ") || log.info(text, fields) },
    now: () => new Date(0),
    contextFor: () => ({ log, intervalS: 60, settings, root: "/" }),
  });
  await roster.begin(null);
  return roster;
}

/** What is said of the files. */
function statesOf(roster: Roster): PluginState[] {
  return roster.states().filter(({ name }) => name !== "load");
}

/** Why those failed that did, in the order of the files. */
function failures(roster: Roster): (string | null)[] {
  return statesOf(roster).flatMap(({ state, reason }) => (state === "failed" ? [reason] : []));
}

function collect(plugins: readonly Plugin[], deadlineMs = DEADLINE_MS, state = new CollectState(), log = quietLog) {
  const { signal } = new AbortController();
  return collectAll(plugins, { deadlineMs, intervalS: 60, signal, nowMs: () => 0, log, run: 1, state, absent: [] });
}

/** What each file says when it is all there is; names of directories cut off. */
async function failureOf(text: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const dir = directoryOf({ "x.ts": text, ...more });
  const roster = await load(dir);
  const states = statesOf(roster);
  expect(roster.plugins()).toEqual([]);
  expect(states.map(({ name, state }) => [name, state])).toEqual([["x.ts", "failed"]]);
  return (states[0]?.reason ?? "").replaceAll(`${dir}/`, "");
}

/** Messages of one collection; then all are closed. */
async function say(roster: Roster): Promise<string[]> {
  const results = await collect(roster.plugins());
  await roster.close(DEADLINE_MS);
  return results.map(({ name, status, message }) => `${name} ${status}: ${message}`);
}

test("TypeScript, a top-level await, node: modules, a helper beside it, a class, a function: all load, by file name", async () => {
  const dir = directoryOf({
    "b.ts": `import { basename } from "node:path";
      import { twice } from "./_helper.ts";
      import type { Nothing } from "./missing.ts";
      enum Colour { Red = 3 }
      const n: number = await Promise.resolve(twice(2));
      export default class {
        readonly name = "b";
        initialise(): boolean { return true; }
        collect() { return [{ status: "ok" as const, message: basename("/x/y") + n + Colour.Red }]; }
      }`,
    "_helper.ts": "export const twice = (n: number): number => 2 * n;",
    "a.mjs":
      'export default () => ({ name: "a", initialise: () => true, collect: () => [{ status: "warning", message: "m" }] });',
    "c.js": GOOD,
    "c.d.ts": "this is no plugin",
    "notes.txt": "neither is this",
    "sub/d.ts": "throw new Error('nor this')",
  });
  const loaded = await load(dir);
  expect(failures(loaded)).toEqual([]);
  expect(await say(loaded)).toEqual(["a warning: m", "b ok: y43", "good ok: fine"]);
});

test("a broken file fails alone, with file, line and message", async () => {
  const dir = directoryOf({ "good.ts": GOOD, "syntax.ts": "const a = 1;\nconst b = ;\n" });
  const loaded = await load(dir);
  expect(statesOf(loaded)).toEqual([
    { name: "good", state: "loaded", reason: null },
    { name: "syntax.ts", state: "failed", reason: `${dir}/syntax.ts:2: Unexpected ;` },
  ]);
  expect(await say(loaded)).toEqual(["good ok: fine"]);
});

test.each([
  ["throw at import", "\n\nthrow new Error('boom');", 'x.ts:3: it threw "boom"'],
  ["throw of no error", "throw 7;", "x.ts: it threw 7"],
  ["type error", "null.x;", "x.ts:1: it threw"],
  ["several errors", "syntax\nerror here\n===\n", 'x.ts:2: Expected ";" but found "here" (and 1 more)'],
  ["a file that is missing", '\nimport x from "./gone.ts"; export default x;', 'x.ts:2: cannot find "./gone.ts"'],
  ["a package", 'import x from "left-pad"; export default x;', "packages are not looked for"],
  ["no default export", "export const name = 1;", "x.ts: it has no default export"],
  ["no object", "export default 7;", "x.ts: its default export must be an object"],
  ["no name", "export default { initialise() {}, collect() {} };", "x.ts: name must be 1 to 64 letters"],
  ["a name that could forge a line", 'export default { name: "a\\nb", initialise() {}, collect() {} };', '"a\\nb"'],
  ["no collect", 'export default { name: "x", initialise() {} };', "x.ts: collect must be a function, found undefined"],
  ["bad timeout", 'export default { name: "x", initialise() {}, collect() {}, timeoutS: "9" };', 'found "9"'],
  ["class that throws", "export default class {\n constructor() { throw new Error('no'); } }", 'x.ts:2: it threw "no"'],
  ["process.exit", "process.exit(3);", "x.ts: it ended its own thread"],
  ["a built-in name", GOOD.replace('"good"', '"load"'), "x.ts: the name load is taken by a built-in plugin"],
])("%s is one sentence, without a stack", async (_, text, expected) => {
  const reason = await failureOf(text);
  expect(reason).toContain(expected);
  expect(reason).not.toMatch(/\n| at .*:\d/);
});

test("an error in a file that it imports names that file", async () => {
  const dir = directoryOf({ "x.ts": 'import "./_bad.ts";', "_bad.ts": "\nlet = ;" });
  expect(failures(await load(dir))[0]).toStartWith(`${dir}/_bad.ts:2: `);
});

test("an import of a name that is not there finds its line", async () => {
  expect(await failureOf('\nimport { nope } from "./_h.ts";\nnope();', { "_h.ts": "export {};" })).toStartWith(
    "x.ts:2: Export named 'nope'",
  );
});

test("an endless loop at load is ended at the deadline", async () => {
  const dir = directoryOf({ "loop.ts": "while (true) {}" });
  expect(failures(await load(dir, { deadlineMs: 300 }))).toEqual([`${dir}/loop.ts: no answer within 0.3 s`]);
});

test("a name that is taken fails with both files named; the first keeps it", async () => {
  const closing =
    'import { writeFileSync } from "node:fs"; const close = () => writeFileSync(import.meta.dir + "/closed", "");';
  const dir = directoryOf({ "1.ts": GOOD, "2.ts": closing + GOOD.replace("{", "{ close,") });
  const loaded = await load(dir);
  expect(failures(loaded)).toEqual([`${dir}/2.ts: the name good is taken by ${dir}/1.ts: choose another`]);
  expect(existsSync(join(dir, "closed"))).toBe(true);
  expect(await say(loaded)).toEqual(["good ok: fine"]);
});

test("a directory that is not there: no fault unless it was asked for", async () => {
  const directory = join(tempDir(), "none");
  expect(statesOf(await load(directory, { isSet: false }))).toEqual([]);
  // Nor where even what is above it is missing, as on a host without /etc/labfleet.
  expect(statesOf(await load(join(directory, "plugins.d"), { isSet: false }))).toEqual([]);
  expect(statesOf(await load(directory))).toEqual([
    {
      name: "plugins_dir",
      state: "failed",
      reason: `${directory}: there is no such directory; create it, or remove plugins_dir`,
    },
  ]);
});

test("a file in place of the directory is said", async () => {
  const dir = directoryOf({ "f.ts": GOOD });
  expect(failures(await load(join(dir, "f.ts")))).toEqual([
    `${dir}/f.ts is a file, and plugins_dir must be a directory`,
  ]);
});

test("a directory that others may write to is refused with the command that mends it, which does", async () => {
  const dir = directoryOf({ "good.ts": GOOD });
  chmodSync(dir, 0o775);
  const refused = await load(dir);
  const fix = `chmod go-w ${dir}`;
  expect(refused.plugins()).toEqual([]);
  expect(failures(refused)).toEqual([
    `${dir} can be written by its group (mode 0775), so no plugin is loaded from it; mend it with: ${fix}`,
  ]);
  expect(Bun.spawnSync(["sh", "-c", fix]).exitCode).toBe(0);
  expect(await say(await load(dir))).toEqual(["good ok: fine"]);
});

test("a directory where everybody may put files is refused even if it is sticky; below such a one all is well", async () => {
  const dir = directoryOf({ "below/good.ts": GOOD });
  chmodSync(dir, 0o1777);
  expect(failures(await load(dir))[0]).toContain("(mode 1777)");
  expect(await say(await load(join(dir, "below")))).toEqual(["good ok: fine"]);
});

test("an import through a directory where others may change links is refused", async () => {
  const dir = directoryOf({ "plugins/x.ts": 'import "../open/link.ts";', "open/.keep": "", "safe.ts": "" });
  symlinkSync(join(dir, "safe.ts"), join(dir, "open/link.ts"));
  chmodSync(join(dir, "open"), 0o777);
  expect(failures(await load(join(dir, "plugins")))[0]).toStartWith(`${dir}/open can be written by`);
});

test("a file that others may write to is refused, alone and also where another imports it", async () => {
  const dir = directoryOf({
    "good.ts": GOOD,
    "it's open.ts": GOOD,
    "user.ts": 'import "./it\'s open.ts";',
    "_far.ts": "",
  });
  writeFileSync(join(dir, "far.ts"), 'import "./_mid.ts";');
  writeFileSync(join(dir, "_mid.ts"), 'export * from "./_far.ts";');
  chmodSync(join(dir, "it's open.ts"), 0o666);
  chmodSync(join(dir, "_far.ts"), 0o646);
  const loaded = await load(dir);
  const failed = statesOf(loaded).filter(({ state }) => state === "failed");
  expect(Object.fromEntries(failed.map(({ name, reason }) => [name, reason]))).toEqual({
    "far.ts": `${dir}/_far.ts can be written by everybody (mode 0646), so far.ts, which imports it, is not loaded; mend it with: chmod go-w ${dir}/_far.ts`,
    "it's open.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so it is not loaded; mend it with: chmod go-w '${dir}/it'\\''s open.ts'`,
    "user.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so user.ts, which imports it, is not loaded; mend it with: chmod go-w '${dir}/it'\\''s open.ts'`,
  });
  expect(await say(loaded)).toEqual(["good ok: fine"]);
});

test("a link is judged by what it leads to, and by the way there", async () => {
  const elsewhere = directoryOf({ "open/real.ts": GOOD, "safe/real.ts": GOOD.replace('"good"', '"safe"') });
  chmodSync(join(elsewhere, "open"), 0o777);
  const dir = directoryOf({});
  symlinkSync(join(elsewhere, "open/real.ts"), join(dir, "open.ts"));
  symlinkSync(join(elsewhere, "safe/real.ts"), join(dir, "safe.ts"));
  symlinkSync("round.ts", join(dir, "round.ts"));
  const loaded = await load(dir);
  expect(failures(loaded)).toEqual([
    `${elsewhere}/open can be written by its group and everybody (mode 0777), so it is not loaded; mend it with: chmod go-w ${elsewhere}/open`,
    `${dir}/round.ts leads round in links, so it is not loaded`,
  ]);
  expect(await say(loaded)).toEqual(["safe ok: fine"]);
});

test("what belongs to somebody else is refused with chown", async () => {
  const dir = directoryOf({ "good.ts": GOOD });
  // Where we are not root ourselves, the trusted user is another one than we.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) chownSync(join(dir, "good.ts"), 12345, 12345);
  const [reason] = failures(await load(dir, isRoot ? {} : { uid: 12345 }));
  const [path, owner, trusted] = isRoot ? [`${dir}/good.ts`, 12345, 0] : [dir, process.geteuid?.(), 12345];
  expect(reason).toStartWith(
    `${path} belongs to user ${owner}, neither root nor the user of this process (${trusted})`,
  );
  expect(reason).toEndWith(`; mend it with: chown root:root ${path}`);
});

test("a hanging plugin gives one result, loses its thread even from an endless loop, and starts anew", async () => {
  const dir = directoryOf({
    "loop.ts": `import { existsSync, writeFileSync } from "node:fs";
      const flag = import.meta.dir + "/flag";
      export default { name: "loop", initialise: () => true, collect() {
        if (existsSync(flag)) return [{ status: "ok", message: "again" }];
        writeFileSync(flag, "");
        while (true) writeFileSync(import.meta.dir + "/alive", "");
      } };`,
  });
  const roster = await load(dir);
  const plugins = roster.plugins();
  const state = new CollectState();
  const [first] = await collect(plugins, 300, state);
  expect(first).toMatchObject({
    status: "unknown",
    message: "plugin loop failed: it did not answer within 0.3 s",
    notes: { timed_out: true },
  });
  // Its thread is ended a little later; until then it is not started on top.
  while (state.underWay.size > 0) await Bun.sleep(10);
  const [second] = await collect(plugins, DEADLINE_MS, state);
  expect(second).toMatchObject({ status: "ok", message: "again" });
  // A thread that were still there would make it again and again.
  const alive = join(dir, "alive");
  do {
    rmSync(alive, { force: true });
    await collect(plugins, DEADLINE_MS, state);
  } while (existsSync(alive));
  await roster.close(DEADLINE_MS);
});

test.each([
  ["throws", "throw new Error('boom')", "plugin x failed: boom"],
  ["rejects", "return Promise.reject(new TypeError('late boom'))", "plugin x failed: late boom"],
  ["ends the thread", "process.exit(0)", "plugin x failed: it ended its own thread"],
  [
    "throws where nobody waits",
    "setTimeout(() => { throw new Error('aside') }); return new Promise(() => {})",
    "plugin x failed: something in it threw: aside",
  ],
  [
    "returns what cannot be sent",
    "return [() => 1]",
    "plugin x failed: 1 of its observations cannot be used (1: it is a function)",
  ],
])("a collect that %s is one result", async (_, body, message) => {
  const dir = directoryOf({ "x.ts": `export default { name: "x", initialise: () => true, collect() { ${body} } };` });
  expect(await say(await load(dir))).toEqual([`x unknown: ${message}`]);
});

test("collect is told to stop, and may then answer with what it has", async () => {
  const dir = directoryOf({
    "x.ts": `export default { name: "x", initialise: () => true, collect: (signal: AbortSignal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve([]))) };`,
  });
  const roster = await load(dir);
  const plugins = roster.plugins();
  const state = new CollectState();
  expect((await collect(plugins, 100, state))[0]?.notes).toEqual({ timed_out: true });
  while (state.underWay.size > 0) await Bun.sleep(5);
  // The thread lives: it stopped by itself.
  expect((await collect(plugins, 100, state))[0]?.message).toBe("plugin x failed: it did not answer within 0.1 s");
  await roster.close(DEADLINE_MS);
});

test("settings, skip reason, log and console reach the other side", async () => {
  const dir = directoryOf({
    "x.ts": `export default { name: "x", skipReason: null as string | null,
      initialise({ settings, log }) { log.warn("from log", { n: 1 }); console.log("from", "console", { a: [1] }); process.stdout.write("from stdout\\n");
        process.stderr.write("from stderr\\n"); console.dir({ dir: 1 }); this.skipReason = settings.why; return false; },
      collect: () => [] };`,
  });
  const said: string[] = [];
  const log = { ...quietLog, warn: (text: string) => said.push(text), info: (text: string) => said.push(text) };
  const roster = await load(dir, { log, settings: { why: "not wanted" } });
  expect(statesOf(roster)).toEqual([{ name: "x", state: "skipped", reason: "not wanted" }]);
  expect(said).toEqual([
    'x: "from log"',
    'x: "from console { a: [ 1 ] }"',
    'x: "from stdout"',
    'x: "from stderr"',
    'x: "{ dir: 1 }"',
    "Plugin x skipped: not wanted",
  ]);
  await roster.close(DEADLINE_MS);
});

test("a plugin that floods the log is cut short, and the rest is counted", async () => {
  const dir = directoryOf({
    "x.ts": `let log; export default { name: "x", initialise: (context) => { log = context.log; return true; },
      collect: () => { for (let n = 0; n < 200; n++) log.info("line " + n); return []; } };`,
  });
  const said: string[] = [];
  const log = { ...quietLog, warn: (text: string) => said.push(text), info: (text: string) => said.push(text) };
  const roster = await load(dir, { log });
  await collect(roster.plugins());
  await collect(roster.plugins());
  expect(said).toHaveLength(101);
  expect(said.slice(49, 52)).toEqual(['x: "line 49"', 'x: "150 lines left out"', 'x: "line 0"']);
  await roster.close(DEADLINE_MS);
});

test("the example in docs/plugins.md does what it says", async () => {
  const doc = readFileSync(join(PROJECT, "docs/plugins.md"), "utf8");
  const text = /```ts\n([\s\S]*?)```/.exec(doc)?.[1] ?? "";
  const dir = directoryOf({ "camera.ts": text, "latest.jpg": "" });
  expect(await say(await load(dir, { settings: { path: join(dir, "latest.jpg") } }))).toEqual([
    expect.stringMatching(/^camera ok: last picture \d s ago$/),
  ]);
  expect(statesOf(await load(dir))).toEqual([
    { name: "camera", state: "skipped", reason: "no path configured (add plugins.camera.path to config)" },
  ]);
});

test("a compiled executable does all this without a toolchain, and reads nothing else of the directory", () => {
  const out = join(tempDir(), "plugin-host");
  const built = Bun.spawnSync(
    [process.execPath, "build", "--compile", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"].concat(
      ["--define", 'LABFLEET_TARGET="test"', join(PROJECT, "tests/fixtures/programs/plugin-host.ts")],
      [join(PROJECT, "lib/heartbeat/plugin-worker.ts"), "--root", PROJECT, "--outfile", out],
    ),
    { cwd: PROJECT },
  );
  expect(built.stderr.toString()).not.toContain("error");
  const dir = directoryOf({
    "good.ts": `import { readFileSync } from "node:fs"; import { n } from "./_n.ts"; import "./_also.js";
      const text: string = await Promise.resolve(typeof readFileSync);
      export default { name: "good", initialise: (): boolean => true, collect: () => [{ status: "ok" as const, message: text + n + process.env.FROM_DOTENV + process.env.TOKEN }] };`,
    "_n.ts": "export enum N { One = 1 }\nexport const n: N = N.One;",
    "_also.js": "",
    "loop.ts": 'export default { name: "loop", initialise: () => true, timeoutS: 0.3, collect() { while (true) {} } };',
    "syntax.ts": "\nlet = ;",
    "evil.txt": 'require("fs").writeFileSync(__dirname + "/ran", "")',
    "bunfig.toml": 'preload = ["./evil.txt"]',
    ".env": "FROM_DOTENV=1",
    "tsconfig.json": '{"compilerOptions":{"paths":{"node:fs":["./evil.txt"],"./_n.ts":["./evil.txt"]}}}',
    "package.json": '{"type":"commonjs","browser":{"node:fs":"./evil.txt"}}',
  });
  const { stdout, stderr, exitCode } = Bun.spawnSync([out, dir, "20000"], {
    cwd: dir,
    env: { PATH: "/nonexistent", HOME: dir, TOKEN: "secret" },
    timeout: 60_000,
  });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  const { states, results } = JSON.parse(stdout.toString()) as {
    states: unknown[];
    results: { status: string; message: string }[];
  };
  expect(states).toEqual([
    { name: "good", state: "loaded", reason: null },
    { name: "loop", state: "loaded", reason: null },
    { name: "syntax.ts", state: "failed", reason: expect.stringMatching(/\/syntax\.ts:2: /) },
  ]);
  expect(results.map(({ status, message }) => `${status}: ${message}`)).toEqual([
    "ok: function1undefinedundefined",
    "unknown: plugin loop failed: it did not answer within 0.3 s",
  ]);
  expect(() => readFileSync(join(dir, "ran"))).toThrow();
}, 90_000);

test("postMessage() in a plugin ends its thread, and nothing else", async () => {
  const dir = directoryOf({
    "1.ts":
      'export default { name: "loud", initialise: () => true, collect() { postMessage(null); return new Promise(() => {}); } };',
  });
  expect(await say(await load(dir))).toEqual([
    "loud unknown: plugin loud failed: it sent a message that is none: postMessage() is the agent's own here",
  ]);
});

/** A log whose lines are kept, with their fields. */
function keptLog() {
  const lines: { level: string; text: string; fields: Fields | undefined }[] = [];
  const at = (level: string) => (text: string, fields?: Fields) => void lines.push({ level, text, fields });
  return { log: { error: at("error"), warn: at("warn"), info: at("info"), debug: () => {} }, lines };
}

const plugin = (collect: string, more = ""): string =>
  `export default { name: "x", initialise: () => true, collect() { ${collect} }, ${more} };`;

test("more observations than count, or some that are none: said once, in the plugin's own figures, and in the log", async () => {
  const many = 'return Array.from({ length: 600 }, (_, n) => ({ name: "m" + n, status: "ok", message: "" }))';
  const { log, lines } = keptLog();
  const roster = await load(directoryOf({ "x.ts": plugin(many) }), { log });
  const results = await collect(roster.plugins(), DEADLINE_MS, new CollectState(), log);
  expect(results).toHaveLength(501);
  const message = "it returned 600 observations, and only the first 500 count";
  expect(results[500]).toMatchObject({ name: "x", status: "unknown", message: `plugin x failed: ${message}` });
  expect(lines.map(({ text }) => text)).toEqual([`Plugin x failed: "${message}"`]);
  await roster.close(DEADLINE_MS);
});

test("no observation at all is one result, and a stop is none", async () => {
  expect(await say(await load(directoryOf({ "x.ts": plugin("return []") })))).toEqual([
    "x unknown: plugin x failed: it returned no observation",
  ]);
});

test("an exception is logged with the plugin's own stack, down to its call", async () => {
  const { log, lines } = keptLog();
  const throws = "function inner() {\n throw new RangeError('deep');\n}\n";
  const dir = directoryOf({
    "1.ts": `${throws}export default { name: "starts", initialise() {\n inner(); }, collect() {} };`,
    "2.ts": `${throws}${plugin("inner();")}`,
    "3.ts": plugin("throw 7").replace('"x"', '"odd"'),
    "4.ts": plugin("process.exit(1)").replace('"x"', '"leaver"'),
    "5.ts": plugin("return [{ get status() { throw new Error('got') } }]").replace('"x"', '"getter"'),
  });
  const roster = await load(dir, { log });
  await collect(roster.plugins(), DEADLINE_MS, new CollectState(), log);
  const said = lines.map(({ level, text, fields }) => [level, text, fields?.stack]);
  expect(said.sort()).toEqual([
    [
      "error",
      'Plugin starts failed initialization: "deep"',
      `RangeError: deep\n    at inner (${dir}/1.ts:2:12)\n    at initialise (${dir}/1.ts:5:2)`,
    ],
    ["warn", 'Plugin getter failed: "got"', expect.stringMatching(/^Error: got\n {4}at status \(.*5\.ts:1:\d+\)$/)],
    ["warn", 'Plugin leaver failed: "it ended its own thread"', undefined],
    ["warn", 'Plugin odd failed: "7"', undefined],
    [
      "warn",
      'Plugin x failed: "deep"',
      expect.stringMatching(/^RangeError: deep\n {4}at inner \(.*2\.ts:2:\d+\)\n {4}at collect \(.*2\.ts:4:\d+\)$/),
    ],
  ]);
  await roster.close(DEADLINE_MS);
});

const post = (count: number | string): string =>
  `for (let n = 0; n < ${count}; n++) postMessage({ type: "log", level: "info", message: "n" + n, fields: {} });`;

test("log lines that a plugin posts by itself are bounded, and the rest is counted once", async () => {
  const { log, lines } = keptLog();
  const roster = await load(
    directoryOf({ "x.ts": plugin(`${post(1000)} return [{ status: "ok", message: "done" }]`) }),
    {
      log,
    },
  );
  expect((await collect(roster.plugins()))[0]).toMatchObject({ status: "ok", message: "done" });
  expect(lines).toHaveLength(60);
  expect((await collect(roster.plugins()))[0]).toMatchObject({ status: "ok", message: "done" });
  expect(lines).toHaveLength(121);
  expect(lines[60]).toEqual({ level: "warn", text: "x: 940 more log lines were left out", fields: undefined });
  await roster.close(DEADLINE_MS);
});

test("one that posts without end loses its thread, while it collects and while it loads, and hurts nobody", async () => {
  const { log, lines } = keptLog();
  const dir = directoryOf({
    "1.ts": GOOD,
    "2.ts": plugin(post("Infinity")),
    "3.ts": post("Infinity"),
  });
  const roster = await load(dir, { log });
  const why = "it sent more than 5000 messages between two collections";
  expect(failures(roster)).toEqual([`${dir}/3.ts: ${why}`]);
  const results = await collect(roster.plugins());
  expect(results.map(({ message }) => message)).toEqual(["fine", `plugin x failed: ${why}`]);
  expect(lines.filter(({ text }) => text.startsWith('x: "'))).toHaveLength(60);
  await roster.close(DEADLINE_MS);
});

test("an answer that the plugin posts in its own place is brought into form like any other", async () => {
  const forged = "Array.from({ length: 9000 }, () => ({ status: 'ok', message: 'm'.repeat(3000), run: 'x' }))";
  const body = `postMessage({ type: "collected", observations: ${forged}, problem: null }); return new Promise(() => {})`;
  const roster = await load(directoryOf({ "x.ts": plugin(body) }));
  const results = await collect(roster.plugins());
  expect(results).toHaveLength(501);
  expect(results[0]).toMatchObject({ run: 1, message: `${"m".repeat(1999)}…` });
  expect(results[500]?.message).toContain("it returned 9000 observations");
  await roster.close(DEADLINE_MS);
});

test("one that was started again and does not get going is a result with what it threw, and keeps no thread", async () => {
  const dir = directoryOf({
    "x.ts": `import { existsSync, writeFileSync } from "node:fs";
      const flag = import.meta.dir + "/flag";
      export default { name: "x", collect: () => process.exit(1), initialise() {
        if (!existsSync(flag)) { writeFileSync(flag, ""); return true; }
        if (!existsSync(flag + "2")) { writeFileSync(flag + "2", ""); throw new Error("no camera"); }
        this.skipReason = "not any more"; return false;
      } };`,
  });
  const roster = await load(dir);
  const said: string[] = [];
  for (let round = 0; round < 3; round++) said.push((await collect(roster.plugins()))[0]?.message ?? "");
  expect(said).toEqual([
    "plugin x failed: it ended its own thread",
    "plugin x failed: no camera",
    "plugin x failed: it was started again, and its initialise says no now: not any more",
  ]);
  await roster.close(DEADLINE_MS);
});

test("what would change the whole agent is an error in a plugin", async () => {
  const before = [process.cwd(), process.umask()];
  const calls = ["abort()", 'chdir("/")', "umask(0)", "setuid(0)"].map((call) => `() => process.${call}`);
  const tried = `[${calls}].map((call) => { try { call(); return "done"; } catch (error) { return error.message; } })`;
  const body = `return [{ status: "ok", message: [...${tried}, process.umask()].join(", ") }]`;
  const roster = await load(directoryOf({ "x.ts": plugin(body) }));
  const why = "would change the whole agent: a plugin cannot call it";
  expect((await collect(roster.plugins()))[0]?.message).toBe(
    [...["abort", "chdir", "umask", "setuid"].map((name) => `process.${name}() ${why}`), before[1]].join(", "),
  );
  expect([process.cwd(), process.umask()]).toEqual(before);
  await roster.close(DEADLINE_MS);
});

test("more files than are loaded: said once, not once for each", async () => {
  const dir = directoryOf(
    Object.fromEntries(Array.from({ length: 103 }, (_, n) => [`${String(n).padStart(3, "0")}.ts`, ""])),
  );
  const { files, refused } = findPlugins({ directory: dir, isSet: true, log: quietLog, deadlineMs: 1 });
  expect(files).toHaveLength(100);
  expect(refused).toEqual([
    {
      name: "plugins_dir",
      state: "failed",
      reason: `${dir} has 103 plugins, and only the first 100 are loaded: 100.ts and what comes after it is not`,
    },
  ]);
});
