// A real Alertmanager on loopback (Debian's prometheus-alertmanager), and what it tells a receiver of ours.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./fleet.ts";

const PROGRAM = "/usr/bin/prometheus-alertmanager";

/** Why it cannot be had, as the end of a test's name; empty: it can. */
export const alertmanagerMissing = existsSync(PROGRAM) ? "" : " (skipped: prometheus-alertmanager is not installed)";

export interface AlertmanagerOptions {
  /** Where it keeps what it has told; the next one there knows it. */
  directory: string;
  /** Left out: one that is free. */
  port?: number;
  /** The path that it serves below, such as `/am`. */
  prefix?: string;
  /** Who may ask it. */
  login?: { user: string; password: string };
}

export interface Held {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

interface Hook {
  status: string;
  groupLabels: Record<string, string>;
  alerts: (Held & { status: string })[];
}

/** It tells groups of one alertname at once, and what has changed of them a second later. */
const CONFIG = (hook: string) => `route:
  receiver: hook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs:
      - url: ${hook}
        send_resolved: true
`;

export class Alertmanager implements AsyncDisposable {
  /** What it told, in order. */
  readonly told: Hook[] = [];
  private readonly hook: ReturnType<typeof Bun.serve>;
  private child: Bun.Subprocess | null = null;
  private port: number;
  /** How much runs before this one told. */
  private toldBefore = 0;
  private readonly log: string;

  private constructor(private readonly options: AlertmanagerOptions) {
    this.hook = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        this.told.push((await request.json()) as Hook);
        return new Response("");
      },
    });
    this.port = options.port ?? 0;
    this.log = join(options.directory, "alertmanager.log");
  }

  static async start(options: AlertmanagerOptions): Promise<Alertmanager> {
    const one = new Alertmanager(options);
    await one.run();
    return one;
  }

  /** Starts it, on the port that it had before. */
  async run(): Promise<void> {
    const { directory, prefix = "/", login } = this.options;
    const path = (name: string): string => join(directory, name);
    writeFileSync(path("alertmanager.yml"), CONFIG(`http://127.0.0.1:${this.hook.port}/`));
    const args = [`--config.file=${path("alertmanager.yml")}`, `--storage.path=${path("data")}`];
    args.push(
      `--web.listen-address=127.0.0.1:${this.port}`,
      "--cluster.listen-address=",
      `--web.route-prefix=${prefix}`,
    );
    if (login !== undefined) {
      const hash = Bun.password.hashSync(login.password, { algorithm: "bcrypt", cost: 4 });
      writeFileSync(path("web.yml"), `basic_auth_users:\n  ${login.user}: ${hash}\n`);
      args.push(`--web.config.file=${path("web.yml")}`);
    }
    writeFileSync(this.log, "");
    this.child = Bun.spawn([PROGRAM, ...args], { stdout: "ignore", stderr: Bun.file(this.log), cwd: directory });
    const address = /msg="Listening on" address=127\.0\.0\.1:(\d+)/;
    await until("Alertmanager listens", () => address.test(readFileSync(this.log, "utf8")));
    this.port = Number(address.exec(readFileSync(this.log, "utf8"))?.[1]);
    await until("Alertmanager is ready", async () => (await this.ask("/-/ready")).ok);
  }

  /** Ends it: alerts are in its memory alone, and what it has told is in its directory. */
  async end(): Promise<void> {
    if (this.child === null) return;
    // What it has told it writes down when it has the answer.
    await until(
      "Alertmanager has all answers",
      async () => (await this.answers()) >= this.told.length - this.toldBefore,
    );
    this.child.kill("SIGTERM");
    await this.child.exited;
    this.child = null;
    this.toldBefore = this.told.length;
  }

  private async answers(): Promise<number> {
    const text = await (await this.ask("/metrics")).text();
    return Number(/^alertmanager_notification_requests_total\{integration="webhook"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What it holds for not being over. */
  async held(): Promise<Held[]> {
    return (await (await this.ask("/api/v2/alerts")).json()) as Held[];
  }

  /** As `labfleet_silent lab1 firing`, each change of an alert that it told, in order. */
  changes(): string[] {
    const last = new Map<string, string>();
    const seen: string[] = [];
    for (const { alerts } of this.told)
      for (const { labels, status } of alerts) {
        const name = [labels.alertname, labels.host].filter((part) => part !== undefined).join(" ");
        if (last.get(name) !== status) seen.push(`${name} ${status}`);
        last.set(name, status);
      }
    return seen;
  }

  private ask(path: string): Promise<Response> {
    const { prefix = "", login } = this.options;
    const authorization = login && `Basic ${btoa(`${login.user}:${login.password}`)}`;
    return fetch(`${this.origin}${prefix}${path}`, { headers: authorization ? { authorization } : {} });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.hook.stop(true);
  }
}
