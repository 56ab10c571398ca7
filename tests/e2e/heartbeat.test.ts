// The compiled agent and the compiled receiver, without systemd: what a host says arrives, also from a plugin in a file; a
// receiver that is not there costs nothing but time.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import type { LiveStatus } from "../../lib/heartbeat/status-live.ts";
import type { Status } from "../../lib/heartbeat/status-text.ts";
import { executables } from "../support/compiled.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";

let fleet: Fleet;
let url = "";
const config = (): string => join(fleet.directory, "heartbeat.toml");

beforeAll(async () => {
  fleet = new Fleet();
  ({ url } = await fleet.startReceiver());
  const plugins = join(fleet.directory, "plugins");
  mkdirSync(plugins, { mode: 0o755 });
  const example = /```ts\n([\s\S]*?)```/.exec(
    readFileSync(join(import.meta.dir, "../../docs/plugins.md"), "utf8"),
  )?.[1];
  writeFileSync(join(plugins, "camera.ts"), example ?? "");
  writeFileSync(join(plugins, "broken.ts"), "export default {\n  name: 'broken'\n  collect() {}\n};\n");
  // Past the agent's own console, as native code would.
  writeFileSync(
    join(plugins, "noisy.ts"),
    `import { existsSync, writeSync } from "node:fs";
    writeSync(1, "NOISE at load\\n");
    const one = (n) => ({ name: "noisy " + n, status: "ok", message: "x".repeat(1500) });
    export default { name: "noisy", initialise: () => true, collect() {
      writeSync(1, "NOISE in collect\\n");
      return Array.from({ length: existsSync(import.meta.dir + "/many") ? 200 : 1 }, (_, n) => one(n));
    } };`,
  );
  for (const file of readdirSync(plugins)) chmodSync(join(plugins, file), 0o644);
  chmodSync(fleet.directory, 0o755);
  writeConfig(url);
});

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

function writeConfig(receiver: string): void {
  writeFileSync(
    config(),
    `host_id = "${HOST}"
[receiver]
url = "${receiver}"
bearer_token = "${fleet.token}"
[paths]
data_root = "${fleet.hostData}"
run_dir = "${join(fleet.directory, "run-shipper")}"
[heartbeat]
interval_s = 1
state_dir = "${join(fleet.directory, "heartbeat")}"
run_dir = "${join(fleet.directory, "run-heartbeat")}"
plugins_dir = "${join(fleet.directory, "plugins")}"
[plugins.camera]
path = "${config()}"
[plugins.camrea]
path = "/nowhere"
[nagios_runner]
commands = [{ name = "greeting", command = "/bin/echo 'OK - hello | n=1;2;3'" }]
`,
  );
}
const heartbeat = (...args: string[]) => fleet.runNow("heartbeat", [...args, "--config", config()]);
const spool = (): string[] => readdirSync(join(fleet.directory, "heartbeat/spool"));

test("one collection is printed, sent, and known to the receiver", () => {
  const { code, stdout } = heartbeat("once");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^OK +greeting +OK - hello$/m);
  expect(stdout).toMatch(/^OK +camera +last picture \d+ s ago$/m);
  const known = fleet.runNow("receiver", ["hosts", HOST, "--json", "--config", fleet.collectorConfig]);
  expect(known.code).toBe(0);
  expect(known.stdout).toContain('"greeting"');
  // A plugin that is inactive is seen where people look.
  expect(known.stdout).toMatch(/plugin broken\.ts is inactive: [^"]*broken\.ts:3: /);
});

test("once --no-send --json prints the heartbeat and sends nothing", () => {
  const { code, stdout } = heartbeat("once", "--no-send", "--json");
  expect(code).toBe(0);
  const printed: Heartbeat = JSON.parse(stdout);
  expect(printed.host_id).toBe(HOST);
  expect(printed.results.find(({ name }) => name === "greeting")).toMatchObject({
    status: "ok",
    perfdata: [{ label: "n", value: 1, warning: { inside: false, low: 0, high: 2 } }],
  });
  expect(spool()).toEqual([]);
});

test("what a plugin writes to standard output by itself spoils no answer, and a slow reader gets all of it", () => {
  const plugins = heartbeat("plugins", "--json");
  expect(JSON.parse(plugins.stdout)).toContainEqual({ name: "noisy", state: "loaded", reason: null });
  expect(plugins.stderr).toContain("NOISE at load\n");
  writeFileSync(join(fleet.directory, "plugins/many"), "");
  const executable = join(executables(), "heartbeat");
  const line = `"${executable}" once --no-send --json --config "${config()}" 2>err | (sleep 1; cat)`;
  const slow = Bun.spawnSync(["/bin/sh", "-c", line], { cwd: fleet.directory });
  expect(slow.stdout.length).toBeGreaterThan(300_000);
  const names = (JSON.parse(slow.stdout.toString()) as Heartbeat).results.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith("noisy "))).toHaveLength(200);
  expect(readFileSync(join(fleet.directory, "err"), "utf8")).toContain("NOISE in collect\n");
  rmSync(join(fleet.directory, "plugins/many"));
});

test("a table that configures no plugin is named", () => {
  expect(heartbeat("plugins").stderr).toContain("[plugins.camrea] configures no plugin; fix: write [plugins.camera]");
});

test("plugins: which are loaded, skipped or failed, and why; a broken file fails alone, with its line", () => {
  const { code, stdout } = heartbeat("plugins");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^loaded +camera$/m);
  expect(stdout).toMatch(/^loaded +nagios_runner$/m);
  expect(stdout).toMatch(
    /^failed +broken(\.ts)? .*broken\.ts:\d+.*; fix: mend what it names, then: sudo systemctl restart labfleet-heartbeat$/m,
  );
});

test("without a receiver: exit 3, the heartbeat waits, and goes with the next one", () => {
  writeConfig("http://127.0.0.1:1");
  const failed = heartbeat("once");
  expect(failed.code).toBe(3);
  expect(failed.stderr).toContain("heartbeat not sent, it is kept: nobody listens at ");
  expect(spool()).toHaveLength(1);
  writeConfig(url);
  expect(heartbeat("once").code).toBe(0);
  expect(spool()).toEqual([]);
});

test("a wrong token is said, and the heartbeat is kept", () => {
  const text = readFileSync(config(), "utf8");
  writeFileSync(config(), text.replace(fleet.token, "lf_wrong"));
  const { code, stderr } = heartbeat("once");
  expect(code).toBe(3);
  expect(stderr).toContain("the receiver answers 401 (unauthorized)");
  writeFileSync(config(), text);
  expect(heartbeat("once").code).toBe(0);
});

test("the daemon begins without a plugin that hangs while it loads: that one is unknown until it joins", async () => {
  const [plugins, flag] = [join(fleet.directory, "slow-plugins"), join(fleet.directory, "flag")];
  mkdirSync(plugins, { mode: 0o755 });
  const files = {
    "slow.ts": `import { existsSync } from "node:fs";
      while (!existsSync(${JSON.stringify(flag)})) await Bun.sleep(5);
      export default { name: "slow", initialise: () => true, collect: () => [{ status: "ok", message: "here" }] };`,
    "loop.ts": "while (true) {}",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(plugins, name), text, { mode: 0o644 });
  const file = join(fleet.directory, "slow.toml");
  const text = readFileSync(config(), "utf8").replace(/^plugins_dir = .*$/m, `plugins_dir = "${plugins}"`);
  writeFileSync(file, text, { mode: 0o600 });
  const daemon = fleet.start("heartbeat", ["--config", file]);
  const latest = (): Heartbeat => JSON.parse(readFileSync(join(fleet.directory, "run-heartbeat/latest.json"), "utf8"));
  const resultOf = (name: string) => latest().results.find((result) => result.name === name);
  await until("the daemon is ready", () => daemon.log().includes(" ready "), daemon);
  // They would have failed by then, if anybody had waited for them.
  expect(daemon.log().split(" ready ")[0]).not.toContain("failed to load");
  expect(daemon.log()).toContain("Plugin slow.ts may join later: it has not finished loading yet");
  await until("a heartbeat of it", () => daemon.log().includes("check ended"), daemon);
  await until("it is shown", () => existsSync(join(fleet.directory, "run-heartbeat/latest.json")), daemon);
  expect(resultOf("slow.ts")).toMatchObject({ status: "unknown", run: 0, notes: { pending: true } });
  expect(latest().plugins).toContainEqual({
    name: "slow.ts",
    state: "failed",
    reason: "it has not finished loading yet",
  });
  writeFileSync(flag, "");
  await until("it joins", () => daemon.log().includes("Plugin slow takes part from now on"), daemon);
  await until("it is collected", () => resultOf("slow")?.status === "ok", daemon);
  expect(resultOf("slow.ts")).toBeUndefined();
  // And it ends, whatever the other one does.
  daemon.process.kill("SIGTERM");
  expect(await daemon.ended()).toBe(0);
}, 180_000);

test("relative paths mean where it was started, in the background and after a reload too", async () => {
  const dir = join(fleet.directory, "relative");
  mkdirSync(dir);
  writeFileSync(join(dir, "token"), `${fleet.token}\n`);
  writeFileSync(
    join(dir, "h.toml"),
    `host_id = "${HOST}"
[receiver]
url = "${url}"
bearer_token_file = "token"
[heartbeat]
interval_s = 1
state_dir = "state"
run_dir = "run"
`,
  );
  const run = (...args: string[]): string =>
    Bun.spawnSync([join(executables(), "heartbeat"), "--config", "h.toml", ...args], { cwd: dir }).stdout.toString();
  const live = (): LiveStatus | null => (JSON.parse(run("status", "--json")) as Status).live;
  const pid = Number(/runs as pid (\d+)/.exec(run("--daemon"))?.[1]);
  await until("one has arrived", () => live()?.arrived != null);
  const before = live()?.collected?.sequence ?? 0;
  process.kill(pid, "SIGHUP");
  await until("two more collections", () => (live()?.collected?.sequence ?? 0) > before + 1);
  expect(live()).toMatchObject({ failing: null, waiting: 0 });
  expect(run("stop")).toBe(`stopped (pid ${pid})\n`);
}, 180_000);
