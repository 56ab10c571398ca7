// Faults of the way to the collector: names, ports, cables, and what stands in between.

import type { Bed } from "./bed.ts";
import { type Fault, receiverHosts, shipperLog, shipperStatus } from "./fault.ts";
import type { Said } from "./remedy.ts";

export const URL = "https://collector.wg:8443";

export const setUrl =
  (url: string) =>
  (bed: Bed): Promise<void> =>
    bed.host((toml) => toml.replace(/^url = .*$/m, `url = "${url}"`));

/** Sets the URL that a remedy names. */
async function namedUrl(bed: Bed, { remedy }: Said): Promise<void> {
  const [, url = ""] = /receiver\.url to .*?(https?:\/\/[^\s,;]+)/.exec(remedy) ?? [];
  if (url === "") throw new Error(`no URL is named: ${remedy}`);
  await setUrl(url)(bed);
}

const recorded =
  (make: (bed: Bed) => Promise<unknown>) =>
  async (bed: Bed): Promise<void> => {
    await make(bed);
    await bed.record();
  };

/** Runs what a remedy shows first, as a person would to see what is wrong, whatever it finds; then does what it says. */
const lookAndThen =
  (mend: (bed: Bed) => Promise<unknown>) =>
  async (bed: Bed, { steps }: Said): Promise<void> => {
    for (const { on, line } of steps) {
      const seen = await bed.look(on, line);
      if (/command not found/.test(seen)) throw new Error(`${line}: ${seen}`);
    }
    await mend(bed);
  };

const HTML = { "content-type": "text/html", server: "nginx" };
const PAGE = "<html><body><h1>nginx</h1></body></html>";

/** A box in between that answers by itself. */
const boxed = (status: number, headers: Record<string, string> = HTML): ((bed: Bed) => Promise<void>) =>
  recorded(async (bed) => {
    await bed.sh("collector", "cat >/run/box", JSON.stringify({ status, headers, body: PAGE }));
    await bed.sh("collector", "systemd-run -q --unit=box bun /srv/labfleet/scripts/faults/box.ts");
    await bed.sh("collector", "until curl -sk -o /dev/null https://127.0.0.1:9443/; do sleep 0.2; done");
    await setUrl("https://collector.wg:9443")(bed);
  });
const passOn = (bed: Bed): Promise<unknown> => bed.sh("collector", ": >/run/box");
const noBox = (bed: Bed): Promise<unknown> => bed.look("collector", "systemctl stop box; rm -f /run/box");

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
    says: /no receiver runs here/,
  },
  {
    name: "the URL has the wrong port",
    seen: shipperStatus,
    make: recorded(setUrl("https://collector.wg:8444")),
    says: /nobody listens at/,
    words: setUrl(URL),
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
  {
    name: "a proxy takes no large bodies (a bare 413)",
    seen: shipperLog,
    make: boxed(413),
    says: /answers 413 from "?nginx/,
    words: passOn,
    clear: noBox,
  },
  {
    name: "a firewall for the web refuses (a bare 403)",
    seen: shipperLog,
    make: boxed(403, { ...HTML, server: "waf" }),
    says: /answers 403 from "?waf/,
    words: lookAndThen(setUrl(URL)),
    clear: noBox,
  },
  {
    name: "the receiver moved (a redirect to the same path)",
    seen: shipperLog,
    make: async (bed) => {
      const id = `episode-${Number(bed.latest.split("-")[1] ?? 0) + 1}`;
      await boxed(302, { ...HTML, location: `${URL}/v1/episodes/lab1/${id}.tar.zst` })(bed);
    },
    says: /answers 302 from "?nginx/,
    words: namedUrl,
    clear: noBox,
  },
  {
    name: "a portal wants a sign-in (a redirect to its page)",
    seen: shipperLog,
    make: boxed(302, { ...HTML, location: "http://portal.example/login" }),
    says: /answers 302 from .*portal\.example/,
    words: passOn,
    clear: noBox,
  },
  {
    name: "a portal answers for the receiver (HTML with 200)",
    seen: shipperLog,
    make: boxed(200),
    says: /without a receipt/,
    words: lookAndThen(setUrl(URL)),
    clear: noBox,
  },
  {
    name: "a proxy has nobody behind it (a bare 502)",
    seen: shipperLog,
    make: boxed(502),
    says: /answers 502 from/,
    words: passOn,
    clear: noBox,
  },
];
