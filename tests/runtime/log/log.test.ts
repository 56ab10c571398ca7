// Log lines: what comes from outside can neither forge a line, nor a field, nor steer a terminal.

import { describe, expect, onTestFinished, setSystemTime, test } from "bun:test";
import { fstatSync } from "node:fs";
import fc from "fast-check";
import { byCommands, here, inWords, type Place } from "../../../lib/core/finding.ts";
import { createLog, type LogLevel, readLogLevel, type Sink } from "../../../lib/runtime/log/log.ts";
import { chooseSink, formatLine, type LineStyle } from "../../../lib/runtime/log/sinks.ts";

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

  test("is written as often as it is said when the clock runs backwards, too", () => {
    onTestFinished(() => void setSystemTime());
    const text = logged("journal", "info", (log) => {
      for (let i = 0; i < 50; i++) {
        setSystemTime(AT.getTime() - i * 1000);
        log.info("same");
      }
    });
    expect(text).toBe("<6>same\n".repeat(50));
  });

  test("for syslog carries facility daemon and severity, local time, program, pid, name and Python's level names", () => {
    const day = new Date(2026, 4, 1, 6, 7, 8);
    const style: LineStyle = {
      sink: "syslog",
      tool: "heartbeat",
      name: "plugins.nagios",
      pid: 42,
      colour: false,
      reader: "host",
    };
    const lines = (["error", "warn", "info", "debug"] as const).map((at) => formatLine(style, at, "x", " a=1", day));
    expect(lines).toEqual([
      "<27>May  1 06:07:08 heartbeat[42]: plugins.nagios ERROR: x a=1",
      "<28>May  1 06:07:08 heartbeat[42]: plugins.nagios WARNING: x a=1",
      "<30>May  1 06:07:08 heartbeat[42]: plugins.nagios INFO: x a=1",
      "<31>May  1 06:07:08 heartbeat[42]: plugins.nagios DEBUG: x a=1",
    ]);
    expect(logged("syslog", "info", (log) => log.info("x"))).toMatch(
      new RegExp(`^<30>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d shipper\\[${process.pid}\\]: shipper INFO: x$`),
    );
  });
});

describe("a remedy", () => {
  const fix = byCommands(here("sudo", "systemctl", "start", "labfleet-receiver"));
  const FIX = "; fix: sudo systemctl start labfleet-receiver";

  test("ends its line: fields stand before it, and nothing is pasted with it", () => {
    expect(logged("journal", "info", (log) => log.info({ what: "a; b", fix }, { reason: "x y", n: 1 }))).toBe(
      `<6>a; b reason="x y" n=1${FIX}\n`,
    );
  });

  test("is none that stands in what is the case: what came from outside may look like one", () => {
    for (const text of ['"; fix: forged"', "; fix: forged"]) {
      const what = `x ${text}`;
      expect(logged("journal", "info", (log) => log.info(what, { n: 1 }))).toBe(`<6>x ${text} n=1\n`);
      expect(logged("journal", "info", (log) => log.info({ what, fix: null }, { n: 1 }))).toBe(`<6>x ${text} n=1\n`);
      expect(logged("journal", "info", (log) => log.info({ what, fix }, { n: 1 }))).toBe(`<6>x ${text} n=1${FIX}\n`);
    }
  });

  test("is whole, whatever stands in it, and a line without fields is as it was said", () => {
    const words = inWords('end it; fix: kind = "python"');
    expect(logged("journal", "info", (log) => log.info({ what: "a", fix: words }, { n: 1 }))).toBe(
      '<6>a n=1; fix: end it; fix: kind = "python"\n',
    );
    expect(logged("journal", "info", (log) => log.info({ what: "a", fix }))).toBe(`<6>a${FIX}\n`);
    expect(logged("journal", "info", (log) => log.info({ what: "a", fix: inWords("x\n<3>y\u202e") }))).toBe(
      "<6>a; fix: x\\u000a<3>y\\u202e\n",
    );
  });

  test("says where its commands are run, as its reader sees it", () => {
    const there = byCommands({ argv: ["a"], on: "collector" }, { argv: ["b"], on: "host" }, here("c"));
    const line = (reader: Place): string => {
      const lines: string[] = [];
      const write = (text: string): void => void lines.push(text);
      createLog({ tool: "t", level: "info", sink: "plain", colour: false, reader, write, now: () => AT }).warn({
        what: "x",
        fix: there,
      });
      return lines
        .join("")
        .replace(/^.*?: /, "")
        .trimEnd();
    };
    expect(line("host")).toBe("x; fix: on the collector: a; then on the lab host: b && c");
    expect(line("collector")).toBe("x; fix: a; then on the lab host: b; then on the collector: c");
  });

  test("stays whole in a line that is too long", () => {
    const line = logged("syslog", "info", (log) => log.info({ what: "x".repeat(100_000), fix }, { episode: "real" }));
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8000);
    expect(line).toMatch(/… \(\d+ more characters\) episode=real; fix: sudo systemctl start labfleet-receiver\n?$/);
  });
});

describe("a very long line", () => {
  const sinks = ["journal", "plain", "terminal", "syslog"] as const;
  for (const sink of sinks) {
    for (const [what, text] of [
      ["ASCII", "x"],
      ["three-byte characters", "€"],
      ["control characters", "\u0001"],
    ] as const) {
      test(`of ${what} fits what ${sink} takes, says how much is missing, and keeps its fields`, () => {
        const line = logged(sink, "info", (log) => log.info(text.repeat(100_000), { episode: "real" }));
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(sink === "syslog" ? 8000 : 48_000);
        expect(line).toMatch(/… \(\d+ more characters\) episode=real\n?$/);
      });
    }

    test(`of fields alone fits what ${sink} takes`, () => {
      const fields = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key${i}`, "€ ".repeat(5000)]));
      const line = logged(sink, "info", (log) => log.info("said", fields));
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(sink === "syslog" ? 8050 : 48_050);
      expect(line).toMatch(/… \(\d+ more characters\)\n?$/);
    });
  }

  test("is whole as long as it fits", () => {
    const text = "x".repeat(47_000);
    expect(logged("journal", "info", (log) => log.info(text))).toBe(`<6>${text}\n`);
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
        formatLine(
          { sink: "journal", tool: "t", name: "t", pid: 1, colour: false, reader: "host" },
          "info",
          text,
          "",
          AT,
        ),
        formatLine(
          { sink: "plain", tool: "t", name: "t", pid: 1, colour: false, reader: "host" },
          "info",
          text,
          "",
          AT,
        ),
        formatLine(
          { sink: "syslog", tool: "t", name: "t", pid: 1, colour: false, reader: "host" },
          "info",
          text,
          "",
          AT,
        ),
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
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(sink, text, text, (to, message, value) => {
        const said = logged(to, "info", (log) => log.info(message, { value }));
        expect(said.slice(0, -1)).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
        expect(said).toEndWith("\n");
      }),
    );
  });

  test("with a percent sign or an object-like text is not formatted", () => {
    expect(logged("journal", "info", (log) => log.info("100%d %s {a}"))).toBe("<6>100%d %s {a}\n");
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

describe("the level", () => {
  test("of a command line is that of --log-level, or debug for -v: the one that says more", () => {
    expect(readLogLevel({})).toBe("info");
    expect(readLogLevel({ "log-level": "warn" })).toBe("warn");
    expect(readLogLevel({ verbose: true })).toBe("debug");
    expect(readLogLevel({ verbose: true, "log-level": "error" })).toBe("debug");
    expect(() => readLogLevel({ verbose: true, "log-level": "loud" })).toThrow('found "loud"');
  });
});

describe("--log-level", () => {
  test("is info when it is not given, and takes capitals, and Python's names", () => {
    const given = ["DEBUG", "error", "WARNING", "warning", "CRITICAL"].map((level) => ({ "log-level": level }));
    const levels = [{}, ...given].map((options) => readLogLevel(options));
    expect(levels).toEqual(["info", "debug", "error", "warn", "warn", "error"]);
  });

  for (const value of ["verbose", "", true, "toString"] as const) {
    test(`of ${JSON.stringify(value)} is refused with the list`, () => {
      expect(() => readLogLevel({ "log-level": value })).toThrow("--log-level must be one of error, warn, info, debug");
    });
  }

  test.each([
    ["debgu", "--log-level debug"],
    ["loud", "--log-level info"],
  ])("of %p is refused with the nearest", (value, hint) => {
    let thrown: unknown;
    try {
      readLogLevel({ "log-level": value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ hint });
  });
});
