// Lines to somebody who reads slowly, not at all, or is gone: none is torn, none is missing without being counted, and
// nobody waits.

import { describe, expect, onTestFinished, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { duplicate } from "../../lib/os/file-calls.ts";
import { Output } from "../../lib/os/output.ts";
import { seededRandom } from "../support/random.ts";
import { tempDir } from "../support/temp-dir.ts";

const notice = (lines: number, why: string): string => `LOST ${lines} ${why}\n`;

/** A pipe: `fd` to write, `read` gives what is in it now; `hangUp` and `readAgain` are the reader's. */
function pipe() {
  const path = join(tempDir(), "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const openReader = (): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let reader = openReader();
  const fd = openSync(path, constants.O_WRONLY);
  onTestFinished(() => {
    for (const each of [fd, reader]) closeSync(each);
  });
  const chunk = Buffer.alloc(1 << 20);
  const read = (most = chunk.length): string => {
    try {
      return chunk.toString("utf8", 0, readSync(reader, chunk, 0, most, null));
    } catch {
      return ""; // nothing there now
    }
  };
  const readAll = (): string => {
    let text = "";
    for (let part = read(); part !== ""; part = read()) text += part;
    return text;
  };
  return {
    fd,
    read,
    readAll,
    hangUp: () => closeSync(reader),
    readAgain: () => {
      reader = openReader();
    },
  };
}

/** Lines as they were received: how many were lost by their own account, and the others. */
function account(text: string): { lost: number; whole: string[] } {
  expect(text).toEndWith("\n");
  const lines = text.slice(0, -1).split("\n");
  const notices = lines.filter((line) => line.startsWith("LOST "));
  return {
    lost: notices.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0),
    whole: lines.filter((line) => !line.startsWith("LOST ")),
  };
}

describe("a pipe that nobody reads", () => {
  test("takes what fits; the rest is dropped, and said once there is room again", () => {
    const { fd, readAll } = pipe();
    const out = new Output(fd, notice);
    for (let i = 0; i < 5000; i++) out.write(`line ${i} ${"x".repeat(90)}\n`);
    const first = account(readAll());
    expect(first.lost).toBe(0);
    expect(first.whole.length).toBeGreaterThan(100);
    expect(first.whole.length).toBeLessThan(5000);
    expect(first.whole.every((line, i) => line.startsWith(`line ${i} `))).toBe(true);
    out.write("after\n");
    expect(readAll()).toBe(`LOST ${5000 - first.whole.length} full\nafter\n`);
    out.write("later\n");
    expect(readAll()).toBe("later\n");
  });

  test("is told by a process that says nothing more, too", async () => {
    const { fd, readAll } = pipe();
    const out = new Output(fd, notice);
    for (let i = 0; i < 2000; i++) out.write(`${"x".repeat(99)}\n`);
    const kept = account(readAll()).whole.length;
    let told = "";
    while (told === "") {
      told = readAll();
      await new Promise(setImmediate);
    }
    expect(told).toBe(`LOST ${2000 - kept} full\n`);
  });

  test("gets the rest of a line that it took in part before anything else", () => {
    const { fd, read, readAll } = pipe();
    const out = new Output(fd, notice);
    const long = "y".repeat(300_000); // more than any pipe holds
    out.write(`${long}\n`);
    out.write("dropped\n");
    let text = "";
    while (!text.includes("LOST")) {
      text += read(70_000);
      out.write("next\n");
    }
    text += readAll();
    const { lost, whole } = account(text);
    expect(whole[0]).toBe(long);
    expect(lost).toBeGreaterThan(0);
    expect(new Set(whole.slice(1))).toEqual(new Set(["next"]));
  });

  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`and one that is read now and then never get a torn line; those lost are counted exactly (${seed})`, () => {
      const { next } = seededRandom(seed);
      const { fd, read, readAll } = pipe();
      const out = new Output(fd, notice);
      const written = new Set<string>();
      let text = "";
      const count = 1500;
      for (let i = 0; i < count; i++) {
        const line = `${i}:${"z".repeat(Math.floor(next() ** 4 * 20_000))}`;
        written.add(line);
        out.write(`${line}\n`);
        if (next() < 0.1) text += read(Math.floor(next() * 60_000));
      }
      for (let tries = 0; tries < 50; tries++) {
        text += readAll();
        out.write("end\n");
      }
      text += readAll();
      const { lost, whole } = account(text);
      const lines = whole.filter((line) => line !== "end");
      expect(lines.every((line) => written.has(line))).toBe(true);
      expect(lines.length + whole.filter((line) => line === "end").length + lost).toBe(count + 50);
      expect(lost).toBeGreaterThan(0);
    });
  }
});

describe("a reader that is gone", () => {
  test("ends nothing; lines are counted until there is another, and told to it", () => {
    const { fd, hangUp, readAgain, readAll } = pipe();
    const out = new Output(fd, notice);
    hangUp();
    for (let i = 0; i < 1000; i++) out.write("x\n");
    readAgain();
    out.write("second\n");
    expect(readAll()).toBe("LOST 1000 closed\nsecond\n");
  });

  test("leaves the start of a line in the pipe: the next one gets its rest first", () => {
    const { fd, hangUp, readAgain, readAll, read } = pipe();
    const out = new Output(fd, notice);
    const long = "y".repeat(300_000);
    out.write(`${long}\n`);
    hangUp();
    out.write("lost\n");
    readAgain();
    let text = "";
    while (!text.includes("LOST")) {
      text += read();
      out.write("next\n");
    }
    text += readAll();
    const { lost, whole } = account(text);
    expect(whole[0]).toBe(long);
    expect(lost).toBeGreaterThan(0);
    expect(new Set(whole.slice(1))).toEqual(new Set(["next"]));
  });

  test("after it had stopped reading: both are said", () => {
    const { fd, hangUp, readAgain, readAll } = pipe();
    const out = new Output(fd, notice);
    const line = `${"x".repeat(99)}\n`;
    for (let i = 0; i < 2000; i++) out.write(line);
    hangUp();
    out.write(line);
    readAgain();
    const { lost, whole } = account(readAll());
    expect(lost).toBe(0);
    out.write("end\n");
    expect(readAll()).toBe(`LOST ${2001 - whole.length} full or closed\nend\n`);
  });
});

describe("a descriptor", () => {
  test("that was closed is never written again, whatever file has its number now", () => {
    const dir = tempDir();
    const fd = openSync(join(dir, "log"), "w");
    const out = new Output(fd, notice);
    out.write("first\n");
    closeSync(fd);
    out.write("lost\n");
    const other = openSync(join(dir, "data"), "w");
    if (other !== fd) duplicate(other, fd);
    for (let i = 0; i < 10; i++) out.write("lost\n");
    closeSync(other);
    if (other !== fd) closeSync(fd);
    expect(readFileSync(join(dir, "log"), "utf8")).toBe("first\n");
    expect(readFileSync(join(dir, "data"), "utf8")).toBe("");
  });

  test("of a file is written at its end, beside other writers", () => {
    const path = join(tempDir(), "log");
    const fd = openSync(path, "a");
    const other = openSync(path, "a");
    const [a, b] = [new Output(fd, notice), new Output(other, notice)];
    a.write(`a ${"x".repeat(10_000)}\n`);
    b.write("b\n");
    a.write("c\n");
    expect(readFileSync(path, "utf8")).toBe(`a ${"x".repeat(10_000)}\nb\nc\n`);
    for (const each of [fd, other]) closeSync(each);
  });

  test("of a disk that is full, or that never was open, loses lines and nothing else", () => {
    const full = openSync("/dev/full", "w");
    const out = new Output(full, notice);
    for (let i = 0; i < 10; i++) out.write("x\n");
    closeSync(full);
    const none = new Output(9999, notice);
    for (let i = 0; i < 10; i++) none.write("x\n");
  });
});
