// A data root that the unit's sandbox closes: what is printed, and that running it, word for word, mends it.

import { afterAll, beforeAll, expect } from "bun:test";
import { bedTest, bootInstalled, type InstalledHost } from "./installed-host.ts";

let installed: InstalledHost | null = null;
let host: InstalledHost["host"];
let sh: InstalledHost["sh"];

beforeAll(async () => {
  installed = await bootInstalled("lab7");
  if (installed !== null) ({ host, sh } = installed);
});

afterAll(async () => {
  await installed?.host[Symbol.asyncDispose]();
});

/** Starts the shipper on a data root; resolves with the remedy that it prints as it fails. */
async function remedyFor(dataRoot: string, failure: string): Promise<string> {
  await installed?.configure(8443, `[paths]\ndata_root = "${dataRoot}"`);
  await installed?.mark();
  await host.exec(["systemctl", "restart", "labfleet-shipper"]);
  expect(await host.show("labfleet-shipper", "ExecMainStatus")).toBe("3");
  const said = (await installed?.said()) ?? "";
  expect(said).toContain(failure);
  return /fix: (.*)$/m.exec(said)?.[1] ?? "";
}

for (const [id, what, dataRoot, prepare, failure] of [
  ["a", "that is not there yet", "/data2", "", "is closed to labfleet-shipper.service by its unit's ProtectSystem="],
  ["b", "that belongs to root", "/srv/my data", "mkdir -p '/srv/my data'", "by its unit's ProtectSystem="],
  ["c", "below /home", "/home/lab/50%", "mkdir -p /home/lab", "by its unit's ProtectHome="],
] as const) {
  bedTest(`a data root ${what}: exit 3, never 2, and the line that is printed mends it`, async () => {
    await sh(`rm -rf /etc/systemd/system/labfleet-shipper.service.d; systemctl daemon-reload; ${prepare}`);
    const remedy = await remedyFor(dataRoot, failure);
    // Root needs no sudo, and a bare host has none.
    await sh(`systemctl reset-failed labfleet-shipper; ${remedy.replaceAll("sudo ", "")}`);
    const episode = `${dataRoot}/episodes/${id}`;
    await sh(`mkdir '${episode}'; echo hi >'${episode}/x'; touch '${episode}/done.marker'`);
    await host.waitFor(
      "it is shipped",
      async () => (await host.exec(["test", "-e", `${dataRoot}/shipped/${id}/receipt.json`])).code === 0,
      180_000,
    );
    await sh("systemctl stop labfleet-shipper");
  });
}

for (const [what, dataRoot, prepare] of [
  ["that is not there yet", "/data3", ""],
  ["that is there, and the receiver's own", "/srv/store", "install -d -o labfleet /srv/store"],
] as const) {
  bedTest(`a collector's data root ${what}: exit 3, never 2, and the line that is printed mends it`, async () => {
    await sh(`rm -rf /etc/systemd/system/labfleet-receiver.service.d; systemctl daemon-reload; ${prepare}`);
    await host.write(
      "/etc/labfleet/collector.toml",
      `listen = "127.0.0.1:8443"\n[paths]\ndata_root = "${dataRoot}"\n[limits]\ndisk_reserve = "1 MiB"\n`,
    );
    const since = (await sh("journalctl --sync; date +@%s.%6N")).trim();
    await host.exec(["systemctl", "restart", "labfleet-receiver"]);
    const said = await sh(`journalctl --sync; journalctl -q --no-pager -u labfleet-receiver -o cat --since='${since}'`);
    expect(said).toContain(`${dataRoot} is closed to labfleet-receiver.service by its unit's ProtectSystem=`);
    expect(said).not.toContain("chown");
    expect(said).toContain("code=exited, status=3");
    const remedy = /fix: (.*)$/m.exec(said)?.[1] ?? "";
    expect(remedy).toContain(`ReadWritePaths=${dataRoot}`);
    await sh(`systemctl reset-failed labfleet-receiver; ${remedy.replaceAll("sudo ", "")}`);
    const status = await sh("/opt/labfleet/current/bin/receiver status --json");
    expect(JSON.parse(status)).toMatchObject({ data_root: dataRoot, running: true, storing: { ready: true } });
    await sh(`test -f ${dataRoot}/receiver-id; test -f ${dataRoot}/episodes/.receiver-id`);
  });
}
