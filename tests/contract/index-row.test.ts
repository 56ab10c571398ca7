// Rows of index.jsonl as text and back: what a release writes, what an older one wrote, and what puts a row right.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  addressOfLine,
  findNames,
  formatRow,
  type IndexRow,
  isCorrection,
  parseRow,
} from "../../lib/contract/index-row.ts";
import { isName } from "../../lib/contract/names.ts";

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

test("a row is written with the Python receiver's keys first, the tree digest named with its tar format", () => {
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
  expect(parseRow(JSON.stringify({ ...ROW, received_at_wall: 3 }))?.received_at_wall).toBe("");
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

describe("names are found in a line without parsing it", () => {
  /** What stands before and after the line must not matter. */
  const find = (text: string) => {
    const line = Buffer.from(text);
    const bytes = Buffer.concat([Buffer.from('x"}\n'), line, Buffer.from('\n{"host_id":"other"}')]);
    const places = { hostAt: 0, hostEnd: 0, idAt: 0, idEnd: 0 };
    if (!findNames(bytes, 4, 4 + line.length, places)) return null;
    return {
      host: bytes.toString("latin1", places.hostAt, places.hostEnd),
      id: bytes.toString("latin1", places.idAt, places.idEnd),
    };
  };
  const NAME = `${"A-z0.9_".repeat(18)}ab`; // 128

  test.each([
    ["ours", formatRow(ROW), { host: "lab1", id: "ep1" }],
    ["Python's", '{"host_id": "lab1", "episode_id": "ep1"}', { host: "lab1", id: "ep1" }],
    ["the longest names", `{"host_id":"${NAME}","episode_id":"${NAME}"}`, { host: NAME, id: NAME }],
    ["one character", '{"host_id":"a","episode_id":"b"}', { host: "a", id: "b" }],
    ["a correction", formatRow({ ...ROW, corrects: "tree_sha256" }), null],
    ["a name that is too long", `{"host_id":"${NAME}c","episode_id":"b"}`, null],
    ["an id that is too long", `{"host_id":"a","episode_id":"${NAME}c"}`, null],
    ["a dot first", '{"host_id":".a","episode_id":"b"}', null],
    ["nothing", '{"host_id":"","episode_id":"b"}', null],
    ["an escape", '{"host_id":"a\\u0062","episode_id":"b"}', null],
    ["a slash", '{"host_id":"a","episode_id":"../b"}', null],
    ["no ASCII", '{"host_id":"ä","episode_id":"b"}', null],
    ["keys of two ways", '{"host_id": "a","episode_id":"b"}', null],
    ["torn in a name", '{"host_id":"a","episode_id":"b', null],
    ["torn behind it", formatRow(ROW).slice(0, 80), null],
    ["nothing at all", "", null],
  ])("%s", (_, text, names) => expect(find(text)).toEqual(names));

  test("never another one than the parser finds", () => {
    const part = fc.stringMatching(/^[-A-Za-z0-9._/"\\ ]{0,6}$/);
    fc.assert(
      fc.property(part, part, fc.constantFrom("", " "), (host_id, episode_id, gap) => {
        const text = `{"host_id":${gap}${JSON.stringify(host_id)},${gap}"episode_id":${gap}${JSON.stringify(episode_id)}}`;
        const both = isName(host_id) && isName(episode_id);
        expect(find(text)).toEqual(both ? { host: host_id, id: episode_id } : null);
      }),
      { numRuns: 2000 },
    );
  });
});
