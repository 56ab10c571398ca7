// The list of all hosts: complete, and made so that nobody else waits for it.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isoWall } from "../../../lib/core/clock.ts";
import type { DuplicateHost } from "../../../lib/fleet/senders.ts";
import { briefOf, type HostBrief, type HostSummary, summarise } from "../../../lib/fleet/view.ts";
import { listText, ROWS_PER_TURN } from "../../../lib/receiver/heartbeats/list.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";
import { heartbeat, result, storedAfter, T0 } from "./support.ts";

afterEach(cleanUp);

const OWN = { id: "a".repeat(32), succeeds: [] } as never;

function briefs(count: number): HostBrief[] {
  const stored = storedAfter([[result()]]);
  return Array.from({ length: count }, (_, i) => briefOf(`lab${String(i).padStart(5, "0")}`, stored));
}

const asTheyAre = async (hosts: readonly HostSummary[]) => [...hosts];

test("is the rows of all hosts, those never heard of and what was found about two machines included", async () => {
  const never = summarise(briefs(1)[0] as HostBrief, T0);
  const text = await listText(briefs(2), T0, {
    own: OWN,
    listed: async (hosts) => [...hosts, { ...never, host: "new", never: true }],
    duplicate: (host) =>
      host === "lab00001" ? ({ what: "two", fix: { text: "one", commands: [] } } as unknown as DuplicateHost) : null,
  });
  const { at, hosts } = JSON.parse(text) as { at: string; hosts: (HostSummary & { duplicate: unknown })[] };
  expect(at).toBe(isoWall(T0));
  expect(hosts.map(({ host, never, duplicate }) => [host, never, duplicate !== null])).toEqual([
    ["lab00000", false, false],
    ["lab00001", false, true],
    ["new", true, false],
  ]);
  expect(hosts[0]).toEqual({ ...summarise(briefs(1)[0] as HostBrief, T0), duplicate: null });
});

test("no more rows than a slice has are made without a turn of the event loop", async () => {
  let since = 0;
  let most = 0;
  let turns = 0;
  const all = briefs(2000);
  // Each row looks for two machines once: that is what is counted.
  const text = await listText(
    all,
    T0,
    {
      own: OWN,
      listed: asTheyAre,
      duplicate: () => {
        most = Math.max(most, ++since);
        return null;
      },
    },
    async () => {
      since = 0;
      turns++;
    },
  );
  expect(JSON.parse(text).hosts).toHaveLength(2000);
  expect(most).toBe(ROWS_PER_TURN);
  // Judged in slices, and written in slices.
  expect(turns).toBe(2 * (Math.ceil(2000 / ROWS_PER_TURN) - 1));
  expect(ROWS_PER_TURN).toBeLessThanOrEqual(64);
});

test("what was read ahead is listed, and nothing is read twice: only what was removed or is new is looked at", async () => {
  const dir = join(tempDir(), "heartbeats");
  const writer = openHeartbeats(dir, keptLog());
  for (const host_id of ["lab1", "lab2", "lab3"]) await writer.put(heartbeat({ host_id }), null, T0);
  const reader = openHeartbeats(dir, keptLog());
  await reader.warm();
  // From now on a file that is read would say that it cannot be.
  for (const host of ["lab1", "lab2"]) writeFileSync(join(dir, `${host}.json.zst`), "torn");
  rmSync(join(dir, "lab3.json.zst"));
  writeFileSync(join(dir, "lab4.json.zst"), "torn");
  mkdirSync(join(dir, "lab5.json.zst"));
  expect((await reader.list()).map(({ host, heartbeat: known }) => [host, known !== null])).toEqual([
    ["lab1", true],
    ["lab2", true],
    ["lab4", false],
    ["lab5", false],
  ]);
  expect(await reader.names()).toEqual(["lab1", "lab2", "lab4", "lab5"]);
  // One that was forgotten and comes back is looked at anew.
  writeFileSync(join(dir, "lab3.json.zst"), "torn");
  expect((await reader.list()).find(({ host }) => host === "lab3")?.heartbeat).toBeNull();
});
