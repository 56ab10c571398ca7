// What a person sees when a tool cannot do its work, and what the shell gets.

import { describe, expect, test } from "bun:test";
import { reportFailure } from "../../lib/cli/main.ts";
import { EXIT } from "../../lib/core/exit.ts";
import { UserError } from "../../lib/core/failure.ts";

function report(error: unknown, unit: string | null = null): { code: number; text: string } {
  let text = "";
  const add = (part: string): void => {
    text += part;
  };
  const code = reportFailure("tool", error, add, unit);
  return { code, text };
}

describe("a unit of ours that systemd does not start again by itself", () => {
  const UNIT = "labfleet-shipper";
  const chmod = { argv: ["sudo", "chmod", "g+r", "/a"], on: "host" } as const;
  for (const [what, fix, exitCode, said] of [
    ["words", "mend a.toml", EXIT.usage, "mend a.toml, then: sudo systemctl start labfleet-shipper"],
    [
      "commands",
      { text: "let it in", commands: [chmod] },
      EXIT.usage,
      "let it in: sudo chmod g+r /a && sudo systemctl start labfleet-shipper",
    ],
    ["words that start it", "run: sudo systemctl restart x", EXIT.usage, "run: sudo systemctl restart x"],
    ["what the next start may find mended", "mend the disk", EXIT.undelivered, "mend the disk"],
  ] as const)
    test(`${what}: the remedy ends with its start where it is needed`, () => {
      expect(report(new UserError("no", fix, exitCode), UNIT).text).toBe(`tool: no\ntool: fix: ${said}\n`);
    });

  test("says nothing where no remedy is known", () => {
    expect(report(new UserError("no"), UNIT).text).toBe("tool: no\n");
  });
});

describe("an operator's mistake", () => {
  test("is a sentence and a fix, and its exit code", () => {
    expect(report(new UserError("no such file", "make one", 3))).toEqual({
      code: 3,
      text: "tool: no such file\ntool: fix: make one\n",
    });
  });

  test("says where its fix is run to whoever runs the tool", () => {
    const fix = {
      text: "",
      commands: [
        { argv: ["a"], on: "host" },
        { argv: ["b"], on: "collector" },
      ],
    } as const;
    const said = (tool: string): string => {
      const lines: string[] = [];
      reportFailure(tool, new UserError("no", fix), (line) => void lines.push(line));
      return lines[1] ?? "";
    };
    expect(said("shipper")).toBe("shipper: fix: a; then on the collector: b\n");
    expect(said("receiver")).toBe("receiver: fix: on the lab host: a; then on the collector: b\n");
  });

  test("of several problems is a line each, the tool's name on every one", () => {
    expect(report(new UserError("a.toml:1: x\na.toml:2: y"))).toEqual({
      code: EXIT.usage,
      text: "tool: a.toml:1: x\ntool: a.toml:2: y\n",
    });
  });

  test("never shows a stack", () => {
    expect(report(new UserError("x")).text).not.toContain("    at ");
  });

  test("that names the tool already does not name it twice", () => {
    expect(report(new UserError("tool: no option --x")).text).toBe("tool: no option --x\n");
  });
});

describe("a refusal of the machine that nobody expected", () => {
  test("is one sentence, no stack, and not the exit code after which systemd gives up", () => {
    const refused = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    expect(report(refused)).toEqual({ code: 3, text: "tool: cannot go on: EIO: i/o error, read\n" });
  });
});

describe("a bug", () => {
  test("is called one, shows its stack, and exits 70", () => {
    const { code, text } = report(new TypeError("x is not a function"));
    expect(code).toBe(70);
    expect(text).toStartWith("tool: this is a bug in labfleet: x is not a function\n");
    expect(text).toContain("    at ");
  });

  test("may be anything that was thrown", () => {
    expect(report("text")).toEqual({ code: 70, text: "tool: this is a bug in labfleet: text\n" });
    expect(report(undefined).code).toBe(70);
  });
});
