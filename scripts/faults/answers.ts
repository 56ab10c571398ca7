// Faults of what answers in the collector's place, or before it: boxes in between, portals, other collectors, an old one.

import type { Bed } from "./bed.ts";
import type { Told } from "./box.ts";
import { type Fault, shipperLog } from "./fault.ts";
import { lookAndThen, namedUrl, recorded, setUrl, URL } from "./network.ts";

const HTML = { "content-type": "text/html", server: "nginx" };
const PAGE = "<html><body><h1>nginx</h1></body></html>";

/** A box in between that answers by itself. */
const boxed = (status: number, headers: Record<string, string> = HTML): ((bed: Bed) => Promise<void>) =>
  through({ status, headers, body: PAGE });

/** A box in between that does as it is told (box.ts). */
const through = (told: Told): ((bed: Bed) => Promise<void>) =>
  recorded(async (bed) => {
    await bed.sh("collector", "cat >/run/box", JSON.stringify(told));
    await bed.sh("collector", "systemd-run -q --unit=box bun /srv/labfleet/scripts/faults/box.ts");
    await bed.sh("collector", "until curl -sk -o /dev/null https://127.0.0.1:9443/; do sleep 0.2; done");
    await setUrl("https://collector.wg:9443")(bed);
  });
const passOn = (bed: Bed): Promise<unknown> => bed.sh("collector", ": >/run/box");
const noBox = (bed: Bed): Promise<unknown> => bed.look("collector", "systemctl stop box; rm -f /run/box");

export const ANSWERS: readonly Fault[] = [
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
  {
    name: "a redirect that says not where to",
    seen: shipperLog,
    make: boxed(301, { server: "nginx" }),
    says: /answers 301 from "?nginx/,
    words: setUrl(URL),
    clear: noBox,
  },
  {
    name: "a proxy knows nothing of the path (its page with 404)",
    seen: shipperLog,
    make: boxed(404),
    says: /answers 404 from/,
    words: lookAndThen(setUrl(URL)),
    clear: noBox,
  },
  {
    name: "a receiver of an older release (receipts without receiver_id)",
    seen: shipperLog,
    make: through({ without: "receiver_id" }),
    says: /receiver_id|no-identity|does not say/,
    words: passOn,
    clear: noBox,
  },
];
