// lab-host.toml as the heartbeat reads it: defaults, what is wrong in one sentence, and nothing of the shipper's.

import { describe, expect, test } from "bun:test";
import { UserError } from "../../lib/core/failure.ts";
import { parseHeartbeatConfig } from "../../lib/heartbeat/config.ts";
import { inText } from "../support/in-text.ts";

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

describe("what is wrong is said with line, key, rule and value:", () => {
  const SECONDS = "must be a number of seconds";
  const CHECK = '{ name = "root disk", command = "/usr/lib/nagios/plugins/check_disk -w 20% -p /" }';
  const CHECKS = "nagios_runner.commands must be an array of tables such as [[nagios_runner.commands]]";
  const WORDS = "must be a string or an array of strings, found";
  for (const [text, line, ...said] of [
    ["[heartbeat]\ninterval_s = 0", 5, `heartbeat.interval_s ${SECONDS} from 1 to 86400, found 0`],
    ['[heartbeat]\ninterval_s = "60"', 5, `heartbeat.interval_s ${SECONDS} from 1 to 86400, found "60"`],
    [
      '[heartbeat]\ncollect_timeout_s = "10s"',
      5,
      `heartbeat.collect_timeout_s ${SECONDS} above 0, up to 3600, found "10s"`,
    ],
    ["[heartbeat]\nrequest_timeout_s = 0", 5, `heartbeat.request_timeout_s ${SECONDS} above 0, up to 3600, found 0`],
    ['[heartbeat]\nspool_max = "many"', 5, 'heartbeat.spool_max must be a whole number from 1 to 100000, found "many"'],
    [
      "[heartbeat]\nplugins_dir = []",
      5,
      "heartbeat.plugins_dir must be a string that is not empty, found an empty array",
    ],
    ['[heartbeat]\nstate_dir = ""', 5, 'heartbeat.state_dir must be a string that is not empty, found ""'],
    ["[heartbeat]\nrun_dir = {}", 5, "heartbeat.run_dir must be a string that is not empty, found a table"],
    [
      "[heartbeat]\nbackoff_seconds = 5",
      5,
      "heartbeat.backoff_seconds must be an array of one or more numbers of seconds, found 5",
    ],
    [
      "[heartbeat]\nbackoff_seconds = [\n1,\n-2 ]",
      7,
      `heartbeat.backoff_seconds[1] ${SECONDS} from 0 to 86400, found -2`,
    ],
    ["[heartbeat]\ndrain_timeout_s = -1", 5, `heartbeat.drain_timeout_s ${SECONDS} from 0 to 3600, found -1`],
    ["[[heartbeat]]\ninterval_s = 0", 4, "heartbeat must be a table such as [heartbeat], found an array of tables"],
    ['[nagios_runner]\ntimeout = "10s"', 5, `nagios_runner.timeout ${SECONDS} above 0, up to 3600, found "10s"`],
    ["[nagios_runner]\ngrace = true", 5, `nagios_runner.grace ${SECONDS} from 0 to 60, found true`],
    ['[nagios_runner]\ncommands = { command = "s3cret" }', 5, `${CHECKS}, found a table`],
    ['[nagios_runner.commands]\ncommand = "s3cret"', 4, `${CHECKS}, found a table`],
    ['[nagios_runner]\ncommands = "x -p s3cret"', 5, `${CHECKS}, found a string that is not shown`],
    [
      '[nagios_runner]\ncommands = ["s3cret",\n [3]]',
      5,
      `nagios_runner.commands[0] must be a table such as ${CHECK}, found a string that is not shown`,
      `f:6: nagios_runner.commands[1] must be a table such as ${CHECK}, found an array`,
    ],
    ["[nagios_runner]\ncommands = [\n{ name = 3 }]", 6, "nagios_runner.commands[0].name must be a string, found 3"],
    [
      "[[nagios_runner.commands]]\n[[nagios_runner.commands]]\ncommand = 5",
      6,
      `nagios_runner.commands[1].command ${WORDS} a number that is not shown`,
    ],
    ["[[nagios_runner.commands]]\ncommand = {}", 5, `nagios_runner.commands[0].command ${WORDS} a table`],
    [
      '[[nagios_runner.commands]]\ncommand = ["x",\n5]',
      6,
      "nagios_runner.commands[0].command[1] must be a string, found a number that is not shown",
    ],
    [
      '[[nagios_runner.commands]]\nshell = "x -p s3cret"',
      5,
      "nagios_runner.commands[0].shell must be true or false, found a string that is not shown",
    ],
    [
      '[[nagios_runner.commands]]\ntimeout = "5s"',
      5,
      `nagios_runner.commands[0].timeout ${SECONDS} above 0, up to 3600, found "5s"`,
    ],
    [
      "[[nagios_runner.commands]]\ninterval = 0",
      5,
      `nagios_runner.commands[0].interval ${SECONDS} above 0, up to 604800, found 0`,
    ],
    [
      "[plugins]\ncamera = 3",
      5,
      "plugins.camera must be a table such as [plugins.camera], found a number that is not shown",
    ],
    [
      '[[plugins.camera]]\npassword = "s3cret"',
      4,
      "plugins.camera must be a table such as [plugins.camera], found an array of tables",
    ],
    ["[[plugins]]", 4, "plugins must be a table such as [plugins.camera], found an array of tables"],
  ] as const) {
    test(text.replaceAll("\n", " "), () => {
      const message = refusal(text);
      expect(message).toBe(`f:${line}: ${said.join("\n")}`);
      expect(message).not.toContain("s3cret");
    });
  }

  test("all of it at once, as it stands in the file, and what is ignored after it", () => {
    const text =
      "[nagios_runner]\ntimeout = 0\ntimout = 1\ncommands = [\n{ comand = 1, name = 2 },\n]\n[heartbeat]\ninterval_s = 0";
    expect(
      refusal(text)
        .split("\n")
        .map((line) => line.split(" ").slice(0, 4).join(" ")),
    ).toEqual([
      "f:5: nagios_runner.timeout must be",
      "f:8: nagios_runner.commands[0].name must be",
      "f:11: heartbeat.interval_s must be",
      "f:6: unknown key nagios_runner.timout",
      "f:8: unknown key nagios_runner.commands[0].comand",
    ]);
  });
});

describe("what is unknown is a warning that names what was meant:", () => {
  for (const [text, ...said] of [
    [
      '[heartbeat]\nplugin_dir = "/x"',
      "f:5: unknown key heartbeat.plugin_dir is ignored; fix: write heartbeat.plugins_dir",
    ],
    ["[heartbeat]\ntimeout = 5", "f:5: unknown key heartbeat.timeout is ignored; fix: move it to [nagios_runner]"],
    [
      "[nagios_runner]\ninterval_s = 5",
      "f:5: unknown key nagios_runner.interval_s is ignored; fix: move it to [heartbeat]",
    ],
    [
      "[nagios_runner]\nshell = true",
      "f:5: unknown key nagios_runner.shell is ignored; fix: move it to [[nagios_runner.commands]]",
    ],
    ['[[commands]]\nname = "x"', "f:4: unknown table [[commands]] is ignored; fix: write [[nagios_runner.commands]]"],
    [
      '[nagios_runner]\ncommands = [\n{ name = "x",\ncomand = "y", tiemout = 3 },\n{ command = "y" }, { colour = 1 }]',
      "f:7: unknown key nagios_runner.commands[0].comand is ignored; fix: write nagios_runner.commands[0].command",
      "f:7: unknown key nagios_runner.commands[0].tiemout is ignored; fix: write nagios_runner.commands[0].timeout",
      "f:8: unknown key nagios_runner.commands[2].colour is ignored; fix: remove the line; /opt/labfleet/current/units/lab-host.example.toml shows all that there are",
    ],
    [
      '[[nagios_runner.commands]]\nname = "x"\n[[nagios_runner.commands]]\n\ntimeout_s = 3',
      "f:8: unknown key nagios_runner.commands[1].timeout_s is ignored; fix: write nagios_runner.commands[1].timeout",
    ],
    [
      "[plugins.nagios_runner]\ntimeout = 3",
      "f:4: unknown table [plugins.nagios_runner] is ignored; fix: write [nagios_runner]",
    ],
    ["[hearbeat]\ninterval_s = 5", "f:4: unknown table [hearbeat] is ignored; fix: write [heartbeat]"],
    ["[shiper]\nscan_interval_s = 5", "f:4: unknown table [shiper] is ignored; fix: write [shipper]"],
  ] as const) {
    test(text.replaceAll("\n", " "), () => {
      const { warnings } = parseHeartbeatConfig(BASE + text, "f");
      expect(warnings.map((one) => inText(one))).toEqual([...said]);
    });
  }

  test("what stands in [plugins.nagios_runner] reaches no check unread", () => {
    const text = '[plugins.nagios_runner]\ncommands = [{ name = "x", command = 5 }]\n';
    expect(parseHeartbeatConfig(BASE + text, "f").config.plugins).toEqual({});
  });

  test("the tables of own plugins hold what they like", () => {
    const text =
      "[plugins.camera]\nanything = [{ x = 1 }, []]\n[plugins.camera.inner]\ny = 1\n[[plugins.gps.list]]\nz = 1\n";
    expect(parseHeartbeatConfig(BASE + text, "f").warnings).toEqual([]);
  });
});

/** What is said of a text that is refused. */
function refusal(text: string): string {
  try {
    parseHeartbeatConfig(BASE + text, "f");
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 2) return error.message;
    throw error;
  }
  throw new Error("the configuration was taken");
}
