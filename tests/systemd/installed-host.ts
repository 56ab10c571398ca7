// A host of the bed with all daemons installed under their real units, as tests of the daemons want it.

import { setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { renderService } from "../../lib/core/linux/unit-file.ts";
import type { DaemonName } from "../../lib/core/tools.ts";
import { executables, PROJECT } from "../support/compiled.ts";
import { DAEMONS } from "../support/tools.ts";
import { bootHost, type Host, systemdBedMissing } from "./bed.ts";

export const DATA = "/var/lib/labfleet/data";
export const PREFIX = "/opt/labfleet/current";

/** Why there is no bed here, or null. */
export const missing = systemdBedMissing();
setDefaultTimeout(120_000);

/** A test that needs the bed; skipped by name where there is none. */
export const bedTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: the systemd bed ${missing})`, body);

export interface InstalledHost {
  host: Host;
  /** Runs a shell script in it; throws unless it succeeds. */
  sh(script: string): Promise<string>;
  /** Writes lab-host.toml, pointing at a port on the host itself. */
  configure(port: number, extra?: string): Promise<void>;
  /** Settings of one test for a unit, gone with "". */
  dropIn(text: string, tool?: DaemonName): Promise<void>;
  /** An episode recorded by root, of incompressible bytes, as a recorder would finish it. */
  record(id: string, kilobytes: number): Promise<string>;
  isShipped(id: string): Promise<boolean>;
  /** From here on counts what `said` shows. */
  mark(): Promise<void>;
  /** What the shipper's unit has logged since `mark`, systemd's own lines included. */
  said(): Promise<string>;
}

/** Boots it, with both units installed, the receiver running and the shipper not; null where the bed is missing. */
export async function bootInstalled(name: string): Promise<InstalledHost | null> {
  if (missing !== null) return null;
  const host = await bootHost(name, {
    bind: [`${executables()}:${PREFIX}/bin`, `${process.execPath}:/usr/local/bin/bun`, `${PROJECT}:/srv/labfleet`],
    // A host of its own may ask for the clock; systemd-nspawn forbids it to what runs in it.
    nspawn: ["--system-call-filter=adjtimex clock_adjtime"],
  });
  const sh = (script: string): Promise<string> => host.run(["sh", "-ec", script], { timeoutMs: 60_000 });
  await sh("useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin labfleet");
  for (const tool of DAEMONS) {
    await host.write(`/etc/systemd/system/labfleet-${tool}.service`, unitText(tool));
  }
  await host.write(
    "/etc/labfleet/collector.toml",
    'listen = "127.0.0.1:8443"\n[gate]\nrequire_commit = false\n[limits]\ndisk_reserve = "1 MiB"\n',
  );
  await sh("install -d -m 2770 -g labfleet /etc/labfleet/tokens.d");
  const token = (await sh(`${PREFIX}/bin/receiver token add ${name}`)).trim().split("\n").at(-1) ?? "";
  const configure = (port: number, extra = ""): Promise<void> =>
    host.write(
      "/etc/labfleet/lab-host.toml",
      `host_id = "${name}"
[receiver]
url = "http://127.0.0.1:${port}"
bearer_token = "${token}"
[shipper]
scan_interval_s = 0.2
backoff_seconds = [0.1, 0.5]
disk_reserve = "1 MiB"
${extra}
`,
    );
  await configure(8443);
  await sh("systemctl daemon-reload; systemctl start labfleet-receiver");
  let since = "";
  return {
    host,
    sh,
    configure,
    async dropIn(text, tool = "shipper") {
      await host.write(`/etc/systemd/system/labfleet-${tool}.service.d/test.conf`, text);
      await sh("systemctl daemon-reload");
    },
    record: (id, kilobytes) =>
      sh(`umask 022; d=${DATA}/episodes/${id}; mkdir -p $d; head -c ${kilobytes}K /dev/urandom >$d/data.bin
          : >$d/.m; mv $d/.m $d/done.marker; chmod 0755 $d; stat -c %U:%a $d`),
    isShipped: async (id) => (await host.exec(["test", "-e", `${DATA}/shipped/${id}/receipt.json`])).code === 0,
    async mark() {
      // By time: with --after-cursor and a unit journalctl 252 swallows the first entry that matches.
      since = (await sh("journalctl --sync; date +@%s.%6N")).trim();
    },
    said: () => sh(`journalctl --sync; journalctl -q --no-pager -u labfleet-shipper -o cat --since='${since}'`),
  };
}

function unitText(tool: DaemonName): string {
  return renderService(readFileSync(join(PROJECT, `units/labfleet-${tool}.service`), "utf8"), tool, PREFIX);
}
