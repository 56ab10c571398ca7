// Counts refusals of those who did not show who they are, by address, host, kind and reason: however many come, and from
// however many addresses, a bounded number of sums. Pure: times are arguments, in milliseconds.

import type { RefusalSum, RefusedWhat } from "../../contract/attempt-row.ts";
import { isoWall } from "../../core/clock.ts";
import { addressOf } from "../http/address.ts";

/** What is told apart between two writes. */
export const SUM_LIMITS = {
  /** Addresses; those beyond are counted as `*`. */
  remotes: 256,
  /** Hosts that are told apart of one address: more than a proxy's whole fleet in trouble, fewer than all names that there are. */
  hostsPerRemote: 64,
} as const;

export interface Refused {
  /** `10.0.0.5:40112`. */
  remote: string;
  /** Null unless it has a token file. */
  host: string | null;
  what: RefusedWhat;
  reason: string;
}

interface Sum extends Omit<RefusalSum, "from" | "to"> {
  fromMs: number;
  toMs: number;
}

export class RefusalSums {
  private sums = new Map<string, Sum>();
  private hostsOf = new Map<string, Set<string>>();

  /** @returns how many of the same kind there have been since the last `take`, this one included */
  add({ remote, host, what, reason }: Refused, nowMs: number): number {
    const from = this.placeOf(addressOf(remote), host);
    const key = JSON.stringify([from.remote, from.host_id, what, reason]);
    const sum = this.sums.get(key);
    if (sum === undefined) {
      this.sums.set(key, { ...from, what, reason, count: 1, fromMs: nowMs, toMs: nowMs });
      return 1;
    }
    sum.toMs = Math.max(sum.toMs, nowMs);
    return ++sum.count;
  }

  get size(): number {
    return this.sums.size;
  }

  /** The sums; counting begins anew. */
  take(): RefusalSum[] {
    const taken = [...this.sums.values()];
    this.sums = new Map();
    this.hostsOf = new Map();
    return taken.map(({ fromMs, toMs, ...sum }) => ({ from: isoWall(fromMs), to: isoWall(toMs), ...sum }));
  }

  private placeOf(remote: string, host: string | null): { remote: string; host_id: string | null } {
    const hosts = this.hostsOf.get(remote);
    if (hosts === undefined) {
      if (this.hostsOf.size >= SUM_LIMITS.remotes) return { remote: "*", host_id: null };
      this.hostsOf.set(remote, new Set(host === null ? [] : [host]));
      return { remote, host_id: host };
    }
    if (host === null || hosts.has(host)) return { remote, host_id: host };
    if (hosts.size >= SUM_LIMITS.hostsPerRemote) return { remote, host_id: null };
    hosts.add(host);
    return { remote, host_id: host };
  }
}

/** Few sums instead of many, when there is no room for those: no address and no host is told apart any more. */
export function collapse(sums: readonly RefusalSum[]): RefusalSum[] {
  const few = new Map<string, RefusalSum>();
  for (const sum of sums) {
    const key = `${sum.what} ${sum.reason}`;
    const known = few.get(key);
    if (known === undefined) few.set(key, { ...sum, remote: "*", host_id: null });
    else {
      known.count += sum.count;
      if (sum.from < known.from) known.from = sum.from;
      if (sum.to > known.to) known.to = sum.to;
    }
  }
  return [...few.values()];
}
