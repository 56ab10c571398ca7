// What a plugin sends: bounded, brought into form, and said once.

import { expect, test } from "bun:test";
import type { Fields } from "../../../lib/core/text/fields.ts";
import { CollectState } from "../../../lib/heartbeat/collect/collect.ts";
import { findPlugins } from "../../../lib/heartbeat/plugins-dir/find.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { collect, DEADLINE_MS, directoryOf, failures, GOOD, load, say } from "./support.ts";

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
  const at = (level: string) => (text: LogMessage, fields?: Fields) =>
    void lines.push({ level, text: inText(text), fields });
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
  // Each as long as may be, and all of them within what one plugin may say.
  expect(results[0]).toMatchObject({ run: 1, message: expect.stringMatching(/^m{100,1999}…?$/) });
  expect(JSON.stringify(results.map(({ message, notes }) => [message, notes])).length).toBeLessThan(256 * 1024);
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
      why: {
        what: `${dir} has 103 plugins, and only the first 100 are loaded: 100.ts and what comes after it is not`,
        fix: null,
      },
    },
  ]);
});
