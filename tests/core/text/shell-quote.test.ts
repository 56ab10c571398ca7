// Words that are printed to be run: a real shell reads them back, byte for byte, and a line stays a line.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { printable } from "../../../lib/core/text/printable.ts";
import { shellLine, shellWord } from "../../../lib/core/text/shell-quote.ts";

/** What a shell hands to a program, as bytes. */
function readBack(shell: string, line: string): Buffer {
  const { stdout } = Bun.spawnSync([shell, "-c", `printf '%s' ${line}`], { stdout: "pipe" });
  return Buffer.from(stdout);
}

describe("a word", () => {
  for (const [word, written] of [
    ["/var/lib/labfleet/data", "/var/lib/labfleet/data"],
    ["--since=2026-11-29", "--since=2026-11-29"],
    ["PATH=x", "'PATH=x'"],
    ["", "''"],
    ["data x", "'data x'"],
    ["it's", `'it'\\''s'`],
    ["$(reboot)", "'$(reboot)'"],
    ["~/a", "'~/a'"],
    ["a\nb", "$'a\\012b'"],
    ["a\u202eb", "$'a\\342\\200\\256b'"],
    ["Aufnahme ü", "'Aufnahme ü'"],
  ] as const) {
    test(`${JSON.stringify(word)} is written ${written}`, () => {
      expect(shellWord(word)).toBe(written);
      expect(readBack("bash", shellWord(word)).toString()).toBe(word);
    });
  }

  test("of bytes that are no text is read back as these bytes", () => {
    const bytes = Uint8Array.of(0x65, 0x70, 0xff, 0x31, 0xfe, 0x27, 0x5c);
    expect([...readBack("bash", shellWord(bytes))]).toEqual([...bytes]);
    expect(shellWord(new TextEncoder().encode("plain"))).toBe("plain");
  });

  test("of any bytes comes back from bash, and its line cannot be forged", () => {
    const byte = fc.integer({ min: 1, max: 255 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte, { maxLength: 12 }), (some, rest) => {
        const bytes = Buffer.from([...some.filter((value) => value !== 0), ...rest]);
        const word = shellWord(bytes);
        expect(word).toBe(printable(word));
        expect([...readBack("bash", word)]).toEqual([...bytes]);
      }),
      { numRuns: 150 },
    );
  });

  test("that is printable text comes back from any POSIX shell", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab1 '\"\\$`*?[]{}()<>|&;~#!=%äß-"), maxLength: 12 });
    fc.assert(
      fc.property(text, (word) => expect(readBack("sh", shellWord(word)).toString()).toBe(word)),
      { numRuns: 150 },
    );
  });
});

test("a command line is its words", () => {
  expect(shellLine(["chown", "root:root", "/data/lab data/x"])).toBe("chown root:root '/data/lab data/x'");
});
