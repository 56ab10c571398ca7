// The main job, end to end, on this machine: record a real episode (or take a directory), ship it with the compiled
// shipper to the compiled receiver on loopback, and show what arrived. `demo [PATH] [--seconds N] [--keep]`.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatBytes } from "../lib/core/text/quantity.ts";
import { copyAsEpisode, recordEpisode } from "./episode.ts";
import { listArchive } from "./list-archive.ts";

const project = join(import.meta.dir, "..");
const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const bin = (tool: string): string => join(project, "dist", target, tool);
const HOST = "demo-host";

function fail(message: string): never {
  console.error(`demo: ${message}`);
  process.exit(2);
}

function run(command: string[]): string {
  const done = Bun.spawnSync(command, { stderr: "pipe", stdout: "pipe" });
  if (done.exitCode !== 0) fail(`${command.join(" ")} failed:\n${done.stderr.toString()}`);
  return done.stdout.toString();
}

/** Waits for something to be there; the daemons are real, so it can fail. */
async function until<T>(what: string, look: () => T | null, limitMs = 60_000): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== null) return found;
    if (performance.now() > end) fail(`${what} did not happen within ${limitMs / 1000} s`);
    await Bun.sleep(20);
  }
}

const readIfThere = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);
const step = (text: string): void => console.log(`\n== ${text}`);

interface Demo {
  state: string;
  collectorConfig: string;
  hostConfig: string;
  receiver: Bun.Subprocess;
  shipper: Bun.Subprocess | null;
}

async function startReceiver(state: string, keep: boolean): Promise<Demo> {
  const collectorConfig = join(state, "collector.toml");
  const hostConfig = join(state, "lab-host.toml");
  for (const dir of ["collector", "host/episodes", "tokens.d", "run"]) mkdirSync(join(state, dir), { recursive: true });
  writeFileSync(
    collectorConfig,
    `listen = "127.0.0.1:0"

[paths]
data_root = "${state}/collector"
run_dir = "${state}/run/receiver"

[auth]
tokens_dir = "${state}/tokens.d"
`,
  );
  const token =
    run([bin("receiver"), "token", "add", HOST, "--config", collectorConfig])
      .trim()
      .split("\n")
      .at(-1) ?? "";
  const receiver = daemon([bin("receiver"), "--config", collectorConfig], join(state, "receiver.log"), keep);
  const address = await until("the receiver's start", () => readIfThere(`${state}/run/receiver/listen`));
  writeFileSync(
    hostConfig,
    `host_id = "${HOST}"

[paths]
data_root = "${state}/host"
run_dir = "${state}/run/shipper"

[receiver]
url = "http://${address.trim()}"
bearer_token = "${token}"

[shipper]
scan_interval_s = 1
commit_file = "${state}/VERSION"
`,
    { mode: 0o640 },
  );
  return { state, collectorConfig, hostConfig, receiver, shipper: null };
}

function daemon(command: string[], log: string, keep: boolean): Bun.Subprocess {
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
    detached: keep,
    env: { PATH: "" },
  });
  if (keep) child.unref();
  return child;
}

async function showArrival(demo: Demo, id: string): Promise<void> {
  const receipt = await until(
    `the shipping of ${id} (see ${demo.state}/shipper.log)`,
    () => readIfThere(`${demo.state}/host/shipped/${id}/receipt.json`),
    3_600_000,
  );
  step("receipt, beside the episode on the host");
  console.log(JSON.stringify(JSON.parse(receipt), null, 2));
  step("row in the collector's index.jsonl");
  const rows = readFileSync(`${demo.state}/collector/index.jsonl`, "utf8").trim().split("\n");
  const row = rows.find((line) => line.includes(`"${id}"`)) ?? fail("the index has no row of the episode");
  console.log(row);
  const stored = join(demo.state, "collector", String(JSON.parse(row).path));
  step(`stored archive: ${stored}, ${formatBytes(statSync(stored).size)}`);
  const members = await listArchive(stored);
  for (const { name, bytes, mtime } of members.slice(0, 25)) {
    console.log(`${String(bytes).padStart(12)}  ${mtime.toISOString().slice(0, 19)}  ${name}`);
  }
  if (members.length > 25) console.log(`… and ${members.length - 25} more`);
}

async function stop(name: string, child: Bun.Subprocess): Promise<void> {
  const startedAt = performance.now();
  child.kill("SIGTERM");
  const code = await child.exited;
  console.log(`${name} stopped in ${Math.round(performance.now() - startedAt)} ms, exit ${code}`);
  if (code !== 0) fail(`${name} did not stop cleanly`);
}

function sayWhatRuns(demo: Demo): void {
  step("left running");
  const pids = `${demo.receiver.pid} ${demo.shipper?.pid}`;
  console.log(`state      ${demo.state}
ship more  cp -r SOMETHING ${demo.state}/host/episodes/ && touch ${demo.state}/host/episodes/SOMETHING/done.marker
look       ${bin("shipper")} status --config ${demo.hostConfig}
verify     ${bin("receiver")} verify --config ${demo.collectorConfig}
stop       kill ${pids} && rm -r ${demo.state}`);
}

const { values, positionals } = parseArgs({
  options: { keep: { type: "boolean", default: false }, seconds: { type: "string", default: "3" } },
  allowPositionals: true,
});
const source = positionals[0] === undefined ? null : resolve(process.env.INIT_CWD ?? ".", positionals[0]);
if (source !== null && !(existsSync(source) && statSync(source).isDirectory())) fail(`${source} is not a directory`);
const seconds = Number(values.seconds);
if (!(seconds >= 0 && seconds <= 3600)) fail(`--seconds must be a number from 0 to 3600, found "${values.seconds}"`);

step("building shipper and receiver");
console.log(run([process.execPath, join(project, "scripts/build.ts"), "shipper", "receiver"]).trim());
const version = run([bin("shipper"), "--version"]).trim();
console.log(version);
const commit = /commit ([0-9a-f]+)/.exec(version)?.[1] ?? "demo";

const demo = await startReceiver(mkdtempSync(join(tmpdir(), "labfleet-demo-")), values.keep);
writeFileSync(`${demo.state}/VERSION`, `${commit}\n`);
const episodes = join(demo.state, "host/episodes");
step(source === null ? `recording ${seconds} s of this machine's telemetry` : `copying ${source}`);
const id = source === null ? await recordEpisode(episodes, project, seconds, commit) : copyAsEpisode(source, episodes);
console.log(`episode ${id} in ${episodes}`);

step("shipping");
demo.shipper = daemon([bin("shipper"), "--config", demo.hostConfig], join(demo.state, "shipper.log"), values.keep);
await showArrival(demo, id);
if (values.keep) {
  sayWhatRuns(demo);
  process.exit(0);
}
step("stopping");
await stop("shipper", demo.shipper);
await stop("receiver", demo.receiver);
console.log(run([bin("receiver"), "verify", "--config", demo.collectorConfig]).trim());
rmSync(demo.state, { recursive: true });
