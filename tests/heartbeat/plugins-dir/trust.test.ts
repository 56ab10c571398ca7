// Who may have written a plugin: what is refused, and that the command that is named mends it.

import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { directoryOf, failures, GOOD, load, say, statesOf } from "./support.ts";

/** Plugins are loaded at the agent's start. */
const AGAIN = " && sudo systemctl restart labfleet-heartbeat";

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
  const fix = `sudo chmod go-w ${dir}`;
  expect(refused.plugins()).toEqual([]);
  expect(failures(refused)).toEqual([
    `${dir} can be written by its group (mode 0775), so no plugin is loaded from it; fix: ${fix}${AGAIN}`,
  ]);
  expect(Bun.spawnSync(["sh", "-c", fix.replace("sudo ", "")]).exitCode).toBe(0);
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
    "far.ts": `${dir}/_far.ts can be written by everybody (mode 0646), so far.ts, which imports it, is not loaded; fix: sudo chmod go-w ${dir}/_far.ts${AGAIN}`,
    "it's open.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so it is not loaded; fix: sudo chmod go-w '${dir}/it'\\''s open.ts'${AGAIN}`,
    "user.ts": `${dir}/it's open.ts can be written by its group and everybody (mode 0666), so user.ts, which imports it, is not loaded; fix: sudo chmod go-w '${dir}/it'\\''s open.ts'${AGAIN}`,
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
    `${elsewhere}/open can be written by its group and everybody (mode 0777), so it is not loaded; fix: sudo chmod go-w ${elsewhere}/open${AGAIN}`,
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
  expect(reason).toEndWith(`; fix: sudo chown root:root ${path}${AGAIN}`);
});

/** A plugin that imports `helper`, and `_open.ts` behind it, which everybody may write to. */
function behind(helper: string, text: string): string {
  const dir = directoryOf({
    "x.ts": `import "./${helper}"; ${GOOD}`,
    [helper]: `import "./_open.ts"; ${text}`,
    "_open.ts": 'import { writeFileSync } from "node:fs"; writeFileSync(import.meta.dir + "/ran", "");',
  });
  chmodSync(join(dir, "_open.ts"), 0o666);
  return dir;
}

test.each([
  ["_h.ts", "const a: number = 1; <number>a;"],
  ["_h.mts", "const a: number = 1; <number>a;"],
  ["_h.cts", "const a: number = 1; <number>a;"],
  ["_h.tsx", "export const same = <T,>(a: T): T => a;"],
  ["_h.jsx", "export default () => <div/>;"],
  ["_h.js", "export default () => <div/>;"],
  ["_h.mjs", "export {};"],
  ["_h.cjs", ""],
  // An import may say that it is code: with { type: "ts" }.
  ["_h.txt", "const a: number = 1;"],
])("what %s imports is looked at as well", async (helper, text) => {
  const dir = behind(helper, text);
  expect(failures(await load(dir))).toEqual([
    `${dir}/_open.ts can be written by its group and everybody (mode 0666), so x.ts, which imports it, is not loaded; fix: sudo chmod go-w ${dir}/_open.ts${AGAIN}`,
  ]);
  expect(existsSync(join(dir, "ran"))).toBe(false);
});

test.each([
  ["_h.mjs", "const a = <div/>;", "_h.mjs:1: Unexpected <"],
  ["_h.ts", "\nlet = ;", "_h.ts:2: Unexpected ;"],
  ["_h", "", "_h: a file that is imported needs an ending that says what it is, such as .ts"],
])("a helper %s that cannot be looked at is refused as such, and nothing of it runs", async (helper, text, why) => {
  const dir = behind(helper, text);
  expect(failures(await load(dir))[0]).toContain(why);
  expect(existsSync(join(dir, "ran"))).toBe(false);
});

test("a plugin behind a link: what stands beside the real file is what it imports, and what is looked at", async () => {
  const real = directoryOf({ "x.ts": `import "./_h.ts"; ${GOOD}`, "_h.ts": "" });
  const dir = directoryOf({ "_h.ts": "" });
  symlinkSync(join(real, "x.ts"), join(dir, "x.ts"));
  expect(await say(await load(dir))).toEqual(["good ok: fine"]);
  chmodSync(join(real, "_h.ts"), 0o666);
  expect(failures(await load(dir))[0]).toStartWith(`${real}/_h.ts can be written by`);
});

test("packages are not loaded, not even from a directory beside the plugin; nor is what a package.json would choose", async () => {
  const dir = directoryOf({
    "1.ts": `import "pkg"; ${GOOD}`,
    "2.ts": `\nimport "./lib"; ${GOOD}`,
    "3.ts": `import "./lib/main.ts"; import fs from "fs"; fs; import "./data.json"; ${GOOD}`,
    "4.ts": `import "#inner"; ${GOOD}`,
    "node_modules/pkg/package.json": '{"main":"./main.ts"}',
    "node_modules/pkg/main.ts": "",
    "lib/package.json": '{"main":"./main.ts"}',
    "lib/main.ts": "",
    "data.json": '{"a": [1]}',
    "package.json": '{"imports":{"#inner":"./lib/main.ts"}}',
  });
  const roster = await load(dir);
  const why = "packages are not looked for, use node: modules and files beside the plugin";
  expect(failures(roster)).toEqual([
    `${dir}/1.ts:1: cannot load "pkg": ${why}`,
    `${dir}/2.ts:2: cannot load "./lib": it is a directory: name a file in it`,
    `${dir}/4.ts:1: cannot load "#inner": ${why}`,
  ]);
  expect(await say(roster)).toEqual(["good ok: fine"]);
});

test("a pipe is no file to import, and nobody waits for what might come out of it", async () => {
  const dir = directoryOf({ "x.ts": `import "./pipe.ts"; ${GOOD}` });
  expect(Bun.spawnSync(["mkfifo", "-m", "600", join(dir, "pipe.ts")]).exitCode).toBe(0);
  const reasons = failures(await load(dir));
  expect(reasons[1]).toBe(`${dir}/x.ts:1: cannot find "./pipe.ts"`);
});

test("no fix is proposed that breaks the host: a link to a directory, a shared directory, somebody's home", async () => {
  const dir = directoryOf({ "shared/.keep": "" });
  chmodSync(join(dir, "shared"), 0o1777);
  symlinkSync(join(dir, "shared"), join(dir, "z.ts"));
  expect(failures(await load(dir))).toEqual([`${dir}/z.ts is a directory, and a plugin is a file`]);
  const text =
    "can be written by its group and everybody (mode 1777), so no plugin is loaded from it; fix: put plugins elsewhere";
  expect(failures(await load(join(dir, "shared")))).toEqual([`${dir}/shared ${text}`]);
  if (process.geteuid?.() !== 0) return;
  const home = directoryOf({ "plugins/good.ts": GOOD });
  chownSync(home, 12345, 12345);
  expect(failures(await load(join(home, "plugins")))).toEqual([
    `${home} belongs to user 12345, neither root nor the user of this process (0), so no plugin is loaded from it; fix: put plugins elsewhere`,
  ]);
});
