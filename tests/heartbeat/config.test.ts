// lab-host.toml as the heartbeat reads it: defaults, what is wrong in one sentence, and nothing of the shipper's.

import { describe, expect, test } from "bun:test";
import { parseHeartbeatConfig } from "../../lib/heartbeat/config.ts";

const BASE = 'host_id = "lab1"\n[receiver]\nurl = "https://collector.wg"\n';

test("an old configuration loads unchanged, with the defaults", () => {
  const { config, warnings } = parseHeartbeatConfig(
    `${BASE}[shipper]\nscan_interval_s = 5\n[retention]\nkeep_local_for_days = 7\n`,
    "lab-host.toml",
  );
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({
    hostId: "lab1",
    intervalS: 60,
    collectTimeoutS: 30,
    pluginsDir: "/etc/labfleet/plugins.d",
    pluginsDirIsSet: false,
    stateDir: "/var/lib/labfleet/heartbeat",
    runDir: "/run/labfleet/heartbeat",
    spoolMax: 1440,
    drainTimeoutS: 10,
    shipper: { dataRoot: "/var/lib/labfleet/data", runDir: "/run/labfleet/shipper" },
    plugins: {},
  });
});

test("a collection is not longer than the interval", () => {
  expect(parseHeartbeatConfig(`${BASE}[heartbeat]\ninterval_s = 10\n`, "f").config.collectTimeoutS).toBe(10);
});

test("checks and the tables of own plugins reach them by name", () => {
  const { config } = parseHeartbeatConfig(
    `${BASE}[nagios_runner]\ntimeout = 7\ncommands = [{ name = "a", command = "x y" }, { name = "b", command = ["x", "y z"], shell = false }]\n[plugins.gps]\ndevice = "/dev/ttyS0"\n`,
    "f",
  );
  expect(config.plugins).toEqual({
    nagios_runner: {
      timeout: 7,
      commands: [
        { name: "a", command: "x y" },
        { name: "b", command: ["x", "y z"], shell: false },
      ],
    },
    gps: { device: "/dev/ttyS0" },
  });
});

describe("what is wrong is said with file, line, key, rule and value", () => {
  for (const [text, said] of [
    ["[heartbeat]\ninterval_s = 0", "f:5: heartbeat.interval_s must be at least 1, found 0"],
    ['[heartbeat]\nspool_max = "many"', 'f:5: heartbeat.spool_max must be a number, found "many"'],
    ['[nagios_runner]\ntimeout = "10s"', 'f:5: nagios_runner.timeout must be a number, found "10s"'],
    ["[nagios_runner]\ncommands = [{ name = 3 }]", "f:5: nagios_runner.commands.0.name must be a string, found 3"],
  ] as const) {
    test(text.replaceAll("\n", " "), () => expect(() => parseHeartbeatConfig(BASE + text, "f")).toThrow(said));
  }

  test("a mistyped key is a warning that names the nearest", () => {
    expect(parseHeartbeatConfig(`${BASE}[heartbeat]\nplugin_dir = "/x"\n`, "f").warnings).toEqual([
      "f:5: unknown key heartbeat.plugin_dir is ignored; did you mean heartbeat.plugins_dir?",
    ]);
  });
});
