// Kills shipper and receiver with SIGKILL, at random moments and at every named fail point, again and again, while
// episodes are recorded; an independent oracle judges after each kill and at the end.
// By hand: bun run killloop [ITERATIONS] [SEED]

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../support/compiled.ts";
import { Fleet, type Tool, until } from "../support/fleet.ts";
import { acknowledgedFaults, type Recorded, restFaults, sha256 } from "../support/oracle.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface KillLoopReport {
  iterations: number;
  episodes: number;
  /** Kills by what was killed and how: `receiver at receiver.after-link`, `shipper at random`. */
  kills: Map<string, number>;
  faults: string[];
}

/** Every fail point in the sources of a tool and of what it shares. */
export function failpointsOf(tool: "shipper" | "receiver"): string[] {
  const names: string[] = [];
  for (const folder of [`lib/${tool}`, "lib/os"]) {
    for (const file of readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    )) {
      const source = readFileSync(join(PROJECT, folder, file), "utf8");
      for (const [, name = ""] of source.matchAll(/failpoint\(["`]([^"`]+)["`]\)/g)) {
        // The receiver's two files of lines name their fail points after themselves.
        const [before, after] = name.split(/\$\{[^}]+\}/);
        if (after !== undefined) names.push(`${before}journal${after}`, `${before}index${after}`);
        else names.push(name);
      }
    }
  }
  return [...new Set(names)].sort();
}

interface Plan {
  victim: "shipper" | "receiver" | "both";
  /** A fail point of the victim, or null for a random moment. */
  failpoint: string | null;
  afterMs: number;
}

/** Runs the loop. Fail points take turns, so that `iterations` ≥ 2 × their number reaches each. */
export async function killLoop(iterations: number, seed: number, say: (text: string) => void): Promise<KillLoopReport> {
  await using fleet = new Fleet({ flavour: "failpoints" });
  const random = seededRandom(seed);
  const recorded: Recorded = new Map();
  const report: KillLoopReport = { iterations, episodes: 0, kills: new Map(), faults: [] };
  const judged = new Set<string>();
  const points = (["shipper", "receiver"] as const).flatMap((tool) =>
    failpointsOf(tool).map((point) => ({ tool, point })),
  );
  for (let i = 0; i < iterations && report.faults.length === 0; i++) {
    const turn = points[Math.floor(i / 2) % points.length];
    const plan: Plan =
      i % 2 === 0 && turn !== undefined
        ? { victim: turn.tool, failpoint: `${turn.point}:${random.between(1, 2)}`, afterMs: 0 }
        : {
            victim: random.pick(["shipper", "receiver", "both"] as const),
            failpoint: null,
            afterMs: random.between(0, 250),
          };
    const how = await oneKill(fleet, plan, random, recorded, `${i}`);
    report.kills.set(how, (report.kills.get(how) ?? 0) + 1);
    report.faults.push(...acknowledgedFaults(fleet, judged).map((fault) => `iteration ${i} (${how}): ${fault}`));
    if (i % 20 === 19) say(`${i + 1} kills, ${recorded.size} episodes, ${fleet.list("shipped").length} shipped`);
  }
  if (report.faults.length === 0) await drain(fleet);
  report.episodes = recorded.size;
  report.faults.push(...restFaults(fleet, recorded));
  return report;
}

async function oneKill(fleet: Fleet, plan: Plan, random: Random, recorded: Recorded, tag: string): Promise<string> {
  const env = (tool: string): Record<string, string> =>
    plan.failpoint !== null && plan.victim === tool ? { LABFLEET_FAILPOINT: plan.failpoint } : {};
  const receiver = fleet.start(
    "receiver",
    ["--config", fleet.collectorConfig, "--listen", `127.0.0.1:${await portOf(fleet)}`],
    env("receiver"),
  );
  for (let n = random.between(1, 3); n > 0; n--) record(fleet, `ep-${tag}-${n}`, random, recorded);
  // Mostly the receiver is there first: a shipper that finds nobody waits for seconds.
  const isListening = (): boolean => receiver.log().includes("listening") || isOver(receiver);
  if (plan.failpoint !== null || random.between(0, 3) > 0) await until("the receiver listens", isListening);
  const shipper = fleet.startShipper(env("shipper"));
  const both = [receiver, shipper];
  if (plan.failpoint === null) await Bun.sleep(plan.afterMs);
  else
    await until(
      `${plan.failpoint} is reached or all is shipped`,
      () => both.some(isOver) || fleet.list("episodes").length === 0,
    );
  const reached = both.some(isOver);
  for (const [name, tool] of [
    ["receiver", receiver],
    ["shipper", shipper],
  ] as const) {
    if (plan.victim === name || plan.victim === "both") tool.process.kill("SIGKILL");
  }
  // The other one goes on for a moment, as it would, and then goes the same way.
  if (plan.victim !== "both") await Bun.sleep(random.between(0, 60));
  for (const tool of both) tool.process.kill("SIGKILL");
  await Promise.all(both.map((tool) => tool.ended()));
  if (plan.failpoint === null) return `${plan.victim} at random`;
  return `${plan.victim} at ${plan.failpoint.split(":")[0]}${reached ? "" : " (not reached)"}`;
}

const ports = new WeakMap<Fleet, number>();

/** One port for the whole run: the shipper's configuration stays as it is. */
async function portOf(fleet: Fleet): Promise<number> {
  const known = ports.get(fleet);
  if (known !== undefined) return known;
  const receiver = await fleet.startReceiver();
  receiver.process.kill("SIGTERM");
  await receiver.ended();
  fleet.writeHostConfig(receiver.url);
  ports.set(fleet, receiver.port);
  return receiver.port;
}

function record(fleet: Fleet, id: string, random: Random, recorded: Recorded): void {
  const files: Record<string, Uint8Array> = {};
  for (let n = random.between(1, 3); n > 0; n--) files[`d${n}/f${n}.bin`] = random.bytes(random.between(0, 60_000));
  fleet.episode(id, files);
  recorded.set(id, new Map(Object.entries(files).map(([name, content]) => [name, sha256(content)])));
}

/** Lets both run undisturbed until nothing is left to ship, then stops them cleanly. */
async function drain(fleet: Fleet): Promise<void> {
  const receiver = fleet.start("receiver", [
    "--config",
    fleet.collectorConfig,
    "--listen",
    `127.0.0.1:${await portOf(fleet)}`,
  ]);
  const shipper = fleet.startShipper();
  await until(
    "the queue is empty",
    () => fleet.list("episodes").length === 0 && fleet.list("outbox").length === 0,
    shipper,
    60_000,
  );
  for (const tool of [shipper, receiver]) {
    tool.process.kill("SIGTERM");
    const code = await tool.ended();
    if (code !== 0) throw new Error(`no clean stop: exit ${code}\n${tool.log()}`);
  }
}

function isOver(tool: Tool): boolean {
  return tool.process.exitCode !== null || tool.process.signalCode !== null;
}

if (import.meta.main) {
  const iterations = Number(process.argv[2] ?? 200);
  const seed = Number(process.argv[3] ?? 1);
  const report = await killLoop(iterations, seed, console.log);
  console.log(`seed ${seed}: ${report.iterations} kills, ${report.episodes} episodes, ${report.faults.length} faults`);
  for (const [how, count] of [...report.kills].sort()) console.log(`  ${String(count).padStart(4)}  ${how}`);
  for (const fault of report.faults) console.log(`FAULT ${fault}`);
  process.exit(report.faults.length === 0 ? 0 : 1);
}
