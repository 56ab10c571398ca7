// A fleet of one host and one collector made of real compiled executables, in a temporary directory, on loopback.
// Waits for conditions only; disposes of everything it started.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PROBE } from "../../lib/shipper/data-root.ts";
import { executables, type Flavour } from "./compiled.ts";

export const HOST = "lab1";

export interface FleetOptions {
  flavour?: Flavour;
  /** TOML lines of the tables of collector.toml and lab-host.toml beyond the defaults here. */
  limits?: string;
  gate?: string;
  collectorTables?: string;
  shipperKeys?: string;
  receiverKeys?: string;
  retention?: string;
  /** Where shipper and receiver keep their data, if not in the fleet's own directory. */
  hostData?: string;
  collectorData?: string;
  /** Descriptors that a tool that is started may have; left out: as many as this process. */
  openFiles?: number;
}

export interface Tool {
  process: Bun.Subprocess;
  /** What it logged so far. */
  log(): string;
  /** Waits for its end; returns the exit code, or 128 + the signal. */
  ended(): Promise<number>;
}

let made: { token: string; file: string } | null = null;

export class Fleet implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "labfleet-e2e-"));
  readonly hostData: string;
  readonly collectorData: string;
  readonly collectorConfig = join(this.directory, "collector.toml");
  readonly hostConfig = join(this.directory, "lab-host.toml");
  readonly token: string;
  private readonly tools: Tool[] = [];
  private logs = 0;

  constructor(readonly options: FleetOptions = {}) {
    this.hostData = options.hostData ?? join(this.directory, "host");
    this.collectorData = options.collectorData ?? join(this.directory, "collector");
    mkdirSync(join(this.hostData, "episodes"), { recursive: true });
    mkdirSync(join(this.directory, "tokens.d"), { mode: 0o750 });
    this.writeCollectorConfig();
    this.token = this.addToken();
  }

  /** The receiver's own command makes one for each file of tests; the collectors after the first get the same. */
  private addToken(): string {
    const file = join(this.directory, "tokens.d", HOST);
    if (made !== null) {
      writeFileSync(file, made.file, { mode: 0o640 });
      return made.token;
    }
    const added = this.runNow("receiver", ["token", "add", HOST, "--config", this.collectorConfig]);
    made = { token: added.stdout.trim().split("\n").at(-1) ?? "", file: readFileSync(file, "utf8") };
    return made.token;
  }

  writeCollectorConfig(gate = this.options.gate ?? "require_commit = false"): void {
    writeFileSync(
      this.collectorConfig,
      `listen = "127.0.0.1:0"
[paths]
data_root = "${this.collectorData}"
run_dir = "${join(this.directory, "run-receiver")}"
[auth]
tokens_dir = "${join(this.directory, "tokens.d")}"
[gate]
${gate}
[limits]
disk_reserve = "1 MiB"
${this.options.limits ?? ""}
${this.options.collectorTables ?? ""}
`,
    );
  }

  /** Points the shipper at a port, the receiver's or a proxy's. */
  writeHostConfig(url: string, token = this.token): void {
    writeFileSync(
      this.hostConfig,
      `host_id = "${HOST}"
[paths]
data_root = "${this.hostData}"
run_dir = "${join(this.directory, "run-shipper")}"
[receiver]
url = "${url}"
bearer_token = "${token}"
${this.options.receiverKeys ?? ""}
[shipper]
scan_interval_s = 0.2
backoff_seconds = [0.05, 0.1, 0.2]
commit_file = "${join(this.directory, "VERSION")}"
disk_reserve = "1 MiB"
${this.options.shipperKeys ?? ""}
[retention]
${this.options.retention ?? ""}
`,
    );
  }

  /** Runs a tool to its end. */
  runNow(
    tool: string,
    args: string[],
    env: Record<string, string> = {},
  ): { code: number; stdout: string; stderr: string } {
    const done = Bun.spawnSync([join(executables(this.options.flavour), tool), ...args], { env: { PATH: "", ...env } });
    return { code: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  }

  /** Starts a run whose output is read while this process goes on. */
  spawn(tool: string, args: string[]): Bun.Subprocess<"ignore", "pipe", "inherit"> {
    const path = join(executables(this.options.flavour), tool);
    return Bun.spawn([path, ...args], { env: { PATH: "" }, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  }

  start(tool: string, args: string[], env: Record<string, string> = {}): Tool {
    const file = join(this.directory, `${tool}-${++this.logs}.log`);
    const { flavour, openFiles } = this.options;
    // Both limits: Bun raises the soft one to the hard one.
    const limited = openFiles === undefined ? [] : ["/bin/sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh"];
    const child = Bun.spawn([...limited, join(executables(flavour), tool), ...args], {
      env: { PATH: "", ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(file),
    });
    const started: Tool = {
      process: child,
      log: () => (existsSync(file) ? readFileSync(file, "utf8") : ""),
      ended: async () => {
        await child.exited;
        return child.exitCode ?? 128 + (child.signalCode === "SIGKILL" ? 9 : child.signalCode === "SIGABRT" ? 6 : 15);
      },
    };
    this.tools.push(started);
    return started;
  }

  /** Starts the receiver; returns it with the address it listens on, once it does. */
  async startReceiver(
    env: Record<string, string> = {},
    args: string[] = [],
  ): Promise<Tool & { url: string; port: number }> {
    const file = join(this.directory, "run-receiver/listen");
    rmSync(file, { force: true });
    const tool = this.start("receiver", ["--config", this.collectorConfig, ...args], env);
    await until("the receiver listens", () => existsSync(file) && readFileSync(file, "utf8").trim() !== "", tool);
    const port = Number(readFileSync(file, "utf8").trim().split(":").at(-1));
    return { ...tool, url: `http://127.0.0.1:${port}`, port };
  }

  startShipper(env: Record<string, string> = {}): Tool {
    return this.start("shipper", ["--config", this.hostConfig], env);
  }

  shipOnce(env: Record<string, string> = {}): { code: number; stderr: string } {
    return this.runNow("shipper", ["once", "--config", this.hostConfig], env);
  }

  /** A finished episode with these files. */
  episode(id: string, files: Record<string, string | Uint8Array>): string {
    const root = join(this.hostData, "episodes", id);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, ".marker.tmp"), "");
    renameSync(join(root, ".marker.tmp"), join(root, "done.marker"));
    return root;
  }

  list(where: "episodes" | "outbox" | "shipped" | "quarantine"): string[] {
    const path = join(this.hostData, where);
    // A start moves a probe of its own from one to the next.
    return existsSync(path)
      ? readdirSync(path)
          .filter((name) => name !== PROBE)
          .sort()
      : [];
  }

  /** Names of the stored archives. */
  stored(): string[] {
    const path = join(this.collectorData, "episodes", HOST);
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  rows(): { episode_id: string; sha256: string; bytes: number; path: string; code_commit: string | null }[] {
    const path = join(this.collectorData, "index.jsonl");
    if (!existsSync(path)) return [];
    return readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  attempts(): { status: number; reason: string; episode_id: string | null; bytes: number }[] {
    const path = join(this.collectorData, "attempts");
    if (!existsSync(path)) return [];
    const lines = readdirSync(path).flatMap((name) => readFileSync(join(path, name), "utf8").trim().split("\n"));
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: child } of this.tools) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await child.exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until a condition holds; fails with its description and the log of what should have brought it about. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  tool?: Pick<Tool, "log" | "process">,
  limitMs = 60_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    const ended = tool !== undefined && (tool.process.exitCode !== null || tool.process.signalCode !== null);
    if (performance.now() > end || (ended && !(await holds()))) {
      throw new Error(`not seen: ${what}${ended ? " (the process has ended)" : ""}\n${tool?.log().slice(-2000) ?? ""}`);
    }
    await Bun.sleep(10);
  }
}
