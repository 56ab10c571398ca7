// Which row a heartbeat leaves in the daily file: few whole ones, and every change; each file can be read by itself.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../../lib/contract/heartbeat.ts";
import { type HeartbeatRow, readRow } from "../../../lib/contract/heartbeat-row.ts";
import { reachText } from "../../../lib/receiver/heartbeats/history.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";
import { heartbeat, result, T0 } from "./support.ts";

afterEach(cleanUp);

const MINUTE = 60_000;

function open() {
  const dir = join(tempDir(), "heartbeats");
  const store = openHeartbeats(dir, keptLog());
  /** Sends the heartbeat of minute `n` since T0; from the spool, when it comes late. */
  const send = (n: number, over: Partial<Heartbeat> = {}, lateMinutes = 0, by = store) => {
    const atMs = T0 + (n + lateMinutes) * MINUTE;
    const sent_at = new Date(T0 + n * MINUTE).toISOString();
    return by.put(heartbeat({ sequence: n + 1, uptime_s: 1000 + n * 60, sent_at, ...over }), atMs, atMs);
  };
  const rows = (day = "2026-05-01"): HeartbeatRow[] =>
    readFileSync(join(dir, `${day}.jsonl`), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as HeartbeatRow);
  const kinds = (day?: string): string =>
    rows(day)
      .map((row) => {
        const kind = row.kind === "change" && row.fields?.uptime_s !== undefined ? "f" : row.kind.slice(0, 1);
        return row.old ? kind.toUpperCase() : kind;
      })
      .join("");
  return { dir, send, rows, kinds };
}

test("a whole heartbeat every hour, all figures every ten minutes, a small row for each in between", async () => {
  const { send, kinds, rows } = open();
  for (let n = 0; n < 75; n++) await send(n, { results: [result({ message: `load ${n}`, run: n })] });
  expect(kinds()).toBe(`s${"c".repeat(9)}${`f${"c".repeat(9)}`.repeat(5)}s${"c".repeat(9)}fcccc`);
  expect(rows().map(({ sequence }) => sequence)).toEqual(Array.from({ length: 75 }, (_, n) => n + 1));
  expect(JSON.stringify(rows()[1])).toHaveLength(138);
});

test("over a restart of the receiver the chain goes on", async () => {
  const { dir, send, kinds } = open();
  await send(0);
  await send(1, {}, 0, openHeartbeats(dir, keptLog()));
  await send(2, {}, 0, openHeartbeats(dir, keptLog()));
  expect(kinds()).toBe("scc");
});

test("each boot, and each file, begins with a whole one", async () => {
  const { send, kinds } = open();
  await send(0);
  await send(1, { boot_id: "boot-b" });
  await send(2, { boot_id: "boot-b" });
  for (let n = 718; n < 722; n++) await send(n, { boot_id: "boot-b" });
  expect([kinds(), kinds("2026-05-02")]).toEqual(["sscsc", "sc"]);
});

test("a clock of the collector that was set back begins anew", async () => {
  const { send, kinds } = open();
  await send(160);
  await send(161, {}, -120);
  await send(162, {}, -120);
  expect(kinds()).toBe("ssc");
});

test("what comes from the spool is a chain of its own, by the host's clock, and breaks none", async () => {
  const { send, rows, kinds } = open();
  await send(0, { results: [result()] });
  await send(40, { results: [result({ status: "critical" })] });
  const spooled = (n: number) => send(n, { results: [result({ status: n < 20 ? "ok" : "warning" })] }, 41 - n);
  for (const n of [10, 11, 12, 20, 21]) expect((await spooled(n)).status).toBe("old");
  await send(42, { results: [result({ status: "critical" })] });
  expect(kinds()).toBe("sfSCCFCc");
  const chains: Record<string, Heartbeat | null> = { live: null, old: null };
  const told = rows().map((row) => {
    const chain = row.old ? "old" : "live";
    chains[chain] = readRow(chains[chain] ?? null, row);
    return chains[chain]?.results[0]?.status;
  });
  expect(told).toEqual(["ok", "critical", "ok", "ok", "ok", "warning", "warning", "critical"]);
});

test("a row that did not get into the file is not built on", async () => {
  const { dir, send, kinds } = open();
  await send(0);
  await send(40);
  await send(10, {}, 31);
  // Nothing can be written while a directory has the file's name.
  const { renameSync } = await import("node:fs");
  const day = join(dir, "2026-05-01.jsonl");
  renameSync(day, `${day}.kept`);
  mkdirSync(day);
  await expect(send(11, {}, 31)).rejects.toThrow("EISDIR");
  await expect(send(41, { boot_id: "boot-b" })).rejects.toThrow("EISDIR");
  rmdirSync(day);
  renameSync(`${day}.kept`, day);
  await send(12, {}, 31);
  await send(42, { boot_id: "boot-b" });
  expect(kinds()).toBe("sfSSs");
});

test("what the room is enough for is said in hosts and days", () => {
  const GIB = 1024 ** 3;
  const MIB = 1024 ** 2;
  const days = (bytes: number, ...names: string[]) => names.map((name) => ({ name: `${name}.jsonl`, bytes }));
  const today = "2026-05-04";
  const maxBytes = 4 * GIB;
  // Whole days alone tell what a day has.
  const files = [...days(100 * MIB, "2026-05-01", "2026-05-02", "2026-05-03"), ...days(5 * MIB, today)];
  expect(reachText({ files, hosts: 100, maxBytes, today })).toBe(
    "heartbeats of 100 hosts: 4 days, 305.0 MiB of 4.0 GiB; at 1.0 MiB a host and day that holds 14 days (14 days of 292 hosts)",
  );
  expect(reachText({ files: [], hosts: 0, maxBytes, today })).toBe(
    "heartbeats of 0 hosts: 0 days, 0 B of 4.0 GiB; at 2.0 MiB a host and day that holds 14 days (14 days of 146 hosts)",
  );
  expect(reachText({ files: [], hosts: 1000, maxBytes, today })).toContain(
    "that holds 2.0 of 14 days (14 days of 146 hosts)",
  );
});
