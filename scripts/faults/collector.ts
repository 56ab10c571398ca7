// Faults of the collector itself: its configuration, its unit, its store, its hosts.

import type { Bed } from "./bed.ts";
import { type Fault, receiverHosts, receiverLog, receiverStatus } from "./fault.ts";

export const stores = async (bed: Bed): Promise<boolean> => {
  const { running, storing } = JSON.parse(await bed.look("collector", "receiver status --json"));
  return running && storing.ready === true;
};

/** The receiver's own configuration is bad: who mends it starts it. */
const restarted = (change: (toml: string) => string) => (bed: Bed) => bed.collect(change);

export const COLLECTOR: readonly Fault[] = [
  {
    name: "the receiver is stopped, as its status tells it",
    seen: receiverStatus,
    make: (bed) => bed.sh("collector", "systemctl stop labfleet-receiver"),
    says: /^receiver +not running/,
    mended: stores,
  },
  {
    name: "the receiver's port is taken",
    seen: receiverLog,
    make: (bed) =>
      bed.look(
        "collector",
        `systemctl stop labfleet-receiver; systemd-run -q --unit=taker bun -e 'Bun.listen({ hostname: "0.0.0.0", port: 8443, socket: { data() {} } })'
        until ss -ltn | grep -q :8443; do sleep 0.2; done; systemctl start labfleet-receiver`,
      ),
    says: /cannot listen on .* in use/,
    words: async (bed, { steps }) => {
      for (const { line } of steps) {
        const seen = await bed.sh("collector", line);
        if (!seen.includes("8443")) throw new Error(`${line} shows nothing: ${seen}`);
      }
      await bed.sh("collector", "systemctl stop taker; systemctl start labfleet-receiver");
    },
    mended: stores,
    clear: (bed) => bed.look("collector", "systemctl stop taker"),
  },
  {
    name: "the receiver may not use a port below 1024",
    seen: receiverLog,
    make: restarted((toml) => toml.replace("0.0.0.0:8443", "0.0.0.0:443")),
    says: /cannot listen on .*:443/,
    mended: stores,
  },
  {
    name: "the receiver's address is none of this machine",
    seen: receiverLog,
    make: restarted((toml) => toml.replace("0.0.0.0:8443", "10.99.0.1:8443")),
    says: /cannot listen on 10\.99\.0\.1/,
    words: restarted((toml) => toml.replace("10.99.0.1:8443", "0.0.0.0:8443")),
    mended: stores,
  },
  {
    name: "the collector's configuration has a value of the wrong type",
    seen: receiverLog,
    make: restarted((toml) => toml.replace('disk_reserve = "1 MiB"', "disk_reserve = true")),
    says: /disk_reserve/,
    words: restarted((toml) => toml.replace("disk_reserve = true", 'disk_reserve = "1 MiB"')),
    mended: stores,
  },
  {
    name: "the collector's configuration cannot be read by the receiver",
    seen: receiverLog,
    make: (bed) =>
      bed.look("collector", "chmod 0600 /etc/labfleet/collector.toml; systemctl restart labfleet-receiver"),
    says: /collector\.toml .*cannot be read/,
    mended: stores,
  },
  {
    name: "the file of accepted commits is not there",
    seen: receiverLog,
    make: async (bed) => {
      await bed.collect((toml) => `${toml}\n[gate]\naccepted_commits_file = "/etc/labfleet/accepted"\n`);
      await bed.record(`echo '{"code_commit": "def456"}' >meta.json`);
    },
    says: /gate: .*accepted/,
    words: async (bed) => {
      await bed.write("collector", "/etc/labfleet/accepted", "def456\n");
      await bed.record(`echo '{"code_commit": "def456"}' >meta.json`);
    },
  },
  {
    name: "the directory of tokens cannot be read by the receiver",
    seen: receiverLog,
    make: async (bed) => {
      await bed.sh("collector", "chmod 0700 /etc/labfleet/tokens.d; systemctl restart labfleet-receiver");
      await bed.record();
    },
    says: /tokens\.d/,
  },
  {
    name: "a token file cannot be read by the receiver",
    seen: receiverLog,
    make: async (bed) => {
      await bed.sh("collector", "chmod 0600 /etc/labfleet/tokens.d/lab1; systemctl restart labfleet-receiver");
      await bed.record();
    },
    says: /tokens\.d/,
  },
  {
    name: "a host is silent",
    seen: receiverHosts,
    make: (bed) => bed.sh("lab1", "systemctl stop labfleet-heartbeat labfleet-shipper"),
    says: /^lab1 .*no heartbeat for/,
    // What it says there is what mends it.
    words: (bed) => bed.sh("lab1", "heartbeat status || true; systemctl start labfleet-heartbeat labfleet-shipper"),
    mended: async (bed) => !/^lab1 .*no heartbeat/m.test(await bed.look("collector", "receiver hosts")),
  },
  {
    name: "a host has a token and was never heard of",
    seen: receiverHosts,
    make: (bed) => bed.sh("collector", "receiver token add lab7"),
    says: /^lab7 .*never/,
    words: (bed) => bed.sh("collector", "receiver token revoke lab7 --all"),
    mended: async (bed) => !/^lab7/m.test(await bed.look("collector", "receiver hosts")),
  },
];
