// --help: of a tool, of a group of commands, of one command, however it is asked for.

import { describe, expect, test } from "bun:test";
import { helpText } from "../../lib/cli/help.ts";
import { parseCommandLine } from "../../lib/cli/options.ts";
import type { ToolSpec } from "../../lib/cli/table.ts";
import { UserError } from "../../lib/core/failure.ts";

const JSON_OPTION = { json: { help: "as JSON" } };

const SPEC: ToolSpec = {
  name: "tool",
  summary: "does things",
  about: ["Without a command it runs."],
  commands: {
    "": { help: "run", options: { replace: { help: "instead of another" } } },
    status: { help: "say how it is", options: JSON_OPTION },
    requeue: {
      operands: "<id>…",
      maxOperands: Number.POSITIVE_INFINITY,
      help: "again",
      options: { all: { help: "every one" }, reason: { value: "R", help: "only those" } },
    },
    stop: { help: "stop it", options: { reason: { value: "TEXT", help: "written down" } } },
    "token add": { operands: "<host>", maxOperands: 1, help: "new token" },
    "token list": { help: "all tokens", options: JSON_OPTION },
  },
  options: {
    config: { value: "PATH", help: "the file" },
    verbose: { short: "v", help: "say more" },
    output: { value: "FILE", short: "o", help: "where to" },
  },
};

function printed(...argv: string[]): string {
  const parsed = parseCommandLine(SPEC, argv);
  if (parsed.kind === "print") return parsed.text;
  throw new Error(`not printed: ${JSON.stringify(parsed.line)}`);
}

describe("what is asked for is printed alone", () => {
  for (const [argv, topic] of [
    ["--help", ""],
    ["-h", ""],
    ["help", ""],
    ["-vh", ""],
    ["--config x --help", ""],
    ["--config x help", ""],
    ["status --help", "status"],
    ["status -h", "status"],
    ["--help status", "status"],
    ["help status", "status"],
    ["help --verbose status", "status"],
    ["requeue a b --help", "requeue"],
    ["help requeue a", "requeue"],
    ["token --help", "token"],
    ["token -h", "token"],
    ["token help", "token"],
    ["help token", "token"],
    ["token add --help", "token add"],
    ["token --help add", "token add"],
    ["token add lab1 --help", "token add"],
    ["help token add", "token add"],
    ["help token add lab1", "token add"],
  ] as const) {
    test(`\`tool ${argv}\` is the help on "${topic}"`, () => {
      expect(printed(...argv.split(" "))).toBe(helpText(SPEC, topic));
    });
  }

  for (const [argv, message] of [
    ["help statsu", 'tool: no command "statsu"; did you mean status?'],
    ["statsu --help", 'tool: no command "statsu"; did you mean status?'],
    ["help token ad", 'tool: no command "token ad"; did you mean token add?'],
    ["help toString", 'tool: no command "toString"; there are status, requeue, stop, token add, token list'],
    ["status --hepl", "tool: no option --hepl; did you mean --help?"],
  ] as const) {
    test(`\`tool ${argv}\` is refused, with what was meant`, () => {
      const refuse = (): unknown => parseCommandLine(SPEC, argv.split(" "));
      expect(refuse).toThrow(UserError);
      expect(refuse).toThrow(message);
    });
  }

  for (const argv of [
    "requeue -- --help",
    "requeue -- -h",
    "--config --help=x",
    "--config --help",
    "-o -h",
    "-oh",
    "requeue help",
  ]) {
    test(`\`tool ${argv}\` asks for no help`, () => {
      let text = "";
      try {
        const parsed = parseCommandLine(SPEC, argv.split(" "));
        text = parsed.kind === "print" ? parsed.text : "";
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
      expect(text).toBe("");
    });
  }
});

describe("the texts", () => {
  test("of the tool: every command, and each option once", () => {
    expect(helpText(SPEC)).toBe(`tool: does things

Without a command it runs.

Commands:
  tool                   run
  tool status            say how it is
  tool requeue <id>…     again
  tool stop              stop it
  tool token add <host>  new token
  tool token list        all tokens

Options:
  --config PATH      the file
  -v, --verbose      say more
  -o, --output FILE  where to
  -h, --help         print this and exit
  --version          print version, commit and target, and exit
  --json             as JSON: status, token list

Options without a command:
  --replace  instead of another

What else a command takes: tool help <command>, or tool <command> --help.`);
  });

  test("of one command: how it is called and what it takes, and nothing of the others", () => {
    expect(helpText(SPEC, "requeue")).toBe(`tool requeue: again

Usage: tool requeue <id>… [options]

Options:
  --all              every one
  --reason R         only those
  --config PATH      the file
  -v, --verbose      say more
  -o, --output FILE  where to
  -h, --help         print this and exit
  --version          print version, commit and target, and exit`);
  });

  test("of a group: its commands", () => {
    expect(helpText(SPEC, "token")).toBe(`tool token: add, list

Commands:
  tool token add <host>  new token
  tool token list        all tokens

What a command takes: tool help token <command>.`);
  });

  test("an option of the tool without a command and of others stands once, too", () => {
    const commands = { ...SPEC.commands, "": { help: "run", options: JSON_OPTION } };
    expect(helpText({ ...SPEC, commands }).match(/--json/g)).toHaveLength(1);
  });

  test("--json of a single command is shown all the same", () => {
    const bare: ToolSpec = { ...SPEC, commands: { status: { help: "", options: JSON_OPTION } } };
    expect(helpText(bare)).toContain("  --json             as JSON: status\n");
  });

  test("an option without commands of its own has no empty section", () => {
    const bare: ToolSpec = { ...SPEC, commands: { "": { help: "run" } } };
    expect(helpText(bare)).not.toContain("Options without a command");
  });
});
