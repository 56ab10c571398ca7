// The life of a daemon as systemd sees it: a real process, real signals, real datagrams.

import { describe, expect, onTestFinished, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { monotonicUsec } from "../../lib/os/clock-calls.ts";
import { tryLock } from "../../lib/os/file-calls.ts";
import { writeMarker } from "../../lib/runtime/markers.ts";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

/** What the kernel calls a process. */
const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, "utf8").trim();
const US = nameOf(process.pid);
const PROGRAM = join(import.meta.dir, "../fixtures/programs/daemon.ts");
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(65536).decode().replace("\\n", " "), flush=True)
`;

interface Place {
  data: string;
  run: string;
}
const newPlace = (): Place => ({ data: tempDir(), run: tempDir() });

/** Starts the daemon; with `env` under a notify socket. */
function start(mode: string, env: Record<string, string> = {}, { data, run } = newPlace(), ...more: string[]) {
  const child = Bun.spawn([process.execPath, PROGRAM, mode, data, run, ...more], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NOTIFY_SOCKET: "", WATCHDOG_USEC: "", WATCHDOG_PID: "", ...env },
  });
  onTestFinished(() => child.kill("SIGKILL"));
  const nextLine = lineReader(child.stdout);
  const until = async (text: string): Promise<string[]> => {
    const lines: string[] = [];
    for (let line = await nextLine(); line !== null; line = await nextLine()) {
      lines.push(line);
      if (line.includes(text)) return lines;
    }
    throw new Error(`the daemon ended without "${text}": ${lines.join("\n")}\n${await child.stderr.text()}`);
  };
  const rest = async (): Promise<string[]> => {
    const lines: string[] = [];
    for (let line = await nextLine(); line !== null; line = await nextLine()) lines.push(line);
    return lines;
  };
  return { child, until, rest, data, run };
}

async function notifySocket() {
  const path = join(tempDir(), "notify");
  const receiver = Bun.spawn(["python3", "-c", RECEIVER, path], { stdout: "pipe" });
  onTestFinished(() => receiver.kill());
  const nextLine = lineReader(receiver.stdout);
  const next = async (): Promise<string> => {
    const line = await nextLine();
    if (line === null) throw new Error("the receiver of notifications has ended");
    return line;
  };
  expect(await next()).toBe("bound");
  const until = async (text: string): Promise<string[]> => {
    const got: string[] = [];
    while (!got.at(-1)?.includes(text)) got.push(await next());
    return got;
  };
  return { path, next, until };
}

const withoutTimes = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/\+\d+\.\d\ds/, "+X.XXs").replace(/took=\d+\.\d\ds/, "took=X.XXs"));
const withoutContext = (lines: readonly string[]): string[] => lines.filter((l) => !l.includes("Shutdown context"));

describe("a daemon", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`on ${signal} drains phase by phase, says each and who sent it, and exits 0`, async () => {
      const { child, until, rest } = start("plain");
      await until("working");
      child.kill(signal);
      const lines = await rest();
      expect(withoutTimes(withoutContext(lines)).slice(0, -1)).toEqual([
        `<6>stopping: ${signal}, at most 1min`,
        "<6>stopping: first begins at=+X.XXs",
        "<6>stopping: first done at=+X.XXs took=X.XXs",
        "<6>stopping: second begins at=+X.XXs in_flight=2",
        "<6>stopping: second done at=+X.XXs took=X.XXs in_flight_at_start=2 in_flight=2 timed_out=1",
        "<6>stopping: third begins at=+X.XXs",
        "<6>stopping: third done at=+X.XXs took=X.XXs",
      ]);
      expect(withoutTimes(lines).at(-1)).toStartWith(
        `<6>stopped: ${signal} total=+X.XXs sent_by=${US}(${process.pid}) uid=`,
      );
      expect(await child.exited).toBe(0);
    });
  }

  test("writes down the context of its stop: a line to read and one to search", async () => {
    const { child, until, rest } = start("plain");
    await until("working");
    child.kill("SIGTERM");
    const [line = "", json = ""] = (await rest()).filter((said) => said.includes("Shutdown context"));
    expect(line).toStartWith(`<6>Shutdown context: signal=SIGTERM sent_by=${US}(${process.pid}) `);
    expect(line).toContain(` parent_pid=${process.pid} parent_name=${US} `);
    expect(line).toMatch(/ parent_cmdline=("[^"]*"|\S+)$/);
    const context: unknown = JSON.parse(json.slice(json.indexOf("{")));
    expect(context).toMatchObject({ signal: "SIGTERM", signal_number: 15, pid: child.pid, parent_pid: process.pid });
  });

  test("takes the same signal from the same sender at once for one: timeout(1) sends it twice", async () => {
    const { child, until, rest } = start("slow");
    await until("working");
    child.kill("SIGTERM");
    child.kill("SIGTERM");
    await until("second begins");
    child.kill("SIGTERM");
    expect((await rest()).at(-1)).toContain("stopped: SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("on a second signal quits at once, says which came first, and exits 3", async () => {
    const { child, until, rest } = start("hangs");
    await until("working");
    child.kill("SIGTERM");
    await until("second begins");
    child.kill("SIGINT");
    expect((await rest()).join()).toContain(`SIGINT during the stop after SIGTERM: quitting at once sent_by=${US}(`);
    expect(await child.exited).toBe(3);
  });

  test("whose stop takes longer than its budget quits by itself and exits 3", async () => {
    const { child, until, rest } = start("overdue");
    await until("working");
    child.kill("SIGTERM");
    expect((await rest()).at(-1)).toStartWith("<3>the stop took longer");
    expect(await child.exited).toBe(3);
  });

  test("that loses its ground drains all the same, then exits 70 with the stack", async () => {
    const { child, rest } = start("fails");
    const lines = await rest();
    expect(lines.some((line) => line.includes("third done"))).toBe(true);
    expect(lines.some((line) => line.startsWith("<6>Shutdown context: signal=UNKNOWN "))).toBe(true);
    expect(await child.exited).toBe(70);
    const said = await child.stderr.text();
    expect(said).toContain("lost the ground");
    expect(said).toContain("    at ");
  });

  test("that cannot start says so, exits 2, and never was ready", async () => {
    const { path, next } = await notifySocket();
    const { child } = start("refuses", { NOTIFY_SOCKET: path });
    expect(await child.exited).toBe(2);
    expect(await child.stderr.text()).toBe("d: cannot start\nd: fix: mend it\n");
    const other = start("plain", { NOTIFY_SOCKET: path });
    await other.until("working");
    expect(await next()).toBe("STATUS=2 to ship"); // the first thing that was ever sent
  });

  test("reads its configuration anew on SIGHUP; a bad one leaves the old one in place", async () => {
    const { path, until: told } = await notifySocket();
    const { child, until, rest } = start("reloads", { NOTIFY_SOCKET: path });
    await until("working");
    await told("READY=1");
    for (const said of [
      "<6>the new configuration holds",
      "<3>the new configuration is bad, the old one stays: host_id must be a string; fix: mend line 3",
      "<4>the new configuration holds, but for what needs a restart restart_for=paths.data_root; fix: sudo systemctl restart labfleet-d",
    ]) {
      const before = Number(monotonicUsec());
      child.kill("SIGHUP");
      const lines = await until("the new configuration");
      expect(lines.at(-1)).toBe(said);
      expect(lines.at(-2)).toStartWith(`<6>reading the configuration anew signal=SIGHUP sent_by=${US}(${process.pid})`);
      const [reloading = "", ready] = await told("READY=1");
      // CLOCK_MONOTONIC in microseconds, as systemd wants to compare it.
      expect(reloading).toMatch(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
      expect(Number(reloading.split("=")[2])).toBeWithin(before, Number(monotonicUsec()));
      expect(ready).toBe("READY=1");
    }
    child.kill("SIGTERM");
    expect((await rest()).at(-1)).toContain("stopped: SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

describe("the place of one that runs", () => {
  test("is refused without --replace, naming it", async () => {
    const place = newPlace();
    const { until, child } = start("plain", {}, place);
    await until("working");
    const second = start("plain", {}, place);
    // Not 2, which the units do not restart: the other one may end.
    expect(await second.child.exited).toBe(3);
    expect(await second.child.stderr.text()).toStartWith(
      `d: another d is at work on ${place.data} (pid ${child.pid})\nd: fix: leave it at that: one does the work; to have this one instead, stop the other first: d stop`,
    );
  });

  test("is taken with --replace: the old one stops cleanly and says that it was a takeover", async () => {
    const place = newPlace();
    const old = start("plain", {}, place);
    await old.until("working");
    const next = start("plain", {}, place, "replace");
    const lines = await next.until("working");
    expect(lines[0]).toBe(`<6>taking the place of pid ${old.child.pid}`);
    expect(lines).toContain(`<6>pid ${old.child.pid} has gone`);
    expect(await old.child.exited).toBe(0);
    const said = await old.rest();
    expect(said.join("\n")).toContain(`sent_by=${nameOf(next.child.pid)}(${next.child.pid})`);
    expect(said.join("\n")).toContain("takeover_marker_present=self");
    expect(said.at(-1)).toContain("stopped: SIGTERM");
    expect(lines.join("\n")).toContain(
      `the last run ended cleanly: SIGTERM from ${nameOf(next.child.pid)}(${next.child.pid}), which took its place, stopped in 0.`,
    );
    expect(await Bun.file(join(place.run, "pid")).text()).toBe(`${next.child.pid}\n`);
    // The one whom it named has removed it.
    expect(existsSync(join(place.run, "takeover.json"))).toBe(false);
  });

  test("is not taken from one that does not react: exit 3, after its budget and a margin", async () => {
    const place = newPlace();
    const old = start("overdue", {}, place);
    await old.until("working");
    process.kill(old.child.pid, "SIGSTOP");
    const next = start("overdue", {}, place, "replace");
    expect(await next.child.exited).toBe(3);
    expect(await next.child.stderr.text()).toContain(`the d with pid ${old.child.pid} has not stopped within 5.2s`);
    expect(old.child.exitCode).toBeNull();
  }, 180_000);

  test("is taken by one of two that ask at once; the old one drains to its end, and the loser says who won", async () => {
    const place = newPlace();
    const old = start("waits", {}, place);
    await old.until("working");
    const both = [start("plain", {}, place, "replace"), start("plain", {}, place, "replace")];
    for (const one of both) await one.until(`taking the place of pid ${old.child.pid}`);
    await old.until("second begins");
    writeFileSync(join(place.run, "go"), "");
    expect(await old.child.exited).toBe(0);
    expect((await old.rest()).join("\n")).not.toContain("quitting");
    const loser = await Promise.race(both.map(async (one) => [one, await one.child.exited] as const));
    const winner = both.find((one) => one !== loser[0]);
    expect(loser[1]).toBe(3);
    expect(await loser[0].child.stderr.text()).toContain(
      `pid ${old.child.pid} has stopped, and another d (pid ${winner?.child.pid}) has taken its place first`,
    );
    expect(winner?.child.exitCode).toBeNull();
  }, 180_000);

  test("of two that ask in the same moment the second waits until the first has told it: one SIGTERM comes", async () => {
    const place = newPlace();
    const old = start("waits", {}, place);
    await old.until("working");
    const { pid } = old.child;
    // We are the first, in the middle of it.
    const turn = openSync(place.run, constants.O_RDONLY | constants.O_DIRECTORY);
    expect(tryLock(turn)).toBe(true);
    const second = start("plain", {}, place, "replace");
    await second.until(`taking the place of pid ${pid}`);
    writeMarker(place.run, "takeover", { target_pid: pid, replacer_pid: process.pid });
    process.kill(pid, "SIGTERM");
    await old.until("second begins");
    closeSync(turn);
    writeFileSync(join(place.run, "go"), "");
    expect(await old.child.exited).toBe(0);
    await second.until("working");
  });

  test("needs no note to be taken: a run directory that is full is no obstacle", async () => {
    const place = newPlace();
    const old = start("plain", {}, place);
    await old.until("working");
    rmSync(place.run, { recursive: true });
    writeFileSync(place.run, "");
    const next = start("plain", {}, { ...place, run: tempDir() }, "replace");
    await next.until("working");
    expect(await old.child.exited).toBe(0);
  });

  test("a stale takeover marker is swept at the start", async () => {
    const place = newPlace();
    writeFileSync(join(place.run, "takeover.json"), '{"target_pid": 1, "target_start_ticks": 999999999}');
    const { until } = start("plain", {}, place);
    await until("working");
    expect(existsSync(join(place.run, "takeover.json"))).toBe(false);
  });
});

describe("the next start", () => {
  test("says how the last run ended: cleanly, with the sender and the time", async () => {
    const place = newPlace();
    const first = start("plain", {}, place);
    expect((await first.until("working")).join("\n")).not.toContain("the last run");
    first.child.kill("SIGTERM");
    await first.rest();
    const second = start("plain", {}, place);
    const line = (await second.until("working")).find((said) => said.includes("the last run"));
    expect(line).toStartWith(`<6>the last run ended cleanly: SIGTERM from ${US}(${process.pid})`);
  });

  test("says that it was killed, and in which phase, where no service manager knows more", async () => {
    const place = newPlace();
    const first = start("hangs", {}, place);
    await first.until("working");
    first.child.kill("SIGTERM");
    await first.until("second begins");
    first.child.kill("SIGKILL");
    await first.child.exited;
    const second = start("plain", {}, place);
    const line = (await second.until("working")).find((said) => said.includes("the last run"));
    expect(line).toStartWith("<4>the last run ");
    expect(line).toContain('phase "second"');
  });

  test("is not held up by a ledger that cannot be written: one warning", async () => {
    const place = newPlace();
    writeFileSync(join(place.data, "ends"), "a file where the directory should be");
    const { until, child, rest } = start("plain", {}, place);
    const lines = await until("working");
    expect(lines.filter((line) => line.startsWith("<4>"))).toHaveLength(1);
    child.kill("SIGTERM");
    const said = await rest();
    expect(said.filter((line) => line.startsWith("<4>no diagnostic of this stop: "))).toHaveLength(1);
    expect(await child.exited).toBe(0);
  });

  test("finds the diagnostic of the stop, complete, though the daemon was gone long before", async () => {
    const place = newPlace();
    mkdirSync(join(place.data, "ends"));
    const { until, child } = start("plain", {}, place);
    await until("working");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const reports = (): string[] => readdirSync(join(place.data, "ends")).filter((n) => /^diagnostic-.*\.txt$/.test(n));
    while (reports().length === 0) await Bun.sleep(10); // the test's own time limit ends this
    const text = await Bun.file(join(place.data, "ends", reports()[0] ?? "")).text();
    expect(text).toContain("SIGTERM");
    expect(text).toEndWith("=== end ===\n");
  });
});

describe("under systemd", () => {
  test("a daemon tells status, ready, stopping, in that order, and leaves its children none of it", async () => {
    const { path, next } = await notifySocket();
    const { child, until } = start("plain", { NOTIFY_SOCKET: path, WATCHDOG_PID: "1", WATCHDOG_USEC: "50000" });
    expect(await until("working")).toContain("children see 0");
    expect([await next(), await next()]).toEqual(["STATUS=2 to ship", "READY=1"]);
    child.kill("SIGTERM");
    expect([await next(), await next()]).toEqual(["STOPPING=1", "STATUS=stopping: SIGTERM"]);
    // The drain asks for time as soon as it begins, never for more than the budget.
    expect(await next()).toBe("EXTEND_TIMEOUT_USEC=15000000");
    expect(await child.exited).toBe(0);
  });

  test("a drain asks for more time while work moves", async () => {
    const { path, until: told } = await notifySocket();
    const { child, until } = start("slow", { NOTIFY_SOCKET: path });
    await until("working");
    child.kill("SIGTERM");
    await told("EXTEND_TIMEOUT_USEC=15000000");
    await told("EXTEND_TIMEOUT_USEC=15000000");
    await told("EXTEND_TIMEOUT_USEC=15000000");
    expect(await child.exited).toBe(0);
  });

  test("the watchdog is fed while nothing is stuck", async () => {
    const { path, next } = await notifySocket();
    start("plain", { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" });
    const got: string[] = [];
    while (got.filter((message) => message === "WATCHDOG=1").length < 5) got.push(await next());
    expect(got).toContain("READY=1");
  });

  test("the watchdog is not fed while work stands still, and the log says which work, once", async () => {
    const { path, next } = await notifySocket();
    const { child, until, rest } = start("stuck", { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" });
    const line = (await until("has not moved")).at(-1);
    expect(line).toStartWith("<3>packing of ep has not moved for");
    child.kill("SIGTERM");
    expect((await rest()).filter((said) => said.includes("has not moved"))).toEqual([]);
    const got: string[] = [];
    while (got.at(-1) !== "STATUS=stopping: SIGTERM") got.push(await next());
    // One when the daemon began, before there was any work; none after.
    expect(got.filter((message) => message === "WATCHDOG=1").length).toBe(1);
  });
});
