// A finding in one line: what, and the fix with its commands as they are run.

import { expect, test } from "bun:test";
import { findingText, fixText, type Mendable } from "../../lib/core/finding.ts";

const FINDING: Mendable = {
  what: "the receiver does not run",
  fix: {
    text: "start it",
    commands: [
      { argv: ["systemctl", "start", "labfleet-receiver"], on: "collector" },
      { argv: ["ls", "/data/lab data"], on: "host" },
    ],
  },
};

test("says where a command runs, unless that is here", () => {
  expect(findingText(FINDING)).toBe(
    "the receiver does not run; fix: start it: on the collector: systemctl start labfleet-receiver; then on the lab host: ls '/data/lab data'",
  );
  expect(fixText(FINDING.fix, "collector")).toBe(
    "start it: systemctl start labfleet-receiver; then on the lab host: ls '/data/lab data'",
  );
});

test("of several commands in one place is one line for its shell", () => {
  const run = (argv: string[], on: "host" | "collector" = "host") => ({ argv, on });
  expect(fixText({ text: "", commands: [run(["a"]), run(["b", "c d"])] })).toBe("a && b 'c d'");
  expect(fixText({ text: "do", commands: [run(["a"], "collector"), run(["b"], "collector"), run(["c"])] })).toBe(
    "do: on the collector: a && b; then on the lab host: c",
  );
});

test("without a command is its words alone", () => {
  expect(fixText({ text: "set this host's clock", commands: [] })).toBe("set this host's clock");
});
