import { expect, test } from "bun:test";
import type { CheckResult } from "../../../lib/contract/observation.ts";
import { type CollectOptions, CollectState, collectAll } from "../../../lib/heartbeat/collect/collect.ts";
import { closeAll } from "../../../lib/heartbeat/collect/initialise.ts";
import { PluginFault } from "../../../lib/heartbeat/collect/plugin-fault.ts";
import { Roster } from "../../../lib/heartbeat/collect/roster.ts";
import type { Absent, Observation, Plugin } from "../../../lib/heartbeat/plugin.ts";
import { createLog } from "../../../lib/runtime/log/log.ts";
import { quietLog } from "../../support/quiet-log.ts";

function plugin(name: string, collect: (signal: AbortSignal) => unknown, more: Partial<Plugin> = {}): Plugin {
  return { name, initialise: () => true, collect: (signal) => collect(signal) as Observation[], ...more };
}

const OK = plugin("fine", () => [{ status: "ok", message: "m" }]);
const never = (): Promise<never> => new Promise(() => {});

function options(more: Partial<CollectOptions> = {}): CollectOptions {
  return {
    deadlineMs: 10_000,
    intervalS: 60,
    signal: new AbortController().signal,
    nowMs: () => Date.parse("2026-05-01T06:37:53.830Z"),
    log: quietLog,
    run: 7,
    state: new CollectState(),
    absent: [],
    ...more,
  };
}

/** A log whose lines are kept. */
function keptLog() {
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text.trimEnd());
  const log = createLog({ tool: "h", level: "info", sink: "journal", colour: false, write, now: () => new Date(0) });
  return { log, lines };
}

test("what an observation leaves out is filled in", async () => {
  const [result] = await collectAll([OK], options());
  expect(result).toEqual({
    plugin: "fine",
    name: "fine",
    status: "ok",
    message: "m",
    perfdata: [],
    started_at: "2026-05-01T06:37:53.830Z",
    duration_ms: expect.any(Number),
    ttl_s: 130,
    run: 7,
  });
});

test("what an observation says itself is kept", async () => {
  const said: Observation = {
    name: "check",
    status: "warning",
    message: "m",
    long_text: "long",
    perfdata: [
      { label: "a", value: 1, uom: "s", warning: { inside: true, low: 1, high: 2 }, critical: null, min: 0, max: null },
    ],
    perf_errors: ["b=x"],
    started_at: "2026-05-01T06:00:00.000Z",
    duration_ms: 12,
    ttl_s: 900,
    run: 3,
    notes: { exit_code: 9, timed_out: true, overlaps: 2, refresh_failed: "no" },
  };
  const [result] = await collectAll([plugin("p", () => [said])], options());
  expect(result).toEqual({ plugin: "p", ...said, name: "check", perfdata: said.perfdata ?? [] } as never);
});

test("a plugin's own limit counts for its results' life", async () => {
  const [result] = await collectAll(
    [plugin("p", () => [{ status: "ok", message: "" }], { timeoutS: 45.5 })],
    options(),
  );
  expect(result?.ttl_s).toBe(166);
});

test("results stand in the order of the plugins, whoever is done first", async () => {
  const gate = Promise.withResolvers<void>();
  const slow = plugin("slow", () => gate.promise.then(() => [{ status: "ok", message: "" }]));
  const fast = plugin("fast", () => {
    gate.resolve();
    return [{ status: "ok", message: "" }];
  });
  expect((await collectAll([slow, fast], options())).map(({ name }) => name)).toEqual(["slow", "fast"]);
});

test.each<[string, (signal: AbortSignal) => unknown, string]>([
  [
    "throws",
    () => {
      throw new Error("boom\nx=1");
    },
    "plugin bad failed: boom\nx=1",
  ],
  ["throws no error", () => Promise.reject(7), "plugin bad failed: 7"],
  ["returns no observation", () => [], "plugin bad failed: it returned no observation"],
  ["returns nothing", () => undefined, "plugin bad failed: it returned undefined, not a list"],
  ["returns a text", () => "ok", 'plugin bad failed: it returned "ok", not a list'],
  [
    "returns no status",
    () => [{ message: "m" }],
    "plugin bad failed: 1 of its observations cannot be used (1: status must be one of ok, warning, critical, unknown, found undefined)",
  ],
  [
    "returns a wrong message",
    () => [{ status: "ok", message: 7 }],
    "plugin bad failed: 1 of its observations cannot be used (1: message must be a text, found 7)",
  ],
  [
    "has a getter that throws",
    () => [
      {
        get status() {
          throw new Error("gotcha");
        },
      },
    ],
    "plugin bad failed: what it returned cannot be read: gotcha",
  ],
])("a plugin that %s is itself a result, and the rest is as ever", async (_, collect, message) => {
  const results = await collectAll([plugin("bad", collect), OK], options());
  expect(results.map((r) => [r.name, r.status, r.message])).toEqual([
    ["bad", "unknown", message],
    ["fine", "ok", "m"],
  ]);
});

test("one that can say what to do about nothing does", async () => {
  const [said] = await collectAll([plugin("checks", () => [], { emptyHint: "none can be used" })], options());
  expect(said?.message).toBe("plugin checks failed: it returned no observation: none can be used");
});

test("a flood is cut: 500 observations, 2000 characters, and what is left out is said", async () => {
  const flood = Array.from({ length: 2000 }, (_, n) => ({ name: `o${n}`, status: "ok", message: "x".repeat(5000) }));
  const results = await collectAll([plugin("flood", () => flood), OK], options());
  expect(results).toHaveLength(502);
  expect(results[0]?.message).toHaveLength(2000);
  expect(results[500]).toMatchObject({
    name: "flood",
    status: "unknown",
    message: "plugin flood failed: it returned 2000 observations, and only the first 500 count",
  });
});

test("half a character pair does not get through, and numbers that JSON has no word for are null", async () => {
  const perfdata = [
    { label: "a", value: Number.NaN, min: Number.POSITIVE_INFINITY, warning: { low: "7", high: 9 } },
    "x",
  ];
  const [result] = await collectAll([plugin("p", () => [{ status: "ok", message: "\ud800", perfdata }])], options());
  expect(result?.message).toBe("\ufffd");
  expect(result?.perfdata).toEqual([
    {
      label: "a",
      value: null,
      uom: "",
      warning: { inside: false, low: null, high: 9 },
      critical: null,
      min: null,
      max: null,
    },
  ]);
});

test("one that hangs is cut off, told so, and not started on top; when it comes back it is asked again", async () => {
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  let told = false;
  const hung = plugin("hung", async (signal) => {
    calls++;
    signal.addEventListener("abort", () => {
      told = true;
    });
    if (calls === 1) await gate.promise;
    return [{ status: "ok", message: "back" }];
  });
  const state = new CollectState();
  const brief = options({ deadlineMs: 20, state });
  const [first, other] = await collectAll([hung, OK], brief);
  expect(first).toMatchObject({
    status: "unknown",
    message: "plugin hung failed: it did not answer within 0.02 s",
    notes: { timed_out: true },
  });
  expect(other?.status).toBe("ok");
  expect(told).toBe(true);
  expect((await collectAll([hung], brief))[0]?.notes).toEqual({ overlaps: 1 });
  expect((await collectAll([hung], brief))[0]?.notes).toEqual({ overlaps: 2 });
  expect(calls).toBe(1);
  gate.resolve();
  await Bun.sleep(0);
  expect((await collectAll([hung], options({ state })))[0]?.message).toBe("back");
});

test("one that takes longer than a collection has its own pace: it says what it said last, with its own time and run", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const slow = plugin("slow", async () => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return [{ status: "ok", message: `answer ${gates.length}` }];
  });
  let clock = Date.parse("2026-05-01T06:00:00Z");
  const state = new CollectState();
  const collect = async (run: number) => {
    clock += 60_000;
    const [first, other] = await collectAll([slow, OK], options({ state, run, waitMs: 5, nowMs: () => clock }));
    expect(other).toMatchObject({ status: "ok", run });
    return first;
  };
  const end = async (): Promise<void> => {
    gates.at(-1)?.resolve();
    await Bun.sleep(0);
  };
  expect(await collect(1)).toMatchObject({
    ...{ status: "unknown", message: "plugin slow has not answered yet: begun 0 s ago", run: 0 },
    ...{ started_at: "2026-05-01T06:01:00.000Z", notes: { pending: true }, ttl_s: 130 },
  });
  expect(await collect(2)).toMatchObject({ run: 0, started_at: "2026-05-01T06:01:00.000Z", notes: { pending: true } });
  await end();
  // The run of the first collection; a second one is begun.
  expect(await collect(3)).toMatchObject({ message: "answer 1", run: 1, started_at: "2026-05-01T06:01:00.000Z" });
  expect(gates).toHaveLength(2);
  expect(await collect(4)).toMatchObject({ message: "answer 1", run: 1 });
  await end();
  expect(await collect(5)).toMatchObject({ message: "answer 2", run: 3, started_at: "2026-05-01T06:03:00.000Z" });
});

test("one that was late is not waited for the next time as if it were prompt, and counts each time", async () => {
  let calls = 0;
  const hung = plugin("hung", (signal) => {
    calls++;
    // It comes back when it is told to, as a plugin's thread that is ended does, and hangs anew.
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve([])));
  });
  const state = new CollectState();
  const late = await collectAll([hung], options({ state, deadlineMs: 5, run: 1 }));
  expect(late).toMatchObject([{ message: "plugin hung failed: it did not answer within 0.005 s", run: 1 }]);
  // With a deadline and a wait of an hour: were it waited for like the others, this would not end.
  const next = await collectAll([hung], options({ state, deadlineMs: 3_600_000, waitMs: 3_600_000, run: 2 }));
  expect(next).toMatchObject([{ message: "plugin hung failed: it did not answer within 0.005 s", run: 1 }]);
  expect(calls).toBe(2);
});

test("when the agent stops, what is under way gives no result and is told", async () => {
  const stop = new AbortController();
  let told = false;
  const busy = plugin("busy", (signal) => {
    signal.addEventListener("abort", () => {
      told = true;
    });
    stop.abort();
    return never();
  });
  const results = await collectAll([OK, busy], options({ signal: stop.signal }));
  expect(results.map(({ name }) => name)).not.toContain("busy");
  expect(told).toBe(true);
  expect(await collectAll([OK], options({ signal: stop.signal }))).toEqual([]);
});

test("names are unique in a heartbeat", async () => {
  const twice = [
    { name: "x", status: "ok", message: "1" },
    { name: "x", status: "ok", message: "2" },
    { name: "x", status: "ok", message: "3" },
  ];
  const results = await collectAll([plugin("a", () => twice), plugin("b", () => twice.slice(1))], options());
  expect(results.map(({ name }) => name)).toEqual(["x", "a/x", "a/x#2", "b/x", "b/x#2"]);
});

test("the log says a failure once, quoted, and when it is over", async () => {
  const { log, lines } = keptLog();
  let bad = true;
  const moody = plugin("moody", () => {
    if (bad) throw Object.assign(new Error("a\nb=c"), { stack: "Error: s" });
    return [{ status: "ok", message: "" }];
  });
  const same = options({ log });
  await collectAll([moody], same);
  await collectAll([moody], same);
  bad = false;
  await collectAll([moody], same);
  await collectAll([moody], same);
  expect(lines).toEqual(['<4>Plugin moody failed: "a\\nb\\u003dc" stack="Error: s"', "<6>Plugin moody works again"]);
});

test("a plugin that hangs is said once, whichever words it gets", async () => {
  const { log, lines } = keptLog();
  const gate = Promise.withResolvers<Observation[]>();
  let calls = 0;
  const hung = plugin("hung", () => (++calls === 1 ? gate.promise : never()));
  const same = options({ log, deadlineMs: 5 });
  for (let round = 0; round < 3; round++) await collectAll([hung], same);
  gate.resolve([]);
  await Bun.sleep(0);
  await collectAll([hung], same);
  expect(calls).toBe(2);
  expect(lines).toEqual(['<4>Plugin hung failed: "it did not answer within 0.005 s"']);
});

test("a stack is the plugin's own: none where the agent itself ended its thread", async () => {
  const { log, lines } = keptLog();
  const ended = plugin("ended", () => Promise.reject(new PluginFault("it ended its own thread")));
  const threw = plugin("threw", () => Promise.reject(new PluginFault("boom", "Error: boom\n    at x.ts:1")));
  await collectAll([ended, threw], options({ log }));
  expect(lines).toEqual([
    '<4>Plugin ended failed: "it ended its own thread"',
    '<4>Plugin threw failed: "boom" stack="Error: boom\\n    at x.ts:1"',
  ]);
});

test("one that is inactive is a result of its own; one that still loads is no run of anything", async () => {
  const absent: Absent[] = [
    { name: "camera.ts", reason: '/etc/p/camera.ts:2: it threw "boom"', pendingSince: null },
    { name: "slow.ts", reason: "it has not finished loading yet", pendingSince: "2026-05-01T06:30:00.000Z" },
    { name: "plugins_dir", reason: "/etc/p is a file", pendingSince: null },
  ];
  const [first, ...missing] = await collectAll([OK], options({ absent }));
  expect(first?.name).toBe("fine");
  const same = { status: "unknown", perfdata: [], duration_ms: 0, ttl_s: 130 };
  const now = "2026-05-01T06:37:53.830Z";
  expect(missing).toEqual([
    {
      ...{ plugin: "camera.ts", name: "camera.ts", ...same, started_at: now, run: 7 },
      message: 'plugin camera.ts is inactive: /etc/p/camera.ts:2: it threw "boom"',
    },
    {
      ...{ plugin: "slow.ts", name: "slow.ts", ...same, started_at: "2026-05-01T06:30:00.000Z", run: 0 },
      message: "plugin slow.ts is inactive: it has not finished loading yet",
      notes: { pending: true },
    },
    {
      ...{ plugin: "plugins_dir", name: "plugins_dir", ...same, started_at: now, run: 7 },
      message: "plugins_dir: /etc/p is a file",
    },
  ] as CheckResult[]);
});

test("the longest names of files are names that the receiver takes, and none is there twice", async () => {
  const long = (end: string) => ({ name: `${"x".repeat(250)}${end}`, reason: "r", pendingSince: null });
  const names = (await collectAll([], options({ absent: [long("1"), long("2"), long("3")] }))).map(({ name }) => name);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name.length).toBeLessThanOrEqual(256);
});

/** All of them as built-in plugins. */
async function start(builtIn: readonly Plugin[], log = quietLog, deadlineMs = 10_000): Promise<Roster> {
  const contextFor = () => ({ log, intervalS: 60, settings: {}, root: "/" });
  const now = () => new Date(0);
  const roster = new Roster({ builtIn, files: [], refused: [], log, deadlineMs, claimMs: null, now, contextFor });
  await roster.begin(null);
  return roster;
}

test("initialise: loaded, skipped with its reason, failed without one, failed with a stack", async () => {
  const { log, lines } = keptLog();
  const closed: string[] = [];
  const close = (name: string) => ({ close: () => void closed.push(name) });
  const skipped = plugin("nagios_runner", () => [], {
    skipReason: "no commands configured (add nagios_runner.commands to config)",
    initialise: () => false,
    ...close("nagios_runner"),
  });
  const silent = plugin("silent", () => [], { initialise: async () => false });
  const thrower = plugin("thrower", () => [], {
    initialise: () => {
      throw Object.assign(new Error("no"), { stack: "Error: no\n    at x" });
    },
  });
  const roster = await start([OK, skipped, silent, thrower], log);
  expect(roster.plugins()).toEqual([OK]);
  expect(roster.states()).toEqual([
    { name: "fine", state: "loaded", reason: null },
    {
      name: "nagios_runner",
      state: "skipped",
      reason: "no commands configured (add nagios_runner.commands to config)",
    },
    { name: "silent", state: "failed", reason: "initialise said no, and gave no reason" },
    { name: "thrower", state: "failed", reason: "no" },
  ]);
  expect(lines.sort()).toEqual([
    '<3>Plugin thrower failed initialization: "no" stack="Error: no\\n    at x"',
    "<4>Plugin silent failed initialization, skipping",
    "<6>Plugin nagios_runner skipped: no commands configured (add nagios_runner.commands to config)",
  ]);
  expect(closed).toEqual(["nagios_runner"]);
});

test("an initialise that hangs is cut, and the others take part", async () => {
  const hung = plugin("hung", () => [], { initialise: never });
  const roster = await start([hung, OK], quietLog, 20);
  expect(roster.plugins()).toEqual([OK]);
  expect(roster.states()[0]).toEqual({
    name: "hung",
    state: "failed",
    reason: "initialise did not answer within 0.02 s",
  });
});

test("closing: each under its deadline, and none spoils another", async () => {
  const { log, lines } = keptLog();
  let closed = false;
  const bad = plugin("bad", () => [], {
    close: () => {
      throw new Error("no");
    },
  });
  const hung = plugin("hung", () => [], { close: never });
  const good = plugin("good", () => [], {
    close: () => {
      closed = true;
    },
  });
  await closeAll([bad, hung, good, OK], 20, log);
  expect(closed).toBe(true);
  expect(lines.sort()).toEqual(['<4>Plugin bad: close failed: "no"', "<4>Plugin hung was not closed within 0.02 s"]);
});

test("only one plugin is run: the others say again what they said, under the number it had, and none is begun by it", async () => {
  const plugins = [OK, plugin("queue", () => [{ status: "ok", message: "q" }])];
  const late = plugin("late", () => [{ status: "ok", message: "l" }]);
  const absent: Absent[] = [{ name: "camera", reason: "broken", pendingSince: null }];
  const state = new CollectState();
  const runs = async (run: number, only: string | null, all = plugins) =>
    (await collectAll(all, options({ run, state, absent, only }))).map((one) => `${one.name} ${one.run}`);
  expect(await runs(7, null)).toEqual(["fine 7", "queue 7", "camera 7"]);
  expect(await runs(8, "queue", [...plugins, late])).toEqual(["fine 7", "queue 8", "camera 7"]);
  expect(await runs(9, null, [...plugins, late])).toEqual(["fine 9", "queue 9", "late 9", "camera 9"]);
});
