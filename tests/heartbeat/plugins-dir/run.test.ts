// A plugin in its thread: it may hang, throw, end and talk, and hurts nobody else.

import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CollectState } from "../../../lib/heartbeat/collect/collect.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { collect, DEADLINE_MS, directoryOf, load, say, statesOf } from "./support.ts";

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
  // Its thread is ended a little later, and a loop that calls the system all the time may take seconds to end: until then
  // there is no other.
  while (plugins.some((plugin) => state.of(plugin).isLate)) await Bun.sleep(10);
  let next = await collect(plugins, DEADLINE_MS, state);
  for (; next[0]?.message.includes("it is not started again until"); await Bun.sleep(20)) {
    next = await collect(plugins, DEADLINE_MS, state);
  }
  expect(next[0]).toMatchObject({ status: "ok", message: "again" });
  // A thread that were still there would make it again and again.
  const alive = join(dir, "alive");
  rmSync(alive, { force: true });
  await collect(plugins, DEADLINE_MS, state);
  await Bun.sleep(50);
  expect(existsSync(alive)).toBe(false);
  await roster.close(DEADLINE_MS);
}, 180_000);

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
  while (plugins.some((plugin) => state.of(plugin).isLate)) await Bun.sleep(5);
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
  const log = {
    ...quietLog,
    warn: (text: LogMessage) => said.push(inText(text)),
    info: (text: LogMessage) => said.push(inText(text)),
  };
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
  const log = {
    ...quietLog,
    warn: (text: LogMessage) => said.push(inText(text)),
    info: (text: LogMessage) => said.push(inText(text)),
  };
  const roster = await load(dir, { log });
  await collect(roster.plugins());
  await collect(roster.plugins());
  expect(said).toHaveLength(101);
  expect(said.slice(49, 52)).toEqual(['x: "line 49"', 'x: "150 lines left out"', 'x: "line 0"']);
  await roster.close(DEADLINE_MS);
});
