// What a done.marker says: nothing, a manifest, or what can be no manifest. The sum tools themselves are the judges.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { manifestFaults, parseMarker } from "../../../lib/shipper/episode/marker.ts";
import { bytePath } from "../../../lib/shipper/episode/tree-walk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const A512 = "a".repeat(128);
const sha = (algorithm: "sha256" | "sha512", text: string): string =>
  new Bun.CryptoHasher(algorithm).update(Buffer.from(text, "latin1")).digest("hex");
/** What a manifest lists, or the marker as it is. */
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
    "a sentence with parentheses": "robot (left arm) = ok\n",
    "a commit": `${"c".repeat(40)}\n`,
    "a commit with its subject": `${"c".repeat(40)} record faster\n`,
    "a time in UTF-16": "\xff\xfe2\x000\x002\x006\0",
    "a run's id of 64 hex digits": A,
  })) {
    test(`of ${what} is plain`, () => expect(parseMarker(text)).toEqual({ kind: "plain" }));
  }

  for (const [what, text, expected] of [
    ["text mode", `${A}  data.bin\n${B}  sub/x\n`, { "data.bin": { sha256: A }, "sub/x": { sha256: B } }],
    ["binary mode", `${A} *data.bin\n`, { "data.bin": { sha256: A } }],
    ["one blank, as BSD's sha256 -r", `${A} data.bin\n`, { "data.bin": { sha256: A } }],
    ["a digest in capitals", `${A.toUpperCase()}  data.bin\n`, { "data.bin": { sha256: A } }],
    ["no final line break", `${A}  data.bin`, { "data.bin": { sha256: A } }],
    ["Windows line ends", `${A}  data.bin\r\n${B}  x\r\n`, { "data.bin": { sha256: A }, x: { sha256: B } }],
    ["a byte order mark", `\xef\xbb\xbf${A}  data.bin\n`, { "data.bin": { sha256: A } }],
    ["comments and blank lines", `# by rec\n\n${A}  data.bin\n`, { "data.bin": { sha256: A } }],
    ["names from find(1)", `${A}  ./data.bin\n${B}  ././s//./x\n`, { "data.bin": { sha256: A }, "s/x": { sha256: B } }],
    ["blanks in names", `${A}   lead and trail \n`, { " lead and trail ": { sha256: A } }],
    ["escaped names", `\\${A}  two\\nlines\\\\n\n`, { "two\nlines\\n": { sha256: A } }],
    ["a backslash in an unescaped line", `${A}  a\\nb\n`, { "a\\nb": { sha256: A } }],
    ["names that are no UTF-8", `${A}  a\xff\n${B}  a\xfe\n`, { "a\xff": { sha256: A }, "a\xfe": { sha256: B } }],
    ["SHA-512", `${A512}  x\n`, { x: { sha512: A512 } }],
    ["both of one file", `${A}  x\n${A512}  x\n`, { x: { sha256: A, sha512: A512 } }],
    ["tags", `SHA256 (a (1) = b.bin) = ${A}\n`, { "a (1) = b.bin": { sha256: A } }],
    ["openssl's lines", `SHA2-512(x)= ${A512}\nsha256(y)= ${A}\n`, { x: { sha512: A512 }, y: { sha256: A } }],
    ["the marker itself", `${A}  x\n${B}  ./done.marker\n`, { x: { sha256: A } }],
  ] as const) {
    test(`with ${what} is a manifest`, () => expect<unknown>(files(text)).toEqual(expected));
  }

  for (const [what, text, why] of [
    ["a line cut in its digest", `${A}  data.bin\n${B.slice(0, 20)}`, "line 2 is torn, or no line of a manifest"],
    ["a line without a name", `${A}  data.bin\n${B}  \n`, "line 2 is torn, or no line of a manifest"],
    ["a stray line in the middle", `${A}  x\nhello\n${B}  y\n`, "line 2 is torn, or no line of a manifest"],
    ["NUL bytes at its end", `${A}  data.bin\n\0\0\0`, "it holds NUL bytes, as a power cut leaves them"],
    ["MD5", `${"a".repeat(32)}  data.bin\n`, "line 1 is of MD5: only SHA-256 and SHA-512 in hex are checked"],
    ["SHA-1", `${A}  x\n${"a".repeat(40)} *y\n`, "line 2 is of SHA-1: only SHA-256 and SHA-512 in hex are checked"],
    ["SHA-224", `${"a".repeat(56)}  x\n`, "line 1 is of SHA-224: only SHA-256 and SHA-512 in hex are checked"],
    ["SHA-384", `${"a".repeat(96)}  x\n`, "line 1 is of SHA-384: only SHA-256 and SHA-512 in hex are checked"],
    ["BLAKE2", `BLAKE2b (x) = ${A512}\n`, "line 1 is of BLAKE2b: only SHA-256 and SHA-512 in hex are checked"],
    [
      "base64",
      "SHA256 (x) = ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=\n",
      "line 1 is of SHA-256, and not in hex or cut off: only SHA-256 and SHA-512 in hex are checked",
    ],
    [
      "a path upwards",
      `${A}  x/../../y\n`,
      "line 1 lists x/../../y, which is not in the episode: list paths below its directory",
    ],
    [
      "an absolute path",
      `${A}  /etc/x\n`,
      "line 1 lists /etc/x, which is not in the episode: list paths below its directory",
    ],
    ["a name twice", `${A}  x\n${B}  ./x\n`, "line 2 lists x again, with another digest"],
  ] as const) {
    test(`with ${what} is refused by name`, () => expect(parseMarker(text)).toEqual({ kind: "refused", why }));
  }

  test("of an endless path is refused in a sentence of bearable length", () => {
    const marker = parseMarker(`${A}  /${"x/".repeat(2000)}end\n`);
    if (marker.kind !== "refused") throw new Error(marker.kind);
    expect(marker.why.length).toBeLessThan(300);
    expect(marker.why).toContain("/end, which");
  });

  test("never makes the parser throw", () => {
    const line = fc.oneof(
      fc.string(),
      fc.string().map((name) => `${A}  ${name}`),
      fc.string().map((name) => `SHA512 (${name}) = ${A512}`),
    );
    fc.assert(fc.property(fc.array(line), (lines) => void parseMarker(lines.join("\n"))));
  });
});

describe("what the sum tools write for any name", () => {
  const NAMES = [
    "plain",
    "a b",
    "two\nlines",
    "back\\slash",
    "\\n",
    "\xc3\xa9",
    "*star",
    "cr\rx",
    "a\xff",
    "a\xfe",
    "sub/ x",
  ];
  for (const [tool, ...options] of [
    ["sha256sum"],
    ["sha256sum", "--binary"],
    ["sha256sum", "--tag"],
    ["sha256sum", "-z"],
    ["sha256sum", "--tag", "-z"],
    ["sha512sum"],
    ["sha512sum", "--tag"],
    ["sha512sum", "-z"],
    ["shasum", "-a", "256"],
  ] as const) {
    test.skipIf(Bun.which(tool) === null)(`is read back to that name: ${[tool, ...options].join(" ")}`, () => {
      const dir = tempDir();
      for (const name of NAMES) {
        mkdirSync(dirname(bytePath(dir, name).toString("latin1")), { recursive: true });
        writeFileSync(bytePath(dir, name), Buffer.from(name, "latin1"));
      }
      // By find, since no argument of Bun's can hold bytes that are no UTF-8.
      const sums = Bun.spawnSync(["find", ".", "-type", "f", "-exec", tool, ...options, "{}", "+"], {
        cwd: dir,
      }).stdout;
      const algorithm = tool === "sha512sum" ? "sha512" : "sha256";
      expect(files(sums.toString("latin1"))).toEqual(
        Object.fromEntries(NAMES.map((name) => [name, { [algorithm]: sha(algorithm, name) }])),
      );
    });
  }
});

describe("a manifest's faults", () => {
  const listed = new Map([
    ["z", { sha256: A }],
    ["gone", { sha256: A }],
    ["same", { sha256: B }],
    ["b", { sha256: A, sha512: A512 }],
  ]);

  test("are files that are missing or differ, in order; others do not matter", () => {
    const found = new Map([
      ["z", { sha256: B }],
      ["same", { sha256: B }],
      ["b", { sha256: A, sha512: "b".repeat(128) }],
      ["extra", { sha256: A }],
    ]);
    expect(manifestFaults(listed, found)).toEqual([
      { path: "b", fault: "differs" },
      { path: "gone", fault: "missing" },
      { path: "z", fault: "differs" },
    ]);
  });

  test("are none when all is there", () => {
    expect(manifestFaults(listed, new Map([...listed, ["y", { sha256: B }]]))).toEqual([]);
  });
});
