// How labfleet grows with the fleet, the index and the backlog: each figure at three sizes, with the exponent of its growth.
// bun bench/growth.ts [--only start,flood] [--sizes 100,1000] [--work DIR]   (needs dist/linux-x64, python3; see `--list`)
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killAll } from "./growth/daemon.ts";
import { flood, heartbeats, hosts, reconnects, rows, startHosts } from "./growth/receiver.ts";
import { backlogs } from "./growth/shipper.ts";
import { tableOf } from "./growth/table.ts";
import { transfers } from "./growth/transfers.ts";
import { haveLabfleet } from "./labfleet.ts";
import { machine } from "./measure.ts";

const PARTS = [startHosts, heartbeats, hosts, flood, reconnects, rows, ...backlogs, transfers];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    sizes: { type: "string" },
    work: { type: "string" },
    list: { type: "boolean" },
  },
});

/** Millions of files: `rm` is much faster than we are. */
function remove(dir: string): void {
  Bun.spawnSync(["rm", "-rf", dir]);
}

async function main(): Promise<void> {
  if (values.list) {
    for (const { name, title, sizes, of } of PARTS) console.log(`${name}: ${title} (${sizes.join(", ")} ${of})`);
    return;
  }
  if (!haveLabfleet()) throw new Error("dist/linux-x64 holds no shipper and receiver: bun run build");
  const wanted = values.only?.split(",");
  const chosen = PARTS.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const unknown = wanted?.filter((name) => !PARTS.some((part) => part.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(", ")}; see --list`);
  const root = values.work ?? tmpdir();
  mkdirSync(root, { recursive: true });
  const work = mkdtempSync(join(root, "labfleet-growth-"));
  const end = (signal: NodeJS.Signals): void => {
    killAll();
    remove(work);
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", end).on("SIGTERM", end);
  console.log(`${machine()}; medians of three runs\n`);
  try {
    for (const part of chosen) {
      const sizes = values.sizes?.split(",").map(Number) ?? part.sizes;
      const home = join(work, part.name);
      mkdirSync(home);
      console.log(await tableOf(part, sizes, home));
      remove(home);
    }
  } finally {
    killAll();
    remove(work);
  }
  console.log(`${machine()} (at the end)`);
}

await main();
