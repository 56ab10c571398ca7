// Faults of configurations, and of what runs: files, processes, plugins, checks.

import type { Bed } from "./bed.ts";
import { beats } from "./credentials.ts";
import { type Fault, heartbeatStatus, shipperLog, shipperStatus } from "./fault.ts";

const CONFIG = "/etc/labfleet/lab-host.toml";

/** Has a change of lab-host.toml met by a start. */
const restarted = (change: (toml: string) => string) => async (bed: Bed) => {
  await bed.write("lab1", CONFIG, change(await bed.sh("lab1", `cat ${CONFIG}`)));
  await bed.look("lab1", "systemctl restart labfleet-shipper");
};
/** A bad configuration ends the start for good (exit 2): whoever mends it starts it. */
const corrected = (change: (toml: string) => string) => async (bed: Bed) => {
  await restarted(change)(bed);
  await bed.record();
};

/** After another start it is not said any more. */
const silent =
  (says: RegExp) =>
  async (bed: Bed): Promise<boolean> => {
    await bed.mark();
    await bed.sh("lab1", "systemctl restart labfleet-shipper");
    return !says.test(await bed.log("lab1", "labfleet-shipper"));
  };
const runs = async (bed: Bed): Promise<boolean> => /running \(pid/.test(await bed.look("lab1", "shipper status"));

const setting = (table: string, line: string) => (toml: string) =>
  toml.replace(`[${table}]\n`, `[${table}]\n${line}\n`);
const noSetting = (line: string) => (toml: string) => toml.replace(`${line}\n`, "");

export const MACHINE: readonly Fault[] = [
  {
    name: "a key of the configuration is misspelt",
    seen: shipperLog,
    make: restarted((toml) => toml.replace("request_timeout_s = 5\n", "request_timeouts = 5\n")),
    says: /request_timeouts/,
    words: corrected((toml) => toml.replace("request_timeouts", "request_timeout_s")),
  },
  {
    name: "a value of the configuration has the wrong type",
    seen: shipperLog,
    make: restarted((toml) => toml.replace("scan_interval_s = 0.5", 'scan_interval_s = "often"')),
    says: /scan_interval_s/,
    words: corrected((toml) => toml.replace('"often"', "0.5")),
  },
  {
    name: "the configuration lacks a key",
    seen: shipperLog,
    make: restarted((toml) => toml.replace(/^url = .*\n/m, "")),
    says: /\burl\b/,
    words: corrected(setting("receiver", 'url = "https://collector.wg:8443"')),
  },
  {
    name: "the configuration is no TOML",
    seen: shipperLog,
    make: restarted((toml) => toml.replace('host_id = "lab1"', 'host_id = "lab1')),
    says: /lab-host\.toml:\d+/,
    words: corrected((toml) => toml.replace('host_id = "lab1', 'host_id = "lab1"')),
  },
  {
    name: "the configuration is not there",
    seen: shipperLog,
    make: (bed) => bed.look("lab1", `mv ${CONFIG} /root/kept.toml; systemctl restart labfleet-shipper`),
    says: /lab-host\.toml/,
    words: async (bed) => {
      await bed.sh("lab1", `cp -p /root/kept.toml ${CONFIG}; systemctl restart labfleet-shipper`);
      await bed.record();
    },
  },
  {
    name: "the token can be read by every user",
    seen: shipperLog,
    make: (bed) => bed.sh("lab1", "chmod o+r /etc/labfleet/token; systemctl restart labfleet-shipper"),
    says: /token .* can be read by every user/,
    mended: silent(/can be read by every user/),
  },
  {
    name: "the configuration holds a token, and can be read by every user",
    seen: shipperLog,
    make: async (bed) => {
      const token = (await bed.sh("lab1", "cat /etc/labfleet/token")).trim();
      await restarted((toml) => toml.replace(/^bearer_token_file = .*$/m, `bearer_token = "${token}"`))(bed);
      await bed.sh("lab1", `chmod 0644 ${CONFIG}; systemctl restart labfleet-shipper`);
    },
    says: /holds receiver.bearer_token and can be read by every user/,
    mended: silent(/can be read by every user/),
  },
  {
    name: "two settings for one token",
    seen: shipperLog,
    make: restarted(setting("receiver", 'bearer_token = "abc"')),
    says: /bearer_token is not used/,
    words: restarted(noSetting('bearer_token = "abc"')),
    mended: silent(/bearer_token is not used/),
  },
  {
    name: "the certificate is not verified",
    seen: shipperLog,
    make: restarted(setting("receiver", "verify_tls = false")),
    says: /verify_tls is false: whoever is on the way/,
    words: restarted(noSetting("verify_tls = false")),
    mended: silent(/verify_tls/),
  },
  {
    name: "commit_file is empty",
    seen: shipperLog,
    make: (bed) => bed.sh("lab1", ": >/opt/labfleet/VERSION; systemctl restart labfleet-shipper"),
    says: /\/opt\/labfleet\/VERSION is empty/,
    mended: silent(/VERSION is empty/),
  },
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
    name: "another process has the data root's lock",
    seen: { on: "lab1", command: "timeout 30 shipper" },
    make: async () => undefined,
    says: /already|another|runs|lock/,
    words: (bed) => bed.look("lab1", "shipper status"),
    mended: runs,
  },
  {
    name: "a plugin cannot be loaded",
    seen: { on: "lab1", command: "heartbeat plugins" },
    make: async (bed) => {
      await bed.sh(
        "lab1",
        "install -d /etc/labfleet/plugins; echo 'export default {' >/etc/labfleet/plugins/broken.ts",
      );
      await bed.host(setting("heartbeat", 'plugins_dir = "/etc/labfleet/plugins"'));
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
    },
    says: /broken/,
    words: (bed) => bed.sh("lab1", "rm /etc/labfleet/plugins/broken.ts; systemctl restart labfleet-heartbeat"),
    mended: async (bed) => !/broken/.test(await bed.look("lab1", "heartbeat plugins")) && (await beats(bed)),
  },
  {
    name: "a plugin can be changed by other users",
    seen: { on: "lab1", command: "heartbeat plugins" },
    make: async (bed) => {
      const plugin = 'export default { name: "own", collect: () => [{ name: "own", status: "ok", message: "fine" }] };';
      await bed.sh(
        "lab1",
        `install -d /etc/labfleet/plugins; cd /etc/labfleet/plugins; cat >own.ts; chmod 0666 own.ts`,
        plugin,
      );
      await bed.host(setting("heartbeat", 'plugins_dir = "/etc/labfleet/plugins"'));
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
    },
    says: /own.*(?:write|chang)/,
    mended: async (bed) => {
      await bed.sh("lab1", "systemctl restart labfleet-heartbeat");
      return !/own.*(?:write|chang)/.test(await bed.look("lab1", "heartbeat plugins"));
    },
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
