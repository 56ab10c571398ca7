// Rows of the index, read without parsing where they are ours, and parsed else: both say the same.

import { expect, test } from "bun:test";
import { formatRow, type IndexRow } from "../../../lib/contract/index-row.ts";
import { readAny, readLine } from "../../../lib/fleet-health/index/index-lines.ts";
import { seededRandom } from "../../support/random.ts";

const ROW: IndexRow = {
  ...{ host_id: "lab1", episode_id: "ep-1.x_2", received_at_wall: "2026-05-01T06:37:53.830599+00:00", bytes: 0 },
  ...{
    sha256: "a".repeat(64),
    code_commit: "abc123",
    path: "episodes/lab1/ep-1.x_2.tar.zst",
    tree_sha256: "b".repeat(64),
  },
};

test("a row of ours is read whole, and its microseconds", () => {
  expect(readLine(formatRow(ROW))).toEqual({
    ...{ host: "lab1", text: "2026-05-01T06:37:53.830599+00:00", micros: 1_777_617_473_830_599, isRecovered: false },
  });
  expect(readLine(formatRow({ ...ROW, recovered: true }))?.isRecovered).toBe(true);
  expect(readLine(formatRow({ ...ROW, corrects: "bytes", code_commit: null, tree_sha256: null }))?.host).toBe("lab1");
});

test("a day that there is not is no row, whichever way it is read", () => {
  for (const at of [
    "2026-02-30T00:00:00.000000+00:00",
    "2026-13-01T00:00:00.000000+00:00",
    "0000-01-01T00:00:00.000000+00:00",
  ]) {
    const line = formatRow({ ...ROW, received_at_wall: at });
    expect([readLine(line), readAny(line)]).toEqual([null, null]);
  }
});

/** Each is what Python's json says of it. */
test.each([
  ['"duration":NaN', true],
  ['"a": [NaN, Infinity,-Infinity]', true],
  ['"a":"\\"NaN","b":NaN', true],
  ['"a":"\\\\","b":NaN', true],
  ['"NaN":"Infinity"', true],
  ['"a":NaN,"received_at_wall":"NaN"', false],
  ['"a":nan', false],
  ['"a":-NaN', false],
  ['"a":+Infinity', false],
  ['"a":1Infinity', false],
  ['"a":NaNNaN', false],
  ["NaN:1", false],
  ['"a":"NaN', false],
  ['"a":NaN,"b":"\\', false],
])("a row with %s is one to Python: %p", (more, isRow) => {
  const found = readLine(`{"host_id":"lab1","received_at_wall":"2026-05-01T06:37:53.830599+00:00",${more}}`);
  expect(found).toEqual(
    isRow
      ? { host: "lab1", text: "2026-05-01T06:37:53.830599+00:00", micros: 1_777_617_473_830_599, isRecovered: false }
      : null,
  );
});

test("a host's name, and a time, keep their words beside a number that is none", () => {
  const found = readLine('{"received_at_wall":"2026-05-01 06:37:53Z","host_id":"NaN-Infinity","bytes":NaN}');
  expect([found?.host, found?.text]).toEqual(["NaN-Infinity", "2026-05-01 06:37:53Z"]);
});

test("a string of megabytes beside such a number is passed over whole", () => {
  const long = "x".repeat(3 * 1024 ** 2);
  const found = readLine(`{"a":"${long}","b":NaN,"host_id":"lab1","received_at_wall":"2026-05-01"}`);
  expect(found?.host).toBe("lab1");
});

test("whatever is done to a row, both say the same of it", () => {
  const { next: random, pick } = seededRandom(11);
  const bytes = [...'{}[]":,\\\n 0123456789-+.TZabcxyz_é'];
  let read = 0;
  for (let i = 0; i < 20_000; i++) {
    const row: IndexRow = {
      ...ROW,
      host_id: pick(["lab1", "l", "x.y-z"]),
      received_at_wall: pick([
        ROW.received_at_wall,
        "2024-02-29T23:59:59.000000+00:00",
        "2026-05-01T24:00:00.000000+00:00",
        "2026-05-01T06:37:53Z",
        "",
      ]),
      bytes: pick([0, 7, 4e9]),
      code_commit: pick([null, "", 'a"b', "d".repeat(40)]),
      tree_sha256: pick([null, "b".repeat(64), `v2:${"c".repeat(64)}`]),
      ...(random() < 0.2 && { recovered: true as const }),
      ...(random() < 0.2 && { corrects: "tree_sha256" as const }),
    };
    let line = formatRow(row);
    for (let cuts = Math.floor(random() * 3); cuts > 0; cuts--) {
      const at = Math.floor(random() * line.length);
      line =
        line.slice(0, at) +
        pick(["", pick(bytes), pick(bytes) + pick(bytes)]) +
        line.slice(at + Math.floor(random() * 2));
    }
    const found = readLine(line);
    expect(found, line).toEqual(readAny(line));
    if (found !== null) read += 1;
  }
  expect(read).toBeGreaterThan(3000);
});
