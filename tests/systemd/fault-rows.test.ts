// A few rows of the fault table (docs/operating.md), made, seen and mended anew on two real systemd hosts: what is said there is
// what the table shows. `bun run faults` walks all of them.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import type { Bed } from "../../scripts/faults/bed.ts";
import { readTable } from "../../scripts/faults/document.ts";
import { openBed } from "../../scripts/faults/pair.ts";
import { FAULTS } from "../../scripts/faults/table.ts";
import { walk } from "../../scripts/faults/walk.ts";
import { bedTest, missing } from "./installed-host.ts";

// A third of a gigabyte is packed and installed twice.
setDefaultTimeout(300_000);

let bed: Bed | null = null;

beforeAll(async () => {
  if (missing === null) bed = await openBed();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

for (const name of [
  "the receiver is stopped",
  "the token file is not there",
  "a symbolic link in episodes/",
  "files do not fit the episode's manifest",
]) {
  bedTest(`${name}: said as in the table, and mended by it`, async () => {
    const fault = FAULTS.find((one) => one.name === name);
    if (fault === undefined || bed === null) throw new Error(`no such fault, or no hosts: ${name}`);
    expect(readTable()).toContainEqual(await walk(bed, fault));
  });
}
