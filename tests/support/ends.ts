// Ledgers of ends for tests: runs within this process on hosts that are folders, and real ones in processes of their own.

import { onTestFinished } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StopRecord } from "../../lib/runtime/ends/end-records.ts";
import { type Ledger, openLedger } from "../../lib/runtime/ends/ends.ts";
import { fixtureHost } from "./fixture-host.ts";
import { lineReader } from "./lines.ts";
import { tempDir } from "./temp-dir.ts";

const PROGRAM = join(import.meta.dir, "../fixtures/programs/ends-run.ts");
const NOW = Date.parse("2026-05-01T06:00:00Z");

/** A host whose boot has this id; this process started 50 s after it. */
export const host = (boot: string): string =>
  fixtureHost({
    "proc/sys/kernel/random/boot_id": `${boot}\n`,
    [`proc/${process.pid}/stat`]: `${process.pid} (a) b) S 1 ${"0 ".repeat(17)}5000 0\n`,
    [`proc/${process.pid}/cgroup`]: "0::/system.slice/labfleet-shipper.service\n",
    "sys/fs/cgroup/system.slice/labfleet-shipper.service/memory.events": "oom_kill 3\n",
  });

/** Opens the ledger as the run of an invocation would; `null` is a run by hand. */
export function openRun(dir: string, invocation: string | null, root = host("boot-1"), nowMs = NOW): Ledger {
  const env = invocation === null ? {} : { INVOCATION_ID: invocation };
  return openLedger({ dir, tool: "shipper", version: "0.1.0", env, root, nowMs, clock: () => nowMs + 1000 });
}

export function cleanRun(dir: string, invocation: string | null, root?: string): Ledger {
  const ledger = openRun(dir, invocation, root);
  ledger.ready();
  ledger.stopping("SIGTERM", "systemd(1)");
  ledger.phase("close", 0.25);
  ledger.ended(0, 0.5);
  return ledger;
}

export const stopOf = (runId: string, change: Partial<StopRecord> = {}): string =>
  `${JSON.stringify({
    run_id: runId,
    at: "2026-05-01T07:00:00.000000+00:00",
    boot_id: "boot-1",
    uptime_s: 3650,
    unit: "labfleet-shipper",
    scope: "system",
    service_result: "exit-code",
    exit_code: "exited",
    exit_status: "2",
    oom_kills: 3,
    memory_max: null,
    ...change,
  })}\n`;
export const addStop = (dir: string, ...stop: Parameters<typeof stopOf>): void => {
  mkdirSync(dir, { recursive: true });
  appendFileSync(join(dir, "stops.jsonl"), stopOf(...stop));
};

export const recordIn = (dir: string): unknown => JSON.parse(readFileSync(join(dir, "running.json"), "utf8"));
export const historyIn = (dir: string): { run_id: string; kind: string }[] =>
  existsSync(join(dir, "history.jsonl"))
    ? readFileSync(join(dir, "history.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
export const idsIn = (dir: string): string[] => historyIn(dir).map(({ run_id }) => run_id);
export const endsDir = (): string => join(tempDir(), "ends");

export interface How {
  failpoint?: string;
  invocation?: string;
}

/** A real run in a process of its own; resolves when it has come to where it waits, or has ended. */
export async function spawnRun(dir: string, mode: "running" | "draining" | "clean", how: How = {}) {
  const words = [process.execPath, "--define", "LABFLEET_FAILPOINTS=true", PROGRAM, dir, mode];
  const env = { ...process.env, INVOCATION_ID: how.invocation ?? "", LABFLEET_FAILPOINT: how.failpoint ?? "" };
  const child = Bun.spawn(words, { stdout: "pipe", env });
  onTestFinished(() => child.kill("SIGKILL"));
  const line = await lineReader(child.stdout)();
  return { child, said: line === null ? null : JSON.parse(line) };
}

/** A run that is killed by SIGKILL there. @returns what it said, null if a fail point came before that */
export async function killedRun(dir: string, mode: "running" | "draining", how: How = {}) {
  const { child, said } = await spawnRun(dir, mode, how);
  child.kill("SIGKILL");
  await child.exited;
  return said;
}
