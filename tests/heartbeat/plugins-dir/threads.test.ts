// A plugin's thread from one collection to the next: there is never more than one of it, and what it dies of in between is
// said.

import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BUDGET_BYTES } from "../../../lib/heartbeat/collect/budget.ts";
import { CollectState } from "../../../lib/heartbeat/collect/collect.ts";
import type { Plugin } from "../../../lib/heartbeat/plugin.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { collect, DEADLINE_MS, directoryOf, failures, GOOD, load } from "./support.ts";

/** Notes each start of its thread in `starts`, and reads the pipe there is, which blocks until somebody writes. */
const PRELUDE = `import { appendFileSync, existsSync, readFileSync } from "node:fs";
  const at = (name) => import.meta.dir + "/" + name;
  appendFileSync(at("starts"), "x");
  const starts = readFileSync(at("starts"), "utf8").length;
  const block = () => existsSync(at("pipe")) && readFileSync(at("pipe"));
  const ok = [{ status: "ok", message: "fine" }];
  `;

function withPipe(plugin: string): string {
  const dir = directoryOf({ "x.ts": PRELUDE + plugin });
  expect(Bun.spawnSync(["mkfifo", join(dir, "pipe")]).exitCode).toBe(0);
  return dir;
}

/** Somebody has written at last: whoever reads it comes back. */
function unblock(dir: string): void {
  // For both: where nobody reads, opening it for writing alone would fail, and hide why.
  const pipe = openSync(join(dir, "pipe"), constants.O_RDWR | constants.O_NONBLOCK);
  rmSync(join(dir, "pipe"));
  closeSync(pipe);
}

/** Waits until its thread has ended by itself. */
async function fallen(plugin: Plugin | undefined): Promise<void> {
  const { link } = plugin as unknown as { link: { over: string | null } };
  while (link.over === null) await Bun.sleep(1);
}

const startsOf = (dir: string): number => readFileSync(join(dir, "starts"), "utf8").length;

const BLOCKED =
  /^plugin x failed: it seems blocked in a system call that does not return, since \d{4}-\d\d-\d\dT[\d:.]+Z: it is not started again until it does$/;

test.each([
  ["collect", 1, "export default { name: 'x', initialise: () => true, collect() { block(); return ok; } };"],
  [
    "initialise at a restart",
    2,
    "export default { name: 'x', initialise() { if (starts > 1) block(); return true; }, collect: () => starts > 1 ? ok : process.exit(1) };",
  ],
  [
    "loading at a restart",
    2,
    "if (starts > 1) block(); export default { name: 'x', initialise: () => true, collect: () => starts > 1 ? ok : process.exit(1) };",
  ],
])(
  "one that is blocked in %s gets no second thread, is said, and starts again once it is gone",
  async (_, starts, plugin) => {
    const dir = withPipe(plugin);
    const roster = await load(dir);
    const state = new CollectState();
    const said: string[] = [];
    try {
      while (!BLOCKED.test(said.at(-1) ?? "")) {
        // Long enough to start it anew on a busy machine.
        said.push((await collect(roster.plugins(), 1500, state))[0]?.message ?? "");
        while (roster.plugins().some((one) => state.of(one).isLate)) await Bun.sleep(5);
        expect(said.length).toBeLessThan(9);
      }
      for (let round = 0; round < 3; round++) {
        expect((await collect(roster.plugins(), 5000, state))[0]).toMatchObject({
          message: said.at(-1),
          status: "unknown",
        });
      }
      expect(startsOf(dir)).toBe(starts);
    } finally {
      unblock(dir);
    }
    let last = "";
    for (; last !== "fine"; await Bun.sleep(5))
      last = (await collect(roster.plugins(), DEADLINE_MS, state))[0]?.message ?? "";
    expect(startsOf(dir)).toBe(starts + 1);
    await roster.close(DEADLINE_MS);
  },
  180_000,
);

test.each([
  ["an exception", "throw new Error('aside 7')", "something in it threw: aside 7"],
  ["process.exit", "process.exit(1)", "it ended its own thread"],
])("%s between two collections is a result of the next one, and said once in the log", async (_, body, why) => {
  const lines: string[] = [];
  const at = (text: LogMessage): void => void lines.push(inText(text));
  const log = { ...quietLog, error: at, warn: at, info: at };
  const dir = directoryOf({
    "x.ts": `import { existsSync } from "node:fs";
      export default { name: "x", initialise: () => true, collect() {
        if (!existsSync(import.meta.dir + "/calm")) setTimeout(() => { ${body} }, 5);
        return [{ name: "cpu", status: "ok", message: "fine" }]; } };`,
  });
  const roster = await load(dir, { log });
  const state = new CollectState();
  const [plugin] = roster.plugins();
  const round = async (): Promise<string[]> => {
    const results = await collect(roster.plugins(), DEADLINE_MS, state, log);
    return results.map(({ name, status, message }) => `${name} ${status}: ${message}`);
  };
  expect(await round()).toEqual(["cpu ok: fine"]);
  for (let count = 0; count < 3; count++) {
    await fallen(plugin);
    expect(await round()).toEqual([
      "cpu ok: fine",
      `x unknown: plugin x failed: it fell over since the last collection: ${why}`,
    ]);
  }
  expect(lines).toEqual([
    `Plugin x fell over: "${why}"; it is started again at the next collection`,
    `Plugin x failed: "it fell over since the last collection: ${why}"`,
  ]);
  await fallen(plugin);
  Bun.spawnSync(["touch", join(dir, "calm")]);
  await round();
  expect(await round()).toEqual(["cpu ok: fine"]);
  expect(lines.slice(2)).toEqual(["Plugin x works again"]);
  await roster.close(DEADLINE_MS);
});

test("one that fell over and does not get going again says both", async () => {
  const dir = directoryOf({
    "x.ts": `${PRELUDE} export default { name: "x", collect: () => { setTimeout(() => process.exit(1), 5); return ok; },
      initialise() { if (starts > 1) throw new Error("no camera"); return true; } };`,
  });
  const roster = await load(dir);
  expect((await collect(roster.plugins()))[0]?.message).toBe("fine");
  await fallen(roster.plugins()[0]);
  expect((await collect(roster.plugins()))[0]?.message).toBe(
    "plugin x failed: it fell over since the last collection: it ended its own thread; no camera",
  );
  await roster.close(DEADLINE_MS);
});

test("one that stuffs every part of what it says is small before it leaves its thread, and what is lost is said", async () => {
  const item = "{ label: 'l'.repeat(256), value: 1, uom: '', warning: null, critical: null, min: null, max: null }";
  const one = `{ name: "o" + n, status: "ok", message: "\\u0001".repeat(2000), long_text: "x".repeat(16000), perfdata: Array(500).fill(${item}) }`;
  const dir = directoryOf({
    "1.ts": GOOD,
    "x.ts": `export default { name: "x", initialise: () => true, collect: () => Array.from({ length: 500 }, (_, n) => (${one})) };`,
  });
  const roster = await load(dir);
  const results = await collect(roster.plugins());
  // What the agent adds to each, such as its times.
  expect(JSON.stringify(results).length).toBeLessThan(BUDGET_BYTES + results.length * 250);
  expect(results[0]).toMatchObject({ message: "fine" });
  expect(results[1]?.notes?.truncated_bytes).toBeGreaterThan(100_000);
  expect(results.at(-1)?.message).toBe(
    `plugin x failed: it said more than 256 KiB at once: ${500 - results.length + 2} of its 500 observations were left out`,
  );
  await roster.close(DEADLINE_MS);
});

test.each([
  ["1", "1"],
  ["undefined", "undefined"],
  ["'yes'", '"yes"'],
  ["Promise.resolve({})", "an object"],
])("an initialise that returns %s has not answered", async (value, found) => {
  const text = `export default { name: "x", initialise: () => ${value}, collect: () => [] };`;
  const [reason] = failures(await load(directoryOf({ "x.ts": text })));
  expect(reason).toBe(`initialise must return true or false, found ${found}`);
});

test("one that is stuck in close is said at the limit, the only one, and ended", async () => {
  const lines: string[] = [];
  const log = { ...quietLog, warn: (text: LogMessage) => void lines.push(inText(text)) };
  const text = `import { writeFileSync } from "node:fs";
    export default { name: "x", initialise: () => true, collect: () => [], close() {
      setInterval(() => writeFileSync(import.meta.dir + "/alive", ""), 1); return new Promise(() => {}); } };`;
  const dir = directoryOf({ "x.ts": text, "no.ts": text.replace('"x"', '"no"').replace("() => true", "() => false") });
  // Its thread would be given 20 s to load.
  const roster = await load(dir, { log });
  expect(lines).toEqual(["Plugin no failed initialization, skipping", "Plugin no was not closed within 1 s"]);
  await roster.close(100);
  expect(lines.slice(2)).toEqual(["Plugin x was not closed within 0.1 s"]);
  const alive = join(dir, "alive");
  do {
    rmSync(alive, { force: true });
    await Bun.sleep(50);
  } while (await Bun.file(alive).exists());
});
