// A collector of any size, made by the project's own writers: token files, the latest heartbeat of each host, index rows and
// the archives that they name (hard links to a few empty ones: what a start walks through is names).
import { closeSync, linkSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { formatRow } from "../../lib/contract/index-row.ts";
import { hashToken } from "../../lib/receiver/access/auth.ts";
import { openHeartbeats } from "../../lib/receiver/heartbeats/store.ts";
import { RECEIVER } from "../labfleet.ts";
import { freePort } from "../peers.ts";
import { type Started, start } from "./daemon.ts";
import { heartbeatOf, hostName, OPERATOR_TOKEN, tokenOf } from "./names.ts";
import type { Storm, StormResult } from "./storm.ts";

/** Hosts over which index rows are spread. */
const ROW_HOSTS = 1000;
/** A file has at most 65,000 names on ext4. */
const NAMES_PER_FILE = 60_000;

export class Collector {
  private hosts = 0;
  private rows = 0;
  readonly config: string;
  readonly data: string;

  private constructor(
    readonly home: string,
    readonly port: number,
  ) {
    this.data = join(home, "collector");
    this.config = join(home, "collector.toml");
  }

  static async make(home: string): Promise<Collector> {
    const made = new Collector(home, await freePort());
    for (const dir of ["collector/episodes", "run", "tokens.d", "links"])
      mkdirSync(join(home, dir), { recursive: true });
    const paths = `[paths]\ndata_root = "${made.data}"\nrun_dir = "${join(home, "run")}"\n`;
    const auth = `[auth]\ntokens_dir = "${join(home, "tokens.d")}"\n`;
    const limits = "[limits]\nuploads_total = 256\nuploads_per_host = 256\n";
    writeFileSync(made.config, `listen = "127.0.0.1:${made.port}"\n\n${paths}\n${auth}\n${limits}`);
    made.token("operator", OPERATOR_TOKEN);
    return made;
  }

  private token(host: string, token: string): void {
    const entry = `# added ${new Date().toISOString()}\nsha256:${hashToken(token).toString("hex")}\n`;
    writeFileSync(join(this.home, "tokens.d", host), entry, { mode: 0o640 });
  }

  /** So many hosts that have a token; with `heard` also a heartbeat of a minute ago. */
  async haveHosts(count: number, heard = true): Promise<void> {
    const log = { warn: console.error, info: () => undefined } as never;
    const store = openHeartbeats(join(this.data, "heartbeats"), log);
    const at = new Date(Date.now() - 60_000);
    for (; this.hosts < count; this.hosts++) {
      this.token(hostName(this.hosts), tokenOf(this.hosts));
      if (heard) await store.put(heartbeatOf(this.hosts, 0, at), at.getTime(), at.getTime());
    }
  }

  /** So many rows in the index, and an archive for each. */
  haveRows(count: number): void {
    const fd = openSync(join(this.data, "index.jsonl"), "a");
    for (let i = 0; i < ROW_HOSTS; i++) mkdirSync(join(this.data, "episodes", hostName(i)), { recursive: true });
    let text = "";
    let source = "";
    for (; this.rows < count; this.rows++) {
      const i = this.rows;
      const [host, id] = [hostName(i % ROW_HOSTS), `2026-05-01T06-37-53.${String(i).padStart(8, "0")}`];
      const path = `episodes/${host}/${id}.tar.zst`;
      if (source === "" || i % NAMES_PER_FILE === 0) {
        source = join(this.home, "links", String(i));
        writeFileSync(source, "");
      }
      linkSync(source, join(this.data, path));
      text += `${formatRow(rowOf(i, host, id, path))}\n`;
      if (text.length < 4_000_000) continue;
      writeSync(fd, text);
      text = "";
    }
    writeSync(fd, text);
    closeSync(fd);
  }

  /** A receiver on it; its files are in the page cache, as after a restart of the daemon. */
  start(): Promise<Started> {
    return start([RECEIVER, "--config", this.config], this.home);
  }

  command(...argv: string[]): Promise<{ seconds: number; stdout: string }> {
    return timedRun([RECEIVER, ...argv, "--config", this.config]);
  }

  /** The list of hosts as the operator gets it. */
  async list(): Promise<{ ms: number; bytes: number; count: number }> {
    const at = performance.now();
    const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
    const answer = await fetch(`http://127.0.0.1:${this.port}/v1/hosts`, { headers, proxy: "" });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const ms = performance.now() - at;
    if (answer.status !== 200) throw new Error(`GET /v1/hosts: ${answer.status}`);
    const { hosts } = JSON.parse(new TextDecoder().decode(bytes)) as { hosts: unknown[] };
    return { ms, bytes: bytes.length, count: hosts.length };
  }

  /** Clients in a process of their own; `end` ends those that would go on, and gives what they saw. */
  storm(spec: Omit<Storm, "port">): { end: () => Promise<StormResult> } {
    const argv = [process.execPath, join(import.meta.dir, "storm.ts"), JSON.stringify({ ...spec, port: this.port })];
    const child = Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    return {
      async end() {
        child.stdin.end();
        const text = await child.stdout.text();
        if (text === "") throw new Error(`the clients (${spec.kind}) failed`);
        return JSON.parse(text) as StormResult;
      },
    };
  }
}

function rowOf(i: number, host: string, id: string, path: string) {
  const digest = i.toString(16).padStart(64, "0");
  return {
    host_id: host,
    episode_id: id,
    received_at_wall: "2026-05-01T06:37:53.830599+00:00",
    bytes: 0,
    sha256: digest,
    code_commit: "3f2c0ffee0ddf00d3f2c0ffee0ddf00d3f2c0ffe",
    path,
    tree_sha256: digest,
  };
}

export async function timedRun(argv: string[]): Promise<{ seconds: number; stdout: string }> {
  const at = performance.now();
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const stdout = await child.stdout.text();
  const code = await child.exited;
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
  return { seconds: (performance.now() - at) / 1000, stdout };
}

/** Medians, column by column, of several runs. */
export async function medians(
  runs: number,
  run: (n: number) => Promise<(number | null)[]>,
): Promise<(number | null)[]> {
  const all: (number | null)[][] = [];
  for (let n = 0; n < runs; n++) all.push(await run(n));
  const { median } = await import("../measure.ts");
  return (all[0] ?? []).map((_, i) => {
    const values = all.map((each) => each[i]).filter((value) => typeof value === "number");
    return values.length === 0 ? null : median(values);
  });
}
