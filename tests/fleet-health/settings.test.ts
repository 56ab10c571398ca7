import { describe, expect, test } from "bun:test";
import { findingText } from "../../lib/core/finding.ts";
import { parseFleetHealthConfig } from "../../lib/fleet-health/config.ts";
import { nowOf, withFlags } from "../../lib/fleet-health/settings.ts";

const bare = parseFleetHealthConfig("", "collector.toml").config;
const say = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "nothing";
};

test("an empty unit is none", () => {
  const config = parseFleetHealthConfig("", "collector.toml").config;
  expect(() => withFlags(config, { "journal-unit": " " })).toThrow("--journal-unit is empty");
});

test("without a setting all lies in the collector's data root, and the Python fleet's thresholds hold", () => {
  expect(bare).toEqual({
    indexPath: "/var/lib/labfleet/index.jsonl",
    alertsPath: "/var/lib/labfleet/alerts.jsonl",
    attemptsDir: "/var/lib/labfleet/attempts",
    heartbeatsDir: "/var/lib/labfleet/heartbeats",
    hostsPath: "/var/lib/labfleet/hosts.json",
    duplicatesPath: "/var/lib/labfleet/duplicate-hosts.json",
    codesDir: "/var/lib/labfleet/enrolment",
    ticksPath: "/var/lib/labfleet/ticks",
    runDir: "/run/labfleet/receiver",
    stateDir: "/var/lib/labfleet/fleet-health",
    journalUnit: null,
    recentWindowMin: 30,
    thresholds: { lookbackHours: 24, silentThresholdMin: 30, fatalRatioThreshold: 0.95, fatalMinCount: 10 },
    expireAfterMs: 14 * 86_400_000,
    silentAfterMs: {},
    pingUrl: null,
    channels: [],
  });
});

test("[fleet_health] and [paths] of collector.toml hold, beside what the receiver reads there", () => {
  const text = `listen = "0.0.0.0:1"
[paths]
data_root = "/srv/lab"
run_dir = "/run/x"
[limits]
disk_reserve = "1 GiB"
[fleet_health]
journal_unit = "cis490-receiver"
lookback_hours = 48
silent_threshold_min = 5
recent_window_min = 60
fatal_ratio_threshold = 0.5
fatal_min_count = 3
expire_after = "7d"
[fleet_health.hosts.lab1]
silent_after = "26h"
`;
  const { config, warnings } = parseFleetHealthConfig(text, "collector.toml");
  expect(warnings).toEqual([]);
  expect(config).toEqual({
    indexPath: "/srv/lab/index.jsonl",
    alertsPath: "/srv/lab/alerts.jsonl",
    attemptsDir: "/srv/lab/attempts",
    heartbeatsDir: "/srv/lab/heartbeats",
    hostsPath: "/srv/lab/hosts.json",
    duplicatesPath: "/srv/lab/duplicate-hosts.json",
    codesDir: "/srv/lab/enrolment",
    ticksPath: "/srv/lab/ticks",
    runDir: "/run/x",
    stateDir: "/srv/lab/fleet-health",
    journalUnit: "cis490-receiver",
    recentWindowMin: 60,
    thresholds: { lookbackHours: 48, silentThresholdMin: 5, fatalRatioThreshold: 0.5, fatalMinCount: 3 },
    expireAfterMs: 7 * 86_400_000,
    silentAfterMs: { lab1: 26 * 3_600_000 },
    pingUrl: null,
    channels: [],
  });
});

test.each([
  ["lookback_hours = -1", "a whole number from 0 to 8760"],
  ["recent_window_min = 1.5", "recent_window_min"],
  ["fatal_ratio_threshold = 2", "a number from 0 to 1"],
  ['journal_unit = ""', "journal_unit"],
  ['expire_after = "soon"', 'a duration such as "26h"'],
  ['expire_after = "1m"', 'at least "1h"'],
  ['expire_after = "59min 59s"', 'at least "1h"'],
])("%s is said with its rule", (line, rule) => {
  const said = say(() => parseFleetHealthConfig(`[fleet_health]\n${line}\n`, "collector.toml"));
  expect(said).toContain("collector.toml:2: ");
  expect(said).toContain(rule);
});

test.each(["[[notfy]]", "[notfy]"])("of a mistyped %s the right one has its two brackets", (header) => {
  const { warnings } = parseFleetHealthConfig(`${header}\nname = "ops"\n`, "collector.toml");
  expect(warnings.map((one) => findingText(one))).toEqual([
    `collector.toml:1: unknown table ${header} is ignored; fix: write [[notify]]`,
  ]);
});

describe("flags", () => {
  test("hold before the configuration", () => {
    const options = {
      "alerts-path": "/a",
      "attempts-dir": "/b",
      "journal-unit": "u",
      "state-path": "/s",
      "lookback-hours": "1",
      "silent-threshold-min": "0",
      "recent-window-min": "2",
      "fatal-ratio-threshold": "0.25",
      "fatal-min-count": "4",
    };
    expect(withFlags(bare, options)).toEqual({
      ...bare,
      indexPath: "/var/lib/labfleet/index.jsonl",
      alertsPath: "/a",
      attemptsDir: "/b",
      stateDir: "/s",
      journalUnit: "u",
      recentWindowMin: 2,
      thresholds: { lookbackHours: 1, silentThresholdMin: 0, fatalRatioThreshold: 0.25, fatalMinCount: 4 },
    });
    expect(withFlags(bare, {})).toEqual(bare);
  });

  test("are taken as Python takes them", () => {
    const { thresholds } = withFlags(bare, { "lookback-hours": "0", "fatal-ratio-threshold": ".5" });
    expect(thresholds).toMatchObject({ lookbackHours: 0, fatalRatioThreshold: 0.5 });
    expect(withFlags(bare, { "fatal-ratio-threshold": "1." }).thresholds.fatalRatioThreshold).toBe(1);
    expect(say(() => withFlags(bare, { "fatal-ratio-threshold": "." }))).toContain("is not a number");
  });

  test("another index is another collector's: its attempts and the state lie beside it", () => {
    const { attemptsDir, stateDir, alertsPath, runDir } = withFlags(bare, { "index-path": "/other/index.jsonl" });
    expect(runDir).toBeUndefined();
    expect([attemptsDir, stateDir, alertsPath]).toEqual([
      "/other/attempts",
      "/other/fleet-health",
      "/var/lib/labfleet/alerts.jsonl",
    ]);
  });

  test("under a clock that stands still nothing is written but where it is said", () => {
    const now = { now: "2026-05-01T06:00:00Z" };
    const { stateDir, alertsPath } = withFlags(bare, now);
    expect([stateDir, alertsPath]).toEqual([null, null]);
    expect(withFlags(bare, { ...now, "alerts-path": "/a" }).alertsPath).toBe("/a");
    const kept = withFlags(bare, { ...now, "state-path": "/s" });
    expect([kept.stateDir, kept.alertsPath]).toEqual(["/s", null]);
  });

  test.each([
    ["lookback-hours", ".5", '--lookback-hours ".5" is not a whole number from 0 to 8760'],
    ["lookback-hours", "8761", '--lookback-hours "8761" is not a whole number from 0 to 8760'],
    ["silent-threshold-min", "1.5", '--silent-threshold-min "1.5" is not a whole number from 0 to 525600'],
    ["recent-window-min", "-3", '--recent-window-min "-3" is not a whole number from 1 to 20160'],
    ["fatal-ratio-threshold", "1.01", '--fatal-ratio-threshold "1.01" is not a number from 0 to 1'],
    ["fatal-min-count", "ten", '--fatal-min-count "ten" is not a whole number from 1 to 1000000'],
    ["fatal-min-count", "", '--fatal-min-count "" is not a whole number from 1 to 1000000'],
  ])("--%s %s is refused", (name, value, said) => {
    expect(say(() => withFlags(bare, { [name]: value }))).toBe(said);
  });
});

test.each(["index-path", "alerts-path", "attempts-dir", "state-path"])("--%s that is empty is refused", (name) => {
  for (const empty of ["", " "])
    expect(say(() => withFlags(bare, { [name]: empty }))).toBe(`--${name} is empty: name a path, or leave it out`);
});

test("now is the clock's, or what is said", () => {
  expect(nowOf({}, 1_777_617_473_830)).toBe(1_777_617_473_830_000);
  expect(nowOf({ now: "2026-05-01T06:37:53.830599+00:00" }, 0)).toBe(1_777_617_473_830_599);
  expect(say(() => nowOf({ now: "soon" }, 0))).toBe('--now "soon" is no time of ISO 8601');
});
