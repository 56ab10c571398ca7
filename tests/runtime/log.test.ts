// Log lines: what comes from outside can neither forge a line, nor a field, nor steer a terminal.

import { describe, expect, test } from "bun:test";
import { fstatSync } from "node:fs";
import fc from "fast-check";
import {
  chooseSink,
  createLog,
  formatFields,
  formatLine,
  type LogLevel,
  readLogLevel,
  type Sink,
} from "../../lib/runtime/log.ts";

const AT = new Date("2026-05-01T06:37:53.830Z");

function logged(sink: Sink, level: LogLevel, say: (log: ReturnType<typeof createLog>) => void, colour = false): string {
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  say(createLog({ tool: "shipper", level, sink, colour, write, now: () => AT }));
  return text;
}

describe("a line", () => {
  test("for the journal carries its priority, by level", () => {
    const text = logged("journal", "debug", (log) => {
      log.error("a");
      log.warn("b");
      log.info("c");
      log.debug("d");
    });
    expect(text).toBe("<3>a\n<4>b\n<6>c\n<7>d\n");
  });

  test("for a file carries time, tool and level", () => {
    expect(logged("plain", "info", (log) => log.warn("x", { n: 1 }))).toBe(
      "2026-05-01T06:37:53.830Z shipper WARN: x n=1\n",
    );
  });

  test("for a terminal has colour only where that is wanted", () => {
    expect(logged("terminal", "info", (log) => log.info("x"))).toMatch(/^\d\d:\d\d:\d\d info {2}x\n$/);
    expect(logged("terminal", "info", (log) => log.info("x"), true)).toContain("\u001b[36minfo ");
  });

  for (const [level, count] of [
    ["error", 1],
    ["warn", 2],
    ["info", 3],
    ["debug", 4],
  ] as const) {
    test(`at level ${level} is one of ${count}`, () => {
      const text = logged("journal", level, (log) => {
        for (const at of ["error", "warn", "info", "debug"] as const) log[at]("x");
      });
      expect(text.split("\n").length - 1).toBe(count);
    });
  }

  test("is written as often as it is said: nothing is folded", () => {
    const text = logged("journal", "info", (log) => {
      for (let i = 0; i < 50; i++) log.info("same");
    });
    expect(text.split("\n").length - 1).toBe(50);
  });
});

describe("a message from outside", () => {
  const HOSTILE = {
    "a line break": "x\n<0>forged",
    "a carriage return": "x\rforged",
    "an escape sequence": "\u001b[2J\u001b]0;title\u0007",
    "a one-byte escape sequence": "\u009b2J",
    "a line separator": "x\u2028forged",
    "a paragraph separator": "x\u2029forged",
    "a next line": "x\u0085forged",
    "a NUL": "x\0y",
    "a delete": "x\u007f",
    "a right-to-left override": "x\u202etxt.exe",
  };
  for (const [what, text] of Object.entries(HOSTILE)) {
    test(`with ${what} stays one harmless line`, () => {
      for (const line of [
        formatLine("journal", "t", "info", text, AT, false),
        formatLine("plain", "t", "info", text, AT, false),
      ]) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]/);
      }
      const whole = logged("journal", "info", (log) => log.info("said", { text }));
      expect(whole.split("\n").length).toBe(2);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(whole.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]/);
    });
  }

  test("of any kind stays one line, in every sink", () => {
    const sink = fc.constantFrom<Sink>("journal", "plain", "terminal");
    fc.assert(
      fc.property(sink, fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (to, message, value) => {
        const text = logged(to, "info", (log) => log.info(message, { value }));
        expect(text.slice(0, -1)).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
        expect(text).toEndWith("\n");
      }),
    );
  });

  test("with a percent sign or an object-like text is not formatted", () => {
    expect(logged("journal", "info", (log) => log.info("100%d %s {a}"))).toBe("<6>100%d %s {a}\n");
  });
});

describe("fields", () => {
  for (const [fields, text] of [
    [{ a: 1, b: true, c: "plain" }, " a=1 b=true c=plain"],
    [{ a: null, b: undefined }, ""],
    [{ path: "/var/lib/x.y:1@z+,-_" }, " path=/var/lib/x.y:1@z+,-_"],
    [{ a: "two words" }, ' a="two words"'],
    [{ a: "x b=forged" }, ' a="x b=forged"'],
    [{ a: 'x" b="forged' }, ' a="x\\" b=\\"forged"'],
    [{ a: "" }, ' a=""'],
    [{ a: "x=y" }, ' a="x=y"'],
    [{ a: "back\\slash" }, ' a="back\\\\slash"'],
    [{ a: "x\n" }, ' a="x\\n"'],
  ] as const) {
    test(`${JSON.stringify(fields)} are${text}`, () => expect(formatFields(fields)).toBe(text));
  }

  test("of any text read back to that text, and hold no second field", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const text = formatFields({ value });
        const quoted = /^ value=(.*)$/s.exec(text)?.[1] ?? "";
        expect(quoted.startsWith('"') ? JSON.parse(quoted) : quoted).toBe(value);
      }),
    );
  });
});

describe("the sink", () => {
  const { dev, ino } = fstatSync(2);
  for (const [what, env, isTerminal, sink] of [
    ["is the journal when JOURNAL_STREAM names standard error", { JOURNAL_STREAM: `${dev}:${ino}` }, true, "journal"],
    ["is not the journal when it names another file", { JOURNAL_STREAM: `${dev}:${ino + 1}` }, true, "terminal"],
    ["is plain when nothing is known", {}, false, "plain"],
    ["is plain when JOURNAL_STREAM is nonsense", { JOURNAL_STREAM: "x" }, false, "plain"],
  ] as const) {
    test(what, () => expect(chooseSink({ ...env }, isTerminal)).toBe(sink));
  }
});

describe("--log-level", () => {
  test("is info when it is not given, and takes capitals", () => {
    expect([readLogLevel(undefined), readLogLevel("DEBUG"), readLogLevel("error")]).toEqual(["info", "debug", "error"]);
  });

  for (const value of ["verbose", "", true, "toString"] as const) {
    test(`of ${JSON.stringify(value)} is refused with the list`, () => {
      expect(() => readLogLevel(value)).toThrow("--log-level must be one of error, warn, info, debug");
    });
  }
});
