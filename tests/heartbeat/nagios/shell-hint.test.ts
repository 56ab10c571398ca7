// A check whose command was written for a shell and runs without one: its result and the log say what is missing.

import { expect, test } from "bun:test";
import { rig } from "./support.ts";

const HINT = "only a shell joins commands with '|': add shell = true";

test("a result that is not ok carries the hint, and the log has it at the start", async () => {
  const { collect, lines } = rig({ commands: [{ name: "it", command: "ls /nonexistent | grep x" }] });
  const [found] = await collect();
  expect(found?.status).not.toBe("ok");
  expect(found?.message).toEndWith(`(${HINT})`);
  expect(lines).toContain(`warn check is run without a shell check=it hint="${HINT}"`);
});

test("a variable before the program is named, without its value", async () => {
  const { collect, lines } = rig({ commands: [{ name: "it", command: "PASSWORD=geheim check_x" }] });
  const [found] = await collect();
  const hint = "only a shell sets a variable with PASSWORD=: add shell = true";
  expect(found).toMatchObject({ status: "unknown", message: `not run: ${hint}` });
  expect(lines.join("\n")).toContain(hint);
  expect(lines.join("\n")).not.toContain("geheim");
});

test("one that is ok meant it as it stands", async () => {
  const { collect } = rig({ commands: [{ name: "it", command: "echo OK ;" }] });
  expect((await collect())[0]).toMatchObject({ status: "ok", message: "OK ;" });
});

test("with shell = true there is nothing to say", async () => {
  const { collect, lines } = rig({ commands: [{ name: "it", command: "X=1; exit $X; :", shell: true }] });
  expect((await collect())[0]).toMatchObject({ status: "warning", message: "no output" });
  expect(lines.join("\n")).not.toContain("only a shell");
});
