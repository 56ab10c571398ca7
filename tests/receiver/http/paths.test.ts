// Request targets as attackers write them, byte for byte over a socket: nothing but an episode's path is taken, and
// nothing outside the data root is touched.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { rawPath, safeTarget } from "../../../lib/receiver/http/incoming.ts";
import { bytes, cleanUp, rawStatus, startReceiver, type TestReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const put = (receiver: TestReceiver, target: string): Promise<string> =>
  rawStatus(receiver.port, `PUT ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n`, bytes(5));

/** All files below a data root but the bookkeeping. */
const archives = (receiver: TestReceiver): string[] =>
  readdirSync(receiver.dataRoot, { recursive: true })
    .map(String)
    .filter((path) => statSync(join(receiver.dataRoot, path)).isFile())
    .filter((path) => !/^(?:index\.jsonl|journal\.jsonl|attempts\/.*)$/.test(path));

const ATTACKS: [string, string, string][] = [
  ["dot segments", "/v1/episodes/../../etc/x.tar.zst", "400"],
  ["dot segments in front", "/../v1/episodes/lab1/x.tar.zst", "404"],
  ["dot segments that lead back", "/v1/x/../episodes/lab1/x.tar.zst", "404"],
  ["encoded dots as a host", "/v1/episodes/%2e%2e/x.tar.zst", "400"],
  ["encoded dots as an id", "/v1/episodes/lab1/%2e%2e.tar.zst", "400"],
  ["double-encoded dots", "/v1/episodes/%252e%252e/x.tar.zst", "400"],
  ["an encoded slash", "/v1/episodes/lab1%2f..%2f..%2fx/y.tar.zst", "400"],
  ["a double-encoded slash", "/v1/episodes/lab1%252fx/y.tar.zst", "400"],
  ["an encoded slash in the id", "/v1/episodes/lab1/..%2fx.tar.zst", "400"],
  ["NUL, encoded", "/v1/episodes/lab1/x%00.tar.zst", "400"],
  ["NUL behind the suffix", "/v1/episodes/lab1/x.tar.zst%00", "400"],
  ["NUL, raw", "/v1/episodes/lab1/x\0.tar.zst", "400"],
  ["a backslash", "/v1/episodes\\..\\lab1/x.tar.zst", "404"],
  ["a backslash in the host", "/v1/episodes/..\\lab1/x.tar.zst", "400"],
  ["an encoded backslash", "/v1/episodes/lab1%5c/x.tar.zst", "400"],
  ["an overlong UTF-8 slash", "/v1/episodes/lab1%c0%af../x.tar.zst", "400"],
  ["an overlong UTF-8 dot", "/v1/episodes/%c0%ae%c0%ae/x.tar.zst", "400"],
  ["unicode, raw", "/v1/episodes/lab\xc3\xa9/x.tar.zst", "400"],
  ["unicode, encoded", "/v1/episodes/lab%c3%a9/x.tar.zst", "400"],
  ["a full-width dot", "/v1/episodes/%ef%bc%8e%ef%bc%8e/x.tar.zst", "400"],
  ["a broken escape", "/v1/episodes/lab%zz/x.tar.zst", "400"],
  ["a cut escape", "/v1/episodes/lab1/x%2", "400"],
  ["a name of 129", `/v1/episodes/lab1/${"a".repeat(129)}.tar.zst`, "400"],
  ["a name of 10,000", `/v1/episodes/lab1/${"a".repeat(10_000)}.tar.zst`, "400"],
  ["no id", "/v1/episodes/lab1/.tar.zst", "400"],
  ["a hidden id", "/v1/episodes/lab1/.x.tar.zst", "400"],
  ["no host", "/v1/episodes//x.tar.zst", "400"],
  ["one segment more", "/v1/episodes/lab1/a/x.tar.zst", "400"],
  ["another suffix", "/v1/episodes/lab1/x.tar.gz", "400"],
  ["a trailing slash", "/v1/episodes/lab1/x.tar.zst/", "400"],
  ["a newline, encoded", "/v1/episodes/lab1/x%0a.tar.zst", "400"],
  ["a space, encoded", "/v1/episodes/lab1/x%20.tar.zst", "400"],
  ["a fragment", "/v1/episodes/lab1/x.tar.zst#y", "400"],
  ["another prefix by escapes", "/v1/%65pisodes/lab1/x.tar.zst", "404"],
  ["two slashes in front", "//v1/episodes/lab1/x.tar.zst", "404"],
  ["the absolute form of a foreign path", "http://evil/etc/passwd", "404"],
  ["the absolute form with dots", "http://evil/v1/episodes/../x.tar.zst", "400"],
  ["the absolute form without a path", "http://evil", "404"],
  ["a star", "*", "400"],
  ["an authority", "lab1:80", "400"],
];

describe("targets", () => {
  test.each(ATTACKS)("%s", async (_, target, status) => {
    // A parent of its own: other tests make and remove directories beside this one.
    const home = tempDir();
    mkdirSync(join(home, "data"));
    const receiver = await startReceiver({ dataRoot: join(home, "data") });
    expect(await put(receiver, target)).toBe(status);
    expect(archives(receiver)).toEqual([]);
    expect(readdirSync(join(receiver.dataRoot, "episodes"))).toEqual([]);
    expect(readdirSync(home)).toEqual(["data"]);
  });

  test("what is one: plain, with needless escapes, with a query, in absolute form (RFC 9112 says a server must)", async () => {
    const receiver = await startReceiver();
    const targets = [
      "/v1/episodes/lab1/a.tar.zst",
      "/v1/episodes/l%61b1/%62.tar.zst",
      "/v1/episodes/lab1/c.tar.zst?x=../..",
      "http://any/v1/episodes/lab1/d.tar.zst",
    ];
    for (const target of targets) expect(await put(receiver, target)).toBe("201");
    expect(archives(receiver).sort()).toEqual(["a", "b", "c", "d"].map((id) => `episodes/lab1/${id}.tar.zst`));
  });

  test("20,000 random targets: every one that is taken is a file in its host's directory", async () => {
    const receiver = await startReceiver();
    const pieces = [
      "..",
      ".",
      "/",
      "%2e",
      "%2f",
      "%00",
      "\\",
      "lab1",
      "x",
      ".tar.zst",
      "%",
      "//",
      "%252e",
      "episodes",
      "v1",
      "?",
      "#",
      "%c0%af",
      "é",
      "\u0000",
    ];
    const tail = fc
      .array(fc.constantFrom(...pieces), { maxLength: 8 })
      .map((parts) => `/v1/episodes/${parts.join("")}`);
    const { parseEpisodePath } = await import("../../../lib/contract/names.ts");
    fc.assert(
      fc.property(tail, (target) => {
        const parsed = parseEpisodePath(rawPath(target));
        if (parsed.kind !== "episode") return true;
        return /^[A-Za-z0-9][\w.-]*$/.test(parsed.address.host) && /^[A-Za-z0-9][\w.-]*$/.test(parsed.address.id);
      }),
      { numRuns: 20_000 },
    );
    expect(archives(receiver)).toEqual([]);
  });
});

test("a target cannot forge a log line or leave its quotes", () => {
  expect(safeTarget('/v1/x" 201\r\n<3>root')).toBe("/v1/x\\x22\\x20201\\x0d\\x0a<3>root");
  expect(safeTarget("/\x1b[31m\\")).toBe("/\\x1b[31m\\x5c");
  expect(safeTarget(`/${"a".repeat(1000)}`)).toHaveLength(303);
});
