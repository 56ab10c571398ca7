// A lab host's agent for end-to-end tests: its configuration, its runs, and what it and the receiver know.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import { STATUS_REPORT } from "../../lib/contract/places.ts";
import type { LiveStatus } from "../../lib/heartbeat/status-live.ts";
import type { Status } from "../../lib/heartbeat/status-text.ts";
import { type Fleet, HOST, type Tool } from "./fleet.ts";

export interface HeartbeatOptions {
  url: string;
  /** Where the state is, if not in the fleet's directory. */
  stateDir?: string;
  /** TOML lines of [receiver], instead of the fleet's token. */
  receiver?: string;
  /** TOML lines of [heartbeat], and tables after it. */
  heartbeat?: string;
  hostId?: string;
}

export class HeartbeatHost {
  readonly config: string;
  readonly stateDir: string;
  readonly runDir: string;
  private pid = 0;

  constructor(
    readonly fleet: Fleet,
    options: HeartbeatOptions,
  ) {
    this.config = join(fleet.directory, "heartbeat.toml");
    this.stateDir = options.stateDir ?? join(fleet.directory, "heartbeat");
    this.runDir = join(fleet.directory, "run-heartbeat");
    mkdirSync(join(fleet.directory, "plugins.d"), { recursive: true, mode: 0o755 });
    this.configure(options);
  }

  configure({ url, receiver, heartbeat, hostId }: HeartbeatOptions): void {
    const { directory, hostData, token } = this.fleet;
    writeFileSync(
      this.config,
      `host_id = "${hostId ?? HOST}"
[receiver]
url = "${url}"
${receiver ?? `bearer_token = "${token}"`}
[paths]
data_root = "${hostData}"
run_dir = "${join(directory, "run-shipper")}"
[heartbeat]
interval_s = 1
backoff_seconds = [0.1]
state_dir = "${this.stateDir}"
run_dir = "${this.runDir}"
plugins_dir = "${join(directory, "plugins.d")}"
${heartbeat ?? ""}
`,
    );
  }

  start(): Tool {
    const tool = this.fleet.start("heartbeat", ["--config", this.config]);
    this.pid = tool.process.pid;
    return tool;
  }

  run(...args: string[]): { code: number; stdout: string; stderr: string } {
    return this.fleet.runNow("heartbeat", [...args, "--config", this.config]);
  }

  /** What a run prints that is not waited for with folded hands: for a process that serves the agent meanwhile. */
  async printed(...args: string[]): Promise<string> {
    const { stdout } = this.fleet.spawn("heartbeat", [...args, "--config", this.config]);
    return new Response(stdout).text();
  }

  status(): Status {
    const { code, stdout, stderr } = this.run("status", "--json");
    if (code !== 0) throw new Error(`heartbeat status: ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /**
   * What the agent that was started last says of itself, read from its file: a process that serves an agent must not wait for
   * another one, and who waits for something would start one after the other.
   */
  live(): LiveStatus | null {
    const file = join(this.runDir, STATUS_REPORT);
    const live: LiveStatus | null = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
    return live?.pid === this.pid ? live : null;
  }

  /** The newest collection of the agent, or null. */
  latest(): Heartbeat | null {
    const file = join(this.runDir, "latest.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
  }

  /** Names in a directory of the spool: `state` on the disk, `run` in memory. */
  spool(where: "state" | "run" = "state"): string[] {
    const path = join(where === "state" ? this.stateDir : this.runDir, "spool");
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  /** All rows that the receiver has written for heartbeats. */
  rows(): (Heartbeat & { old?: true })[] {
    const path = join(this.fleet.collectorData, "heartbeats");
    if (!existsSync(path)) return [];
    const days = readdirSync(path).filter((name) => name.endsWith(".jsonl"));
    // A row that is just being written has no end yet.
    const lines = days.flatMap((name) => readFileSync(join(path, name), "utf8").split("\n").slice(0, -1));
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }
}
