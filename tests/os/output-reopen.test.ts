// A reader that is gone for good, and another in its place: whole lines, none twice, and what was lost is counted.

import { expect, onTestFinished, test } from "bun:test";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { duplicate } from "../../lib/os/file-calls.ts";
import { Output } from "../../lib/os/output.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A pipe with its reader. */
function pipe() {
  const path = join(tempDir(), "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY);
  onTestFinished(() => closeSync(fd));
  const chunk = Buffer.alloc(1 << 20);
  const read = (): string => {
    try {
      return chunk.toString("utf8", 0, readSync(reader, chunk, 0, chunk.length, null));
    } catch {
      return ""; // nothing there now
    }
  };
  return { fd, path, read, hangUp: () => closeSync(reader) };
}

/** A journald that may be away. `opened` counts how often it was asked for. */
function journal() {
  const [first, second] = [pipe(), pipe()];
  const state = { isThere: true, asked: 0 };
  // Output opens a pipe anew for itself: what it writes to is the lowest free number.
  const output = new Output(
    first.fd,
    (lines, why) => `LOST ${lines} ${why}\n`,
    () => {
      state.asked++;
      return state.isThere && duplicate(second.fd, outputFd(output)) === 0 ? "AGAIN\n" : null;
    },
  );
  return { first, second, state, output };
}

/** The descriptor that an Output writes to. */
function outputFd(output: Output): number {
  return Reflect.get(output, "fd");
}

test("a line that finds the reader gone goes to the new one, after the words that say so", () => {
  const { first, second, output, state } = journal();
  output.write("one\n");
  expect(first.read()).toBe("one\n");
  first.hangUp();
  output.write("two\n");
  output.write("three\n");
  expect(second.read()).toBe("AGAIN\ntwo\nthree\n");
  expect(state.asked).toBe(1);
});

test("while there is no new one each line asks for it, and all that were lost are counted when it comes", () => {
  const { first, second, output, state } = journal();
  state.isThere = false;
  first.hangUp();
  output.write("one\n");
  output.write("two\n");
  state.isThere = true;
  output.write("three\n");
  expect(second.read()).toBe("AGAIN\nLOST 2 closed\nthree\n");
});

test("the count is said by itself, though nothing else is logged", async () => {
  const { first, second, output, state } = journal();
  state.isThere = false;
  first.hangUp();
  output.write("one\n");
  state.isThere = true;
  let said = "";
  while (!said.endsWith("closed\n")) {
    said += second.read();
    await Bun.sleep(20);
  }
  expect(said).toBe("AGAIN\nLOST 1 closed\n");
});

test("the rest of a line whose start the old reader has is dropped and counted, not sent as a line", () => {
  const { first, second, output, state } = journal();
  state.isThere = false;
  output.write(`${"x".repeat(100_000)}\n`); // more than a pipe holds
  expect(first.read().length).toBeGreaterThan(0);
  first.hangUp();
  state.isThere = true;
  output.write("two\n");
  expect(second.read()).toBe("AGAIN\nLOST 1 closed\ntwo\n");
});

test("a reader that is only slow is not replaced", () => {
  const { first, output, state } = journal();
  for (let line = 0; line < 30; line++) output.write(`${"y".repeat(4000)}\n`);
  expect(first.read().length).toBeGreaterThan(60_000);
  expect(state.asked).toBe(0);
});
