// Where a key stands in a text.

import { describe, expect, test } from "bun:test";
import { lineOf } from "../../lib/schema/lines.ts";

const TEXT = `# url = "in a comment"
top = 1

[receiver]  # the collector
url = "https://x"
  indented = 2
"quoted key" = 3
tls.verify = true

[ shipper ]
url = "another"
backoff_seconds = [
  1,
  2,
]
[a."b.c"]
d = { e = 5, f = 6 }
[[list]]
name = "first"
[[list]]
name = "second"
`;

describe("the line of", () => {
  for (const [path, line] of [
    [["top"], 2],
    [["receiver"], 4],
    [["receiver", "url"], 5],
    [["receiver", "indented"], 6],
    [["receiver", "quoted key"], 7],
    [["receiver", "tls", "verify"], 8],
    [["shipper"], 10],
    [["shipper", "url"], 11],
    [["shipper", "backoff_seconds"], 12],
    [["shipper", "backoff_seconds", "1"], 12],
    [["a", "b.c", "d"], 17],
    [["a", "b.c", "d", "f"], 17],
    [["receiver", "missing"], null],
    [["url"], null],
    [["missing"], null],
  ] as const) {
    test(`${path.join(" / ")} is ${line}`, () => {
      expect(lineOf(TEXT, path)).toBe(line);
    });
  }

  test("a key in a text with Windows line ends is the same", () => {
    expect(lineOf(TEXT.replaceAll("\n", "\r\n"), ["receiver", "url"])).toBe(5);
  });

  test("anything in an empty text is none", () => {
    expect(lineOf("", ["a"])).toBeNull();
  });
});
