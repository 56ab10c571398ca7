// Command lines, against a table like the tools' own.

import { describe, expect, test } from "bun:test";
import { type CommandLine, parseCommandLine, type ToolSpec } from "../../lib/cli/options.ts";
import { UserError } from "../../lib/core/failure.ts";

const SPEC: ToolSpec = {
  name: "tool",
  summary: "does things",
  about: ["Without a command it runs."],
  commands: {
    "": { help: "run", options: { replace: { help: "instead of another" } } },
    status: { help: "say how it is", options: { json: { help: "as JSON" } } },
    requeue: {
      operands: "<id>…",
      maxOperands: Number.POSITIVE_INFINITY,
      help: "again",
      options: { all: { help: "every one" }, reason: { value: "R", help: "only those" } },
    },
    "token add": { operands: "<host>", maxOperands: 1, help: "new token" },
    "token list": { help: "all tokens" },
  },
  options: {
    config: { value: "PATH", help: "the file" },
    "log-level": { value: "LEVEL", help: "how much" },
    verbose: { short: "v", help: "say more" },
    quiet: { short: "q", help: "say less" },
    output: { value: "FILE", short: "o", help: "where to" },
  },
};

function run(...argv: string[]): CommandLine {
  const parsed = parseCommandLine(SPEC, argv);
  if (parsed.kind === "run") return parsed.line;
  throw new Error(`printed: ${parsed.text}`);
}

function refusalOf(...argv: string[]): UserError {
  try {
    parseCommandLine(SPEC, argv);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 2) return error;
    throw error;
  }
  throw new Error("the command line was taken");
}

function refusal(...argv: string[]): string {
  return refusalOf(...argv).message;
}

test.each([
  ["--config a --config b", '--config is given twice, "a" and "b": give it once', "see tool --help"],
  ["--config=a -o x --config a", '--config is given twice, "a" and "a": give it once', "see tool --help"],
  ["-o a --output=b", '--output is given twice, "a" and "b": give it once', "see tool --help"],
  ["requeue --reason x --reason y", '--reason is given twice, "x" and "y": give it once', "see tool requeue --help"],
])("%s: refused, for nobody knows which was meant", (line, why, fix) => {
  const { message, hint } = refusalOf(...line.split(" "));
  expect([message, hint]).toEqual([`${SPEC.name}: ${why}`, fix.replace("tool", SPEC.name)]);
});

describe("a command line", () => {
  for (const [argv, expected] of [
    ["", { command: "", operands: [], options: {} }],
    ["--config a.toml", { command: "", operands: [], options: { config: "a.toml" } }],
    ["--config=a.toml", { command: "", operands: [], options: { config: "a.toml" } }],
    ["--config=a=b", { command: "", operands: [], options: { config: "a=b" } }],
    ["--config=", { command: "", operands: [], options: { config: "" } }],
    ["status", { command: "status", operands: [], options: {} }],
    ["status --json", { command: "status", operands: [], options: { json: true } }],
    ["--json status", { command: "status", operands: [], options: { json: true } }],
    ["--config a.toml status", { command: "status", operands: [], options: { config: "a.toml" } }],
    ["status --config a.toml", { command: "status", operands: [], options: { config: "a.toml" } }],
    ["--config status status", { command: "status", operands: [], options: { config: "status" } }],
    ["--config status", { command: "", operands: [], options: { config: "status" } }],
    [
      "--config=x --log-level debug status",
      { command: "status", operands: [], options: { config: "x", "log-level": "debug" } },
    ],
    ["requeue a b c", { command: "requeue", operands: ["a", "b", "c"], options: {} }],
    ["requeue status", { command: "requeue", operands: ["status"], options: {} }],
    ["requeue requeue", { command: "requeue", operands: ["requeue"], options: {} }],
    [
      "requeue --all --reason conflict",
      { command: "requeue", operands: [], options: { all: true, reason: "conflict" } },
    ],
    [
      "--reason conflict requeue --all",
      { command: "requeue", operands: [], options: { all: true, reason: "conflict" } },
    ],
    ["requeue -- --all", { command: "requeue", operands: ["--all"], options: {} }],
    ["token add lab1", { command: "token add", operands: ["lab1"], options: {} }],
    ["token --config x add lab1", { command: "token add", operands: ["lab1"], options: { config: "x" } }],
    ["token list", { command: "token list", operands: [], options: {} }],
    ["requeue --reason=--all --all", { command: "requeue", operands: [], options: { all: true, reason: "--all" } }],
    ["--output=-v", { command: "", operands: [], options: { output: "-v" } }],
    ["-o -", { command: "", operands: [], options: { output: "-" } }],
    ["-v --verbose", { command: "", operands: [], options: { verbose: true } }],
    ["-v", { command: "", operands: [], options: { verbose: true } }],
    ["--verbose", { command: "", operands: [], options: { verbose: true } }],
    ["-v status -v", { command: "status", operands: [], options: { verbose: true } }],
    ["-vvv status", { command: "status", operands: [], options: { verbose: true } }],
    ["-vq status", { command: "status", operands: [], options: { verbose: true, quiet: true } }],
    ["-o status", { command: "", operands: [], options: { output: "status" } }],
    ["-o x status", { command: "status", operands: [], options: { output: "x" } }],
    ["-ox status", { command: "status", operands: [], options: { output: "x" } }],
    ["-ovx status", { command: "status", operands: [], options: { output: "vx" } }],
    ["-vo x status", { command: "status", operands: [], options: { verbose: true, output: "x" } }],
    ["requeue -- -v -x --json", { command: "requeue", operands: ["-v", "-x", "--json"], options: {} }],
  ] as const) {
    test(`\`tool ${argv}\` is understood`, () => {
      expect<unknown>(run(...argv.split(" ").filter((word) => word !== ""))).toEqual(expected);
    });
  }

  for (const [argv, message] of [
    ["--confg x", "tool: no option --confg; did you mean --config?"],
    ["--confg=x status", "tool: no option --confg; did you mean --config?"],
    ["--xyzzy", "tool: no option --xyzzy"],
    ["-x", "tool: no option -x"],
    ["-vx", "tool: no option -vx"],
    ["-c a.toml status", "tool: no option -c; did you mean --config?"],
    ["-verbose", "tool: no option -verbose; did you mean --verbose?"],
    ["-vresion", "tool: no option -vresion; did you mean --version?"],
    ["-log-level debug", "tool: no option -log-level; did you mean --log-level?"],
    ["--verbos", "tool: no option --verbos; did you mean --verbose?"],
    ["--v", "tool: no option --v"],
    ["statsu", 'tool: no command "statsu"; did you mean status?'],
    ["frobnicate", 'tool: no command "frobnicate"; there are status, requeue, token add, token list'],
    ["token ad lab1", 'tool: no command "token ad"; did you mean token add?'],
    ["token frobnicate", 'tool: no command "token frobnicate"; there are token add, token list'],
    ["token", 'tool: "token" is the first word of a command: add, list must follow'],
    ["--verbose token", 'tool: "token" is the first word of a command: add, list must follow'],
    ["tokn add lab1", 'tool: no command "tokn"; did you mean token add?'],
    ["tokens lst", 'tool: no command "tokens"; did you mean token list?'],
    ["tokens", 'tool: no command "tokens"; there are token add, token list'],
    ["tokens frobnicate", 'tool: no command "tokens"; there are token add, token list'],
    ["status extra", 'tool: unexpected operand "extra"'],
    ["status status", 'tool: unexpected operand "status"'],
    ["token add lab1 lab2", 'tool: unexpected operand "lab2"'],
    ["--json", "tool: no option --json without a command: it belongs to status"],
    ["status --all", "tool: no option --all for status: it belongs to requeue"],
    ["status --reason x", "tool: no option --reason for status: it belongs to requeue"],
    ["requeue --json x", "tool: no option --json for requeue: it belongs to status"],
    ["token list --josn", "tool: no option --josn; did you mean --json?"],
    ["status --replace", "tool: no option --replace for status: it belongs to tool without a command"],
    ["--config", "tool: --config needs a value: --config PATH"],
    ["requeue --all --reason", "tool: --reason needs a value: --reason R"],
    ["-o", "tool: -o needs a value: -o FILE"],
    ["--config --verbose", 'tool: --config needs a value, found "--verbose": --config PATH, or --config=--verbose'],
    ["requeue --all --reason --bogus", 'tool: --reason needs a value, found "--bogus"'],
    ["-o --verbose", 'tool: -o needs a value, found "--verbose": -o FILE, or --output=--verbose'],
    ["status --json=yes", 'tool: --json takes no value, found "yes"'],
    ["--verbose=", 'tool: --verbose takes no value, found ""'],
    ["--toString", "tool: no option --toString"],
    ["--constructor=x", "tool: no option --constructor"],
    ["--__proto__=x", "tool: no option --__proto__"],
    ["status --toString", "tool: no option --toString"],
    ["toString", 'tool: no command "toString"'],
    ["constructor", 'tool: no command "constructor"'],
    ["__proto__", 'tool: no command "__proto__"'],
    ["hasOwnProperty x", 'tool: no command "hasOwnProperty"'],
  ] as const) {
    test(`\`tool ${argv}\` is refused in one sentence, with exit code 2`, () => {
      expect(refusal(...argv.split(" "))).toStartWith(message);
    });
  }

  for (const [argv, help] of [
    ["--confg", "tool --help"],
    ["status --all", "tool status --help"],
    ["status extra", "tool status --help"],
    ["token", "tool token --help"],
    ["token ad", "tool token --help"],
    ["token add lab1 lab2", "tool token add --help"],
    ["frobnicate", "tool --help"],
    ["--config", "tool --help"],
  ] as const) {
    test(`\`tool ${argv}\` points to \`${help}\``, () => {
      expect(refusalOf(...argv.split(" ")).hint).toBe(`see ${help}`);
    });
  }

  for (const argv of ["-x", "--config --json", "-", "-v=x", "--verbose=x", "---v", "status - -", "-o -v"] as const) {
    test(`\`tool ${argv}\` is refused`, () => {
      const message = refusal(...argv.split(" "));
      expect(message).toStartWith("tool: ");
      expect(message).not.toContain("\n");
    });
  }

  test("never changes what the caller gave", () => {
    const argv = Object.freeze(["--config", "x", "requeue", "a"]);
    parseCommandLine(SPEC, argv);
    expect(argv).toEqual(["--config", "x", "requeue", "a"]);
  });

  test("keeps an operand that looks like the command and stands before it as an option's value", () => {
    expect(run("--config", "requeue", "requeue", "a")).toEqual({
      command: "requeue",
      operands: ["a"],
      options: { config: "requeue" },
    });
  });

  test("takes an empty operand as an operand", () => {
    expect(run("requeue", "").operands).toEqual([""]);
  });
});

describe("--version", () => {
  test("is one line with the tool's name", () => {
    const parsed = parseCommandLine(SPEC, ["--version"]);
    expect(parsed.kind === "print" ? parsed.text : "").toMatch(/^tool \S+ \(commit \S+, \S+\)$/);
  });

  test("of a command is that of the tool", () => {
    expect(parseCommandLine(SPEC, ["status", "--version"])).toEqual(parseCommandLine(SPEC, ["--version"]));
  });
});
