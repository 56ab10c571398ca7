// Faults of what runs on a lab host: units, processes, journald, plugins, checks.

import type { Bed } from "./bed.ts";
import { setting, silent } from "./config.ts";
import { beats } from "./credentials.ts";
import { type Fault, heartbeatPlugins, heartbeatStatus, shipperLog, shipperStatus } from "./fault.ts";

const runs = async (bed: Bed): Promise<boolean> => /running \(pid/.test(await bed.look("lab1", "shipper status"));

export const MACHINE: readonly Fault[] = [
  {
    name: "the unit grants less time for a stop than is needed",
    seen: shipperLog,
    make: (bed) => bed.dropIn("lab1", "labfleet-shipper", "[Service]\nTimeoutStopSec=5\n"),
    says: /TimeoutStopSec/,
    mended: silent(/TimeoutStopSec/),
  },
  {
    name: "the shipper does not run",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.sh("lab1", "systemctl stop labfleet-shipper");
      await bed.record();
    },
    says: /shipper +not running/,
  },
  {
    name: "the shipper hangs (SIGSTOP)",
    seen: shipperStatus,
    make: async (bed) => {
      await bed.sh("lab1", "kill -STOP $(systemctl show -P MainPID labfleet-shipper)");
      await bed.record();
    },
    says: /shipper +not answering since/,
  },
  {
    name: "the heartbeat does not run",
    seen: heartbeatStatus,
    make: (bed) => bed.sh("lab1", "systemctl stop labfleet-heartbeat"),
    says: /heartbeat +not running/,
    mended: beats,
  },
  {
    name: "a second shipper is started by hand",
    seen: { on: "lab1", command: "shipper" },
    make: async () => undefined,
    says: /another shipper is at work/,
    words: async () => undefined,
    mended: runs,
  },
  {
    name: "a second unit ships from the same data root",
    seen: { on: "lab1", log: "labfleet-shipper-2" },
    make: async (bed) => {
      await bed.sh(
        "lab1",
        `cd /etc/systemd/system; sed 's/RuntimeDirectory=.*/&-2/' labfleet-shipper.service >labfleet-shipper-2.service
        systemctl daemon-reload`,
      );
      await bed.look("lab1", "systemctl start labfleet-shipper-2");
    },
    says: /another shipper is at work/,
    words: (bed) => bed.sh("lab1", "systemctl stop labfleet-shipper-2"),
    mended: async (bed) =>
      (await runs(bed)) && /inactive|failed/.test(await bed.look("lab1", "systemctl is-active labfleet-shipper-2")),
    clear: (bed) => bed.look("lab1", "systemctl stop labfleet-shipper-2"),
  },
  {
    name: "journald was stopped and started again",
    seen: shipperLog,
    make: async (bed) => {
      await bed.sh("lab1", "systemctl stop systemd-journald; systemctl start systemd-journald");
      await bed.record();
    },
    says: /journald was stopped/,
    byItself: true,
    mended: async (bed) => /^shipped /m.test(await bed.log("lab1", "labfleet-shipper")),
  },
  {
    name: "a plugin cannot be loaded",
    seen: heartbeatPlugins,
    make: async (bed) => {
      await bed.sh(
        "lab1",
        "install -d /etc/labfleet/plugins; echo 'export default {' >/etc/labfleet/plugins/broken.ts",
      );
      await bed.host(setting("heartbeat", 'plugins_dir = "/etc/labfleet/plugins"'));
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
    },
    says: /^failed +broken/,
    words: async (bed, { steps }) => {
      await bed.sh(
        "lab1",
        'echo \'export default { name: "broken", initialise: () => true, collect: () => [{ status: "ok", message: "fine" }] };\' >/etc/labfleet/plugins/broken.ts',
      );
      await bed.paste(steps);
    },
    mended: async (bed) => /^loaded +broken/m.test(await bed.look("lab1", "heartbeat plugins")) && (await beats(bed)),
  },
  {
    name: "a plugin can be changed by other users",
    seen: heartbeatPlugins,
    make: async (bed) => {
      const plugin =
        'export default { name: "own", initialise: () => true, collect: () => [{ name: "own", status: "ok", message: "fine" }] };';
      await bed.sh(
        "lab1",
        `install -d /etc/labfleet/plugins; cd /etc/labfleet/plugins; cat >own.ts; chmod 0666 own.ts`,
        plugin,
      );
      await bed.host(setting("heartbeat", 'plugins_dir = "/etc/labfleet/plugins"'));
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
    },
    says: /^failed +own.*can be written/,
    mended: async (bed) => /^loaded +own/m.test(await bed.look("lab1", "heartbeat plugins")) && (await beats(bed)),
  },
  {
    name: "a check is not there",
    seen: heartbeatStatus,
    make: async (bed) => {
      await bed.host(
        (toml) => `${toml}\n[nagios_runner]\ncommands = [{ name = "gone", command = "/usr/lib/nagios/check_gone" }]\n`,
      );
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
    },
    says: /UNKNOWN +gone/,
    words: async (bed) => {
      await bed.lab.write("/usr/lib/nagios/check_gone", "#!/bin/sh\necho fine\n", 0o755);
    },
    mended: async (bed) => !/UNKNOWN +gone/.test(await bed.look("lab1", "heartbeat status")),
  },
];
