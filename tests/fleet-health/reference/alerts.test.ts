// The alerts of the Python fleet's health check, from the same inputs, beside Python.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readLine } from "../../../lib/fleet-health/index/index-lines.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import { addJournal } from "../../../lib/fleet-health/reference/access-lines.ts";
import { dedupText, hourOf, keysOfHour, rowText } from "../../../lib/fleet-health/reference/alert-rows.ts";
import { addRow, type Facts, referenceAlerts, type Thresholds } from "../../../lib/fleet-health/reference/alerts.ts";
import { seededRandom } from "../../support/random.ts";
import { askPython } from "../../support/reference-health.ts";

const DEFAULTS: Thresholds = {
  lookbackHours: 24,
  silentThresholdMin: 30,
  fatalRatioThreshold: 0.95,
  fatalMinCount: 10,
};
/** 2026-05-01T06:37:53.830599+00:00 */
const NOW = 1_777_617_473_830_599;
const MINUTE = 60_000_000;

interface Inputs {
  index: string;
  journal: string;
  alerts: string;
  now: number;
  thresholds: Thresholds;
}

/** The rows that a run appends. */
function rowsOf({ index, journal, alerts, now, thresholds }: Inputs): string[] {
  const facts: Facts = new Map();
  for (const line of index.split("\n")) {
    const row = readLine(line);
    if (row !== null) addRow(facts, row.host, row.text, row.micros);
  }
  addJournal(facts, journal);
  const hour = hourOf(isoText(now));
  const there = keysOfHour(alerts.split("\n"), hour);
  return referenceAlerts(facts, thresholds, now, "python").flatMap((alert) => {
    const key = createHash("sha256").update(dedupText(alert, hour)).digest("hex").slice(0, 16);
    return there.has(key) ? [] : [rowText({ ...alert, heldBy: null }, key)];
  });
}

const row = (host: string, micros: number): string =>
  JSON.stringify({ host_id: host, received_at_wall: isoText(micros) });
const put = (host: string, status: number): string =>
  `10.0.0.7:40312 - "PUT /v1/episodes/${host}/ep.tar.zst HTTP/1.1" ${status}`;
const times = (count: number, line: string): string[] => Array.from({ length: count }, () => line);
const run = (inputs: Partial<Inputs>): string[] =>
  rowsOf({ index: "", journal: "", alerts: "", now: NOW, thresholds: DEFAULTS, ...inputs });
const symptoms = (inputs: Partial<Inputs>): string[] =>
  run(inputs).map((line) => {
    const { host, symptom } = JSON.parse(line);
    return `${host} ${symptom}`;
  });

test("a row is written as Python writes it", () => {
  expect(run({ index: row("lab1", NOW - 90 * MINUTE - 1) })).toEqual([
    `{"host": "lab1", "symptom": "silent", "detail": "last successful ship 90 min ago (2026-05-01T05:07:53.830598+00:00)", "suggested_fix": "On lab1: check \`systemctl status cis490-shipper cis490-orchestrator\`. If services are inactive, \`sudo systemctl start cis490-shipper cis490-orchestrator\`. If actively failing, see FIXYOURSELF.md.", "detected_at_wall": "2026-05-01T06:37:53.830599+00:00", "dedup_key": "03aa5ab00a48f764"}`,
  ]);
  const [refused = ""] = run({ journal: times(10, put("lab1", 412)).join("\n") });
  expect(refused).toContain("10 \\u00d7 4xx + 0 \\u00d7 5xx, 0 \\u00d7 2xx \\u2014 host is shipping");
  expect(refused).toContain("see FIXYOURSELF.md \\u00a7B (likely diverged HEAD).");
});

describe("silent", () => {
  test("is who shipped within the lookback, and not for more than the threshold", () => {
    const at = (minutes: number, micros = 0) => symptoms({ index: row("lab1", NOW - minutes * MINUTE - micros) });
    expect([at(30), at(30, 1), at(24 * 60), at(24 * 60, 1)]).toEqual([[], ["lab1 silent"], ["lab1 silent"], []]);
  });

  test("goes by the newest row, wherever it stands; of equal instants the earlier row's words stay", () => {
    const index = [
      `{"host_id":"lab1","received_at_wall":"2026-05-01T07:00:00+02:00"}`,
      `{"host_id":"lab1","received_at_wall":"2026-05-01T05:00:00Z"}`,
      row("lab1", NOW - 300 * MINUTE),
    ];
    expect(JSON.parse(run({ index: index.join("\n") })[0] ?? "").detail).toBe(
      "last successful ship 98 min ago (2026-05-01T07:00:00+02:00)",
    );
  });

  test("takes no row that is none, and a row of the future keeps a host from being silent", () => {
    const old = row("lab1", NOW - 100 * MINUTE);
    const odd = ["", "{", "[]", "null", '{"host_id":"","received_at_wall":"2026-05-01T05:00:00Z"}', '{"host_id":5}'];
    expect(symptoms({ index: [...odd, old, ...odd].join("\n") })).toEqual(["lab1 silent"]);
    expect(symptoms({ index: [old, row("lab1", NOW + 500 * MINUTE)].join("\n") })).toEqual([]);
  });
});

describe("fatal-only", () => {
  test("is who was refused ten times or more, and never taken", () => {
    const of = (...lines: string[]) => symptoms({ journal: lines.join("\n") });
    expect(of(...times(9, put("lab1", 412)))).toEqual([]);
    expect(of(...times(5, put("lab1", 412)), ...times(5, put("lab1", 503)))).toEqual(["lab1 fatal-only"]);
    expect(of(...times(99, put("lab1", 412)), put("lab1", 201))).toEqual([]);
    expect(of(...times(10, put("lab1", 302)))).toEqual([]);
  });
});

describe("unstamped", () => {
  test("counts warnings that name a host; their access lines count as refused, too", () => {
    const warning = "WARNING rejected episode host=lab1, missing X-Cis490-Code-Commit";
    const journal = times(10, `${warning}\n${put("lab1", 400)}`).join("\n");
    expect(symptoms({ journal })).toEqual(["lab1 unstamped", "lab1 fatal-only"]);
    expect(symptoms({ journal: times(10, "missing x-cis490-code-commit").join("\n") })).toEqual([]);
  });
});

test("what stands there of this UTC hour is not written again; what was detected in another one is", () => {
  const index = row("lab1", NOW - 90 * MINUTE);
  const written = run({ index });
  const before = (written[0] ?? "").replace('"detected_at_wall": "2026-05-01T06', '"detected_at_wall": "2026-05-01T05');
  expect(run({ index, alerts: `${written.join("\n")}\n` })).toEqual([]);
  expect(run({ index, alerts: `${before}\n` })).toEqual(written);
  expect(run({ index, now: NOW + 60 * MINUTE, alerts: `${written.join("\n")}\n` })).toHaveLength(1);
});

/** A fleet of a few hosts with all that may stand in its files. */
function randomInputs(seed: number): Inputs {
  const random = seededRandom(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)] as T;
  const now = NOW + Math.floor(random.next() * 7_200_000_000);
  const thresholds = {
    lookbackHours: pick([24, 24, 1, 48]),
    silentThresholdMin: pick([30, 30, 0, -5, 60]),
    fatalRatioThreshold: pick([0.95, 0.5, 1]),
    fatalMinCount: pick([10, 10, 3, 1]),
  };
  const hosts = ["lab1", "lab2", "pi-3", "höst", "a.b"];
  const near = pick([thresholds.silentThresholdMin * MINUTE, thresholds.lookbackHours * 60 * MINUTE, 90 * MINUTE]);
  const at = (): number => now - near + pick([0, 0, 1, -1, 500_000, 30 * MINUTE, -30 * MINUTE, 29_999_999]);
  const text = (micros: number): string =>
    pick([isoText(micros), isoText(micros), isoText(micros).replace("+00:00", "Z"), "yesterday", ""]);
  const index = Array.from({ length: 12 }, () =>
    pick([
      JSON.stringify({ host_id: pick(hosts), received_at_wall: text(at()), bytes: 3 }),
      row(pick(hosts), at()),
      row(pick(hosts), at()).replace("}", `,"bytes":${pick(["NaN", "-Infinity", "Infinity", "nan", "-NaN", '"NaN'])}}`),
      pick([
        "{",
        "[1]",
        '"x"',
        "7",
        '{"host_id":"lab1"}',
        '{"host_id":null,"received_at_wall":"2026-05-01T05:00:00Z"}',
      ]),
    ]),
  );
  const journal = Array.from({ length: 40 }, () =>
    pick([
      put(pick(hosts), pick([201, 200, 400, 412, 412, 412, 503, 302, 99])),
      put("lab2", 412),
      `rejected episode host=${pick(hosts)}, missing X-Cis490-Code-Commit`,
      pick(["missing X-CIS490-code-commit", 'PUT /v1/episodes/lab1/ HTTP/1.1" 201', "listening", "a\u2028b\x1cc"]),
    ]),
  );
  const base = { index: index.join("\n"), journal: journal.join("\n"), now, thresholds };
  const there = rowsOf({ ...base, alerts: "" }).filter(() => random.next() < 0.3);
  return { ...base, alerts: [...there, "{", '{"detected_at_wall":5,"dedup_key":"x"}'].join("\n") };
}

test("five hundred fleets get the rows that Python would append", () => {
  const all = Array.from({ length: 500 }, (_, seed) => randomInputs(seed));
  const theirs = askPython(
    all.map(({ now, thresholds, ...texts }) => ({
      ...texts,
      now_micros: now,
      thresholds: {
        lookback_hours: thresholds.lookbackHours,
        silent_threshold_min: thresholds.silentThresholdMin,
        fatal_ratio_threshold: thresholds.fatalRatioThreshold,
        fatal_min_count: thresholds.fatalMinCount,
      },
    })),
  ) as string[][];
  const withoutFix = (line: string): string => line.replace(/"suggested_fix": "(?:[^"\\]|\\.)*", /, "");
  const differ = all.flatMap((inputs, i) => {
    const ours = rowsOf(inputs).map(withoutFix);
    const python = theirs[i]?.map(withoutFix);
    return Bun.deepEquals(ours, python) ? [] : [{ inputs, ours, python }];
  });
  expect(differ.slice(0, 1)).toEqual([]);
  expect(new Set(theirs.flat().map((line) => JSON.parse(line).symptom))).toEqual(
    new Set(["silent", "unstamped", "fatal-only"]),
  );
}, 60_000);
