// Ships a backlog of episodes end to end, with labfleet and with what a user would take instead, in interleaved rounds.
// bun bench/ship.ts [--rounds N] [--quick] [--all] [--work DIR]
// Needs bench/install-packages.sh; labfleet takes part when dist/linux-x64 holds it.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type DataSet, makeData } from "./data.ts";
import { present, SHIPPER, startReceiver } from "./labfleet.ts";
import {
  interleave,
  machine,
  markdown,
  median,
  ratio,
  spread,
  type Timed,
  timed,
  type Usage,
  watchDaemon,
} from "./measure.ts";
import { type Daemon, rcloneMove, startNginx, startRcloneDav, tarZstdCurl, tarZstdRclone } from "./peers.ts";

interface Sample {
  wallS: number;
  client: Usage;
  server: Usage;
}

interface Contestant {
  name: string;
  /** What it does and does not do, printed under the table. */
  note: string;
  /** What must be installed for it; none: labfleet itself. */
  program?: string;
  /** Takes minutes a round with the full data: only with --quick or --all. */
  slow?: boolean;
  /** `home` is empty and thrown away afterwards; `episodes` holds hard links to the set's files and may be used up. */
  run(set: DataSet, home: string, episodes: string): Promise<Sample>;
}

/** Sends while the server is on the account, then counts what has arrived: a run that lost something is no result. */
async function measured(set: DataSet, server: Daemon, stored: string, send: () => Promise<Timed>): Promise<Sample> {
  try {
    const account = watchDaemon(server.pid);
    const client = await send();
    const sample = { wallS: client.wallS, client, server: account() };
    const found = readdirSync(stored).length;
    if (found !== set.episodes) throw new Error(`${found} episodes arrived in ${stored}, not ${set.episodes}`);
    return sample;
  } finally {
    await server.stop();
  }
}

const pipeline: Contestant = {
  name: "tar, zstd, curl to nginx DAV",
  program: "nginx",
  note: "`tar | zstd -3 -T0 | curl -T -` in a loop; nginx neither hashes nor fsyncs; no receipt, the source stays",
  async run(set, home, episodes) {
    const server = await startNginx(home);
    return measured(set, server, server.root, () => tarZstdCurl(episodes, server.url));
  },
};

const rclonePacked: Contestant = {
  name: "tar, zstd, then rclone move to rclone serve webdav",
  program: "rclone",
  note: "archives packed to an outbox one by one, then moved four at once; no fsync; the source stays",
  async run(set, home, episodes) {
    const server = await startRcloneDav(home);
    const outbox = join(home, "outbox");
    mkdirSync(outbox);
    return measured(set, server, server.root, () => tarZstdRclone(episodes, outbox, server.url));
  },
};

const rclone: Contestant = {
  name: "rclone move to rclone serve webdav",
  program: "rclone",
  note: "file by file, uncompressed, 4 at once; no fsync; the source is deleted; before 1.63 it waits 10 ms a request",
  slow: true,
  async run(set, home, episodes) {
    const server = await startRcloneDav(home);
    return measured(set, server, server.root, () => rcloneMove(episodes, server.url));
  },
};

const labfleet: Contestant = {
  name: "labfleet",
  note: "`shipper once` to `receiver`: digests on both sides, fsync of file, directory and index row, a receipt each",
  async run(set, home) {
    const server = await startReceiver(home);
    return measured(set, server, server.stored, () => timed([SHIPPER, "once", "--config", server.hostConfig]));
  },
};

/** Gives each run its own copy (hard links, so the page cache is warm alike for all) and an empty home. */
async function runFresh(contestant: Contestant, set: DataSet, work: string): Promise<Sample> {
  const home = join(work, "run");
  const episodes = join(home, "host", "episodes");
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(home, "host"), { recursive: true });
  const copied = await Bun.spawn(["cp", "-al", set.dir, episodes]).exited;
  if (copied !== 0) throw new Error("cp -al failed");
  try {
    return await contestant.run(set, home, episodes);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function report(set: DataSet, samples: Map<Contestant, Sample[]>): string {
  const wall = (runs: Sample[]): number[] => runs.map((run) => run.wallS);
  const baseline = wall(samples.get(pipeline) ?? []);
  const rows = [...samples].map(([contestant, runs]) => [
    contestant.name,
    spread(wall(runs)),
    (set.bytes / 1e6 / median(wall(runs))).toFixed(0),
    ratio(baseline, wall(runs)),
    median(runs.map((run) => run.client.cpuS)).toFixed(2),
    median(runs.map((run) => run.server.cpuS)).toFixed(2),
    median(runs.map((run) => run.client.rssMiB)).toFixed(0),
    median(runs.map((run) => run.server.rssMiB)).toFixed(0),
  ]);
  const head = [
    "",
    "wall s",
    "MB/s of source",
    "× pipeline",
    "sender CPU s",
    "server CPU s",
    "sender MiB",
    "server MiB",
  ];
  return `### ${set.name} (${(set.bytes / 1e6).toFixed(0)} MB)\n\n${markdown(head, rows)}\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean" },
      all: { type: "boolean" },
      work: { type: "string" },
    },
  });
  const on = machine();
  const quick = values.quick ?? false;
  const rounds = Number(values.rounds ?? (quick ? 3 : 5));
  const work = values.work ? resolve(values.work) : mkdtempSync(join(tmpdir(), "labfleet-bench-"));
  const peers = [pipeline, rclonePacked, rclone].filter((peer) => quick || values.all || !peer.slow);
  const contestants = present([...peers, labfleet]);
  try {
    const reports: string[] = [];
    for (const set of makeData(join(work, "data"), quick)) {
      reports.push(report(set, await interleave(contestants, rounds, (contestant) => runFresh(contestant, set, work))));
    }
    console.log(`${on}; medians of ${rounds} interleaved rounds (range)\n\n${reports.join("\n")}`);
    for (const { name, note } of contestants) console.log(`- ${name}: ${note}`);
    console.log("- sender MiB: peak of the largest single process; server MiB: sum of its processes' peaks");
  } finally {
    if (values.work === undefined) rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
