// The compiled agent and the compiled receiver, without systemd: what a host says arrives, also from a plugin in a file; a
// receiver that is not there costs nothing but time.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../lib/core/heartbeat.ts";
import { Fleet, HOST } from "../support/fleet.ts";

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

test("plugins: which are loaded, skipped or failed, and why; a broken file fails alone, with its line", () => {
  const { code, stdout } = heartbeat("plugins");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^loaded +camera$/m);
  expect(stdout).toMatch(/^loaded +nagios_runner$/m);
  expect(stdout).toMatch(/^failed +broken(\.ts)? .*broken\.ts:\d+/m);
});

test("without a receiver: exit 3, the heartbeat waits, and goes with the next one", () => {
  writeConfig("http://127.0.0.1:1");
  const failed = heartbeat("once");
  expect(failed.code).toBe(3);
  expect(failed.stderr).toContain("heartbeat not sent, it is kept: network: ");
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
  expect(stderr).toContain("status 401");
  writeFileSync(config(), text);
  expect(heartbeat("once").code).toBe(0);
});
