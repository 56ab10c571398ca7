// The health check killed between any two of its steps: no alert twice in an hour, no news lost, and none twice but under one id.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executables } from "../support/compiled.ts";

setDefaultTimeout(180_000);

const DAY = Date.UTC(2026, 4, 1);
const at = (clock: string): string => `2026-05-01T${clock}:00+00:00`;
/** Killed there, as by SIGKILL. */
const POINTS = [
  "fleet-health.alerted",
  "fleet-health.saved",
  "fleet-health.sent",
  "sync-files.replace.before-rename",
] as const;

let directory = "";
let server: ReturnType<typeof Bun.serve> | null = null;
let got: { id: string; text: string }[] = [];
let status = 200;
let pings: string[] = [];

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/ping")) pings.push(pathname);
      if (pathname.startsWith("/ping")) return new Response("");
      const { id, text } = (await request.json()) as { id: string; text: string };
      if (status === 200) got.push({ id, text });
      return new Response("", { status });
    },
  });
});
afterAll(() => server?.stop(true));

/** A collector on which lab2 has shipped at 10:00, and nobody else ever did. */
function makeLab(): void {
  directory = mkdtempSync(join(tmpdir(), "labfleet-health-"));
  got = [];
  pings = [];
  status = 200;
  mkdirSync(join(directory, "attempts"));
  const row = { host_id: "lab2", received_at_wall: new Date(DAY + 10 * 3_600_000).toISOString() };
  writeFileSync(join(directory, "index.jsonl"), `${JSON.stringify(row)}\n`);
  writeFileSync(
    join(directory, "collector.toml"),
    `[paths]\ndata_root = "${directory}"\n[fleet_health]\nping_url = "http://127.0.0.1:${server?.port}/ping"\n[[notify]]\nname = "ops"\ntype = "webhook"\nurl = "http://127.0.0.1:${server?.port}/"\n`,
  );
}

/** A run as of a clock; killed at a point if one is named. @returns its exit code; null: killed */
async function run(clock: string, point = ""): Promise<number | null> {
  const args = [
    "--config",
    join(directory, "collector.toml"),
    "--now",
    at(clock),
    "--state-path",
    join(directory, "state"),
    "--alerts-path",
    join(directory, "alerts.jsonl"),
  ];
  // Asynchronous: the hook answers from this very process.
  const child = Bun.spawn([join(executables("failpoints"), "fleet-health"), ...args], {
    env: { PATH: "", ...(point !== "" && { LABFLEET_FAILPOINT: point }) },
    stderr: "ignore",
  });
  await child.exited;
  return child.exitCode;
}

const linesOf = (name: string): Record<string, unknown>[] =>
  readFileSync(join(directory, name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test.each(POINTS)(
  "killed at %s, as it fires: one alert in that hour, and the news once, or twice under one id",
  async (point) => {
    makeLab();
    for (const clock of ["10:35", "10:40"]) expect(await run(clock)).toBe(0);
    expect(got).toEqual([]);
    expect(await run("10:45", point)).toBeNull();
    for (const clock of ["10:50", "10:55"]) expect(await run(clock)).toBe(0);
    expect(linesOf("alerts.jsonl")).toHaveLength(1);
    expect(new Set(got.map(({ id }) => id)).size).toBe(1);
    expect(got).toHaveLength(point === "fleet-health.sent" ? 2 : 1);
    expect(got[0]?.text).toStartWith("FIRING lab2: silent since 2026-05-01 10:");
    // What stands in the history has each number once.
    const rows = linesOf("state/incidents.jsonl");
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
    expect(rows.filter(({ told }) => told).map(({ change }) => change)).toEqual(["firing"]);
    rmSync(directory, { recursive: true });
  },
);

test("a channel that is down: the run ends with 3, and what it has missed comes in one notice, in order", async () => {
  makeLab();
  status = 503;
  const codes: (number | null)[] = [];
  for (const clock of ["10:35", "10:40", "10:45", "10:50"]) codes.push(await run(clock));
  expect(codes).toEqual([0, 0, 3, 3]);
  expect(pings).toEqual(["/ping", "/ping", "/ping/fail", "/ping/fail"]);
  const row = { host_id: "lab2", received_at_wall: new Date(DAY + 10 * 3_600_000 + 51 * 60_000).toISOString() };
  writeFileSync(join(directory, "index.jsonl"), `${JSON.stringify(row)}\n`, { flag: "a" });
  expect([await run("10:55"), await run("11:00")]).toEqual([3, 3]);
  status = 200;
  expect([await run("11:05"), await run("11:10"), await run("11:15")]).toEqual([0, 0, 0]);
  expect(got.map(({ text }) => text.split("\n").map((line) => line.split(" ")[0]))).toEqual([["FIRING", "RECOVERED"]]);
  rmSync(directory, { recursive: true });
});
