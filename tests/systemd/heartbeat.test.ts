// The compiled agent under its real unit on a real systemd: real checks, a receiver that goes away, a stop in the middle of
// a check, a check that escapes, syslog without /dev/log.

import { afterAll, beforeAll, expect } from "bun:test";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import type { ChangeRow } from "../../lib/contract/heartbeat-row.ts";
import { bedTest, bootInstalled, type InstalledHost, PREFIX } from "./installed-host.ts";

let lab: InstalledHost | null = null;
let host: InstalledHost["host"];
let sh: InstalledHost["sh"];
let base = "";

const UNIT = "labfleet-heartbeat";
const STATE = "/var/lib/labfleet/heartbeat";
const PLUGINS = "/usr/lib/nagios/plugins";

/** The configuration with these checks; `[heartbeat]` settings go before. */
const configure = (checks: string, heartbeat = ""): Promise<void> =>
  host.write(
    "/etc/labfleet/lab-host.toml",
    `${base}\n[heartbeat]\ninterval_s = 1\nbackoff_seconds = [0.2]\n${heartbeat}\n[nagios_runner]\ntimeout = 5\ngrace = 1\ncommands = [\n${checks}\n]\n`,
  );

const log = async (): Promise<string> => host.journal(UNIT);
const hosts = async (): Promise<string> => sh(`${PREFIX}/bin/receiver hosts lab4 --json`);
const latest = async (): Promise<Heartbeat> => JSON.parse(await sh("cat /run/labfleet/heartbeat/latest.json"));
const resultOf = async (name: string) => (await latest()).results.find((result) => result.name === name);

beforeAll(async () => {
  lab = await bootInstalled("lab4");
  if (lab === null) return;
  ({ host, sh } = lab);
  base = (await sh("cat /etc/labfleet/lab-host.toml")).replace(/\[shipper\][\s\S]*/, "");
});

afterAll(async () => {
  await lab?.host[Symbol.asyncDispose]();
});

bedTest("a hardened unit runs built-in plugins and real checks, and the receiver knows the host", async () => {
  await configure(`
    { name = "root disk", command = "${PLUGINS}/check_disk -w 1% -c 0% -p /" },
    { name = "users", command = "${PLUGINS}/check_users -w 0 -c 1000" },
    { name = "procs", command = ["${PLUGINS}/check_procs", "-c", "1:1"] },
    { name = "dummy", command = "${PLUGINS}/check_dummy 3 'cannot tell'" },
    { name = "missing", command = "/no/such/check" },`);
  await sh(`systemctl start ${UNIT}`);
  expect(await host.show(UNIT, "ActiveState")).toBe("active");
  await host.waitFor("the receiver has it", async () => (await hosts()).includes('"root disk"'));
  expect(await resultOf("root disk")).toMatchObject({ status: "ok", message: expect.stringContaining("DISK OK") });
  expect((await resultOf("root disk"))?.perfdata[0]).toMatchObject({ label: "/", uom: "B", min: 0 });
  expect(await resultOf("dummy")).toMatchObject({ status: "unknown", message: "UNKNOWN: cannot tell" });
  expect(await resultOf("procs")).toMatchObject({ status: "critical" });
  expect(await resultOf("missing")).toMatchObject({ status: "unknown" });
  const plugins = Object.fromEntries((await latest()).plugins.map(({ name, state }) => [name, state]));
  expect(plugins).toMatchObject({
    load: "loaded",
    memory: "loaded",
    disks: "loaded",
    units: "loaded",
    nagios_runner: "loaded",
  });
  // The unit's filter lets it ask the kernel for its clock. On a busy machine the first collection may be over before it has.
  const labels = async () => (await resultOf("clock"))?.perfdata.map(({ label }) => label).join();
  await host.waitFor("the clock was asked", async () => (await labels()) === "offset,max_error");
  expect(await log()).toContain("/no/such/check");
  expect(await host.show(UNIT, "StatusText")).toContain("not ok");
});

bedTest("what the receiver misses while it is away arrives later, with its own times", async () => {
  await sh("systemctl stop labfleet-receiver");
  await host.waitFor("three heartbeats wait", async () => Number(await sh(`ls ${STATE}/spool | wc -l`)) >= 3);
  // A collection that the restart breaks off has a number and is no report: only what waits is told.
  const waiting = (await sh(`ls ${STATE}/spool`))
    .trim()
    .split("\n")
    .map((name) => Number(/\d+/.exec(name)?.[0]));
  // The queue outlives the agent.
  await sh(`systemctl restart ${UNIT}`);
  expect(Number(await sh(`ls ${STATE}/spool | wc -l`))).toBeGreaterThanOrEqual(3);
  await sh("systemctl start labfleet-receiver");
  await host.waitFor("none waits any more", async () => (await sh(`ls ${STATE}/spool`)) === "");
  const rows = (await sh("cat /var/lib/labfleet/heartbeats/*.jsonl")).trim().split("\n");
  const sequences = rows.map((row) => (JSON.parse(row) as { sequence: number }).sequence);
  for (const sequence of waiting) expect(sequences).toContain(sequence);
  expect(new Set(sequences).size).toBe(sequences.length);
});

bedTest("a stop while checks run reports none of them as failed, and takes no longer than their grace", async () => {
  await configure('{ name = "slow", command = ["/bin/sh", "-c", "trap \\"\\" TERM; sleep 60"], timeout = 30 },');
  await sh(`systemctl restart ${UNIT}`);
  await host.waitFor("the check runs", async () => (await host.exec(["pgrep", "-f", "sleep 60"])).code === 0);
  await host.waitFor("heartbeats say that it does", async () => (await hosts()).includes("has not ended yet"));
  await sh(`systemctl stop ${UNIT}`);
  expect(await host.show(UNIT, "Result")).toBe("success");
  expect((await host.exec(["pgrep", "-f", "sleep 60"])).code).toBe(1);
  // All that was ever said of it is that it runs, also by what still waits to be sent.
  const said = await sh(
    `cat /var/lib/labfleet/heartbeats/*.jsonl; for f in ${STATE}/spool/*.json; do [ ! -e $f ] || { cat $f; echo; }; done`,
  );
  const rows = said.trim().split("\n");
  type Row = Partial<Heartbeat> & Pick<ChangeRow, "changed" | "updates">;
  const told = rows.map((row) => JSON.parse(row) as Row);
  const results = told.flatMap((row) => row.results ?? [...(row.changed ?? []), ...(row.updates ?? [])]);
  const slow = results.filter(({ name }) => name === "slow");
  expect(slow.length).toBeGreaterThan(0);
  for (const result of slow) expect(result).toMatchObject({ status: "unknown", notes: { pending: true } });
});

bedTest("a check that leaves its session behind is ended with its cgroup, on time", async () => {
  await configure('{ name = "escapes", command = ["/bin/sh", "-c", "setsid sleep 4711 & echo OK; exit 0"] },');
  await sh(`systemctl restart ${UNIT}`);
  await host.waitFor("it has a result", async () => (await resultOf("escapes"))?.status === "ok");
  await host.waitFor("nothing of it is left", async () => (await host.exec(["pgrep", "-f", "sleep 4711"])).code === 1);
  expect((await resultOf("escapes"))?.notes?.survivors_killed).toBeGreaterThan(0);
});

bedTest("the watchdog ends an agent that stands still", async () => {
  await host.write(`/etc/systemd/system/${UNIT}.service.d/test.conf`, "[Service]\nWatchdogSec=2\nRestartSec=100ms\n");
  await configure("");
  await sh(`systemctl daemon-reload; systemctl restart ${UNIT}`);
  const pid = await host.show(UNIT, "MainPID");
  await sh(`kill -STOP ${pid}`);
  await host.waitFor(
    "another one works",
    async () =>
      !["0", pid].includes(await host.show(UNIT, "MainPID")) && (await host.show(UNIT, "ActiveState")) === "active",
    180_000,
  );
  expect(await log()).toContain("the last run was killed by systemd's watchdog");
  await sh(`rm /etc/systemd/system/${UNIT}.service.d/test.conf; systemctl daemon-reload; systemctl stop ${UNIT}`);
});

bedTest("--daemon where there is no /dev/log: one warning, and the log goes to UDP 514", async () => {
  await configure('{ name = "dummy", command = "/bin/echo fine" },');
  await sh("mv /run/systemd/journal/dev-log /run/systemd/journal/dev-log.away");
  await sh(
    `systemd-run -q --unit=udp514 --collect python3 -u -c 'import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(("127.0.0.1",514))\nprint("bound")\nwhile True: print(s.recv(65536).decode())'`,
  );
  const udp = (): Promise<string> => sh("journalctl --sync; journalctl -q --no-pager -u udp514 -o cat");
  await host.waitFor("a receiver on UDP", async () => (await udp()).includes("bound"));
  const started = await host.exec(["sh", "-c", `${PREFIX}/bin/heartbeat --daemon`]);
  const pid = /runs as pid (\d+)/.exec(started.stdout)?.[1] ?? "";
  expect(pid).not.toBe("");
  expect(started.stderr.split("\n").filter((line) => line.includes("/dev/log"))).toHaveLength(1);
  await host.waitFor("it is heard", async () => (await udp()).includes(`heartbeat[${pid}]: heartbeat INFO: ready`));
  expect((await udp()).split("\n").filter((line) => line.includes("/dev/log"))).toHaveLength(1);
  await sh("mv /run/systemd/journal/dev-log.away /run/systemd/journal/dev-log");
  expect(await sh(`${PREFIX}/bin/heartbeat stop`)).toContain(`stopped (pid ${pid})`);
});
