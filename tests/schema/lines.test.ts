// Where a key stands in a text.

import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import type { KeyPath } from "../../lib/schema/key-path.ts";
import { linesOf } from "../../lib/schema/lines.ts";

const lineOf = (text: string, path: KeyPath): number | null => linesOf(text).of(path);

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
    [["shipper", "backoff_seconds", 1], 14],
    [["shipper", "backoff_seconds", 2], null],
    [["a", "b.c", "d"], 17],
    [["a"], 16],
    [["a", "b.c", "d", "f"], 17],
    [["list"], 18],
    [["list", 0], 18],
    [["list", 0, "name"], 19],
    [["list", 1, "name"], 21],
    [["list", 2], null],
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

describe("no value passes for a key:", () => {
  for (const [what, lines, path, line] of [
    ["a key in a long string", ['a = """', "wanted = 1", '"""', "wanted = 2"], ["wanted"], 4],
    ["a header in a long literal string", ["[t]", "a = '''", "[u]", "'''", "wanted = 2"], ["t", "wanted"], 5],
    ["quotes at a long string's end", ['a = """x"""""', "wanted = 2"], ["wanted"], 2],
    ["an escaped quote", ['a = ["\\"", ", wanted = 1"]', "wanted = 2"], ["wanted"], 2],
    ["escaped quotes in a long string", ['a = """\\"""', "wanted = 1", '"""', "wanted = 2"], ["wanted"], 4],
    ["a backslash at a literal string's end", ["a = 'x\\'", "wanted = 2"], ["wanted"], 2],
    ["brackets in strings", ['a = ["]", "[b]", \'}\'] # ]', "wanted = 2"], ["wanted"], 2],
    ["a bracket in a quoted header", ['["x]y"] # [z]', "wanted = 2"], ["x]y", "wanted"], 2],
    ["a key in an array", ["a = [", '  "wanted = 1",', "  # wanted = 1", "]", "wanted = 2"], ["wanted"], 5],
    ["a header in an array", ["[t]", "a = [", "  [1],", "  [2]", "]", "wanted = 2"], ["t", "wanted"], 6],
    ["quotes in comments", ['# wanted = 1 """', "a = 1 # ''' [t]", "wanted = 2"], ["wanted"], 3],
    ["a # in a string", ['a = "#" # "', "wanted = 2"], ["wanted"], 2],
  ] as const) {
    test(what, () => {
      for (const end of ["\n", "\r\n"]) {
        const text = lines.join(end);
        parse(text);
        expect(lineOf(text, path)).toBe(line);
      }
    });
  }
});

describe("an element of an array", () => {
  const CHECKS = `[nagios_runner]
commands = [ # [
  { name = "]", command = "x" },
  # { name = "left out" },
  { name = 'b',
    command = ["y", "}",
      "z"], timeout = 3 }, { name = "c" },
]
[[a.b]]
x = 1
[[a.b]]
[a.b.c]
y = 2
[[a.b.d]]
[[a.b.d]]
z = [[1, 2], [
  3]]
`;
  for (const [path, line] of [
    [["nagios_runner", "commands", 0], 3],
    [["nagios_runner", "commands", 0, "command"], 3],
    [["nagios_runner", "commands", 1], 5],
    [["nagios_runner", "commands", 1, "command"], 6],
    [["nagios_runner", "commands", 1, "command", 2], 7],
    [["nagios_runner", "commands", 1, "timeout"], 7],
    [["nagios_runner", "commands", 2, "name"], 7],
    [["nagios_runner", "commands", 3], null],
    [["a"], 9],
    [["a", "b", 0, "x"], 10],
    [["a", "b", 1], 11],
    [["a", "b", 1, "c"], 12],
    [["a", "b", 1, "c", "y"], 13],
    [["a", "b", 0, "c"], null],
    [["a", "b", 1, "d", 1], 15],
    [["a", "b", 1, "d", 1, "z", 0, 1], 16],
    [["a", "b", 1, "d", 1, "z", 1, 0], 17],
  ] as const) {
    test(`${path.join(" / ")} is in line ${line}`, () => {
      parse(CHECKS);
      expect(lineOf(CHECKS, path)).toBe(line);
    });
  }
});

test("a byte order mark before the first key is no part of it", () => {
  parse("\ufeffa = 1\n");
  expect(lineOf("\ufeffa = 1\n", ["a"])).toBe(1);
});

test("a table's line is that of its own header, not that of a table within it", () => {
  expect(lineOf("[a.b]\n[a]\n", ["a"])).toBe(2);
});

test("what is not there is looked for in what it would stand in", () => {
  const lines = linesOf("top = 1\n[a]\n[[a.b]]\nx = 1\n");
  expect(lines.nearest(["a", "b", 0, "missing"])).toBe(3);
  expect(lines.nearest(["a", "missing"])).toBe(2);
  expect(lines.nearest(["missing"])).toBeNull();
});
