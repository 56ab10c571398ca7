// What grows at a lab host: how soon the first of a hundred new episodes is at the collector, and how fast the others follow, with
// N more in the queue, in quarantine, or shipped and kept. Notes are those that the shipper writes.
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lateDocument } from "../../lib/shipper/settle/settled-documents.ts";
import { SHIPPER } from "../labfleet.ts";
import { Collector, medians } from "./collector.ts";
import { type Started, start } from "./daemon.ts";
import { hostName, tokenOf } from "./names.ts";
import type { Measuring, Part } from "./table.ts";

const SIZES = [1000, 10_000, 100_000];
const RUNS = 3;
const NEW = 100;
const EPISODE_BYTES = 10_000;
const NAMES_PER_FILE = 60_000;
const LIMIT_S = 300;
const DIGEST = "0".repeat(64);

type State = "queued" | "quarantined" | "kept";

export class LabHost {
  private made = 0;
  private fresh = 0;
  private source = "";
  readonly data: string;

  constructor(
    readonly home: string,
    readonly collector: Collector,
  ) {
    this.data = join(home, "host");
    for (const dir of ["episodes", "shipped", "quarantine"]) mkdirSync(join(this.data, dir), { recursive: true });
    mkdirSync(join(home, "run-host"));
    this.configure(collector.port, 2);
  }

  /** Where it ships to, and how many at once. */
  configure(port: number, transfers: number): void {
    const paths = `[paths]\ndata_root = "${this.data}"\nrun_dir = "${join(this.home, "run-host")}"\n`;
    const receiver = `[receiver]\nurl = "http://127.0.0.1:${port}"\nbearer_token = "${tokenOf(0)}"\n`;
    const text = `host_id = "${hostName(0)}"\n\n${paths}\n${receiver}\n[shipper]\ntransfers = ${transfers}\n`;
    writeFileSync(join(this.home, "lab-host.toml"), text, { mode: 0o640 });
  }

  private episode(dir: string, id: string): string {
    const path = join(this.data, dir, id);
    mkdirSync(path);
    if (this.source === "" || (this.made + this.fresh) % NAMES_PER_FILE === 0) {
      this.source = join(this.home, `telemetry-${this.made}-${this.fresh}`);
      writeFileSync(this.source, Buffer.alloc(EPISODE_BYTES, "t_us,acc,temp\n"));
    }
    linkSync(this.source, join(path, "telemetry.csv"));
    writeFileSync(join(path, "done.marker"), "");
    return path;
  }

  have(count: number, state: State): void {
    for (; this.made < count; this.made++) {
      const id = `old-${String(this.made).padStart(8, "0")}`;
      if (state === "queued") this.episode("episodes", id);
      else if (state === "kept") this.note(this.episode("shipped", id), "receipt.json", receipt(id));
      else this.note(this.episode("quarantine", id), "rejection.json", rejection(id));
    }
  }

  private note(path: string, name: string, note: Record<string, unknown>): void {
    writeFileSync(join(path, name), `${JSON.stringify({ labfleet: 1, ...note })}\n`);
  }

  record(count: number): void {
    for (let n = 0; n < count; n++) this.episode("episodes", `new-${String(this.fresh++).padStart(8, "0")}`);
  }

  /** What is kept is counted after a start, and that takes a processor of its own. */
  forgetShipped(): void {
    Bun.spawnSync(["sh", "-c", 'rm -rf "$1" && mkdir "$1"', "sh", join(this.data, "shipped")]);
  }

  start(): Promise<Started> {
    return start([SHIPPER, "--config", join(this.home, "lab-host.toml")], this.home);
  }

  /** What the collector has of this host. */
  stored(): number {
    try {
      return readdirSync(join(this.collector.data, "episodes", hostName(0))).length;
    } catch {
      return 0;
    }
  }

  /** The shipper's own report. */
  settled(): boolean {
    try {
      return JSON.parse(readFileSync(join(this.home, "run-host/status.json"), "utf8")).settled !== null;
    } catch {
      return false;
    }
  }
}

function receipt(id: string): Record<string, unknown> {
  const at = new Date().toISOString();
  const sent = { sent_bytes: EPISODE_BYTES, sent_sha256: DIGEST, sent_tree_sha256: DIGEST, code_commit: null };
  const about = { host_id: hostName(0), episode_id: id, received_at_wall: at, receiver_id: null };
  const stored = { status: "stored", bytes: EPISODE_BYTES, sha256: DIGEST };
  return { ...stored, ...about, verified: true, shipped_at: at, receiver_day: 0, ...sent, fingerprint: "v1:bench" };
}

/** One that nobody is asked about: a person decides. */
function rejection(id: string): Record<string, unknown> {
  const record = { id, bytes: EPISODE_BYTES, sha256: DIGEST } as Parameters<typeof lateDocument>[0];
  return { ...lateDocument(record, 0), episode_id: id, fingerprint: "v1:bench" };
}

/** @param everyMs to ask costs what is measured its processor, where the collector has thousands */
export async function until(condition: () => boolean, what: string, everyMs = 10): Promise<void> {
  for (const limit = performance.now() + LIMIT_S * 1000; !condition(); await Bun.sleep(everyMs))
    if (performance.now() > limit) throw new Error(`not within ${LIMIT_S} s: ${what}`);
}

async function measure(host: LabHost, size: number, state: State): Promise<(number | null)[]> {
  host.have(size, state);
  const receiver = await host.collector.start();
  try {
    return await medians(RUNS, async () => {
      host.record(NEW);
      const before = host.stored();
      const daemon = await host.start();
      try {
        await until(() => host.stored() > before, "the first episode");
        const firstS = daemon.sinceS();
        await until(() => host.stored() >= before + NEW, "all new episodes");
        const perS = NEW / (daemon.sinceS() - firstS);
        await until(() => host.settled(), "a count of what is settled");
        const warmS = state === "queued" ? null : await daemon.warm();
        const status = await timedStatus(host);
        return [daemon.readyS, firstS, perS, warmS, status, daemon.rssMiB()];
      } finally {
        await daemon.stop();
      }
    });
  } finally {
    await receiver.stop();
  }
}

async function timedStatus(host: LabHost): Promise<number> {
  const at = performance.now();
  const child = Bun.spawn([SHIPPER, "status", "--config", join(host.home, "lab-host.toml")], { stdout: "ignore" });
  await child.exited;
  return (performance.now() - at) / 1000;
}

function backlog(state: State, note: string): Part {
  return {
    name: `backlog-${state}`,
    title: `A shipper with N episodes ${state}`,
    of: "episodes",
    sizes: SIZES,
    columns: [
      { head: "READY, s", digits: 2 },
      { head: "first shipped, s", digits: 2 },
      { head: "shipped/s", digits: 0, exponent: false },
      { head: "warm, s", digits: 2 },
      { head: "`shipper status`, s", digits: 2 },
      { head: "memory, MiB", digits: 0 },
    ],
    note,
    async open(work): Promise<Measuring> {
      const collector = await Collector.make(work);
      await collector.haveHosts(1, false);
      const host = new LabHost(work, collector);
      return { measure: (size) => measure(host, size, state) };
    },
  };
}

export const backlogs: readonly Part[] = [
  backlog(
    "queued",
    `Episodes of 10 kB; the rate is that of the first ${NEW}. More than N stay queued: each run ships some.`,
  ),
  backlog("quarantined", `Refused, for a person to decide; ${NEW} new ones of 10 kB a run.`),
  backlog("kept", `Shipped and kept; ${NEW} new ones of 10 kB a run.`),
];
