// release.json by literals: what is read, and what is none.

import { describe, expect, test } from "bun:test";
import { formatRelease, parseRelease, piecePath, piecesOf, type Release } from "../../lib/contract/release.ts";

const [HEAD, RUNTIME, TAIL, WHOLE] = ["1", "2", "3", "4"].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const piece = (bytes: number) => ({ bytes, gzip_bytes: 10, gzip_sha256: "5".repeat(64) });
const RELEASE: Release = {
  ...{
    format: 1,
    version: "1.2.0",
    serial: 7,
    created: "2026-05-01T06:00:00.000Z",
    expires: "2026-05-31T06:00:00.000Z",
  },
  ...{ min_serial: 3, commit: "a".repeat(40) },
  executables: [
    {
      ...{ tool: "shipper", target: "linux-x64", bytes: 4196, sha256: WHOLE, glibc: "2.17" },
      ...{ head: HEAD, runtime: RUNTIME, tail: TAIL },
    },
  ],
  files: [{ path: "units/labfleet-shipper.service", bytes: 3, sha256: "6".repeat(64) }],
  pieces: { [HEAD]: piece(4096), [RUNTIME]: piece(60), [TAIL]: piece(40) },
};

test("comes back from its text, and names its pieces in order", () => {
  expect(parseRelease(formatRelease(RELEASE))).toEqual(RELEASE);
  expect(RELEASE.executables.flatMap(piecesOf).map(piecePath)).toEqual(
    [HEAD, RUNTIME, TAIL].map((digest) => `pieces/${digest}.gz`),
  );
});

describe("is none", () => {
  const changed = (more: object): string => JSON.stringify({ ...RELEASE, ...more });
  const [executable] = RELEASE.executables;
  const [file] = RELEASE.files;
  test.each([
    ["no text", ""],
    ["no object", "[]"],
    ["another format", changed({ format: 2 })],
    ["a version that is no name", changed({ version: "../1" })],
    ["a serial below zero", changed({ serial: -1 })],
    ["a serial that is not whole", changed({ serial: 1.5 })],
    ["a serial that is a text", changed({ serial: "7" })],
    ["no time", changed({ expires: "soon" })],
    ["no min_serial", changed({ min_serial: undefined })],
    ["a tool that is a path", changed({ executables: [{ ...executable, tool: "a/b" }] })],
    ["a digest that is too short", changed({ executables: [{ ...executable, sha256: WHOLE.slice(1) }] })],
    ["a digest in capitals", changed({ executables: [{ ...executable, sha256: "A".repeat(64) }] })],
    ["more bytes than its pieces have", changed({ executables: [{ ...executable, bytes: 4197 }] })],
    ["a piece that is not named", changed({ executables: [{ ...executable, tail: WHOLE }] })],
    ["a file outside", changed({ files: [{ ...file, path: "../etc/passwd" }] })],
    ["a file at the root", changed({ files: [{ ...file, path: "/etc/passwd" }] })],
    ["an empty name", changed({ files: [{ ...file, path: "units//x" }] })],
    ["a hidden name", changed({ files: [{ ...file, path: "units/.x" }] })],
    ["a piece without its digest", changed({ pieces: { ...RELEASE.pieces, [TAIL]: { bytes: 40 } } })],
  ])("%s", (_, text) => {
    expect(parseRelease(text)).toBeNull();
  });
});
