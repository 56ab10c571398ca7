// What the daily files of heartbeats may have, as collector.toml says it: it holds from the start, and after a reload another.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { heartbeat, result } from "../receiver/heartbeats/support.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

test("history_max: said at the start, kept to, and raised by a reload", async () => {
  const heartbeats = (most: string): string => `[heartbeats]\nhistory_max = "${most}"`;
  await using fleet = new Fleet({ collectorTables: heartbeats("1 KiB") });
  const receiver = await fleet.startReceiver();
  const put = async (sequence: number): Promise<number> => {
    const results = [result({ message: "x".repeat(2000) + sequence, run: sequence })];
    const body = JSON.stringify(heartbeat({ sent_at: new Date().toISOString(), sequence, results }));
    const headers = { Authorization: `Bearer ${fleet.token}` };
    return (await fetch(`${receiver.url}/v1/heartbeats/${HOST}`, { method: "PUT", body, headers, proxy: "" })).status;
  };
  const dir = join(fleet.collectorData, "heartbeats");
  const sequences = (): number[] => {
    const days = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".jsonl")) : [];
    const lines = days.flatMap((name) => readFileSync(join(dir, name), "utf8").trim().split("\n"));
    return lines.map((line) => JSON.parse(line).sequence);
  };
  await until("it says how far that goes", () => / 0 B of 1\.0 KiB; /.test(receiver.log()), receiver);
  // A row that comes when the file is full is left out; the heartbeat itself is stored all the same.
  expect([await put(1), await put(2), sequences()]).toEqual([200, 200, [1]]);
  expect(receiver.log()).toContain("it has the 1.0 KiB that all daily files may have");
  fleet.options.collectorTables = heartbeats("1 MiB");
  fleet.writeCollectorConfig();
  receiver.process.kill("SIGHUP");
  await until("the new one holds", () => receiver.log().includes("the new configuration holds\n"), receiver);
  expect([await put(3), sequences()]).toEqual([200, [1, 3]]);
});
