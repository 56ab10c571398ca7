// Makes the faults of scripts/faults/ one after the other on two real systemd hosts, and writes what was said and what mended them
// into docs/operating.md. `bun run faults`; with words: only the faults whose names hold one of them; `--missing`: only those
// without a row. Ended by a signal it takes the hosts down first, and says how far it came.

import type { Bed } from "./faults/bed.ts";
import { noteRow, readTable } from "./faults/document.ts";
import { type Fault, seenOrder } from "./faults/fault.ts";
import { openBed } from "./faults/pair.ts";
import { FAULTS } from "./faults/table.ts";
import { walk } from "./faults/walk.ts";

const ORDER = { seen: seenOrder(FAULTS), faults: FAULTS.map(({ name }) => name) };

function chosen(args: readonly string[]): Fault[] {
  const words = args.filter((arg) => arg !== "--missing");
  const present = args.includes("--missing") ? new Set(readTable().map(({ fault }) => fault)) : new Set();
  return FAULTS.filter(
    ({ name }) => !present.has(name) && (words.length === 0 || words.some((word) => name.includes(word))),
  );
}

/** Walks one, notes it, and says so. @returns what was wrong with it, or null */
async function walkOne(bed: Bed, fault: Fault): Promise<string | null> {
  const from = performance.now();
  const tookS = (): number => Math.round((performance.now() - from) / 1000);
  try {
    const row = await walk(bed, fault);
    noteRow(fault.name, row, ORDER);
    const fix = row.remedy === "" ? "" : `fix: ${row.remedy} `;
    console.log(`ok    ${fault.name} (${tookS()} s)\n      ${row.sentence}\n      ${fix}(${row.mended})`);
    return null;
  } catch (error) {
    if (ended !== null) return null;
    noteRow(fault.name, null, ORDER);
    console.log(`WRONG ${fault.name} (${tookS()} s)\n      ${error}`);
    return String(error);
  }
}

let ended: NodeJS.Signals | null = null;
const told = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    ended = signal;
    told.resolve();
  });

const faults = chosen(process.argv.slice(2));
const wrong: string[] = [];
let walked = 0;
async function walkAll(bed: Bed): Promise<void> {
  for (const fault of faults) {
    if (ended !== null) return;
    const why = await walkOne(bed, fault);
    if (ended !== null) return;
    walked += 1;
    if (why !== null) wrong.push(`${fault.name}\n      ${why.split("\n")[0]}`);
  }
}

{
  await using bed = await openBed();
  await Promise.race([walkAll(bed), told.promise]);
}
for (const line of wrong) console.log(`not mended: ${line}`);
console.log(`${walked - wrong.length} mended, ${wrong.length} not, ${faults.length - walked} not walked`);
if (ended !== null) console.log(`ended by ${ended}`);
process.exit(wrong.length === 0 && ended === null ? 0 : 1);
