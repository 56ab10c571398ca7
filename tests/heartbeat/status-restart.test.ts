// What a reload has read and a restart must take up: `heartbeat status` says that, and not what was true before.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderStatus, type Status } from "../../lib/heartbeat/status-text.ts";
import { CALM } from "../support/heartbeat-report.ts";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

const RUNNING: Status = {
  ...{ host_id: "lab1", receiver: "https://collector.wg", state_dir: "/s", run_dir: "/r", running: true, pid: 42 },
  ...{ running_s: 3612, collected_age_s: 12, arrived_age_s: 12, told_to_wait_s: null, waiting: 0, live: CALM },
  ...{ live_unreadable: null, report_problem: null, last_end: null, start_failure: null },
};

describe("a configuration that waits for a restart", () => {
  const skipped = { name: "nagios_runner", state: "skipped", reason: "no commands configured" };
  const failed = { name: "gpu", state: "failed", reason: "no such device" };
  const last = (restart_for: string[]): string[] => {
    const live = { ...CALM, plugins_out: [skipped, failed], plugins_out_count: 2, restart_for };
    return renderStatus({ ...RUNNING, live })
      .split("\n")
      .slice(-5, -1);
  };

  test("is said with the line that restarts, and no plugin goes on saying what it saw of the old one", () => {
    expect(last(["host_id", "nagios_runner,plugins"])).toEqual([
      "plugins    9 loaded, 2 not",
      "           skipped nagios_runner: its new configuration waits for a restart",
      "           failed gpu: no such device",
      "restart    the configuration has changed in host_id, nagios_runner, plugins, and that waits for a restart; fix: sudo systemctl restart labfleet-heartbeat",
    ]);
  });

  test("of something else leaves the plugins' own words", () => {
    expect(last(["host_id"]).slice(1, 2)).toEqual(["           skipped nagios_runner: no commands configured"]);
  });

  test("that does not is not mentioned", () => {
    expect(last([]).slice(1)).toEqual([
      "plugins    9 loaded, 2 not",
      "           skipped nagios_runner: no commands configured",
      "           failed gpu: no such device",
    ]);
  });
});

test("an agent that has read new checks by a reload says how they are begun; one that has them back as they were says nothing", async () => {
  const root = tempDir();
  const file = join(root, "lab-host.toml");
  const base = `host_id = "lab1"\n[receiver]\nurl = "http://127.0.0.1:9"\n[heartbeat]\nstate_dir = "${root}/state"\nrun_dir = "${root}/run"\n`;
  writeFileSync(file, base);
  const heartbeat = [process.execPath, join(import.meta.dir, "../../bin/heartbeat.ts"), "--config", file];
  const agent = Bun.spawn(heartbeat, { stdout: "ignore", stderr: "pipe" });
  try {
    const next = lineReader(agent.stderr);
    const until = async (text: string): Promise<string> => {
      for (let line = await next(); line !== null; line = await next()) if (line.includes(text)) return line;
      throw new Error(`it never said: ${text}`);
    };
    const status = (): string => Bun.spawnSync([...heartbeat, "status"]).stdout.toString();
    await until("ready host=");
    writeFileSync(file, `${base}[[nagios_runner.commands]]\nname = "true"\ncommand = ["/bin/true"]\n`);
    agent.kill("SIGHUP");
    const said = await until("the new configuration holds");
    expect(said).toEndWith("restart_for=nagios_runner,plugins; fix: sudo systemctl restart labfleet-heartbeat");
    const line = "restart    the configuration has changed in nagios_runner, plugins, and that waits for a restart";
    while (!status().includes(line)) await Bun.sleep(50);
    expect(status()).not.toContain("no commands configured");
    writeFileSync(file, base);
    agent.kill("SIGHUP");
    await until("the new configuration holds");
    while (status().includes(line)) await Bun.sleep(50);
    expect(status()).toContain("no commands configured");
  } finally {
    agent.kill("SIGTERM");
    await agent.exited;
  }
}, 120_000);
