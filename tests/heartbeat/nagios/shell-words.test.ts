// Words of a command, judged by the shell itself wherever it is only about quoting.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { splitWords } from "../../../lib/heartbeat/nagios/shell-words.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("a command", () => {
  for (const [text, words] of [
    ["", []],
    [" \t\n ", []],
    [
      "/usr/lib/nagios/plugins/check_disk -w 10% -c 5% -p /",
      ["/usr/lib/nagios/plugins/check_disk", "-w", "10%", "-c", "5%", "-p", "/"],
    ],
    ["  a\t b\nc  ", ["a", "b", "c"]],
    ["check_http -s 'two words'", ["check_http", "-s", "two words"]],
    [`a'b c'"d e"f\\ g`, ["ab cd ef g"]],
    [`'' "" a''`, ["", "", "a"]],
    [String.raw`'a\b' 'a"b' "a'b"`, ["a\\b", 'a"b', "a'b"]],
    ['"\\$x \\` \\" \\\\ \\n \\\'"', ["$x ` \" \\ \\n \\'"]],
    [String.raw`\'a \"b \\c \n \$x`, ["'a", '"b', "\\c", "n", "$x"]],
    ["a\\\nb \\\n c \\\n", ["ab", "c"]],
    ['"a\\\nb"', ["ab"]],
    ["'a\\\nb' 'c\nd'", ["a\\\nb", "c\nd"]],
    ["echo $HOME $(id) `id` *.txt ~ {a,b}", ["echo", "$HOME", "$(id)", "`id`", "*.txt", "~", "{a,b}"]],
    ["a | b; c && d > e 2>&1 < f &", ["a", "|", "b;", "c", "&&", "d", ">", "e", "2>&1", "<", "f", "&"]],
    ["a #b c#d # e", ["a", "#b", "c#d", "#", "e"]],
    ["$'a\\n' $\"b\"", ["$a\\n", "$b"]],
    ["a\r\u00a0b\vc", ["a\r\u00a0b\vc"]],
    ["ä 😀 '😀 ü'", ["ä", "😀", "😀 ü"]],
  ] as const) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(words)}`, () =>
      expect<unknown>(splitWords(text)).toEqual({ words }));
  }

  for (const [text, error] of [
    ["echo 'a b", "the ' at character 6 is not closed; close it, or write \\' for one that is text"],
    ['😀 "a b', 'the " at character 3 is not closed; close it, or write \\" for one that is text'],
    ['a "b\\"', 'the " at character 3 is not closed; close it, or write \\" for one that is text'],
    ['"a\\', 'the " at character 1 is not closed; close it, or write \\" for one that is text'],
    ["it's", "the ' at character 3 is not closed; close it, or write \\' for one that is text"],
    ["a \\", "the backslash at character 3 has nothing behind it; write \\\\ for a backslash"],
    ["a 'b\0'", "there is a NUL at character 5; no argument can hold one: remove it"],
  ] as const) {
    test(`${JSON.stringify(text)}: ${error}`, () => expect<unknown>(splitWords(text)).toEqual({ error }));
  }

  test("of words that are quoted each is those words", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" })).map((word) => word.replaceAll("\0", ""));
    const quotings = [
      (word: string) => `'${word.replaceAll("'", "'\\''")}'`,
      (word: string) => `"${word.replace(/[$`"\\]/g, "\\$&")}"`,
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.constantFrom(...quotings))), (words) => {
        const line = words.map(([word, quote]) => quote(word)).join(" ");
        expect(splitWords(line)).toEqual({ words: words.map(([word]) => word) });
      }),
      { numRuns: 2000 },
    );
  });

  test("of any text is split or refused, without a throw, and what is split has no blank outside quotes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) => {
        const split = splitWords(text);
        if ("error" in split) expect(text).toMatch(/['"\\\0]/);
        else if (!/['"\\]/.test(text))
          expect(split.words).toEqual(text.split(/[ \t\n]+/).filter((word) => word !== ""));
      }),
      { numRuns: 2000 },
    );
  });
});

// Characters that mean nothing to a shell which neither expands nor finds a comment, and those that must be quoted.
const PLAIN = ["a", "b", "-w", "=", "%", "/", ":", ",", ".", "@", "ä", "😀", "*", "?", "[", "]", "{", "}", "~x", "!"];
const SPECIAL = ["$", "`", "|", ";", "&", "<", ">", "(", ")", "#", " ", "\t"];

const several = (random: Random, most: number, one: () => string): string =>
  Array.from({ length: random.between(0, most) }, one).join("");

/** A piece of a word, quoted in one of the ways there are; it means the same wherever it stands. */
function piece(random: Random): string {
  const inQuotes = [...PLAIN, " ", "\n", "|", ";", "#", "&"];
  switch (random.between(0, 4)) {
    case 0:
      return `'${several(random, 4, () => random.pick([...inQuotes, "\\", '"', "$", "`", "\\\n"]))}'`;
    case 1:
      return `"${several(random, 5, () => random.pick([...inQuotes, "'", "\\$", "\\`", '\\"', "\\\\", "\\a", "\\'", "\\\n", "\\ "]))}"`;
    case 2:
      return `\\${random.pick([...SPECIAL, "\n", "\\", "'", '"', "a", "n"])}`;
    default:
      return random.pick(PLAIN);
  }
}

const command = (random: Random): string =>
  several(random, 8, () => (random.between(0, 3) === 0 ? random.pick([" ", "\t", "  "]) : piece(random)));

/** The words of each text, by the shell: their number, then each of them. */
function shellSays(shell: readonly string[], texts: readonly string[]): string[][] {
  const script = join(tempDir(), "words.sh");
  writeFileSync(script, `set -f\n${texts.map((text) => `set -- ${text}\nprintf '%s\\0' "$#" "$@"\n`).join("")}`);
  const done = Bun.spawnSync([...shell, script], {
    env: { PATH: process.env.PATH ?? "", HOME: "/", LC_ALL: "C.UTF-8" },
  });
  expect({ stderr: done.stderr.toString(), code: done.exitCode }).toEqual({ stderr: "", code: 0 });
  const said = done.stdout.toString().split("\0").slice(0, -1);
  const all: string[][] = [];
  for (let at = 0; at < said.length; ) {
    const count = Number(said[at]);
    all.push(said.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return all;
}

// Of the two only bash expands braces, unless it is told not to.
for (const [shell, ...options] of [["sh"], ["bash", "--posix", "+B"]] as const) {
  const missing = Bun.which(shell) === null;
  const title = `3,000 random commands are split as by ${shell}`;
  test.skipIf(missing)(missing ? `${title} (skipped: there is no ${shell})` : title, () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const texts = Array.from({ length: 3000 }, () => command(random));
    const theirs = shellSays([shell, ...options], texts).map((words, i) => ({ text: texts[i], words }));
    const ours: unknown[] = texts.map((text) => ({ text, ...splitWords(text) }));
    expect({ seed, ours }).toEqual({ seed, ours: theirs });
    // A test that compared nothing would pass as well.
    expect(theirs.filter(({ words }) => words.length > 1).length).toBeGreaterThan(300);
  });
}

test("quotes that sh finds unbalanced are refused, and no others", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = seededRandom(seed);
  const verdicts = Array.from({ length: 150 }, () => {
    // Of a backslash at the very end POSIX says nothing.
    const text = several(random, 6, () => random.pick(["a", " ", "'", '"', "\\'", '\\"', "\\\\"]));
    const done = Bun.spawnSync(["sh", "-c", `set -- ${text}`], { stderr: "ignore", stdout: "ignore" });
    return { text, sh: done.exitCode === 0, ours: "words" in splitWords(text) };
  });
  expect({ seed, differ: verdicts.filter(({ sh, ours }) => sh !== ours) }).toEqual({ seed, differ: [] });
  expect(new Set(verdicts.map(({ sh }) => sh)).size).toBe(2);
}, 180_000);
