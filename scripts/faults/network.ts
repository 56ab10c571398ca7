// Faults of the way to the collector: names, ports, cables. What stands in between is in answers.ts.

import type { Bed } from "./bed.ts";
import { corrected, restarted } from "./config.ts";
import { type Fault, receiverHosts, shipperLog, shipperStatus } from "./fault.ts";
import type { Said } from "./remedy.ts";

export const URL = "https://collector.wg:8443";

export const setUrl =
  (url: string) =>
  (bed: Bed): Promise<void> =>
    bed.host((toml) => toml.replace(/^url = .*$/m, `url = "${url}"`));

/** With an episode that is to be shipped then. */
export const recorded =
  (make: (bed: Bed) => Promise<unknown>) =>
  async (bed: Bed): Promise<void> => {
    await make(bed);
    await bed.record();
  };

/** Sets the URL that a remedy names. */
export async function namedUrl(bed: Bed, { remedy }: Said): Promise<void> {
  const [, url = ""] = /receiver\.url to .*?(https?:\/\/[^\s,;]+?)(?=[,;:]?(?:\s|$))/.exec(remedy) ?? [];
  if (url === "") throw new Error(`no URL is named: ${remedy}`);
  await setUrl(url)(bed);
}

/** Runs what a remedy shows first, as a person would to see what is wrong, whatever it finds; then does what it says. */
export const lookAndThen =
  (mend: (bed: Bed) => Promise<unknown>) =>
  async (bed: Bed, { steps }: Said): Promise<void> => {
    for (const { on, line } of steps) {
      const seen = await bed.look(on, line);
      if (/command not found/.test(seen)) throw new Error(`${line}: ${seen}`);
    }
    await mend(bed);
  };

const cable = (on: "lab1" | "collector", state: "up" | "down") => (bed: Bed) =>
  bed.sh(on, `ip link set host0 ${state}${state === "up" ? "; ip route replace default via 10.77.0.1" : ""}`);

export const NETWORK: readonly Fault[] = [
  {
    name: "the receiver is stopped",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("collector", "systemctl stop labfleet-receiver")),
    says: /queue paused: nobody listens at/,
  },
  {
    name: "the receiver is stopped, as the collector sees it",
    seen: receiverHosts,
    make: recorded((bed) => bed.sh("collector", "systemctl stop labfleet-receiver")),
    says: /the receiver is not running/,
  },
  {
    name: "the URL has the wrong port",
    seen: shipperStatus,
    make: recorded(setUrl("https://collector.wg:8444")),
    says: /nobody listens at/,
    words: setUrl(URL),
  },
  {
    name: "the URL has port 0",
    seen: shipperLog,
    make: restarted((toml) => toml.replace("collector.wg:8443", "collector.wg:0")),
    says: /receiver\.url/,
    words: corrected((toml) => toml.replace("collector.wg:0", "collector.wg:8443")),
  },
  {
    name: "the URL has a path below which there is nothing",
    seen: shipperLog,
    make: recorded(setUrl(`${URL}/labfleet`)),
    says: /queue paused: .*404/,
    words: namedUrl,
  },
  {
    name: "the URL's name does not resolve",
    seen: shipperLog,
    make: recorded(setUrl("https://colector.wg:8443")),
    says: /no host of the name|name service does not answer/,
    words: lookAndThen(setUrl(URL)),
  },
  {
    name: "the lab host's cable is pulled",
    seen: shipperLog,
    make: recorded(cable("lab1", "down")),
    says: /this host has no way to/,
    words: lookAndThen(cable("lab1", "up")),
    clear: cable("lab1", "up"),
  },
  {
    name: "the collector's cable is pulled",
    seen: shipperLog,
    make: recorded(cable("collector", "down")),
    says: /does not answer on its network|gives no sign/,
    words: lookAndThen(cable("collector", "up")),
    clear: cable("collector", "up"),
  },
  {
    name: "a firewall drops what goes back",
    seen: shipperLog,
    make: recorded((bed) => bed.sh("collector", `ip route add blackhole ${bed.lab.ip}`)),
    says: /gives no sign/,
    words: lookAndThen((bed) => bed.sh("collector", `ip route del blackhole ${bed.lab.ip}`)),
    clear: (bed) => bed.look("collector", `ip route del blackhole ${bed.lab.ip}`),
  },
  {
    name: "http:// for https://",
    seen: shipperLog,
    make: recorded(setUrl("http://collector.wg:8443")),
    says: /speaks TLS, and receiver.url says http/,
    words: namedUrl,
  },
  {
    name: "https:// for http://",
    seen: shipperLog,
    make: recorded((bed) => bed.collect((toml) => toml.replace(/\[tls\][^[]*/, ""))),
    says: /does not speak TLS/,
    words: namedUrl,
  },
];
