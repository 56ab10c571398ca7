// How a daemon's end is explained on a real systemd: the sentence that an operator reads, for each way to die.

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
  lab = await bootInstalled("lab2");
  if (lab === null) return;
  ({ host, sh, dropIn, mark, said } = lab);
  await host.write(`/etc/systemd/system/${UNIT}.service.d/soon.conf`, "[Service]\nRestartSec=100ms\n");
  await sh(`systemctl daemon-reload; systemctl start ${UNIT}`);
});

afterAll(async () => {
  await lab?.host[Symbol.asyncDispose]();
});

/** The next start's sentence about the last run. */
async function lastEnd(): Promise<string> {
  await host.waitFor("the next start says how the last run ended", async () => (await said()).includes("the last run"));
  return (await said()).split("\n").find((line) => line.includes("the last run")) ?? "";
}

/** A shell that sends SIGTERM and is still there when it is looked at. */
const killAndStay = (pid: string): string => `kill ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`;
const mainPid = (): Promise<string> => host.show(UNIT, "MainPID");
/** Another process is at work: what it had to say on the last run is said. */
const otherPid = async (pid: string): Promise<boolean> =>
  !["0", pid].includes(await mainPid()) && (await host.show(UNIT, "ActiveState")) === "active";
const slowLink = async (name: string, port: number, bytesPerSecond: number): Promise<void> => {
  await sh(
    `systemd-run -q --unit=${name} --collect bun /srv/labfleet/tests/support/slow-link.ts ${port} 8443 ${bytesPerSecond}`,
  );
  await host.waitFor("the slow link listens", async () => (await sh("ss -ltn")).includes(`:${port} `));
};
const underWay = async (): Promise<boolean> =>
  (await sh(`${PREFIX}/bin/shipper status`)).includes("\nnow        sending ");

bedTest("systemctl stop: systemd is named as the sender, and the next start says that it was clean", async () => {
  await mark();
  await sh(`systemctl stop ${UNIT}`);
  const context = (await said()).split("\n").find((line) => line.startsWith("Shutdown context: ")) ?? "";
  expect(context).toStartWith("Shutdown context: signal=SIGTERM sent_by=systemd(1) ");
  expect(context).toContain(" under_systemd=yes parent_pid=1 parent_name=systemd loadavg_1m=");
  expect(context).toContain(` our_unit=${UNIT}.service `);
  expect(context).toMatch(/ parent_cmdline=("[^"]*"|\S+)$/);
  // Under all of the unit's hardening there is nothing that the snapshot could not read.
  expect(context).not.toContain("unreadable");
  expect(await said()).toMatch(/stopped: SIGTERM total=\+\d+\.\d\ds sent_by=systemd\(1\)/);
  await mark();
  await sh(`systemctl start ${UNIT}`);
  expect(await lastEnd()).toStartWith("the last run ended cleanly: SIGTERM from systemd(1), stopped in 0.");
  const status: unknown = JSON.parse(await sh(`${PREFIX}/bin/shipper status --json`));
  expect(status).toMatchObject({ running: true, last_end: { kind: "clean-stop" } });
  expect(await sh(`${PREFIX}/bin/shipper status`)).toContain("last end   the last run ended cleanly: SIGTERM from");
});

bedTest("systemctl kill: systemd again, since it is the one that sends", async () => {
  await mark();
  const pid = await mainPid();
  await sh(`systemctl kill -s TERM ${UNIT}`);
  await host.waitFor("it is started again", () => otherPid(pid));
  expect(await said()).toContain("Shutdown context: signal=SIGTERM sent_by=systemd(1) ");
  expect(await lastEnd()).toContain("ended cleanly: SIGTERM from systemd(1)");
});

bedTest("kill by a person: who, as whom, and from which unit or session", async () => {
  await mark();
  const pid = await mainPid();
  await sh(`systemd-run -q --wait --uid=labfleet --unit=the-culprit bash -c '${killAndStay(pid)}'`);
  await host.waitFor("it is started again", () => otherPid(pid));
  const uid = (await sh("id -u labfleet")).trim();
  expect(await said()).toMatch(
    new RegExp(`Shutdown context: signal=SIGTERM sent_by=bash\\(\\d+\\) uid=${uid} .*unit=the-culprit.service`),
  );
});

bedTest("kill from a login shell: the session, and the user that logged in", async () => {
  // Somebody with the service's uid and a shell: the kernel lets nobody else but root.
  const uid = (await sh("id -u labfleet")).trim();
  await sh(`useradd --non-unique --uid ${uid} --gid labfleet --create-home --shell /bin/bash operator`);
  await mark();
  const pid = await mainPid();
  await sh(`printf '${killAndStay(pid)}\nexit\n' | script -qc 'login -f operator' /dev/null`);
  await host.waitFor("it is started again", () => otherPid(pid));
  expect(await said()).toMatch(
    new RegExp(
      `Shutdown context: signal=SIGTERM sent_by=bash\\(\\d+\\) uid=${uid} loginuid=${uid} session=session-\\d+\\.scope `,
    ),
  );
});

bedTest("pkill, or its pid if it was gone before anyone could look", async () => {
  await mark();
  const pid = await mainPid();
  await sh("pkill -x shipper");
  await host.waitFor("it is started again", () => otherPid(pid));
  expect(await said()).toMatch(/Shutdown context: signal=SIGTERM sent_by=(pkill|gone)\(\d+\) uid=0 /);
  expect(await lastEnd()).toMatch(/ended cleanly: SIGTERM from (pkill|gone)\(\d+\)/);
});

bedTest("SIGKILL: not by systemd, not for memory", async () => {
  await mark();
  const pid = await mainPid();
  await sh(`systemctl kill -s KILL ${UNIT}`);
  await host.waitFor("it is started again", () => otherPid(pid));
  expect(await lastEnd()).toMatch(/^the last run was killed by SIGKILL: by a person or a program.*phase "running"/);
});

bedTest("SIGSTOP past the watchdog", async () => {
  await dropIn("[Service]\nWatchdogSec=2\n");
  await sh(`systemctl restart ${UNIT}`);
  await mark();
  const pid = await mainPid();
  await sh(`kill -STOP ${pid}`);
  await host.waitFor("it is started again", () => otherPid(pid));
  expect(await lastEnd()).toStartWith("the last run was killed by systemd's watchdog");
  await dropIn("");
});

bedTest("MemoryMax=: killed for memory, with the way to give it more", async () => {
  await dropIn("[Service]\nRestart=no\n");
  await sh(`systemctl restart ${UNIT}`);
  // A start may need more than that, too, and so may a while after it: where more is in use the kernel of cgroup version 1 takes no limit.
  const limit = (memory: string): Promise<string> =>
    sh(
      `systemctl set-property --runtime ${UNIT} MemoryMax=${memory} MemorySwapMax=${memory === "infinity" ? memory : 0}`,
    );
  const held = `cg=$(systemctl show --value -p ControlGroup ${UNIT})
    cat "/sys/fs/cgroup/memory$cg/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$cg/memory.max"`;
  await host.waitFor("the limit holds", async () => {
    await limit("40M");
    return (await sh(held)).trim() === String(40 * 1024 ** 2);
  });
  // Packing needs more than that.
  await lab?.record("too-much", 60_000);
  await host.waitFor("it is gone", async () => (await host.show(UNIT, "ActiveState")) === "failed");
  await limit("infinity");
  await dropIn("");
  await mark();
  await sh(`systemctl reset-failed ${UNIT}; systemctl start ${UNIT}`);
  const sentence = await lastEnd();
  expect(sentence).toStartWith("the last run was killed for memory");
  expect(sentence).toContain("fix: ");
  await host.waitFor("nothing was lost by it", async () => (await lab?.isShipped("too-much")) === true);
});

bedTest("a drain that moves on outlives a TimeoutStopSec= that is too short", async () => {
  // Twenty-four seconds on the line: on a busy machine it takes some until it is told to stop. The time-out bounds ExecStopPost=, too,
  // which has to begin a process of ours.
  await slowLink("slow-moves", 9101, 500_000);
  await lab?.configure(9101);
  await dropIn("[Service]\nTimeoutStopSec=5\n");
  await sh(`systemctl restart ${UNIT}`);
  await lab?.record("moves-on", 12_000);
  await host.waitFor("the upload is under way", underWay);
  await mark();
  const startedAt = performance.now();
  await sh(`systemctl stop ${UNIT}`);
  // Otherwise this would have shown nothing.
  expect(performance.now() - startedAt).toBeGreaterThan(5500);
  expect(await said()).not.toMatch(/State '[^']*' timed out/);
  expect(await host.show(UNIT, "Result")).toBe("success");
  expect(await said()).toMatch(/stopping: finish uploads done .*in_flight_at_start=1 in_flight=0 timed_out=0/);
  expect(await lab?.isShipped("moves-on")).toBe(true);
  await sh("systemctl stop slow-moves");
});

bedTest("a drain that stands still is killed, and the next start names the phase and the setting", async () => {
  await slowLink("slow-stands", 9102, 200_000);
  await lab?.configure(9102);
  // It bounds ExecStopPost=, too, which has to begin a process of ours on a busy machine.
  await dropIn("[Service]\nTimeoutStopSec=8\nRestart=no\n");
  await sh(`systemctl restart ${UNIT}`);
  await lab?.record("stands-still", 20_000);
  await host.waitFor("the upload is under way", underWay);
  await mark();
  // The receiver's side of the link stands still: no byte is acknowledged any more.
  await sh(`kill -STOP $(systemctl show -p MainPID --value slow-stands)`);
  await sh(`systemctl stop ${UNIT}`);
  expect(await host.show(UNIT, "Result")).toBe("timeout");
  const log = await said();
  expect(log).toMatch(/stopping: finish uploads begins at=\+\d\.\d\ds in_flight=1/);
  expect(log).not.toContain("stopping: finish uploads done");
  await lab?.configure(8443);
  await dropIn("");
  await mark();
  await sh(`systemctl stop slow-stands; systemctl reset-failed ${UNIT}; systemctl start ${UNIT}`);
  const sentence = await lastEnd();
  expect(sentence).toStartWith("the last run was killed by systemd in the middle of its stop");
  expect(sentence).toContain('it was in phase "finish uploads"');
  expect(sentence).toContain(`fix: set a larger TimeoutStopSec= in its unit: sudo systemctl edit ${UNIT}`);
  await host.waitFor("nothing was lost by it", async () => (await lab?.isShipped("stands-still")) === true);
});

bedTest("starts that failed for a bad configuration are counted by the one that succeeds", async () => {
  const good = await sh("cat /etc/labfleet/lab-host.toml");
  await sh(`systemctl stop ${UNIT}`);
  await host.write("/etc/labfleet/lab-host.toml", "host_id = 3\n");
  for (let i = 0; i < 2; i++) await host.exec(["systemctl", "start", UNIT]);
  expect(await host.show(UNIT, "NRestarts")).toBe("0");
  await host.write("/etc/labfleet/lab-host.toml", good);
  await mark();
  await sh(`systemctl reset-failed ${UNIT}; systemctl start ${UNIT}`);
  const sentence = await lastEnd();
  expect(sentence).toContain("ended cleanly");
  expect(sentence).toContain("2 starts");
});

bedTest("a unit that systemd cannot even begin is said, whether it is tried again or was given up", async () => {
  const status = (): Promise<string> => sh(`${PREFIX}/bin/shipper status`);
  for (const [line, failure] of [
    ["User=labflet", "217/USER"],
    ["ExecStart=\nExecStart=/opt/labflet/shipper", "203/EXEC"],
  ] as const) {
    await dropIn(`[Service]\nRestartSec=5\n${line}\n`);
    await host.exec(["systemctl", "restart", UNIT]);
    const what = `shipper    not running: systemd cannot start it (status ${failure}); fix: mend the line`;
    await host.waitFor(`the status says ${failure}`, async () => (await status()).includes(what));
  }
  await dropIn("");
  await sh(`systemctl reset-failed ${UNIT}; systemctl daemon-reload && systemctl start ${UNIT}`);
  expect(await status()).toContain("shipper    running (pid ");
});

bedTest("a plug that was pulled, and an orderly reboot, are told apart", async () => {
  await sh(`systemctl enable labfleet-receiver ${UNIT}`);
  await mark();
  await host.reboot({ force: true });
  expect(await lastEnd()).toMatch(/^the last run ended with the machine: power loss or a hard reset/);
  await mark();
  await host.reboot();
  expect(await lastEnd()).toContain("ended cleanly: SIGTERM from systemd(1)");
});

bedTest("the ledger keeps what it explained, in order, and belongs to the service's user", async () => {
  const rows = (await sh(`cat ${DATA}/ends/history.jsonl`)).trim().split("\n");
  const kinds = rows.map((row) => (JSON.parse(row) as { kind: string }).kind);
  for (const kind of ["clean-stop", "killed", "watchdog", "oom-kill", "stop-timeout", "power-loss"]) {
    expect(kinds).toContain(kind);
  }
  const owners = (await sh(`stat -c '%U %a' ${DATA}/ends ${DATA}/ends/*`)).trim().split("\n");
  expect(new Set(owners.map((line) => line.split(" ")[0]))).toEqual(new Set(["labfleet"]));
  for (const line of owners) expect(line).not.toMatch(/[1-7]$/); // nothing for others
});
