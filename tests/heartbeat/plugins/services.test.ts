import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { saidBy } from "../../../lib/heartbeat/collect/observations.ts";
import { judgeUnit, units } from "../../../lib/heartbeat/plugins/services.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { context, figures, lines, observe, startOn } from "./support.ts";

const SYSTEMD = { "run/systemd/system/.keep": "" };
const SHIPPER = `Result=success
NRestarts=0
ExecMainStatus=0
Id=labfleet-shipper.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
`;
const HEALTH = `Id=labfleet-fleet-health.timer
LoadState=loaded
ActiveState=active
SubState=waiting
Result=success
UnitFileState=enabled
`;

/** A systemctl that prints a file of the host. */
async function on(text: string) {
  const root = fixtureHost({ ...SYSTEMD, answer: text });
  const plugin = await startOn(root, units(["sh", "-c", `cat ${root}/answer`, "sh"]));
  return { plugin, says: (next: string) => writeFileSync(join(root, "answer"), next) };
}

test("each loaded unit is an observation; one that is not found is none", async () => {
  const absent = SHIPPER.replace("shipper", "old").replace("LoadState=loaded", "LoadState=not-found");
  const { plugin } = await on(`${SHIPPER}\n${absent}\n${HEALTH}`);
  const seen = await observe(plugin);
  expect(lines(seen)).toEqual([
    "unit:labfleet-shipper.service ok: labfleet-shipper.service is running",
    "unit:labfleet-fleet-health.timer ok: labfleet-fleet-health.timer is waiting",
  ]);
  expect(figures(seen[0])).toEqual({ restarts: 0, new_restarts: 0 });
  expect(seen[1]?.perfdata).toEqual([]);
});

test("a restart is news once; restarts before the first look and a counter that starts over are not", async () => {
  const { plugin, says } = await on(SHIPPER.replace("NRestarts=0", "NRestarts=4"));
  expect((await observe(plugin))[0]?.status).toBe("ok");
  says(SHIPPER.replace("NRestarts=0", "NRestarts=6"));
  expect(lines(await observe(plugin))).toEqual([
    "unit:labfleet-shipper.service warning: labfleet-shipper.service is running, restarted 2 times since the last look",
  ]);
  expect((await observe(plugin))[0]?.status).toBe("ok");
  says(SHIPPER);
  expect((await observe(plugin))[0]?.status).toBe("ok");
});

const unit = (state: string, sub: string, more: Record<string, string> = {}) =>
  new Map(Object.entries({ Id: "labfleet-x.service", ActiveState: state, SubState: sub, Result: "success", ...more }));
const WHY = "fix: see why: sudo journalctl -u labfleet-x.service -n 50";

test.each([
  [unit("active", "running"), "ok", "labfleet-x.service is running"],
  [
    unit("failed", "failed", { Result: "exit-code", ExecMainStatus: "2" }),
    "critical",
    `labfleet-x.service failed (result exit-code, status 2); ${WHY}`,
  ],
  [unit("failed", "failed", { Result: "watchdog" }), "critical", `labfleet-x.service failed (result watchdog); ${WHY}`],
  [
    unit("activating", "auto-restart", { Result: "signal", ExecMainStatus: "9" }),
    "critical",
    `labfleet-x.service died and waits to be started again (result signal, status 9); ${WHY}`,
  ],
  [unit("activating", "start"), "ok", "labfleet-x.service is starting (start)"],
  [unit("deactivating", "stop-sigterm"), "warning", "labfleet-x.service is stopping (stop-sigterm)"],
  [
    unit("inactive", "dead", { UnitFileState: "enabled" }),
    "warning",
    "labfleet-x.service is enabled and does not run; fix: sudo systemctl start labfleet-x.service",
  ],
  [unit("inactive", "dead", { UnitFileState: "static" }), "ok", "labfleet-x.service is inactive"],
  [unit("inactive", "dead", { UnitFileState: "disabled" }), "ok", "labfleet-x.service is inactive"],
] as const)("state %#", (given, status, words) => {
  const judged = judgeUnit(given);
  expect([judged.status, saidBy(judged)]).toEqual([status, words]);
});

test("no unit, no answer, a refusal: each in words", async () => {
  expect(lines(await observe((await on("")).plugin))).toEqual(["- ok: systemd has loaded no unit of labfleet"]);
  const asked = async (...command: string[]) =>
    lines(await observe(await startOn(fixtureHost(SYSTEMD), units(command))));
  expect(await asked("sh", "-c", "echo 'Failed to connect to bus' >&2; exit 1")).toEqual([
    "- unknown: cannot ask systemd: Failed to connect to bus",
  ]);
  expect((await asked("/no/such/systemctl"))[0]).toStartWith(
    '- unknown: cannot ask systemd: cannot start "/no/such/systemctl"',
  );
});

test("a host without systemd skips it, and says so", async () => {
  const plugin = units();
  expect(await plugin.initialise(context(fixtureHost({})))).toBe(false);
  expect(plugin.skipReason).toBe("this host does not run systemd");
});
