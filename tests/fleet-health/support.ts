// Facts about a host that is well, for tests that change one of them.

import type { HostSummary } from "../../lib/fleet/view.ts";
import type { Hosts } from "../../lib/fleet-health/hosts/hosts.ts";
import { NO_HOSTS } from "../../lib/fleet-health/hosts/hosts.ts";
import type { Facts } from "../../lib/fleet-health/judge/facts.ts";
import { NO_PAST } from "../../lib/fleet-health/judge/past.ts";
import { NO_UPLOADS, type Uploads } from "../../lib/fleet-health/judge/uploads.ts";
import type { Channel } from "../../lib/fleet-health/notify/channel.ts";
import type { Teller } from "../../lib/fleet-health/notify/mailbox.ts";

export const factsWith = (more: Partial<Facts>): Facts => ({
  ...{ host: "lab1", shippedMs: null, movedMs: null, uploads: NO_UPLOADS, heartbeat: null, checks: [] },
  ...{ duplicate: null, usedTwice: null, past: NO_PAST, shippedAgeMs: null, heardAgeMs: null },
  ...more,
});

/** Uploads of late, by the reason of each refusal. */
export const uploadsWith = (refused: Readonly<Record<string, number>>, taken = 0): Uploads => ({
  ...NO_UPLOADS,
  ...{ taken, refused: new Map(Object.entries(refused)) },
});

/** Hosts of whom heartbeats came. */
export const hostsWith = (summaries: readonly HostSummary[], more: Partial<Hosts> = {}): Hosts => ({
  ...NO_HOSTS,
  heard: summaries.map((summary) => ({ summary, checks: [] })),
  ...more,
});

/** A machine that tells, and whose store is not known. */
export const HUB: Teller = { collector: "hub", store: null };

/** A hook that hears of all. */
export const channelWith = (more: Partial<Channel> = {}): Channel => ({
  ...{
    name: "ops",
    type: "webhook",
    url: "http://x/",
    urlFile: null,
    tokenFile: null,
    caBundle: null,
    command: [],
    mail: null,
  },
  ...{ symptoms: null, hosts: null, quiet: null },
  ...more,
});
