// Which files become plugins, and what is said of those that do not: file, line, message.

import { expect, test } from "bun:test";
import { existsSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../support/compiled.ts";
import { tempDir } from "../../support/temp-dir.ts";

import { collect, DEADLINE_MS, directoryOf, failureOf, failures, GOOD, load, say, statesOf } from "./support.ts";

test("TypeScript, a top-level await, node: modules, a helper beside it, a class, a function: all load, by file name", async () => {
  const dir = directoryOf({
    "b.ts": `import { basename } from "node:path";
      import { twice } from "./_helper.ts";
      import type { Nothing } from "../missing.ts";
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

test("the example in docs/plugins.md does what it says", async () => {
  const doc = readFileSync(join(PROJECT, "docs/plugins.md"), "utf8");
  const text = /```ts\n([\s\S]*?)```/.exec(doc)?.[1] ?? "";
  expect(text.trimEnd().split("\n")).toHaveLength(15);
  const dir = directoryOf({ "camera.ts": text, "latest.jpg": "" });
  const picture = join(dir, "latest.jpg");
  const roster = await load(dir, { settings: { path: picture } });
  const saysAt = async (ageS: number): Promise<string> => {
    utimesSync(picture, Date.now() / 1000 - ageS, Date.now() / 1000 - ageS);
    return (await collect(roster.plugins())).map(({ name, status, message }) => `${name} ${status}: ${message}`).join();
  };
  expect(await saysAt(0)).toMatch(/^camera ok: last picture \d s ago$/);
  expect(await saysAt(900)).toMatch(/^camera critical: last picture 90\d s ago$/);
  // A clock that has jumped, on this host or on the camera's: nobody knows how fresh it is.
  expect(await saysAt(-900)).toMatch(/^camera critical: last picture -(900|8\d\d) s ago$/);
  await roster.close(DEADLINE_MS);
  expect(statesOf(await load(dir))).toEqual([
    { name: "camera", state: "skipped", reason: "no path configured (add plugins.camera.path to config)" },
  ]);
});

test("a compiled executable does all this without a toolchain, and reads nothing else of the directory", () => {
  const out = join(tempDir(), "plugin-host");
  const built = Bun.spawnSync(
    [process.execPath, "build", "--compile", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"].concat(
      ["--define", 'LABFLEET_TARGET="test"', join(PROJECT, "tests/fixtures/programs/plugin-host.ts")],
      [join(PROJECT, "lib/heartbeat/plugins-dir/worker.ts"), "--root", PROJECT, "--outfile", out],
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
}, 180_000);
