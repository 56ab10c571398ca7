// labfleet's own side of the benchmarks: configuration of a host and a collector, and the receiver as a daemon.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { timed } from "./measure.ts";
import { type Daemon, freePort, startDaemon } from "./peers.ts";

const DIST = resolve(import.meta.dir, "../dist/linux-x64");
export const SHIPPER = join(DIST, "shipper");
export const RECEIVER = join(DIST, "receiver");

export function haveLabfleet(): boolean {
  return existsSync(SHIPPER) && existsSync(RECEIVER);
}

/** Those who can take part; who is left out, and why, is said. */
export function present<C extends { name: string; program?: string }>(contestants: readonly C[]): C[] {
  return contestants.filter(({ name, program }) => {
    const isThere = program === undefined ? haveLabfleet() : Bun.which(program) !== null;
    const why = program === undefined ? "dist/linux-x64 holds no shipper and receiver" : `there is no ${program}`;
    if (!isThere) process.stderr.write(`${name} is left out: ${why}\n`);
    return isThere;
  });
}

export interface Collector extends Daemon {
  token: string;
  /** Where the archives of host `bench` end up. */
  stored: string;
  hostConfig: string;
}

/** The episodes to ship belong in `<home>/host/episodes`. The token is one that the receiver has made itself. */
export async function startReceiver(home: string): Promise<Collector> {
  const port = await freePort();
  const config = join(home, "collector.toml");
  for (const dir of ["host", "collector", "run-collector", "run-host", "tokens.d"]) {
    mkdirSync(join(home, dir), { recursive: true });
  }
  const paths = (data: string): string =>
    `[paths]\ndata_root = "${join(home, data)}"\nrun_dir = "${join(home, `run-${data}`)}"\n`;
  const auth = `[auth]\ntokens_dir = "${join(home, "tokens.d")}"\n\n[gate]\nrequire_commit = false\n\n[limits]\nuploads_total = 256\nuploads_per_host = 256\n`;
  writeFileSync(config, `listen = "127.0.0.1:${port}"\n\n${paths("collector")}\n${auth}`);
  const made = await timed([RECEIVER, "token", "add", "bench", "--config", config]);
  const token = made.stdout.trim().split("\n").at(-1) ?? "";
  const hostConfig = join(home, "lab-host.toml");
  const receiver = `[receiver]\nurl = "http://127.0.0.1:${port}"\nbearer_token = "${token}"\n`;
  writeFileSync(hostConfig, `host_id = "bench"\n\n${paths("host")}\n${receiver}`, { mode: 0o640 });
  const daemon = await startDaemon([RECEIVER, "--config", config], port);
  return { ...daemon, token, hostConfig, stored: join(home, "collector/episodes/bench") };
}
