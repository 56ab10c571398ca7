// Faults of tokens, and of who is who.

import { type Bed, DATA } from "./bed.ts";
import { type Fault, heartbeatStatus, receiverHosts, shipperLog, shipperStatus } from "./fault.ts";
import { recorded } from "./network.ts";

const TOKEN = "/etc/labfleet/token";

export const beats = async (bed: Bed): Promise<boolean> => {
  const { live } = JSON.parse(await bed.look("lab1", "heartbeat status --json"));
  return live.failing === null && live.arrived !== null && live.waiting === 0;
};

export const CREDENTIALS: readonly Fault[] = [
  {
    name: "the token file is not there",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("lab1", `rm ${TOKEN}`)),
    says: /queue paused: receiver.bearer_token_file .* is not there/,
  },
  {
    name: "the token file is empty",
    seen: shipperStatus,
    make: recorded((bed) => bed.sh("lab1", `: >${TOKEN}`)),
    says: /bearer_token_file .* is empty/,
  },
  {
    name: "the token file holds something else",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("lab1", `printf 'two\\nlines\\n' >${TOKEN}`)),
    says: /bearer_token_file .* holds no token/,
  },
  {
    name: "the token file cannot be read",
    seen: heartbeatStatus,
    make: (bed) => bed.sh("lab1", `chmod 0600 ${TOKEN}`),
    says: /bearer_token_file .* cannot be read by user labfleet/,
    mended: beats,
  },
  {
    name: "the token was revoked",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("collector", "receiver token revoke lab1 --all")),
    says: /queue paused: the receiver answers 401/,
  },
  {
    name: "the token was revoked, as the heartbeat sees it",
    seen: heartbeatStatus,
    make: (bed) => bed.sh("collector", "receiver token revoke lab1 --all"),
    says: /the receiver answers 401/,
    mended: beats,
  },
  {
    name: "the token is another host's",
    seen: shipperLog,
    make: recorded(async (bed) => {
      await bed.write("lab1", TOKEN, await bed.sh("collector", "receiver token add lab9"));
    }),
    says: /queue paused: the receiver answers 40[13]/,
  },
  {
    name: "a host has two tokens, and needs a new one",
    seen: { on: "collector", command: "receiver token add lab1" },
    make: (bed) => bed.sh("collector", "receiver token add lab1"),
    says: /lab1 has two|has 2 tokens|two tokens/,
    mended: async (bed) => {
      await bed.sh("collector", "receiver token add lab1");
      await bed.record();
      return true;
    },
  },
  {
    name: "another collector answers",
    seen: shipperLog,
    make: recorded(async (bed) => {
      await bed.sh("collector", "install -d -o labfleet -g labfleet /var/lib/labfleet/other");
      await bed.collect((toml) => toml.replace("[tls]", '[paths]\ndata_root = "/var/lib/labfleet/other"\n\n[tls]'));
    }),
    says: /queue paused: another collector answers/,
    // What it took is not what this bed's collector has; its own id counts again.
    clear: (bed) =>
      bed.sh("lab1", `systemctl stop labfleet-shipper; rm ${DATA}/receiver-pin.json; systemctl start labfleet-shipper`),
  },
  {
    name: "a copied card: two machines under one name",
    seen: receiverHosts,
    make: (bed) => bed.cloneLab(),
    says: /two machines send under this name/,
    // The clone is the lab host that is meant: the other keeps its name.
    there: "clone",
    mended: async (bed) => /^lab1-2 +\d+s /m.test(await bed.look("collector", "receiver hosts")),
    // The collector has seen one machine again, and knows of no other name.
    clear: async (bed) => {
      await bed.endClone();
      await bed.sh(
        "collector",
        "systemctl stop labfleet-receiver; cd /var/lib/labfleet; rm -rf duplicate-hosts.json heartbeats/lab1-2* heartbeats/latest/lab1-2*; systemctl start labfleet-receiver",
      );
    },
  },
];
