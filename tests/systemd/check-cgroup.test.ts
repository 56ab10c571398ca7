// Checks under a real systemd: with Delegate=yes an unprivileged service gives each check a cgroup of its own, and what has
// left its session ends with it. Without, it lives on until the service ends, and nothing else goes wrong.

import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../support/compiled.ts";
import { bootHost, type Host, systemdBedMissing } from "./bed.ts";
import { bedTest } from "./installed-host.ts";

let host: Host;

beforeAll(async () => {
  if (systemdBedMissing() !== null) return;
  host = await bootHost("lab7", { bind: [`${process.execPath}:/usr/local/bin/bun`, `${PROJECT}:/srv/labfleet`] });
  await host.run(["useradd", "--system", "--no-create-home", "--home-dir", "/", "labfleet"]);
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
});

/** What keeps the unit's programs from things, as it is in the unit: a cgroup must be possible with all of it. */
function hardening(): string[] {
  const unit = readFileSync(join(PROJECT, "units/labfleet-heartbeat.service"), "utf8");
  const lines = unit
    .split("\n")
    .filter((line) => /^(Protect|Private|Restrict|Lock|NoNew|SystemCall|Capab|KillMode|Device)/.test(line));
  expect(lines.length).toBeGreaterThan(15);
  return lines.map((line) => `--property=${line}`);
}

/** A check that leaves a daemon behind and says its pid, run by a service; and whether the daemon is there after it. */
async function leaveDaemon(properties: string[]) {
  const check =
    "setsid sleep 300 >/dev/null 2>&1 & echo $!; until [ $(ps -o sid= -p $!) = $! ]; do :; done; cat /proc/self/cgroup";
  const look =
    'bun /srv/labfleet/tests/fixtures/programs/run-check.ts --cgroup sh -c "$1"; cat /proc/self/cgroup; ls -d /sys/fs/cgroup/unified/$(sed -n s/^0:://p /proc/self/cgroup)/check-* /sys/fs/cgroup/$(sed -n s/^0:://p /proc/self/cgroup)/check-*; pgrep -x sleep';
  const command = ["systemd-run", "--quiet", "--wait", "--pipe", "--property=User=labfleet", ...properties];
  const { stdout } = await host.exec([...command, "sh", "-c", look, "look", check]);
  const [json = "{}", ...rest] = stdout.split("\n");
  const done = JSON.parse(json);
  const [pid, ...groups] = String(done.stdout).split("\n");
  return { done, group: groups.find((line) => line.startsWith("0::")) ?? "", rest, lives: rest.includes(pid ?? "") };
}

bedTest(
  "X10 with Delegate=yes a daemon of a check ends with it, as an unprivileged user under all of the unit's limits",
  async () => {
    for (const limits of [[], hardening()]) {
      const { done, group, rest, lives } = await leaveDaemon(["--property=Delegate=yes", ...limits]);
      expect(done).toMatchObject({ kind: "exited", code: 0, noCgroup: null, contained: true });
      expect(done).toMatchObject({ survivorsKilled: 1, survivorsLeft: 0 });
      expect(group).toMatch(/^0::\/.*\.service\/check-\d+-1$/);
      expect(lives).toBe(false);
      expect(rest.filter((line) => line.includes("/check-"))).toEqual([]);
    }
  },
);

bedTest("without Delegate= it is said why there is no cgroup, and the check runs all the same", async () => {
  const { done, group, lives } = await leaveDaemon([]);
  expect(done).toMatchObject({ kind: "exited", code: 0, contained: false });
  expect(done.noCgroup).toContain("(Delegate=yes lets us)");
  expect(group).toMatch(/^0::\/.*\.service$/);
  expect(lives).toBe(true);
});
