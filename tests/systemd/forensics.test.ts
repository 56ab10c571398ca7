// What a daemon says at its start and its stop on a real systemd: the stop time-out, the configuration read anew, the
// diagnostic under both kill modes, syslog that goes and comes back.

import { afterAll, beforeAll, expect } from "bun:test";
import { bedTest, bootInstalled, DATA, type InstalledHost, PREFIX } from "./installed-host.ts";

let lab: InstalledHost | null = null;
let host: InstalledHost["host"];
let sh: InstalledHost["sh"];
let dropIn: InstalledHost["dropIn"];
let mark: InstalledHost["mark"];
let said: InstalledHost["said"];

const UNIT = "labfleet-shipper";

beforeAll(async () => {
  lab = await bootInstalled("lab3");
  if (lab === null) return;
  ({ host, sh, dropIn, mark, said } = lab);
  await sh(`systemctl start ${UNIT}`);
});

afterAll(async () => {
  await lab?.host[Symbol.asyncDispose]();
});

const newestReport = async (): Promise<string> => (await sh(`ls -t ${DATA}/ends/diagnostic-*.txt | head -n 1`)).trim();

bedTest(
  "a stop time-out that is too short is said with the command that mends it, and that command mends it",
  async () => {
    await dropIn("[Service]\nTimeoutStopSec=20\n");
    await mark();
    await sh(`systemctl restart ${UNIT}`);
    const warning = async (): Promise<string> =>
      (await said()).split("\n").find((line) => line.includes("TimeoutStopSec") && line.includes("fix: ")) ?? "";
    await host.waitFor("the warning", async () => (await warning()) !== "");
    expect(await warning()).toContain(`${UNIT}.service`);
    expect(await warning()).toContain("20s");
    expect(await warning()).toContain("1min 10s");
    // Exactly what it prints, in a root shell.
    // Root needs no sudo, and a bare host has none.
    await sh((await warning()).split("fix: ")[1]?.replaceAll("sudo ", "") ?? "false");
    await mark();
    await sh(`systemctl restart ${UNIT}`);
    await host.waitFor("the start", async () => (await said()).includes("ready host="));
    // What would be said is said after READY; a full stop and start later it had its time.
    await sh(`systemctl restart ${UNIT}`);
    expect(await said()).not.toContain("TimeoutStopSec");
    expect(await host.show(UNIT, "TimeoutStopUSec")).toBe("1min 10s");
    await dropIn("");
  },
);

bedTest(
  "systemctl reload reads the configuration anew; a bad one is refused in words, and the shipper goes on",
  async () => {
    const pid = await host.show(UNIT, "MainPID");
    await mark();
    await sh(`systemctl reload ${UNIT}`);
    await host.waitFor("it holds", async () => (await said()).includes("the new configuration holds"));
    const good = await sh("cat /etc/labfleet/lab-host.toml");
    await host.write("/etc/labfleet/lab-host.toml", `${good}\n[retention]\nkeep_local_for_days = "seven"\n`);
    await mark();
    await sh(`systemctl reload ${UNIT}`);
    await host.waitFor("it is refused", async () => (await said()).includes("the old one stays"));
    expect(await said()).toContain("retention.keep_local_for_days");
    await host.write("/etc/labfleet/lab-host.toml", good.replace('host_id = "lab3"', 'host_id = "other"'));
    await mark();
    await sh(`systemctl reload ${UNIT}`);
    await host.waitFor("it is told apart", async () => (await said()).includes("restart_for=host_id"));
    await host.write("/etc/labfleet/lab-host.toml", good);
    await host.waitFor("active", async () => (await host.show(UNIT, "ActiveState")) === "active");
    expect(await host.show(UNIT, "MainPID")).toBe(pid);
  },
);

for (const mode of ["mixed", "control-group"]) {
  for (const user of ["labfleet", "root"]) {
    bedTest(`the diagnostic of a stop is complete after it: KillMode=${mode}, User=${user}`, async () => {
      await dropIn(`[Service]\nKillMode=${mode}\nUser=${user}\n`);
      await sh(`systemctl restart ${UNIT}`);
      const pid = await host.show(UNIT, "MainPID");
      const invocation = await host.show(UNIT, "InvocationID");
      await sh(`systemctl stop ${UNIT}`);
      const path = `${DATA}/ends/diagnostic-${invocation}.txt`;
      await host.waitFor("the report", async () => (await host.exec(["test", "-e", path])).code === 0);
      const report = await sh(`cat ${path}`);
      expect(report).toEndWith("=== end ===\n");
      expect(report).toContain(pid);
      expect(report).toMatch(/\n +1 +0 +root .* systemd\n/);
      expect((await sh(`stat -c '%a %U' ${path}`)).trim()).toBe(`600 ${user}`);
      // Arguments carry secrets: not one of them.
      expect(report).not.toContain("/etc/labfleet/lab-host.toml");
      expect(await host.show(UNIT, "Result")).toBe("success");
      await sh(`chown -R labfleet: ${DATA} /run/labfleet 2>/dev/null || true`);
    });
  }
}

bedTest("at most three diagnostics are kept", async () => {
  await dropIn("");
  for (let i = 0; i < 4; i++) await sh(`systemctl restart ${UNIT}`);
  expect(Number(await sh(`ls ${DATA}/ends/diagnostic-*.txt | wc -l`))).toBeLessThanOrEqual(3);
  expect(await newestReport()).not.toBe("");
});

bedTest("an idle stop takes no time, diagnostic or not", async () => {
  await sh(`systemctl restart ${UNIT}`);
  await mark();
  await sh(`systemctl stop ${UNIT}`);
  const stop = await said();
  const counts = [...stop.matchAll(/in_flight_at_start=(\d+) in_flight=(\d+) timed_out=(\d+)/g)];
  expect(counts.length).toBeGreaterThan(0);
  for (const [, ...count] of counts) expect(count).toEqual(["0", "0", "0"]);
  // Some hundredths of a second, and a minute if a phase waited for nothing: ten tell the two apart on a busy machine, too.
  const total = /stopped: SIGTERM total=\+(\d+\.\d\d)s/.exec(stop)?.[1];
  expect(Number(total)).toBeLessThan(10);
  await sh(`systemctl start ${UNIT}`);
});

bedTest("--daemon logs to syslog; without /dev/log to UDP with one warning, and back when it returns", async () => {
  await sh(`systemctl stop ${UNIT}; systemctl mask --runtime ${UNIT} 2>/dev/null`);
  const out = await sh(`${PREFIX}/bin/shipper --daemon --log-level debug`);
  const pid = /runs as pid (\d+)/.exec(out)?.[1] ?? "";
  expect(pid).not.toBe("");
  const syslog = (): Promise<string> => sh(`journalctl --sync; journalctl -q --no-pager -o short -t shipper`);
  await host.waitFor("it is in the journal, through /dev/log", async () =>
    (await syslog()).includes(`shipper[${pid}]`),
  );
  await sh(
    'systemd-run -q --unit=udp514 --collect python3 -u -c \'import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(("127.0.0.1",514))\nprint("bound")\nwhile True: print(s.recv(65536).decode())\'',
  );
  const udp = (): Promise<string> => sh("journalctl --sync; journalctl -q --no-pager -u udp514 -o cat");
  await host.waitFor("a receiver on UDP", async () => (await udp()).includes("bound"));
  await sh("mv /run/systemd/journal/dev-log /run/systemd/journal/dev-log.away");
  await lab?.record("while-away", 10);
  await host.waitFor("it is heard on UDP", async () => (await udp()).includes("while-away"));
  const warnings = (await udp()).split("\n").filter((line) => line.includes("/dev/log"));
  expect(warnings).toHaveLength(1);
  await sh("mv /run/systemd/journal/dev-log.away /run/systemd/journal/dev-log");
  await lab?.record("when-back", 10);
  await host.waitFor("it is back in the journal", async () => (await syslog()).includes("when-back"));
  expect(await udp()).not.toContain("when-back");
  // Not one of systemd's: it is stopped by its own command, which says why.
  expect(await sh(`${PREFIX}/bin/shipper stop --reason 'end of the test'`)).toContain(`stopped (pid ${pid})`);
  expect(await syslog()).toContain('planned_reason="end of the test"');
  await sh(`systemctl unmask --runtime ${UNIT}; chown -R labfleet: ${DATA} /run/labfleet; systemctl start ${UNIT}`);
});

bedTest("one that systemd runs is not stopped behind its back", async () => {
  const done = await host.exec([`${PREFIX}/bin/shipper`, "stop"]);
  expect(done.code).toBe(2);
  expect(done.stderr).toContain(`is ${UNIT}.service, which systemd would start again`);
  expect(done.stderr).toContain(`fix: sudo systemctl stop ${UNIT}.service`);
});

bedTest("the receiver explains its end as well", async () => {
  await sh("systemctl restart labfleet-receiver");
  const status: unknown = JSON.parse(await sh(`${PREFIX}/bin/receiver status --json`));
  expect(status).toMatchObject({ running: true, listen: "127.0.0.1:8443", last_end: { kind: "clean-stop" } });
  const journal = await host.journal("labfleet-receiver");
  expect(journal).toContain("the last run ended cleanly: SIGTERM from systemd(1)");
  expect(journal).toMatch(
    /Shutdown context: signal=SIGTERM sent_by=systemd\(1\) .*our_unit=labfleet-receiver.service /,
  );
  // Under all of its hardening there is nothing that the snapshot could not read.
  expect(journal).not.toContain("unreadable:");
});

bedTest(
  "a user's own unit: the warning, its fix, the diagnostic and the ledger are those of the user's manager",
  async () => {
    await sh("useradd --create-home --shell /bin/bash lab; systemctl start user@$(id -u lab).service");
    const asUser = (script: string): Promise<string> =>
      sh(`su -l lab -c 'export XDG_RUNTIME_DIR=/run/user/$(id -u); set -e; ${script}'`);
    const home = "/home/lab";
    await host.write(
      `${home}/lab-host.toml`,
      `host_id = "lab3"\n[receiver]\nurl = "http://127.0.0.1:8443"\n[paths]\ndata_root = "${home}/data"\nrun_dir = "${home}/run"\n`,
    );
    await host.write(
      `${home}/.config/systemd/user/shipper.service`,
      `[Service]\nType=notify\nExecStart=${PREFIX}/bin/shipper --config ${home}/lab-host.toml\nExecStopPost=-${PREFIX}/bin/shipper post-stop\nRuntimeDirectory=shipper\nTimeoutStopSec=7\n`,
    );
    await sh(`chown -R lab: ${home}`);
    const log = (): Promise<string> => sh("journalctl --sync; journalctl -q --no-pager -o cat _UID=$(id -u lab)");
    const warnings = async (): Promise<string[]> =>
      (await log()).split("\n").filter((l) => l.includes("TimeoutStopSec"));
    await asUser("systemctl --user daemon-reload; systemctl --user start shipper");
    await host.waitFor("the warning", async () => (await warnings()).length === 1);
    const fix = (await warnings())[0]?.split("fix: ")[1] ?? "false";
    await host.write("/tmp/fix.sh", fix, 0o755);
    await asUser("sh -e /tmp/fix.sh");
    const invocation = (await asUser("systemctl --user show -p InvocationID --value shipper")).trim();
    await asUser("systemctl --user restart shipper");
    await host.waitFor("the last end", async () =>
      (await log()).includes("the last run ended cleanly: SIGTERM from systemd("),
    );
    expect(await warnings()).toHaveLength(1);
    const report = `${home}/data/ends/diagnostic-${invocation}.txt`;
    await host.waitFor("the report", async () => (await host.exec(["test", "-e", report])).code === 0);
    expect(await sh(`cat ${report}`)).toEndWith("=== end ===\n");
    await asUser("systemctl --user stop shipper");
  },
);
