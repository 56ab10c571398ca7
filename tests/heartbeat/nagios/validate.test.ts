// How the configured checks are read, and what is said of them before the first run.

import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkEnvironment } from "../../../lib/heartbeat/nagios/check.ts";
import { inspectCheck, readChecks } from "../../../lib/heartbeat/nagios/validate.ts";
import { inText } from "../../support/in-text.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { rig } from "./support.ts";

describe("reading", () => {
  test("a text is split into words without a shell, a list is taken as it is, a shell's text is left alone", () => {
    const { checks } = readChecks(
      {
        commands: [
          { name: "a", command: "check_x -w '5 6' $(id) | tee; *" },
          { name: "b", command: ["check_x", "-w", "5 6"] },
          { name: "c", command: "check_x | tee", shell: true },
        ],
      },
      60,
    );
    expect(checks.map(({ command }) => command)).toEqual([
      {
        words: ["check_x", "-w", "5 6", "$(id)", "|", "tee;", "*"],
        shell: false,
        hint: "only a shell runs another command with '$(id)': add shell = true",
      },
      { words: ["check_x", "-w", "5 6"], shell: false },
      { words: ["check_x | tee"], shell: true },
    ]);
  });

  test("time-outs and intervals are the check's own, the section's, or the defaults; ttl is two intervals and a time-out", () => {
    const commands = [
      { name: "a", command: "x" },
      { name: "b", command: "x", timeout: 40, interval: 300 },
      { name: "c", command: "x", timeout: -1, interval: "often" },
      { name: "d", command: "x", interval: 10 },
    ];
    const times = (settings: object) =>
      readChecks({ commands, ...settings }, 60).checks.map((c) => [c.timeoutS, c.graceS, c.intervalS, c.ttlS]);
    expect(times({})).toEqual([
      [10, 5, null, 130],
      [40, 5, 300, 640],
      [10, 5, null, 130],
      [10, 5, 10, 130],
    ]);
    expect(times({ timeout: 20, grace: 0 })[0]).toEqual([20, 0, null, 140]);
  });

  test("an entry without name or command is left out with a warning, and the others are kept", () => {
    const { entries, checks, remarks } = readChecks(
      {
        commands: [
          { command: "x" },
          { name: "a" },
          { name: " ", command: "x" },
          5,
          { name: "b", command: "" },
          { name: "c", command: [] },
          { name: "d", command: "x" },
        ],
      },
      60,
    );
    expect(entries).toBe(7);
    expect(checks.map(({ name }) => name)).toEqual(["d"]);
    expect(remarks.map(({ level, message, fields }) => [level, message, fields.entry])).toEqual([
      ["warn", "check left out: it has no name", "nagios_runner.commands[0]"],
      ["warn", 'check left out: "a" has no command', "nagios_runner.commands[1]"],
      ["warn", "check left out: it has no name", "nagios_runner.commands[2]"],
      ["warn", "check left out: it is no table", "nagios_runner.commands[3]"],
      ["warn", 'check left out: "b" has no command', "nagios_runner.commands[4]"],
      ["warn", 'check left out: "c" has no command', "nagios_runner.commands[5]"],
    ]);
  });

  test("a second check of the same name gets a name of its own, and a warning", () => {
    const { checks, remarks } = readChecks({ commands: ["a", "a", "a"].map((name) => ({ name, command: "x" })) }, 60);
    expect(checks.map(({ name }) => name)).toEqual(["a", "a#2", "a#3"]);
    expect(remarks.map(({ level, fields }) => [level, fields])).toEqual([
      ["warn", { check: "a", now: "a#2" }],
      ["warn", { check: "a", now: "a#3" }],
    ]);
  });

  test("beyond what a heartbeat carries a check is not run, which is said once", () => {
    const named = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `c${i}`, command: "x" }));
    const most = readChecks({ commands: named(4000) }, 60);
    expect([most.checks.length, most.remarks]).toEqual([4000, []]);
    const more = readChecks({ commands: [5, ...named(4003)] }, 60);
    expect([more.entries, more.checks.length, more.checks.at(-1)?.name]).toEqual([4004, 4000, "c3999"]);
    expect(more.remarks.slice(1)).toEqual([
      {
        level: "warn",
        message: "only the first 4000 checks are run: a heartbeat carries no more",
        fields: { configured: 4003, left_out: 3, first_left_out: "c4000" },
      },
    ]);
  });

  test("a command that cannot be read is kept, and why is its result at every run", async () => {
    const commands = [
      { name: "a", command: "x 'y" },
      { name: "b", command: ["x", 5] },
      { name: "c", command: ["x"], shell: true },
    ];
    const { initialised, lines, collect } = rig({ commands });
    expect(initialised).toBe(true);
    expect(lines.filter((line) => line.startsWith("warn"))).toHaveLength(3);
    expect((await collect()).map(({ name, status, message }) => [name, status, message])).toEqual([
      ["a", "unknown", expect.stringContaining("cannot be split into words: ")],
      ["b", "unknown", "its command holds something that is no text"],
      ["c", "unknown", "with shell = true its command must be one text, not a list"],
    ] as never);
  });
});

describe("whether the plugin takes part", () => {
  test("without commands it says why not, which is no failure", () => {
    for (const settings of [{}, { commands: [] }, { commands: "x" }, { timeout: 3 }]) {
      const { initialised, runner } = rig(settings);
      expect(initialised).toBe(false);
      expect(runner.skipReason).toBe("no commands configured (add nagios_runner.commands to config)");
    }
  });

  test("it does while the list is not empty, whatever is in it", async () => {
    const { initialised, runner, collect, lines } = rig({ commands: [{ name: "only" }] });
    expect([initialised, runner.skipReason]).toEqual([true, null]);
    expect(await collect()).toEqual([]);
    expect(lines[0]).toBe(
      'warn check left out: "only" has no command entry=nagios_runner.commands[0] expected="{ name, command }"',
    );
  });
});

describe("programs", () => {
  const inspect = (command: string | string[], shell = false, path = "/usr/bin:/bin") =>
    readChecks({ commands: [{ name: "it", command, shell }] }, 60)
      .checks.flatMap((check) => inspectCheck(check, path))
      .map(({ level, message }) => `${level} ${inText(message)}`);

  function program(mode: number): string {
    const file = join(tempDir(), "check");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, mode);
    return file;
  }

  test("one that is in order is not spoken of", () => {
    expect(inspect("/bin/sh -c true")).toEqual([]);
    expect(inspect("sh -c true")).toEqual([]);
    expect(inspect(program(0o755))).toEqual([]);
  });

  test("an absolute path that is nothing, no file or not executable gets one warning", () => {
    expect(inspect("/nonexistent/check -w 5")).toEqual(["warn check's program does not exist"]);
    expect(inspect("/etc/passwd/check")).toEqual(["warn check's program does not exist"]);
    const dir = tempDir();
    mkdirSync(join(dir, "d"));
    expect(inspect([join(dir, "d")])).toEqual(["warn check's program is not a file"]);
    expect(inspect([program(0o644)])).toEqual(["warn check's program is not executable for us"]);
  });

  test("a name that is not on PATH is noted", () => {
    expect(inspect("labfleet-no-such-check")).toEqual(["info check's program is not on PATH"]);
    expect(inspect("sh", false, "/nonexistent")).toEqual(["info check's program is not on PATH"]);
  });

  test("a relative path gets one warning: what it leads to from /, where checks run, and the fix", async () => {
    const what = "warn check's program is a relative path, and checks run in /:";
    const absolute = "; fix: give its absolute path";
    expect(inspect("checks/ww.sh -w 5")).toEqual([`${what} /checks/ww.sh will be run, and does not exist${absolute}`]);
    expect(inspect("./checks/../ww.sh")).toEqual([`${what} /ww.sh will be run, and does not exist${absolute}`]);
    expect(inspect(["~/ww.sh"])).toEqual([`${what} /~/ww.sh will be run, and does not exist${absolute}`]);
    expect(inspect("bin/sh -c true")).toEqual([`${what} /bin/sh will be run${absolute}`]);
    expect(inspect("checks/ww.sh -w 5", true)).toEqual([
      `${what} /checks/ww.sh will be run, and does not exist${absolute}`,
    ]);
    // And that is what is run.
    const { lines, collect } = rig({ commands: [{ name: "it", command: "bin/sh -c 'echo in $PWD'" }] });
    expect(lines.filter((line) => line.startsWith("warn"))).toEqual([
      `${what} /bin/sh will be run check=it program=bin/sh${absolute}`,
    ]);
    expect(await collect()).toMatchObject([{ status: "ok", message: "in /" }]);
  });

  test("of a shell's text only a plain path at the start is looked at", () => {
    expect(inspect("/nonexistent/check | tee", true)).toEqual(["warn check's program does not exist"]);
    for (const text of [
      "if true; then :; fi",
      "cd /opt && ./x",
      "D=/opt ./x",
      "/nonexistent/$x",
      "FOO=1 /nonexistent/x",
      "/nonexistent/x; true",
    ])
      expect(inspect(text, true)).toEqual([]);
  });

  test("one that others can change gets a warning", () => {
    const file = program(0o757);
    expect(inspect(file)).toEqual([`warn check's program can be changed by anybody; fix: sudo chmod o-w ${file}`]);
    expect(inspect(program(0o775))).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "one that belongs to somebody else and its group can change gets a warning (needs root)",
    () => {
      const file = program(0o775);
      chownSync(file, 65_534, 65_534);
      expect(inspect(file)).toEqual([
        `warn check's program can be changed by its group and belongs to somebody else; fix: sudo chmod g-w ${file}`,
      ]);
    },
  );
});

test("the environment is an allow-list: nothing of systemd, of ours or of Bun passes", () => {
  const ours = {
    ...{
      HOME: "/root",
      USER: "root",
      TZ: "UTC",
      LANG: "de_DE.UTF-8",
      LC_ALL: "de_DE",
      PATH: "/evil",
      LD_PRELOAD: "/x",
    },
    ...{ NOTIFY_SOCKET: "@x", WATCHDOG_USEC: "1", WATCHDOG_PID: "2", INVOCATION_ID: "3", JOURNAL_STREAM: "4:5" },
    ...{
      CREDENTIALS_DIRECTORY: "/run/c",
      LABFLEET_FAILPOINT: "x",
      BUN_OPTIONS: "x",
      BUN_BE_BUN: "1",
      NODE_OPTIONS: "x",
    },
  };
  expect(checkEnvironment(ours)).toEqual({
    ...{ PATH: expect.stringMatching(/^\/usr\/local\/sbin:.*:\/bin:\/usr\/lib\/nagios\/plugins:/) as never },
    ...{ LC_ALL: "C.UTF-8", LC_NUMERIC: "C", HOME: "/root", USER: "root", TZ: "UTC" },
  });
});
