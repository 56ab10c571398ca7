// Why the receiver cannot store, as it writes it down and as the health check reads it.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { readinessPath } from "../../../lib/contract/readiness.ts";
import { inWords } from "../../../lib/core/finding.ts";
import { readNotReady } from "../../../lib/fleet-health/coverage/read.ts";
import type { NotReady } from "../../../lib/receiver/episode-store.ts";
import { watchReadiness } from "../../../lib/receiver/readiness/readiness-watch.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const FULL: NotReady = {
  kind: "bytes",
  why: "22.1 MiB free, below the reserve of 1.0 GiB",
  fix: inWords("make room"),
};

/** What is read in the run directory of a receiver that found this. */
async function readAfter(found: NotReady | null, laterMs = 0) {
  const runDir = tempDir();
  const look = { glance: () => found, probe: async () => found, nowMs: () => NOON };
  const watch = watchReadiness({ runDir, log: quietLog, ...look });
  await watch.look();
  watch.stop();
  return readNotReady(runDir, NOON + laterMs);
}

test("is what the receiver found last, for a minute", async () => {
  const why = { what: "22.1 MiB free, below the reserve of 1.0 GiB", fix: inWords("make room"), isFull: true };
  expect(await readAfter(FULL)).toEqual(why);
  expect(await readAfter({ ...FULL, kind: "inodes" })).toEqual(why);
  expect(await readAfter({ ...FULL, kind: "refused" })).toEqual({ ...why, isFull: false });
  expect(await readAfter(FULL, 60_000)).toEqual(why);
  expect(await readAfter(FULL, 60_001)).toBeNull();
  expect(await readAfter(FULL, -60_001)).toBeNull();
  expect(await readAfter(null)).toBeNull();
});

test("is not known where nothing says it, and that is no failure", async () => {
  const [empty, torn, odd] = [tempDir(), tempDir(), tempDir()];
  writeFileSync(readinessPath(torn), '{"at"');
  mkdirSync(readinessPath(odd));
  for (const dir of [empty, torn, odd, undefined]) expect(await readNotReady(dir, NOON)).toBeNull();
});
