// The shutdown snapshot against hosts that are folders, and on this machine: everything is named, nothing is guessed,
// nothing throws.

import { describe, expect, test } from "bun:test";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatFields } from "../../../lib/core/text/fields.ts";
import { type Snapshot, takeSnapshot } from "../../../lib/runtime/diagnostic/snapshot.ts";
import { contextFields, contextJson } from "../../../lib/runtime/diagnostic/snapshot-text.ts";
import { writeMarker } from "../../../lib/runtime/markers.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const stat = (pid: number, ticks: number): string => `${pid} (a) b) S 1 ${"0 ".repeat(17)}${ticks} 0\n`;
const status = (name: string, ppid: number, tracer = 0): string =>
  `Name:\t${name}\nUmask:\t0027\nState:\tS (sleeping)\nPPid:\t${ppid}\nTracerPid:\t${tracer}\nUid:\t998\t998\t998\t998\n`;

/** A lab host under systemd, on cgroup version 2. */
const HOST: Readonly<Record<string, string>> = {
  "proc/412/status": status("shipper", 1),
  "proc/412/stat": stat(412, 5000),
  "proc/412/cgroup": "0::/system.slice/labfleet-shipper.service\n",
  "proc/412/limits": `Limit                     Soft Limit           Hard Limit           Units     
Max core file size        0                    0                    bytes     
Max processes             7823                 7823                 processes 
Max open files            1024                 524288               files     
Max address space         unlimited            unlimited            bytes     
`,
  "proc/1/status": status("systemd", 0),
  "proc/1/cmdline": "/sbin/init\0--log-level=debug\0",
  "proc/loadavg": "0.51 0.40 0.30 2/512 4711\n",
  "proc/pressure/cpu":
    "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  "proc/pressure/memory":
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=0\n",
  "proc/pressure/io":
    "some avg10=7.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=6.00 avg60=0.00 avg300=0.00 total=0\n",
  "sys/fs/cgroup/system.slice/labfleet-shipper.service/memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n",
};
const ENV = { INVOCATION_ID: "4f1c", JOURNAL_STREAM: "9:1234" };

function take(
  files: Readonly<Record<string, string>>,
  over: Partial<Parameters<typeof takeSnapshot>[0]> = {},
): Snapshot {
  return takeSnapshot({
    signal: 15,
    sender: { sent_by: "systemd(1)" },
    pid: 412,
    env: ENV,
    runDir: tempDir(),
    now: new Date("2026-05-01T06:37:53.830Z"),
    monotonicUsec: 98765432100n,
    root: fixtureHost(files),
    ...over,
  });
}
const line = (snapshot: Snapshot): string => formatFields(contextFields(snapshot)).trim();

test("a stop by systemd is one line, the parent's command line last and masked", () => {
  expect(line(take(HOST))).toBe(
    "signal=SIGTERM sent_by=systemd(1) under_systemd=yes parent_pid=1 parent_name=systemd loadavg_1m=0.51 " +
      "pressure_cpu=1.50 pressure_memory=0.00 pressure_io=7.00 oom_kills=2 our_pid=412 our_unit=labfleet-shipper.service " +
      'parent_cmdline="/sbin/init --log-level=***"',
  );
});

test("the JSON holds all of it, in one line", () => {
  const json = contextJson(take(HOST));
  expect(json).not.toContain("\n");
  expect(json).not.toContain("="); // nothing in it can pass for a field
  expect(JSON.parse(json)).toEqual({
    at: "2026-05-01T06:37:53.830Z",
    monotonic_usec: 98765432100,
    signal: "SIGTERM",
    signal_number: 15,
    sender: { sent_by: "systemd(1)" },
    pid: 412,
    self: { name: "shipper", state: "S (sleeping)", ppid: 1, uid: 998, tracer_pid: 0 },
    parent_pid: 1,
    parent: { name: "systemd", state: "S (sleeping)", ppid: 0, uid: 998, tracer_pid: 0 },
    parent_cmdline: "/sbin/init --log-level=***",
    tracer_name: null,
    under_systemd: true,
    invocation_id: "4f1c",
    journal_stream: "9:1234",
    cgroup: {
      path: "/system.slice/labfleet-shipper.service",
      unit: "labfleet-shipper.service",
      scope: "system",
    },
    loadavg: [0.51, 0.4, 0.3],
    pressure: {
      cpu: { some_avg10: 1.5, full_avg10: 0 },
      memory: { some_avg10: 0, full_avg10: 0.25 },
      io: { some_avg10: 7, full_avg10: 6 },
    },
    oom_kills: 2,
    limits: { open_files: "1024", processes: "7823", address_space: "unlimited", core_file_size: "0" },
    takeover: null,
    planned_stop: null,
  });
});

describe("what is not there is named", () => {
  test("on a host that says nothing at all", () => {
    expect(line(take({}, { signal: null, sender: {}, env: {} }))).toBe(
      "signal=UNKNOWN under_systemd=no parent_pid=unreadable:ENOENT parent_name=unknown loadavg_1m=unreadable:ENOENT " +
        "pressure_cpu=unreadable:ENOENT pressure_memory=unreadable:ENOENT pressure_io=unreadable:ENOENT " +
        "oom_kills=unreadable:ENOENT our_pid=412 our_unit=unreadable:ENOENT parent_cmdline=unreadable:ENOENT",
    );
  });

  test("where others' processes are hidden, ours and the load are still told", () => {
    const { "proc/1/status": _, "proc/1/cmdline": __, ...hidden } = HOST;
    const text = line(take(hidden));
    expect(text).toContain("parent_pid=1 parent_name=unreadable:ENOENT loadavg_1m=0.51");
    expect(text).toEndWith("parent_cmdline=unreadable:ENOENT");
  });

  test("texts that nobody understands", () => {
    const odd = { ...HOST, "proc/loadavg": "?", "proc/pressure/cpu": "", "proc/412/cgroup": "1:cpu:/\n" };
    const text = line(take(odd));
    expect(text).toContain("loadavg_1m=unreadable:not-understood");
    expect(text).toContain("pressure_cpu=unreadable:not-understood");
    expect(text).toContain("our_unit=unreadable:not-understood");
  });
});

test("an unknown signal has its number", () => {
  expect(line(take(HOST, { signal: 99 }))).toStartWith("signal=signal#99 ");
});

test("a process under a debugger names it", () => {
  const traced = { ...HOST, "proc/412/status": status("shipper", 1, 77), "proc/77/status": status("gdb", 1) };
  expect(line(take(traced))).toContain("tracer_pid=77 tracer_name=gdb parent_cmdline=");
});

test("kills for memory are counted where version 1 holds that controller", () => {
  const { "sys/fs/cgroup/system.slice/labfleet-shipper.service/memory.events": _, ...rest } = HOST;
  const hybrid = {
    ...rest,
    "proc/412/cgroup":
      "4:memory:/system.slice/labfleet-shipper.service\n1:name=systemd:/x\n0::/system.slice/labfleet-shipper.service\n",
    "sys/fs/cgroup/memory/system.slice/labfleet-shipper.service/memory.oom_control":
      "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
  };
  expect(line(take(hybrid))).toContain("oom_kills=1");
});

test("without an invocation it is systemd only if pid 1 is the parent and is systemd", () => {
  expect(line(take(HOST, { env: {} }))).toContain("under_systemd=yes");
  expect(line(take({ ...HOST, "proc/1/status": status("tini", 0) }, { env: {} }))).toContain("under_systemd=no");
});

describe("markers", () => {
  test("that name us say so, with who plans it and why; the text cannot forge a field", () => {
    const root = fixtureHost(HOST);
    const runDir = tempDir();
    const planned = { target_pid: 412, by: "autoupdate", reason: "x unit=forged\nsecond=line" };
    writeMarker(runDir, "planned-stop", planned, root);
    writeMarker(runDir, "takeover", { target_pid: 1, replacer_pid: 900 }, root);
    const text = line(take(HOST, { root, runDir }));
    expect(text).toContain(
      'takeover_marker_present=stale planned_stop_marker_present=self planned_by=autoupdate planned_reason="x unit=forged\\nsecond=line" parent_cmdline=',
    );
  });

  test("that name another process that lives", () => {
    const root = fixtureHost({ ...HOST, "proc/500/stat": stat(500, 1) });
    const runDir = tempDir();
    writeMarker(runDir, "takeover", { target_pid: 500, replacer_pid: 900 }, root);
    expect(line(take(HOST, { root, runDir }))).toContain("takeover_marker_present=other");
  });
});

test("names of processes cannot forge a field or a line", () => {
  const hostile = { ...HOST, "proc/1/status": status("x sent_by=root\\n\u2028", 0) };
  const text = line(take(hostile));
  expect(text).toContain('parent_name="x sent_by=root');
  expect(text).not.toContain("\u2028");
});

test("a long command line is cut at 300 bytes after it was masked", () => {
  const long = { ...HOST, "proc/1/cmdline": `init\0--token=${"s".repeat(200)}\0${"ä".repeat(400)}\0` };
  const shown = take(long).parent_cmdline;
  expect(Buffer.byteLength(String(shown))).toBeLessThanOrEqual(300);
  expect(shown).toStartWith("init --token=*** ää");
});

test("on this machine it knows who we are, and a file that is gone in the middle is no error", () => {
  const real = take({}, { pid: process.pid, root: "/", env: process.env });
  expect(real.parent_pid).toBe(process.ppid);
  expect(real.self.uid).toBe(process.getuid?.() ?? -1);
  expect(real.loadavg).toBeArrayOfSize(3);
  const root = fixtureHost(HOST);
  rmSync(join(root, "proc/loadavg"));
  chmodSync(join(root, "proc/412"), 0o700);
  expect(take(HOST, { root }).loadavg).toEqual({ unreadable: "ENOENT" });
});
