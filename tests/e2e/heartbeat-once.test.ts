// A signal while checks run, with the compiled executable: they are ended, whatever they do about it, and nothing is said of
// them as if they had failed.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endWithTest, isGone } from "../heartbeat/checks/process-support.ts";
import { executables } from "../support/compiled.ts";
import { Fleet, until } from "../support/fleet.ts";
import { HeartbeatHost } from "../support/heartbeat-host.ts";

let fleet: Fleet;
let host: HeartbeatHost;
const file = (name: string): string => join(fleet.directory, name);

beforeAll(() => {
  fleet = new Fleet();
  host = new HeartbeatHost(fleet, { url: "http://127.0.0.1:1" });
});

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

/** Two that ignore SIGTERM, each with a child, and one whose job is in no group that anybody signals. */
function configure(graceS: number, keys = ""): void {
  for (const name of ["one", "two", "job", "asked"]) rmSync(file(name), { force: true });
  const stubborn = (name: string): string =>
    `trap 'echo >>${file("asked")}' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $! $$ >${file(name)}; ` +
    "while :; do sleep 0.1; done";
  const job = `set -m; sleep 300 </dev/null >/dev/null 2>&1 & echo $! $$ >${file("job")}; exec sleep 300`;
  const commands = [
    { name: "one", command: ["/bin/sh", "-c", stubborn("one")] },
    { name: "two", command: ["/bin/sh", "-c", stubborn("two")] },
    { name: "job", command: ["/bin/bash", "-c", job] },
  ];
  const entries = commands.map(({ name, command }) => `{ name = "${name}", command = ${JSON.stringify(command)} }`);
  host.configure({
    url: "http://127.0.0.1:1",
    heartbeat: `${keys}
[nagios_runner]
timeout = 300
grace = ${graceS}
commands = [${entries.join(", ")}]`,
  });
  // A collection waits no longer for its checks than its interval lasts: the signal has to come before.
  writeFileSync(host.config, readFileSync(host.config, "utf8").replace("interval_s = 1\n", "interval_s = 300\n"));
}

/** All that the checks have started, once each of them has said so. */
async function running(): Promise<number[]> {
  const said = (name: string): string => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "");
  const all = (): string[] => ["one", "two", "job"].map(said);
  await until("all checks run", () => all().every((text) => text.endsWith("\n")));
  const pids = all().flatMap((text) => text.trim().split(" ").map(Number));
  pids.forEach(endWithTest);
  expect(pids.length).toBe(6);
  expect(pids.some(isGone)).toBe(false);
  return pids;
}

function once(...args: string[]) {
  return Bun.spawn([join(executables(), "heartbeat"), "once", ...args, "--config", host.config], {
    ...{ env: { PATH: "" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
}

for (const [signal, code, args] of [
  ["SIGINT", 130, ["--no-send"]],
  ["SIGTERM", 143, []],
  ["SIGHUP", 129, ["--no-send", "--json"]],
] as const) {
  test(`once ${args.join(" ")}: ${signal} ends the checks after their grace, and nothing is printed or sent`, async () => {
    configure(0.5);
    const child = once(...args);
    const pids = await running();
    child.kill(signal);
    expect(await child.exited).toBe(code);
    await until("they are gone", () => pids.every(isGone));
    // They were asked first.
    expect(existsSync(file("asked"))).toBe(true);
    expect(await child.stdout.text()).toBe("");
    const log = await child.stderr.text();
    expect(log).toContain(`${signal}: ending what runs`);
    expect(log).not.toContain("not sent");
    expect(log).not.toContain("check ended");
    expect(host.spool()).toEqual([]);
  }, 180_000);
}

test("once: a second signal quits at once, and kills what runs", async () => {
  configure(60, "drain_timeout_s = 3600");
  const child = once("--no-send");
  const pids = await running();
  child.kill("SIGINT");
  await until("they were asked", () => existsSync(file("asked")));
  child.kill("SIGTERM");
  // It could have waited for an hour.
  expect(await child.exited).toBe(130);
  // The leaders and their groups; a job in another group is found by looking only, for which there is no time.
  await until("they are gone", () => pids.slice(0, 4).every(isGone));
}, 180_000);

test("the daemon: a grace that is longer than the stop may take leaves no check alive", async () => {
  configure(60, "drain_timeout_s = 3");
  const daemon = host.start();
  const pids = await running();
  daemon.process.kill("SIGTERM");
  expect(await daemon.ended()).toBe(0);
  await until("they are gone", () => pids.every(isGone));
  expect(existsSync(file("asked"))).toBe(true);
  expect(daemon.log()).not.toContain("was not closed");
  expect(daemon.log()).not.toContain("check ended");
}, 180_000);

test("plugins: a signal ends it with its own code", async () => {
  const plugin = file("plugins.d/slow.ts");
  await Bun.write(plugin, `await Bun.write(${JSON.stringify(file("loading"))}, ""); await new Promise(() => {});`);
  const child = Bun.spawn([join(executables(), "heartbeat"), "plugins", "--config", host.config], {
    ...{ env: { PATH: "" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  await until("it loads", () => existsSync(file("loading")));
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  expect(await child.stdout.text()).toBe("");
  rmSync(plugin);
}, 180_000);
