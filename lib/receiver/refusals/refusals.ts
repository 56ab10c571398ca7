// What is made of refusals of those who did not show who they are: they are counted, and once a minute written as sums and
// said in the log, a line for each address, kind and reason. A host that has a token file is named as it is refused, in the
// words of every refusal, as long as that is no flood: an operator sees a revoked token at once, and a reader of access lines
// sees its PUTs.

import type { RefusalSum } from "../../contract/attempt-row.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Attempts } from "./attempts.ts";
import { collapse, RefusalSums, type Refused } from "./refusal-sums.ts";

const INTERVAL_MS = 60_000;
/** Sums that wait for room on the disk; of more than these only kind and reason are kept. */
const KEPT = 1000;

/** What may be said in one interval, lines. */
const SAY_LIMITS = {
  /** Of one host by name: a shipper whose token is refused comes a few times a minute. */
  perHost: 10,
  byName: 200,
  /** First ones of an address, and later the sums. */
  sums: 64,
};

export interface Refusals {
  /**
   * Counts one.
   * @param detail one sentence for people
   * @returns true: the caller says it in full, with the host's name
   */
  note(refused: Refused, detail: string): boolean;
  /** Writes and says what was counted. Never rejects. */
  flush(): Promise<void>;
  close(): void;
}

export interface RefusalParts {
  attempts: Pick<Attempts, "addSums">;
  log: Pick<Log, "warn">;
  nowMs: () => number;
  limits?: typeof SAY_LIMITS;
}

export function openRefusals({ attempts, log, nowMs, limits = SAY_LIMITS }: RefusalParts): Refusals {
  const sums = new RefusalSums();
  let named = new Map<string, number>();
  let lines = { byName: 0, first: 0 };
  /** Sums that could not be written: there was no room. */
  let unwritten: RefusalSum[] = [];
  const mayName = (host: string | null): boolean => {
    const before = host === null ? limits.perHost : (named.get(host) ?? 0);
    if (host === null || before >= limits.perHost || lines.byName >= limits.byName) return false;
    named.set(host, before + 1);
    lines.byName++;
    return true;
  };
  const flush = async (): Promise<void> => {
    const taken = sums.take();
    named = new Map();
    lines = { byName: 0, first: 0 };
    for (const line of tell(taken, limits)) log.warn(line);
    const all = [...unwritten, ...taken];
    unwritten = [];
    const left = all.length > 0 ? await attempts.addSums(all) : [];
    unwritten = left.length > KEPT ? collapse(left) : left;
  };
  const timer = setInterval(() => void flush(), INTERVAL_MS);
  timer.unref();
  return {
    note(refused, detail) {
      const count = sums.add(refused, nowMs());
      if (mayName(refused.host)) return true;
      if (count === 1 && lines.first++ < limits.sums) {
        log.warn(`refused ${WORDS[refused.what].one} of ${refused.remote}: ${detail}; more of these are counted`);
      }
      return false;
    },
    flush,
    close: () => clearInterval(timer),
  };
}

/** The lines of an interval: the largest sums, each on its own, and how many others there were. Pure. */
export function tell(sums: readonly RefusalSum[], limits: Pick<typeof SAY_LIMITS, "perHost" | "sums">): string[] {
  // The others were told one by one.
  const untold = sums.filter(({ host_id, count }) => count > (host_id === null ? 1 : limits.perHost));
  untold.sort((a, b) => b.count - a.count);
  const lines = untold.slice(0, limits.sums).map(({ count, what, remote, host_id, reason, from, to }) => {
    const whose = host_id === null ? "" : ` for ${host_id}`;
    return `refused ${count} ${WORDS[what].many} of ${remote}${whose}: ${reason}, from ${clockOf(from)} to ${clockOf(to)} UTC`;
  });
  const more = untold.slice(limits.sums);
  const count = more.reduce((sum, each) => sum + each.count, 0);
  return more.length === 0
    ? lines
    : [...lines, `refused ${count} more, of ${more.length} addresses, hosts and reasons`];
}

/** `06:37:53` of `2026-05-01T06:37:53.830000+00:00`. */
function clockOf(wall: string): string {
  return wall.slice(11, 19);
}

const WORDS: Record<Refused["what"], { one: string; many: string }> = {
  episode: { one: "an episode", many: "episodes" },
  heartbeat: { one: "a heartbeat", many: "heartbeats" },
  read: { one: "a read", many: "reads" },
  judge: { one: "a judge call", many: "judge calls" },
  enrolment: { one: "an enrolment", many: "enrolments" },
  request: { one: "a request", many: "requests" },
  connection: { one: "a connection", many: "connections" },
};
