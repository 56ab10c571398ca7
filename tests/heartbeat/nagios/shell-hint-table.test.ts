// Commands that were written for a shell, and those that only look a little like it.

import { describe, expect, test } from "bun:test";
import { shellHint, shellHintOfWords } from "../../../lib/heartbeat/nagios/shell-hint.ts";

describe("a command for a shell", () => {
  for (const [command, hint] of [
    ["LC_ALL=C check_disk -w 10", "only a shell sets a variable with LC_ALL=: add shell = true"],
    ["_x1=", "only a shell sets a variable with _x1=: add shell = true"],
    ["TOKEN='a secret' check", "only a shell sets a variable with TOKEN=: add shell = true"],
    ["cat /x | grep y", "only a shell joins commands with '|': add shell = true"],
    ["a || b", "only a shell joins commands with '||': add shell = true"],
    ["a && b", "only a shell joins commands with '&&': add shell = true"],
    ["a&& b&&c", "only a shell joins commands with 'b&&c': add shell = true"],
    ["cd /x; ./check", "only a shell joins commands with '/x;': add shell = true"],
    ["cd /x ; ./check", "only a shell joins commands with ';': add shell = true"],
    ["check &", "only a shell joins commands with '&': add shell = true"],
    ["check 2>/dev/null", "only a shell redirects with '2>/dev/null': add shell = true"],
    ["check > /tmp/x", "only a shell redirects with '>': add shell = true"],
    ["check >>x", "only a shell redirects with '>>x': add shell = true"],
    ["check 2>&1", "only a shell redirects with '2>&1': add shell = true"],
    ["check &>x", "only a shell redirects with '&>x': add shell = true"],
    ["check < /tmp/x", "only a shell redirects with '<': add shell = true"],
    ["check -H $(hostname)", "only a shell runs another command with '$(hostname)': add shell = true"],
    ["check -H `hostname`", "only a shell runs another command with '`hostname`': add shell = true"],
  ] as const) {
    test(command, () => {
      expect(shellHint(command)).toBe(hint);
    });
  }
});

describe("no command for a shell", () => {
  for (const command of [
    "",
    "check",
    "check_disk -w 20% -c 10% -p /",
    "check -w ~:10 -c @5:20",
    "check_http -u /path?a=1&b=2",
    "check -r 'a|b'",
    "check -r a|b",
    "check '|' \"&&\" ';'",
    "sh -c 'LC_ALL=C check | grep x; exit 0'",
    'sh -c "a && b"',
    'sh -c "say \\"hi\\" && b"',
    "find / -exec true {} \\;",
    "check --option=x",
    "check -w 5;10",
    "check 'x' '>'",
    "check x=1",
    "/a=b/check",
    "1x=2 y",
    "check -H $USER1$",
  ]) {
    test(JSON.stringify(command), () => {
      expect(shellHint(command)).toBeNull();
    });
  }
});

test("of a list only the first word can be one for a shell", () => {
  expect(shellHintOfWords(["LC_ALL=C", "check"])).toBe(
    "only a shell sets a variable with LC_ALL=: write the command as one text, with shell = true",
  );
  expect(shellHintOfWords(["find", "/", "-exec", "true", ";"])).toBeNull();
  expect(shellHintOfWords(["sh", "-c", "a && b"])).toBeNull();
  expect(shellHintOfWords([])).toBeNull();
});
