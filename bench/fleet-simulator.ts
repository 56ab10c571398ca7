// Simulated fleets in which all kinds of things break: which outages are missed, and of which hosts that are well somebody is told, by the
// health check and by the Python fleet's.
// bun bench/fleet-simulator.ts [--hosts N] [--days N] [--seed N] [--only PATTERN]
import { parseArgs } from "node:util";
import { judge, type Verdict } from "../tests/fleet-health/simulator/oracle.ts";
import { judgeReference, type ReferenceVerdict } from "../tests/fleet-health/simulator/oracle-reference.ts";
import { play } from "../tests/fleet-health/simulator/play.ts";
import { planOf, SCENARIOS } from "../tests/fleet-health/simulator/scenarios.ts";
import { machine } from "./measure.ts";

const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "500" },
    days: { type: "string", default: "7" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});
const SIZE = { hosts: Number(values.hosts), days: Number(values.days) };

interface Row {
  ours: Verdict;
  reference: ReferenceVerdict;
  s: number;
}

/** By the one channel that is always up. */
function rowOf(scenario: string): Row {
  const began = performance.now();
  const played = play(planOf(scenario, Number(values.seed), SIZE), true);
  const [channel] = played.plan.channels;
  if (channel === undefined) throw new Error("there is no channel");
  const [ours, reference] = [judge(played, channel), judgeReference(played)];
  return { ours, reference, s: (performance.now() - began) / 1000 };
}

function line(name: string, { ours, reference, s }: Row): string {
  const others = ours.late.length + ours.twice.length + ours.unclosed.length;
  const cells = [
    ...[name, ours.required, ours.missed.length, ours.wrong.length, others, ours.notices, reference.required],
    ...[reference.missed.length, reference.quiet.length, reference.wrong.length, reference.rows, s.toFixed(0)],
  ];
  return `| ${cells.join(" | ")} |`;
}

console.log(`${machine()}, ${SIZE.hosts} hosts, ${SIZE.days} days, seed ${values.seed}\n`);
console.log(
  "| | must be told | missed | false | late, twice, unclosed | notices | Python's: must be told | missed | went quiet | false | rows | s |",
);
console.log(`|---|${"---:|".repeat(11)}`);
for (const scenario of SCENARIOS.filter((name) => new RegExp(values.only).test(name))) {
  const row = rowOf(scenario);
  console.log(line(scenario, row));
  const { missed, wrong, late, twice, unclosed } = row.ours;
  for (const found of [missed, wrong, late, twice, unclosed])
    for (const what of found.slice(0, 3)) console.error(`  ${scenario}: ${what}`);
}
