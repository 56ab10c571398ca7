// The health check under its real units: a sick host is no failure of the unit, an index that cannot be read is; its timer starts it.

import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHealthRun } from "../../lib/contract/health-run.ts";
import { renderService } from "../../lib/core/linux/unit-file.ts";
import { PROJECT } from "../support/compiled.ts";
import { bedTest, bootInstalled, type InstalledHost, PREFIX } from "./installed-host.ts";

const UNIT = "labfleet-fleet-health.service";
const ROOT = "/var/lib/labfleet";
const read = (name: string): string => readFileSync(join(PROJECT, "units", name), "utf8");

let lab: InstalledHost | null = null;
const sh = (script: string): Promise<string> => lab?.sh(script) ?? Promise.reject(new Error("no host"));
const lastRun = async () => parseHealthRun(await sh(`cat ${ROOT}/fleet-health/last-run.json`));

beforeAll(async () => {
  lab = await bootInstalled("lab5");
  if (lab === null) return;
  const { host } = lab;
  await host.write(`/etc/systemd/system/${UNIT}`, renderService(read(UNIT), "fleet-health", PREFIX));
  await host.write("/etc/systemd/system/labfleet-fleet-health.timer", read("labfleet-fleet-health.timer"));
  await host.waitFor("the receiver listens", async () =>
    (await host.journal("labfleet-receiver")).includes("listening on"),
  );
  // Whoever writes to the index stops the receiver before.
  await sh(`systemctl stop labfleet-receiver; systemctl daemon-reload; install -d -o labfleet -g labfleet ${ROOT}/attempts
    printf '{"host_id":"lab9","received_at_wall":"%s"}\\n' "$(date -u -d '-2 hours' +%FT%T+00:00)" >>${ROOT}/index.jsonl`);
});

afterAll(async () => {
  await lab?.host[Symbol.asyncDispose]();
});

bedTest(
  "a sick host is an alert of the service's user, a warning in the journal when that holds, and no failure of the unit",
  async () => {
    await sh(`systemctl start ${UNIT}`);
    expect(await lab?.host.show(UNIT, "Result")).toBe("success");
    expect(
      await sh(`stat -c '%U:%G %a' ${ROOT}/alerts.jsonl ${ROOT}/fleet-health ${ROOT}/fleet-health/state.json`),
    ).toBe("labfleet:labfleet 640\nlabfleet:labfleet 750\nlabfleet:labfleet 640\n");
    const said = await sh(`journalctl --sync; journalctl -q -u ${UNIT} -o cat`);
    // The receiver has run for a moment: before that nothing could have come, and so it is no warning yet.
    expect(said).toMatch(
      /ALERT host=lab9 symptom=silent — last successful ship 120 min ago \(.* \(held: collector-gap\)$/m,
    );
    await sh(`rm ${ROOT}/ticks; systemctl start ${UNIT}; systemctl start ${UNIT}; systemctl start ${UNIT}`);
    expect(await sh(`journalctl --sync; journalctl -q -u ${UNIT} -p warning -o cat`)).toMatch(
      /FIRING lab9: silent since .*: it has shipped nothing for 2h.*; fix: see on lab9 why/,
    );
    expect(await lastRun()).toMatchObject({ exit: 0, problem: null, hosts: 1 });
  },
);

bedTest("that its configuration is good it notes in a cache of its own, and another one is checked", async () => {
  const note = "/var/cache/labfleet-fleet-health/fleet-health-config";
  expect(await sh(`stat -c '%U %a' $(dirname ${note}) ${note}`)).toBe("labfleet 700\nlabfleet 640\n");
  await sh(
    "cp -p /etc/labfleet/collector.toml /root/kept; echo '[fleet_health]\nlookback_hours = -1' >>/etc/labfleet/collector.toml",
  );
  expect((await lab?.host.exec(["systemctl", "start", UNIT]))?.code).not.toBe(0);
  expect(await sh(`journalctl --sync; journalctl -q -u ${UNIT} -o cat`)).toContain("lookback_hours");
  await sh(`mv /root/kept /etc/labfleet/collector.toml; systemctl start ${UNIT}`);
});

bedTest("it sees no archive and no token, and may change nothing that the receiver writes", async () => {
  const dropIn = `/etc/systemd/system/${UNIT}.d/test.conf`;
  const paths = [`${ROOT}/episodes`, `${ROOT}/incoming`, "/etc/labfleet/tokens.d"];
  const look = [
    ...paths.map((path) => `ls ${path} >/dev/null 2>&1 && echo sees ${path}`),
    `echo >>${ROOT}/index.jsonl && echo writes`,
  ];
  await lab?.host.write("/usr/local/bin/look", `#!/bin/sh\n${look.join("\n")}\necho looked\n`);
  await lab?.host.write(dropIn, "[Service]\nExecStart=\nExecStart=/bin/sh /usr/local/bin/look\n");
  await sh(`systemctl daemon-reload; systemctl start ${UNIT}; rm ${dropIn}; systemctl daemon-reload`);
  const said = await sh(`journalctl --sync; journalctl -q -u ${UNIT} -o cat -t sh`);
  expect(said.split("\n").filter((line) => /^(sees|writes|looked)/.test(line))).toEqual(["looked"]);
});

bedTest("an index that cannot be read turns the unit red, and the next run that can makes it well again", async () => {
  await sh(`mv ${ROOT}/index.jsonl ${ROOT}/aside.jsonl`);
  expect((await lab?.host.exec(["systemctl", "start", UNIT]))?.code).not.toBe(0);
  expect(await lab?.host.show(UNIT, "ExecMainStatus")).toBe("2");
  expect(await lastRun()).toMatchObject({ exit: 2, problem: `the index ${ROOT}/index.jsonl is not there` });
  await sh(`mv ${ROOT}/aside.jsonl ${ROOT}/index.jsonl`);
  // Restored by root: what lets us read it has to let the receiver write it, too.
  await sh(`chown root:root ${ROOT}/index.jsonl; chmod 0600 ${ROOT}/index.jsonl; systemctl start ${UNIT} || true`);
  expect(await lastRun()).toMatchObject({ exit: 2, fix: `sudo chown labfleet ${ROOT}/index.jsonl` });
  await sh(`chown labfleet ${ROOT}/index.jsonl; systemctl start ${UNIT}`);
  expect(await lab?.host.show(UNIT, "Result")).toBe("success");
  // lab9 stands there already in this hour, or is told once more in the next one: never twice in one.
  expect(await sh(`sort ${ROOT}/alerts.jsonl | uniq -d | wc -l`)).toBe("0\n");
});

bedTest("its timer starts it, and it ends by itself", async () => {
  const before = (await lastRun())?.began_at;
  const dropIn = "/etc/systemd/system/labfleet-fleet-health.timer.d/test.conf";
  await lab?.host.write(dropIn, "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\n");
  await sh("systemctl daemon-reload; systemctl start labfleet-fleet-health.timer");
  await lab?.host.waitFor("it ran", async () => (await lastRun())?.began_at !== before);
  await sh(`rm ${dropIn}; systemctl daemon-reload; systemctl restart labfleet-fleet-health.timer`);
  expect(await sh("systemctl show --value -p TimersCalendar labfleet-fleet-health.timer")).toContain("*:00/5:00");
});
