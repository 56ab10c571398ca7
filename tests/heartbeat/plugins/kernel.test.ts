// load, memory, uptime and clock: what they make of a host's /proc.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clock } from "../../../lib/heartbeat/plugins/clock.ts";
import { load } from "../../../lib/heartbeat/plugins/load.ts";
import { memory } from "../../../lib/heartbeat/plugins/memory.ts";
import { uptime } from "../../../lib/heartbeat/plugins/uptime.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { context, figures, lines, observe, startOn } from "./support.ts";

const STAT = "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5\n";
const psi = (some: number, full: number) =>
  `some avg10=0.00 avg60=${some.toFixed(2)} avg300=0.00 total=1\nfull avg10=0.00 avg60=${full.toFixed(2)} avg300=0.00 total=1\n`;

describe("load", () => {
  const on = async (files: Record<string, string>) => observe(await startOn(fixtureHost(files), load()));

  test.each([
    ["4.00", "ok"],
    ["4.10", "warning"],
    ["12.00", "warning"],
    ["12.10", "critical"],
  ])("five minutes at %s on two cores are %s", async (load5, status) => {
    const [seen] = await on({ "proc/loadavg": `1.00 ${load5} 3.00 1/99 7\n`, "proc/stat": STAT });
    expect(seen).toMatchObject({ status, message: `load 1.00 ${load5} 3.00 on 2 cores` });
  });

  test("pressure: a busy CPU is a warning, waiting for memory or disk may be more", async () => {
    const host = (cpu: number, mem: number, io: number) => ({
      "proc/loadavg": "0 0 0 1/1 1",
      "proc/stat": STAT,
      "proc/pressure/cpu": psi(cpu, 0),
      "proc/pressure/memory": psi(99, mem),
      "proc/pressure/io": psi(99, io),
    });
    const status = async (...values: [number, number, number]) => (await on(host(...values)))[1]?.status;
    expect(await status(60, 10, 40)).toBe("ok");
    expect(await status(99, 10, 40)).toBe("warning");
    expect(await status(0, 11, 0)).toBe("warning");
    expect(await status(0, 41, 0)).toBe("critical");
    expect(await status(0, 0, 81)).toBe("critical");
    expect(lines(await on(host(1.5, 0, 2)))[1]).toBe(
      "pressure ok: share of the last minute in which tasks waited: cpu 1.5 %, memory 0 %, io 2 %",
    );
  });

  test("a kernel without pressure says nothing of it; an unreadable load is said", async () => {
    expect(lines(await on({ "proc/loadavg": "garbage", "proc/stat": STAT }))).toEqual([
      "- unknown: cannot read /proc/loadavg: not understood",
    ]);
    expect(lines(await on({ "proc/loadavg": "0 0 0" }))).toEqual(["- unknown: cannot read /proc/stat: ENOENT"]);
  });
});

describe("memory", () => {
  const meminfo = (available: number, swapFree = 1000) =>
    `MemTotal:       100000 kB\nMemAvailable:    ${available} kB\nSwapTotal:        1000 kB\nSwapFree:         ${swapFree} kB\n`;

  test.each([
    [10_000, 1000, "ok"],
    [9990, 1000, "warning"],
    [4000, 1000, "warning"],
    [3990, 1000, "critical"],
    [50_000, 200, "ok"],
    [50_000, 190, "warning"],
  ])("%d kB of 100000 available and %d of 1000 swap free are %s", async (available, swapFree, status) => {
    const root = fixtureHost({ "proc/meminfo": meminfo(available, swapFree), "proc/vmstat": "oom_kill 5\n" });
    expect((await observe(await startOn(root, memory())))[0]?.status).toBe(status as "ok");
  });

  test("kills before the first look are no news; one since is, for an hour", async () => {
    let nowS = 1000;
    const root = fixtureHost({ "proc/meminfo": meminfo(50_000), "proc/vmstat": "a 1\noom_kill 5\n" });
    const plugin = await startOn(
      root,
      memory(() => nowS),
    );
    expect(lines(await observe(plugin))).toEqual(["- ok: 48.8 MiB of 97.7 MiB available, 0 B of 1000.0 KiB swap used"]);
    writeFileSync(join(root, "proc/vmstat"), "oom_kill 7\n");
    const [seen] = await observe(plugin);
    expect(seen?.status).toBe("warning");
    expect(seen?.message).toEndWith("the kernel killed 2 processes for lack of memory within the last hour");
    nowS += 3599;
    expect((await observe(plugin))[0]?.status).toBe("warning");
    nowS += 1;
    expect(figures((await observe(plugin))[0]).oom_kills).toBe(0);
  });

  test("no swap, no counter: what there is is said", async () => {
    const root = fixtureHost({
      "proc/meminfo": "MemTotal: 2048 kB\nMemAvailable: 1024 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
    });
    const [seen] = await observe(await startOn(root, memory()));
    expect(seen?.message).toBe("1.0 MiB of 2.0 MiB available");
    expect(figures(seen)).toEqual({ available: 1048576, available_share: 50, oom_kills: null });
  });

  test("a text that says nothing is unknown", async () => {
    expect((await observe(await startOn(fixtureHost({ "proc/meminfo": "x" }), memory())))[0]?.status).toBe("unknown");
    expect((await observe(await startOn(fixtureHost({}), memory())))[0]?.message).toBe(
      "cannot read /proc/meminfo: ENOENT",
    );
  });
});

test("uptime: how long, which boot, never an alert", async () => {
  const root = fixtureHost({
    "proc/uptime": "93784.55 1.0\n",
    "proc/sys/kernel/random/boot_id": "abc\n",
    "proc/1/stat": `1 (init) ${Array.from({ length: 50 }, (_, i) => i).join(" ")}`,
  });
  const [seen] = await observe(await startOn(root, uptime()));
  expect(seen).toMatchObject({ status: "ok", message: "up 1d 2h 3min 4s, boot abc" });
  expect(figures(seen)).toEqual({ uptime: 93784.55 });
  expect((await observe(await startOn(fixtureHost({}), uptime())))[0]?.status).toBe("unknown");
});

describe("clock", () => {
  const SYSTEMD = { "run/systemd/system/.keep": "" };
  const asked = async (answer: string) =>
    lines(await observe(await startOn(fixtureHost(SYSTEMD), clock({ timedatectl: ["sh", "-c", answer, "sh"] }))));

  test.each([
    ["echo NTP=yes; echo NTPSynchronized=yes", "- ok: synchronised"],
    [
      "echo NTP=yes; echo NTPSynchronized=no",
      "- warning: not synchronised: timedatectl timesync-status (or chronyc tracking) shows why",
    ],
    [
      "echo NTP=no; echo NTPSynchronized=no",
      "- warning: no service keeps the clock right; fix: sudo timedatectl set-ntp true",
    ],
    ["echo NTP=no; echo NTPSynchronized=yes", "- ok: synchronised"],
    ["echo no bus >&2; exit 1", "- unknown: timedatectl does not say whether the clock is synchronised: no bus"],
    ["kill -9 $$", "- unknown: cannot ask for the clock: sh was ended by SIGKILL"],
  ])("%s", async (script, line) => {
    expect(await asked(script)).toEqual([line]);
  });

  test("timesyncd's mark is enough", async () => {
    const root = fixtureHost({ ...SYSTEMD, "run/systemd/timesync/synchronized": "" });
    expect(lines(await observe(await startOn(root, clock({ timedatectl: ["false"] }))))).toEqual([
      "- ok: synchronised",
    ]);
  });

  test("the kernel is asked first, and knows the offset", async () => {
    const root = fixtureHost({});
    const kernel = (synchronised: boolean, offsetS: number) =>
      clock({ kernel: () => ({ synchronised, offsetS, maxErrorS: 0.5 }) });
    const seen = async (...known: [boolean, number]) => (await observe(await startOn(root, kernel(...known))))[0];
    expect(await seen(true, -0.25)).toMatchObject({
      status: "ok",
      message: "synchronised, offset -0.250000 s, wrong by at most 0.500 s",
    });
    expect((await seen(true, -1.5))?.status).toBe("warning");
    expect((await seen(true, 31))?.status).toBe("critical");
    expect(await seen(false, 0)).toMatchObject({
      status: "warning",
      message: "not synchronised: timedatectl timesync-status (or chronyc tracking) shows why",
    });
  });

  test("where the kernel says no, systemd knows whether anybody keeps the clock at all", async () => {
    const kernel = () => ({ synchronised: false, offsetS: 0, maxErrorS: 16 });
    const seen = async (answer: string) => {
      const plugin = clock({ kernel, timedatectl: ["sh", "-c", answer, "sh"] });
      return (await observe(await startOn(fixtureHost(SYSTEMD), plugin)))[0];
    };
    const off = await seen("echo NTP=no");
    expect(lines(off === undefined ? [] : [off])).toEqual([
      "- warning: no service keeps the clock right; fix: sudo timedatectl set-ntp true",
    ]);
    expect(off).toMatchObject({
      perfdata: [{ label: "offset" }, { label: "max_error", value: 16 }],
    });
    for (const other of ["echo NTP=yes", "exit 1"])
      expect((await seen(other))?.message).toStartWith("not synchronised: ");
  });

  test("without systemd and without the kernel's word it is skipped", async () => {
    const plugin = clock();
    expect(await plugin.initialise(context(fixtureHost({})))).toBe(false);
    expect(plugin.skipReason).toBe("neither the kernel nor systemd can be asked whether the clock is synchronised");
  });
});
