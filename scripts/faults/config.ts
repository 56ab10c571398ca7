// Faults of a lab host's configuration, and how a changed one is met.

import type { Bed } from "./bed.ts";
import { type Fault, shipperLog } from "./fault.ts";

const CONFIG = "/etc/labfleet/lab-host.toml";

/** Has a change of lab-host.toml met by a start. */
export const restarted = (change: (toml: string) => string) => async (bed: Bed) => {
  await bed.write("lab1", CONFIG, change(await bed.sh("lab1", `cat ${CONFIG}`)));
  await bed.look("lab1", "systemctl restart labfleet-shipper");
};
/** A bad configuration ends the start for good (exit 2): whoever mends it starts it. */
export const corrected = (change: (toml: string) => string) => async (bed: Bed) => {
  await restarted(change)(bed);
  await bed.record();
};

/** After another start it is not said any more. */
export const silent =
  (says: RegExp) =>
  async (bed: Bed): Promise<boolean> => {
    await bed.mark();
    await bed.sh("lab1", "systemctl restart labfleet-shipper");
    return !says.test(await bed.log("lab1", "labfleet-shipper"));
  };
export const setting = (table: string, line: string) => (toml: string) =>
  toml.replace(`[${table}]\n`, `[${table}]\n${line}\n`);
export const noSetting = (line: string) => (toml: string) => toml.replace(`${line}\n`, "");

export const CONFIGURATION: readonly Fault[] = [
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
    name: "http:// beyond this machine",
    seen: shipperLog,
    make: async (bed) => {
      await bed.collect((toml) => toml.replace(/\[tls\][^[]*/, ""));
      await restarted((toml) => toml.replace("https://collector.wg", "http://collector.wg"))(bed);
    },
    says: /receiver\.url is http:\/\/: whoever is on the way/,
    words: async (bed) => {
      await bed.sh("collector", "cp -p kept/collector.toml /etc/labfleet/; systemctl restart labfleet-receiver");
      await corrected((toml) => toml.replace("http://collector.wg", "https://collector.wg"))(bed);
    },
  },
  {
    name: "commit_file is empty",
    seen: shipperLog,
    make: (bed) => bed.sh("lab1", ": >/opt/labfleet/VERSION; systemctl restart labfleet-shipper"),
    says: /\/opt\/labfleet\/VERSION is empty/,
    mended: silent(/VERSION is empty/),
  },
];
