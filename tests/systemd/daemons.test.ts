// The compiled executables under their real units, on a real systemd: ready, watchdog, drain, slow links, rights.

import { afterAll, beforeAll, expect } from "bun:test";
import { bedTest, bootInstalled, DATA, type InstalledHost, PREFIX } from "./installed-host.ts";

let installed: InstalledHost | null = null;
let host: InstalledHost["host"];
let sh: InstalledHost["sh"];
let configure: InstalledHost["configure"];
let dropIn: InstalledHost["dropIn"];
let record: InstalledHost["record"];
let isShipped: InstalledHost["isShipped"];

beforeAll(async () => {
  installed = await bootInstalled("lab1");
  if (installed !== null) ({ host, sh, configure, dropIn, record, isShipped } = installed);
});

afterAll(async () => {
  // What a test left immutable could not be removed with the host.
  await installed?.sh(`chattr -R -i ${DATA}/episodes || true`);
  await installed?.host[Symbol.asyncDispose]();
});

bedTest("systemd-analyze verify prints nothing about the installed units", async () => {
  const done = await host.exec([
    "systemd-analyze",
    "verify",
    "--man=no",
    "/etc/systemd/system/labfleet-shipper.service",
    "/etc/systemd/system/labfleet-receiver.service",
  ]);
  expect(done.stderr + done.stdout).toBe("");
});

bedTest("both units are active only after READY, as an unprivileged user, with a status line", async () => {
  await sh("systemctl start labfleet-shipper");
  for (const unit of ["labfleet-shipper", "labfleet-receiver"]) {
    expect(await host.show(unit, "ActiveState")).toBe("active");
    expect(await host.show(unit, "StatusText")).not.toBe("");
    expect(await sh(`ps -o user= -p $(systemctl show -p MainPID --value ${unit})`)).toMatch(/^labfleet/);
  }
  expect(await host.journal("labfleet-shipper")).toContain("ready host=lab1");
  // The line says ready and not before: systemd's own "Started" comes after it.
  const journal = await host.journal("labfleet-shipper");
  expect(journal.indexOf("ready host=lab1")).toBeLessThan(journal.indexOf("Started"));
});

bedTest("an episode that root recorded, mode 0755, is read, shipped and moved", async () => {
  expect((await record("of-root", 300)).trim()).toBe("root:755");
  await host.waitFor("of-root is shipped", () => isShipped("of-root"));
  expect((await host.exec(["test", "-e", `${DATA}/episodes/of-root`])).code).toBe(1);
  expect(await sh(`stat -c %U ${DATA}/shipped/of-root`)).toBe("root\n");
});

bedTest("an episode of mode 0700 of another user is shipped, and a restart in the middle of it goes on", async () => {
  await sh("systemctl stop labfleet-receiver; useradd --system recorder");
  await record("private", 100);
  await sh(`chown -R recorder ${DATA}/episodes/private; chmod 0700 ${DATA}/episodes/private`);
  await host.waitFor("it is packed", async () => (await sh(`ls ${DATA}/outbox`)).includes("private.tar.zst"));
  await sh("systemctl restart labfleet-shipper; systemctl start labfleet-receiver");
  await host.waitFor("private is shipped", () => isShipped("private"));
  expect(await host.show("labfleet-shipper", "NRestarts")).toBe("0");
});

bedTest("an immutable episode is held, and the line that is printed mends it when it is pasted", async () => {
  const episode = `${DATA}/episodes/frozen`;
  await sh(`mkdir ${episode}; head -c 1000 /dev/urandom >${episode}/data.bin; chattr +i ${episode}/data.bin
            touch ${episode}/done.marker; chattr +i ${episode}`);
  const journal = (): Promise<string> => host.journal("labfleet-shipper");
  await host.waitFor("it is held", async () => (await journal()).includes("held episode=frozen because "));
  const line = (await journal()).split("\n").find((text) => text.includes("held episode=frozen")) ?? "";
  expect(line).toContain("it is immutable (chattr +i); fix: sudo find ");
  const fix = line.slice(line.indexOf("; fix: ") + "; fix: ".length);
  await sh(fix.replaceAll("sudo ", ""));
  await host.waitFor("frozen is shipped", () => isShipped("frozen"));
});

bedTest("without the capability such an episode is held: said once, with the command that mends it", async () => {
  await dropIn("[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n");
  await sh("systemctl restart labfleet-shipper");
  await record("held", 10);
  const said = async (): Promise<number> =>
    (await host.journal("labfleet-shipper")).split("held episode=held because ").length - 1;
  await host.waitFor("the shipper says so", async () => (await said()) === 1);
  expect(await host.journal("labfleet-shipper")).toContain(`fix: sudo chown -R labfleet ${DATA}/episodes/held\n`);
  // Several passes later it was still said once.
  const passes = Number(await host.show("labfleet-shipper", "MainPID"));
  await host.waitFor("status names it", async () =>
    (await sh(`${PREFIX}/bin/shipper status`)).includes("it belongs to root, mode 0755, and labfleet may not move it"),
  );
  expect(passes).toBeGreaterThan(0);
  expect(await said()).toBe(1);
  await dropIn("");
  await sh("systemctl restart labfleet-shipper");
  await host.waitFor("held is shipped", () => isShipped("held"));
});

bedTest("a stopped shipper is killed by the watchdog, restarted, and the queue drains", async () => {
  await dropIn("[Service]\nWatchdogSec=2\nRestartSec=100ms\n");
  await sh("systemctl restart labfleet-shipper");
  const pid = await host.show("labfleet-shipper", "MainPID");
  await sh(`kill -STOP ${pid}`);
  await record("while-stopped", 100);
  await host.waitFor(
    "another process runs",
    async () => {
      const now = await host.show("labfleet-shipper", "MainPID");
      return now !== "0" && now !== pid;
    },
    180_000,
  );
  expect(await host.journal("labfleet-shipper")).toContain("Watchdog timeout (limit 2s)!");
  await host.waitFor("while-stopped is shipped", () => isShipped("while-stopped"));
  await dropIn("");
});

bedTest("an upload that takes longer than WatchdogSec survives", async () => {
  await dropIn("[Service]\nWatchdogSec=2\n");
  await sh("systemd-run --unit=slow-a --collect bun /srv/labfleet/tests/support/slow-link.ts 9001 8443 4000000");
  await host.waitFor(
    "the slow link listens",
    async () => (await host.exec(["sh", "-c", "ss -ltn | grep -q :9001"])).code === 0,
  );
  await configure(9001);
  await sh("systemctl restart labfleet-shipper");
  await record("slow", 40_000);
  const startedAt = performance.now();
  await host.waitFor("slow is shipped", () => isShipped("slow"));
  // Otherwise this test would have shown nothing. The link sets this time; a busy machine only adds to it.
  expect(performance.now() - startedAt).toBeGreaterThan(6000);
  expect(await host.show("labfleet-shipper", "NRestarts")).toBe("0");
  await sh("systemctl stop slow-a");
  await dropIn("");
});

bedTest(
  "SIGTERM in the middle of an upload: a clean stop inside the budget, delivered after the next start",
  async () => {
    await sh("systemd-run --unit=slow-b --collect bun /srv/labfleet/tests/support/slow-link.ts 9002 8443 200000");
    await host.waitFor(
      "the slow link listens",
      async () => (await host.exec(["sh", "-c", "ss -ltn | grep -q :9002"])).code === 0,
    );
    await configure(9002, "drain_timeout_s = 1");
    await sh("systemctl restart labfleet-shipper");
    await record("cut", 40_000);
    await host.waitFor("the upload is under way", async () =>
      (await sh(`${PREFIX}/bin/shipper status`)).includes("\nnow        sending "),
    );
    await sh("systemctl stop labfleet-shipper");
    // One that is not cut meets TimeoutStopSec, and then the result is `timeout`.
    expect(await host.show("labfleet-shipper", "Result")).toBe("success");
    expect(await host.show("labfleet-shipper", "ExecMainStatus")).toBe("0");
    const journal = await host.journal("labfleet-shipper");
    expect(journal).toMatch(
      /stopping: finish uploads begins.*[\s\S]*stopping: finish uploads done.*[\s\S]*stopped: SIGTERM/,
    );
    expect(await isShipped("cut")).toBe(false);
    await configure(8443);
    await sh("systemctl start labfleet-shipper; systemctl stop slow-b");
    await host.waitFor("cut is shipped", () => isShipped("cut"));
  },
);

bedTest("a configuration that cannot be read ends the unit with exit 2, and it is not restarted", async () => {
  await sh("systemctl stop labfleet-shipper");
  await host.write("/etc/labfleet/lab-host.toml", "host_id = 3\n");
  await host.exec(["systemctl", "start", "labfleet-shipper"]);
  expect(await host.show("labfleet-shipper", "ExecMainStatus")).toBe("2");
  expect(await host.show("labfleet-shipper", "ActiveState")).toBe("failed");
  expect(await host.show("labfleet-shipper", "NRestarts")).toBe("0");
  expect(await host.journal("labfleet-shipper")).toContain("lab-host.toml:1: host_id must be a string, found 3");
  await configure(8443);
  await sh("systemctl reset-failed labfleet-shipper; systemctl start labfleet-shipper");
});

bedTest("a power cut with episodes in the queue: after the next boot everything is delivered, once", async () => {
  await sh("systemctl enable labfleet-receiver labfleet-shipper; systemctl stop labfleet-receiver");
  for (const n of [1, 2, 3]) await record(`power-${n}`, 200);
  await host.waitFor("they are packed", async () => (await sh(`ls ${DATA}/outbox`)).includes("power-3.tar.zst"));
  await host.reboot({ force: true });
  for (const n of [1, 2, 3]) await host.waitFor(`power-${n} is shipped`, () => isShipped(`power-${n}`));
  expect((await sh(`${PREFIX}/bin/receiver verify`)).trim()).toStartWith("sound");
});
