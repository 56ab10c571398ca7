// Our time spans beside systemd's own: random texts in its grammar and just outside it, judged by both.

import { expect, test } from "bun:test";
import { formatTimespan, parseTimespan } from "../../../lib/core/linux/timespan.ts";
import { type Random, seededRandom } from "../../support/random.ts";

const analyze = Bun.which("systemd-analyze");
const SAMPLES = 3000;
/** A refused text costs a process of its own; this bounds them. */
const REFUSED = 150;

const UNITS = "s sec second seconds m min minute minutes h hr hour hours d day days w week weeks M month months"
  .concat(" y year years ms msec us usec \u00b5s \u03bcs")
  .split(" ");

const digits = (random: Random, most: number): string =>
  Array.from({ length: random.between(1, most) }, () => random.between(0, 9)).join("");

const blanks = (random: Random): string => random.pick(["", "", " ", "  ", "\t"]);

/** Mostly small numbers, with a fraction now and then; some near the end of 64 bits. */
function number(random: Random): string {
  const whole = digits(random, random.pick([1, 2, 3, 3, 6, 9, 14]));
  const form = random.between(0, 9);
  if (form < 6) return whole;
  if (form === 9) return `.${digits(random, 12)}`;
  return `${form === 8 ? "+" : ""}${whole}.${digits(random, random.pick([1, 3, 6, 9, 20]))}`;
}

function wellFormed(random: Random): string {
  const spans = Array.from({ length: random.pick([1, 1, 2, 3, 5]) }, () => {
    const unit = random.between(0, 9) === 0 ? "" : random.pick(UNITS);
    // Without a unit the next number must be set off.
    return number(random) + blanks(random) + unit + (unit === "" ? " " : blanks(random));
  });
  return blanks(random) + spans.join("");
}

/** A well-formed text with one wrong thing put in, or a character taken out. */
function damaged(random: Random): string {
  const text = wellFormed(random);
  const at = random.between(0, text.length);
  const wrong = [
    "",
    "-",
    "+",
    ".",
    "..",
    "S",
    "x",
    "mo",
    ",",
    "e3",
    "infinity",
    "\v",
    "99999999999999999999",
    "\u00b5",
    "\f-0 ",
  ];
  const put = random.pick(wrong);
  return text.slice(0, at) + put + text.slice(put === "" ? at + 1 : at);
}

interface Verdict {
  text: string;
  /** Microseconds and systemd's words for them, or why not. */
  says: { usec: string; human: string } | { error: string };
}

const ERRORS = { "Invalid argument": "invalid", "Numerical result out of range": "range" } as const;

/** systemd-analyze stops at the first text that it refuses, so the rest is asked again. */
function systemdSays(texts: readonly string[]): Verdict[] {
  const verdicts: Verdict[] = [];
  while (verdicts.length < texts.length) {
    const done = Bun.spawnSync(["systemd-analyze", "timespan", "--", ...texts.slice(verdicts.length)], {
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C.UTF-8", SYSTEMD_COLORS: "0" },
    });
    for (const [, usec = "", human = ""] of done.stdout.toString().matchAll(/^ *μs: (\d+)\n *Human: (.*)$/gm)) {
      verdicts.push({ text: texts[verdicts.length] ?? "", says: { usec, human } });
    }
    if (done.exitCode === 0) break;
    const [, why = ""] = /^Failed to parse time span .*: ([A-Z][a-z ]+)$/m.exec(done.stderr.toString()) ?? [];
    const error = Object.entries(ERRORS).find(([words]) => words === why)?.[1];
    verdicts.push({ text: texts[verdicts.length] ?? "", says: { error: error ?? done.stderr.toString() } });
  }
  return verdicts;
}

function weSay(text: string): Verdict {
  const span = parseTimespan(text);
  if ("error" in span) return { text, says: { error: span.error } };
  return { text, says: { usec: String(span.usec), human: formatTimespan(span.usec) } };
}

const title = "3,000 random time spans are read, refused and printed as by systemd-analyze";
test.skipIf(analyze === null)(
  analyze === null ? `${title} (skipped: there is no systemd-analyze)` : title,
  () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const texts: string[] = [];
    for (let refused = 0; texts.length < SAMPLES; ) {
      const text = random.between(0, 19) === 0 ? damaged(random) : wellFormed(random);
      // What we expect to be refused is rationed; what systemd refuses beyond it shows as a difference below.
      if ("error" in parseTimespan(text) && ++refused > REFUSED) continue;
      texts.push(text);
    }
    const theirs = systemdSays(texts);
    expect({ seed, verdicts: texts.map(weSay) }).toEqual({ seed, verdicts: theirs });
    // A test that compared nothing would pass as well.
    const errors = theirs.flatMap(({ says }) => ("error" in says ? [says.error] : []));
    expect(new Set(errors)).toEqual(new Set(["invalid", "range"]));
    expect(theirs.length).toBe(SAMPLES);
  },
  180_000,
);
