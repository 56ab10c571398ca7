// What a done.marker and the notes about code versions say.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { commitOfFile, commitOfMeta, episodeCommit } from "../../lib/shipper/commit.ts";
import { manifestFaults, parseMarker } from "../../lib/shipper/marker.ts";
import { tempDir } from "../support/temp-dir.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const files = (text: string): unknown => {
  const marker = parseMarker(text);
  return marker.kind === "manifest" ? Object.fromEntries(marker.files) : marker;
};

describe("a marker", () => {
  for (const [what, text] of Object.entries({
    empty: "",
    "a time": "2026-05-01T06:37:53Z\n",
    JSON: '{"ok": true}\n',
    "only comments": "# finished\n",
    "a digest in capitals": `${A.toUpperCase()}  data.bin\n`,
    "an MD5 manifest": `${"a".repeat(32)}  data.bin\n`,
  })) {
    test(`of ${what} is plain`, () => expect(parseMarker(text)).toEqual({ kind: "plain" }));
  }

  for (const [what, text, expected] of [
    ["text mode", `${A}  data.bin\n${B}  sub/x\n`, { "data.bin": A, "sub/x": B }],
    ["binary mode", `${A} *data.bin\n`, { "data.bin": A }],
    ["no final line break", `${A}  data.bin`, { "data.bin": A }],
    ["Windows line ends", `${A}  data.bin\r\n${B}  x\r\n`, { "data.bin": A, x: B }],
    ["comments and blank lines", `# by rec\n\n${A}  data.bin\n`, { "data.bin": A }],
    ["names from find(1)", `${A}  ./data.bin\n${B}  ././x\n`, { "data.bin": A, x: B }],
    ["blanks in names", `${A}   lead and trail \n`, { " lead and trail ": A }],
    ["escaped names", `\\${A}  two\\nlines\\\\n\n`, { "two\nlines\\n": A }],
    ["a backslash in an unescaped line", `${A}  a\\nb\n`, { "a\\nb": A }],
  ] as const) {
    test(`with ${what} is a manifest`, () => expect<unknown>(files(text)).toEqual(expected));
  }

  for (const [what, text, line] of [
    ["a line cut in its digest", `${A}  data.bin\n${B.slice(0, 20)}`, 2],
    ["a line without a name", `${A}  data.bin\n${B}  \n`, 2],
    ["a stray line in the middle", `${A}  x\nhello\n${B}  y\n`, 2],
    ["NUL bytes at its end", `${A}  data.bin\n\0\0\0`, 1],
  ] as const) {
    test(`with ${what} is torn`, () => expect(parseMarker(text)).toEqual({ kind: "torn", line }));
  }

  test("as GNU sha256sum writes it for any name is read back to that name", () => {
    const dir = tempDir();
    const names = ["plain", "a b", "two\nlines", "back\\slash", "\\n", "é", "*star", "cr\rx"];
    for (const name of names) writeFileSync(join(dir, name), name);
    const sums = Bun.spawnSync(["sha256sum", "--", ...names], { cwd: dir }).stdout.toString();
    const expected = names.map((name) => [name, new Bun.CryptoHasher("sha256").update(name).digest("hex")]);
    expect(files(sums)).toEqual(Object.fromEntries(expected));
  });

  test("never makes the parser throw", () => {
    const line = fc.oneof(
      fc.string(),
      fc.string().map((name) => `${A}  ${name}`),
    );
    fc.assert(fc.property(fc.array(line), (lines) => void parseMarker(lines.join("\n"))));
  });
});

describe("a manifest's faults", () => {
  test("are files that are missing or differ, in order; others do not matter", () => {
    const listed = new Map([
      ["z", A],
      ["gone", A],
      ["same", B],
      ["b", A],
    ]);
    const found = new Map([
      ["z", B],
      ["same", B],
      ["b", B],
      ["extra", A],
    ]);
    expect(manifestFaults(listed, found)).toEqual(["b (differs)", "gone (missing)", "z (differs)"]);
  });

  test("are none when all is there", () => {
    expect(
      manifestFaults(
        new Map([["x", A]]),
        new Map([
          ["x", A],
          ["y", B],
        ]),
      ),
    ).toEqual([]);
  });
});

describe("the commit of an episode", () => {
  for (const [text, commit] of [
    ['{"code_commit": "abc123"}', "abc123"],
    ['{"code_commit": "v1.2+dirty_x-y"}', "v1.2+dirty_x-y"],
    ['{"code_commit": "a b"}', null],
    ['{"code_commit": "a\\r\\nX-Evil: 1"}', null],
    ['{"code_commit": ""}', null],
    [`{"code_commit": "${"a".repeat(129)}"}`, null],
    ['{"code_commit": 5}', null],
    ["{}", null],
    ["null", null],
    ["[1]", null],
    ['{"code_commit": "abc', null],
    ["", null],
    [null, null],
  ] as const) {
    test(`in a meta.json of ${JSON.stringify(text)?.slice(0, 40)} is ${commit}`, () =>
      expect(commitOfMeta(text)).toBe(commit));
  }

  for (const [text, commit] of [
    ["abc123\n", "abc123"],
    ["  1.2.3 (built yesterday)\n", "1.2.3"],
    ["", null],
    [null, null],
    ["é\n", null],
  ] as const) {
    test(`in a VERSION of ${JSON.stringify(text)} is ${commit}`, () => expect(commitOfFile(text)).toBe(commit));
  }

  test("is its own, else the host's, else none", async () => {
    const dir = tempDir();
    const version = join(dir, "VERSION");
    expect(await episodeCommit(dir, version)).toBeNull();
    writeFileSync(version, "host-commit\n");
    expect(await episodeCommit(dir, version)).toBe("host-commit");
    writeFileSync(join(dir, "meta.json"), '{"code_commit": "own"}');
    expect(await episodeCommit(dir, version)).toBe("own");
  });

  test("is the host's when meta.json is a directory or a pipe", async () => {
    const dir = tempDir();
    writeFileSync(join(dir, "VERSION"), "host-commit\n");
    mkdirSync(join(dir, "one/meta.json"), { recursive: true });
    mkdirSync(join(dir, "two"));
    Bun.spawnSync(["mkfifo", join(dir, "two/meta.json")]);
    expect(await episodeCommit(join(dir, "one"), join(dir, "VERSION"))).toBe("host-commit");
    expect(await episodeCommit(join(dir, "two"), join(dir, "VERSION"))).toBe("host-commit");
  });
});
