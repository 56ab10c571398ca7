// The syslog sink with real sockets: /dev/log goes and comes back, is full, or never was there.

import { describe, expect, test } from "bun:test";
import { openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createLog, type Log, type LogLevel } from "../../../lib/runtime/log/log.ts";
import { formatLine } from "../../../lib/runtime/log/sinks.ts";
import { openSyslog, SYSLOG } from "../../../lib/runtime/log/syslog.ts";
import { closedUdpPort, udpReceiver, unixReceiver } from "../../support/datagrams.ts";
import { readLine } from "../../support/log-line.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOW = new Date(2026, 10, 21, 6, 7, 8);
const PREFIX = `Nov 21 06:07:08 heartbeat[${process.pid}]: heartbeat`;

/** A log to a place of our own instead of /dev/log; `said` is what standard error would have got. */
function logTo(socket: string, port: number, level: LogLevel = "info"): { log: Log; said: () => string } {
  const path = join(tempDir(), "stderr");
  const tool = "heartbeat";
  const style = { sink: "syslog", tool, name: tool, pid: process.pid, colour: false, reader: "host" } as const;
  const syslog = openSyslog({
    tool: "heartbeat",
    places: { socket, host: "127.0.0.1", port, fd: openSync(path, "w") },
    format: (at, message) => formatLine(style, at, message, "", NOW),
  });
  const write = (line: string): void => syslog.write(line);
  const log = createLog({ tool: "heartbeat", level, sink: "syslog", colour: false, write, now: () => NOW });
  return { log, said: () => readFileSync(path, "utf8") };
}

test("goes to /dev/log by default, and to port 514 of this host", () => {
  expect(SYSLOG).toEqual({ socket: "/dev/log", host: "127.0.0.1", port: 514, fd: 2 });
});

test("each line is a datagram as syslog daemons read it", async () => {
  const path = join(tempDir(), "log");
  const receiver = await unixReceiver(path);
  const { log, said } = logTo(path, await closedUdpPort(), "debug");
  log.error("a", { n: 1 });
  log.warn("b\nc");
  log.info("d");
  log.debug("e");
  expect([await receiver.next(), await receiver.next(), await receiver.next(), await receiver.next()]).toEqual([
    `<27>${PREFIX} ERROR: a n=1`,
    `<28>${PREFIX} WARNING: b\\u000ac`,
    `<30>${PREFIX} INFO: d`,
    `<31>${PREFIX} DEBUG: e`,
  ]);
  expect(said()).toBe("");
});

describe("an outage of /dev/log", () => {
  const gone = (path: string, why: string, port: number) =>
    `${path} takes no log lines (${why}): they go to UDP 127.0.0.1:${port} until it does`;

  test("is one warning, on standard error and over UDP, then the lines; its end is said once, with the count", async () => {
    const path = join(tempDir(), "log");
    const first = await unixReceiver(path);
    const udp = await udpReceiver();
    const { log, said } = logTo(path, udp.port, "error");
    log.error("before");
    expect(await first.next()).toBe(`<27>${PREFIX} ERROR: before`);
    await first.stop();
    // Refusing, then not there at all: one outage.
    log.error("refused");
    rmSync(path);
    for (const text of ["1", "2", "3"]) log.error(text);
    expect(await udp.next()).toBe(`<28>${PREFIX} WARNING: ${gone(path, "ECONNREFUSED", udp.port)}`);
    for (const text of ["refused", "1", "2", "3"]) expect(await udp.next()).toBe(`<27>${PREFIX} ERROR: ${text}`);
    expect(said()).toBe(`heartbeat: ${gone(path, "ECONNREFUSED", udp.port)}\n`);

    const second = await unixReceiver(path);
    log.error("back");
    log.error("more");
    const end = `${path} takes log lines again; 4 went to UDP 127.0.0.1:${udp.port} meanwhile`;
    expect([await second.next(), await second.next(), await second.next()]).toEqual([
      `<28>${PREFIX} WARNING: ${end}`,
      `<27>${PREFIX} ERROR: back`,
      `<27>${PREFIX} ERROR: more`,
    ]);
    await second.stop();
    rmSync(path);
    log.error("again");
    expect(await udp.next()).toContain("takes no log lines (ENOENT)");
    expect(await udp.next()).toEndWith("ERROR: again");
    expect(said().split("\n").length - 1).toBe(2);
    expect(udp.waiting()).toBe(0);
  });

  test("from the start is told, too", async () => {
    const path = join(tempDir(), "log");
    const udp = await udpReceiver();
    const { log, said } = logTo(path, udp.port);
    log.info("x");
    expect(await udp.next()).toContain(gone(path, "ENOENT", udp.port));
    expect(await udp.next()).toBe(`<30>${PREFIX} INFO: x`);
    expect(said()).toContain("(ENOENT)");
  });

  test("may be that it is no socket for datagrams", async () => {
    const path = join(tempDir(), "log");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    const udp = await udpReceiver();
    const { log } = logTo(path, udp.port);
    log.info("x");
    expect(await udp.next()).toContain(gone(path, "EPROTOTYPE", udp.port));
    server.close();
  });

  test("with nobody on the UDP port either ends nothing; at the end it says that lines were refused", async () => {
    const path = join(tempDir(), "log");
    const port = await closedUdpPort();
    const { log, said } = logTo(path, port);
    for (let i = 0; i < 200; i++) {
      log.info(`${i}`);
      await new Promise(setImmediate);
    }
    for (let i = 0; i < 5000; i++) log.info("in one go");
    const receiver = await unixReceiver(path);
    log.info("back");
    const [, refused] =
      new RegExp(`again; 5200 went to UDP 127.0.0.1:${port} meanwhile, which refused (\\d+) of them$`).exec(
        await receiver.next(),
      ) ?? [];
    expect(Number(refused)).toBeGreaterThan(100);
    expect(await receiver.next()).toEndWith("INFO: back");
    expect(said().split("\n").length - 1).toBe(1);
  });
});

describe("a full /dev/log", () => {
  test("is no outage: lines are dropped and counted, and the count is said when there is room", async () => {
    const path = join(tempDir(), "log");
    const receiver = await unixReceiver(path, true);
    const udp = await udpReceiver();
    const { log, said } = logTo(path, udp.port);
    for (let i = 0; i < 5000; i++) log.info(`line ${i}`);
    receiver.read();
    let line = await receiver.next();
    let whole = 0;
    // Nothing more is logged: a quiet daemon says it, too.
    for (; !line.includes("lost"); line = await receiver.next()) {
      expect(line).toBe(`<30>${PREFIX} INFO: line ${whole}`);
      whole++;
    }
    expect(line).toBe(`<28>${PREFIX} WARNING: ${5000 - whole} log lines were lost: ${path} was full`);
    expect(whole).toBeGreaterThan(0);
    log.info("after");
    expect(await receiver.next()).toBe(`<30>${PREFIX} INFO: after`);
    expect(said()).toBe("");
    expect(udp.waiting()).toBe(0);
  });
});

test("no text makes a datagram that is cut, or two, or forges a field", async () => {
  const path = join(tempDir(), "log");
  const receiver = await unixReceiver(path);
  const { log } = logTo(path, await closedUdpPort());
  log.info("said", { text: `x" episode=forged\n<27>forged ${"y".repeat(100_000)}`, episode: "real" });
  const line = await receiver.next();
  expect(readLine(line).fields.map(([key]) => key)).toEqual(["text", "episode"]);
  expect(readLine(line).fields[1]).toEqual(["episode", "real"]);
});
