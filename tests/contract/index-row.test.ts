// Rows of index.jsonl as text and back: what a release writes, what an older one wrote, and what puts a row right.

import { expect, test } from "bun:test";
import { addressOfLine, formatRow, type IndexRow, isCorrection, parseRow } from "../../lib/contract/index-row.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

const ROW: IndexRow = {
  host_id: "lab1",
  episode_id: "ep1",
  received_at_wall: "2026-05-01T06:37:53.830599+00:00",
  bytes: 5000,
  sha256: A,
  code_commit: "abc",
  path: "episodes/lab1/ep1.tar.zst",
  tree_sha256: B,
};

test("a row is written with seed 002's keys first, the tree digest named with its tar format", () => {
  expect(formatRow(ROW)).toBe(
    `{"host_id":"lab1","episode_id":"ep1","received_at_wall":"2026-05-01T06:37:53.830599+00:00","bytes":5000,"sha256":"${A}",` +
      `"code_commit":"abc","path":"episodes/lab1/ep1.tar.zst","tree_sha256":"v1:${B}"}`,
  );
});

test("a row comes back as it went, whatever its tree digest, and what it corrects", () => {
  for (const tree_sha256 of [null, B, `v2:${B}`]) {
    for (const more of [{}, { recovered: true }, { corrects: "tree_sha256" }] as const) {
      const row = { ...ROW, tree_sha256, ...more };
      expect(parseRow(formatRow(row))).toEqual(row);
    }
  }
});

test("a plain tree digest is one of format 1, as older releases wrote it; anything else is none", () => {
  const read = (tree_sha256: unknown) => parseRow(JSON.stringify({ ...ROW, tree_sha256 }))?.tree_sha256;
  expect([read(B), read(`v1:${B}`), read(`v2:${B}`)]).toEqual([B, B, `v2:${B}`]);
  expect([read(`v1:v2:${B}`), read("v1:"), read("x"), read(7), read(undefined)]).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});

test("a correction is told by its first bytes, and has the address of its episode", () => {
  const line = Buffer.from(`${formatRow({ ...ROW, corrects: "tree_sha256" })}\n${formatRow(ROW)}`);
  const at = line.indexOf("\n");
  expect(line.toString()).toStartWith('{"corrects":"tree_sha256","host_id":"lab1",');
  expect([isCorrection(line, 0, at), isCorrection(line, at + 1, line.length)]).toEqual([true, false]);
  expect(addressOfLine(line, 0, at)).toEqual({ host: "lab1", id: "ep1" });
});

test("a correction reads as a row to who knows nothing of corrections: same time, same size, same digest", () => {
  const seed = JSON.parse(formatRow({ ...ROW, tree_sha256: null, corrects: "tree_sha256" }));
  expect(seed).toEqual({ ...ROW, tree_sha256: null, corrects: "tree_sha256" });
});
