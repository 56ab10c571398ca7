// Makes the faults of scripts/faults/ one after the other on two real systemd hosts, and writes what was said and what mended
// them into docs/operating.md. `bun run faults`; with words: only the faults whose names hold one of them.

import { openBed } from "./faults/bed.ts";
import { noteRow } from "./faults/document.ts";
import { FAULTS } from "./faults/table.ts";
import { walk } from "./faults/walk.ts";

const wanted = process.argv.slice(2);
const chosen = FAULTS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
const order = FAULTS.map(({ name }) => name);
let wrong = 0;
{
  await using bed = await openBed();
  for (const fault of chosen) {
    const from = performance.now();
    try {
      const row = await walk(bed, fault);
      noteRow(fault.name, row, order);
      const tookS = Math.round((performance.now() - from) / 1000);
      console.log(`ok    ${fault.name} (${tookS} s)\n      ${row.sentence}\n      fix: ${row.remedy} (${row.mended})`);
    } catch (error) {
      wrong += 1;
      noteRow(fault.name, null, order);
      console.log(`WRONG ${fault.name}\n      ${error}`);
    }
  }
}
console.log(`${chosen.length - wrong} mended, ${wrong} not`);
process.exit(wrong === 0 ? 0 : 1);
