// The plugins of Debian's monitoring-plugins-basic as they are: statuses and performance data by their own thresholds.
// Only loopback network, ours; skipped by name where they are not installed.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import { rig } from "./support.ts";

const DIR = "/usr/lib/nagios/plugins";
const missing = existsSync(join(DIR, "check_dummy")) ? null : "apt-get install monitoring-plugins-basic";

/** Plugin and arguments, status, message, and a label of its performance data. */
type Row = [string, string, RegExp, string?];

const server =
  missing === null ? Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("fine") }) : null;
const port = server?.port ?? 0;
const closed = 1;

afterAll(() => server?.stop(true));

const FIXED: Row[] = [
  ["check_dummy 0 fine", "ok", /^OK: fine$/],
  ["check_dummy 1 'so so'", "warning", /^WARNING: so so$/],
  ["check_dummy 2 bad", "critical", /^CRITICAL: bad$/],
  ["check_dummy 3 none", "unknown", /^UNKNOWN: none$/],
  ["check_disk -w 0 -c 0 -p /", "ok", /^DISK OK/, "/"],
  ["check_disk -w 100% -c 0 -p /", "warning", /^DISK WARNING/, "/"],
  ["check_disk -w 100% -c 100% -p /", "critical", /^DISK CRITICAL/, "/"],
  ["check_disk -w 10% -c 5% -p /nonexistent", "critical", /^DISK CRITICAL/],
  ["check_load -w 10000,10000,10000 -c 20000,20000,20000", "ok", /load average/, "load1"],
  ["check_procs -w 1:100000 -c 1:200000", "ok", /^PROCS OK/, "procs"],
  ["check_procs -w 0:0 -c 0:200000", "warning", /^PROCS WARNING/, "procs"],
  ["check_procs -c 0:0", "critical", /^PROCS CRITICAL/, "procs"],
  ["check_users -w 10000 -c 20000", "ok", /^USERS OK/, "users"],
  [`check_http -I 127.0.0.1 -p ${port}`, "ok", /^HTTP OK/, "time"],
  [`check_http -I 127.0.0.1 -p ${port} -s absent`, "critical", /^HTTP CRITICAL/, "size"],
  [`check_tcp -H 127.0.0.1 -p ${port} -w 30 -c 60`, "ok", /^TCP OK/, "time"],
  [`check_tcp -H 127.0.0.1 -p ${closed}`, "critical", /refused/],
  ["check_ssh -p 1 127.0.0.1", "critical", /refused/],
  ["negate -o CRITICAL /usr/lib/nagios/plugins/check_dummy 0 turned", "critical", /turned/],
  ["urlize http://host/x /usr/lib/nagios/plugins/check_dummy 1 linked", "warning", /linked/],
  ["check_cluster -l all -d 0,0,1 -w 1 -c 2", "ok", /^CLUSTER OK/],
  ["check_time -H 127.0.0.1 -p 1 -t 2", "unknown", /./],
  ["check_dummy", "unknown", /./],
];

describe("plugins of monitoring-plugins-basic", () => {
  for (const [command, status, message, label] of FIXED) {
    const name = `${command.replaceAll(String(port), "<port>")}: ${status}`;
    test.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, async () => {
      const [said] = await rig({ timeout: 20, commands: [{ name: "it", command }] }).collect();
      expect([said?.status, said?.message]).toEqual([status, expect.stringMatching(message)] as never);
      expect(said?.perf_errors).toBeUndefined();
      if (label !== undefined) expect(said?.perfdata?.map((item) => item.label)).toContain(label);
      expect(said?.notes?.exit_code).toBeLessThanOrEqual(3);
    });
  }

  const files = "check_file_age by the age of a file: ok, warning, critical";
  test.skipIf(missing !== null)(missing === null ? files : `${files} (skipped: ${missing})`, async () => {
    const file = join(tempDir(), "file");
    writeFileSync(file, "text");
    const command = ["check_file_age", "-w", "100", "-c", "1000000", "-f", file];
    const { collect } = rig({ commands: [{ name: "it", command }] });
    const now = Date.now() / 1000;
    const statuses: unknown[] = [];
    for (const age of [0, 5000, 5_000_000]) {
      utimesSync(file, now - age, now - age);
      const [said] = await collect();
      statuses.push(said?.status);
      expect(said?.perfdata?.map(({ label }) => label)).toContain("age");
    }
    expect(statuses).toEqual(["ok", "warning", "critical"]);
  });

  const logs = "check_log by what was added since: ok, critical";
  test.skipIf(missing !== null)(missing === null ? logs : `${logs} (skipped: ${missing})`, async () => {
    const dir = tempDir();
    const [file, old] = [join(dir, "log"), join(dir, "old")];
    writeFileSync(file, "a\n");
    writeFileSync(old, "a\n");
    const { collect } = rig({
      commands: [{ name: "it", command: ["check_log", "-F", file, "-O", old, "-q", "boom"] }],
    });
    expect((await collect())[0]).toMatchObject({ status: "ok" });
    writeFileSync(file, "a\nboom\n");
    expect((await collect())[0]?.status).toBe("critical");
  });
});
