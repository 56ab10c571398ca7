// Durable PUTs over kept-alive connections: labfleet's receiver beside nginx's DAV module and rclone's webdav server.
// bun bench/put.ts [--rounds N] [--quick] [--work DIR]   (needs bench/install-packages.sh; labfleet: dist/linux-x64)
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { present, startReceiver } from "./labfleet.ts";
import { type LoadResult, type LoadSpec, payload } from "./load.ts";
import { interleave, machine, markdown, median, ratio, spread, timed, type Usage, watchDaemon } from "./measure.ts";
import { type Daemon, startNginx, startRcloneDav } from "./peers.ts";

interface Shape {
  name: string;
  size: number;
  connections: number;
  requests: number;
}

interface Contestant {
  name: string;
  note: string;
  /** What must be installed for it; none: labfleet itself. */
  program?: string;
  /** Starts the server in an empty `home`. */
  start(home: string): Promise<Daemon>;
  /** Where the n-th body goes ("{n}"), and what the server wants to be told about it. */
  path: string;
  headers(shape: Shape, server: Daemon): Record<string, string>;
}

interface Sample {
  load: LoadResult;
  server: Usage;
}

const nginx: Contestant = {
  name: "nginx DAV",
  program: "nginx",
  note: "2 workers; neither hashes nor fsyncs: the body is in the page cache when it answers 201",
  start: startNginx,
  path: "/{n}.tar.zst",
  headers: () => ({}),
};

const rclone: Contestant = {
  name: "rclone serve webdav",
  program: "rclone",
  note: "neither hashes nor fsyncs",
  start: startRcloneDav,
  path: "/{n}.tar.zst",
  headers: () => ({}),
};

const labfleet: Contestant = {
  name: "labfleet receiver",
  note: "sha256, fsync of file and directory, index row appended and fsynced, all before 201",
  start: startReceiver,
  path: "/v1/episodes/bench/{n}.tar.zst",
  headers: (shape, server) => ({
    authorization: `Bearer ${"token" in server ? server.token : ""}`,
    "repr-digest": `sha-256=:${createHash("sha256").update(payload(shape.size)).digest("base64")}:`,
  }),
};

const KIB = 1024;

function shapes(quick: boolean): Shape[] {
  const small = { name: "16 KiB × 64 connections", size: 16 * KIB, connections: 64, requests: quick ? 10_000 : 40_000 };
  const large = { name: "16 MiB × 8 connections", size: 16 * KIB * KIB, connections: 8, requests: quick ? 64 : 160 };
  return [small, large];
}

/** The first core this process may run on (a container may not have number 0). */
function firstCore(): string {
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
}

/** One core, always the same one, whichever server it drives; the servers may use all. */
async function generate(spec: LoadSpec): Promise<LoadResult> {
  const argv = ["taskset", "-c", firstCore(), process.execPath, join(import.meta.dir, "load.ts"), JSON.stringify(spec)];
  return JSON.parse((await timed(argv)).stdout) as LoadResult;
}

async function runFresh(contestant: Contestant, shape: Shape, work: string): Promise<Sample> {
  const home = join(work, "run");
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const server = await contestant.start(home);
  try {
    const { size, connections, requests } = shape;
    const headers = contestant.headers(shape, server);
    const spec = { port: server.port, path: contestant.path, size, connections, requests, headers };
    await generate({ ...spec, path: spec.path.replace("{n}", "warm-{n}"), requests: 4 * connections });
    const account = watchDaemon(server.pid);
    const load = await generate(spec);
    return { load, server: account() };
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function report(shape: Shape, samples: Map<Contestant, Sample[]>): string {
  const rate = (runs: Sample[]): number[] => runs.map((run) => run.load.requestsPerS);
  const baseline = rate(samples.get(nginx) ?? []);
  const middle = (runs: Sample[], of: (run: Sample) => number, digits: number): string =>
    median(runs.map(of)).toFixed(digits);
  const rows = [...samples].map(([contestant, runs]) => [
    contestant.name,
    spread(rate(runs), shape.size > 1e6 ? 1 : 0),
    ((median(rate(runs)) * shape.size) / 1e6).toFixed(0),
    ratio(rate(runs), baseline),
    middle(runs, (run) => run.load.p50Ms, 1),
    middle(runs, (run) => run.load.p99Ms, 1),
    middle(runs, (run) => run.server.cpuS / run.load.wallS, 2),
    middle(runs, (run) => run.server.rssMiB, 0),
    middle(runs, (run) => run.load.cpuS / run.load.wallS, 2),
  ]);
  const head = ["", "PUT/s", "MB/s", "× nginx", "p50 ms", "p99 ms", "server cores", "server MiB", "generator cores"];
  return `### ${shape.name}, ${shape.requests} PUTs\n\n${markdown(head, rows)}\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: "string" }, quick: { type: "boolean" }, work: { type: "string" } },
  });
  const on = machine();
  const quick = values.quick ?? false;
  const rounds = Number(values.rounds ?? (quick ? 3 : 5));
  const work = values.work ? resolve(values.work) : mkdtempSync(join(tmpdir(), "labfleet-bench-"));
  const contestants = present([nginx, rclone, labfleet]);
  try {
    const reports: string[] = [];
    for (const shape of shapes(quick)) {
      reports.push(report(shape, await interleave(contestants, rounds, (each) => runFresh(each, shape, work))));
    }
    console.log(`${on}; medians of ${rounds} interleaved rounds (range)\n\n${reports.join("\n")}`);
    for (const { name, note } of contestants) console.log(`- ${name}: ${note}`);
    console.log("- server MiB: sum of its processes' peaks; where the generator's cores near 1.00 it was the limit");
  } finally {
    if (values.work === undefined) rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
