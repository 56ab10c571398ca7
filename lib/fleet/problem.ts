// What is wrong with a host, in one line. Pure.

import { type Fix, findingText, fixText, onHost } from "../core/finding.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { beforeRemedy, remedyLast } from "../core/text/remedy-last.ts";
import { gravity, type Judged } from "./judge.ts";

export interface HostFacts {
  ageS: number;
  /** How old the heartbeat was when it came, seconds. */
  lateS: number;
  /** Its next heartbeat is overdue by this age. */
  lateAfterS: number;
  stale: boolean;
  /** So much later than now it came, by a clock of the collector that was set back since; 0: it was not. */
  aheadS: number;
  skewS: number | null;
  clockOff: boolean;
}

/**
 * One line: the heartbeat, the clock, whom it trusts, the gravest result, the queue, then what is odd about those that are ok,
 * then what flaps; of each the first and how many more. Null: nothing is wrong.
 */
export function problemOf(facts: HostFacts, results: readonly Judged[], { trust, queue }: AboutShipper): string | null {
  const { stale, skewS, clockOff } = facts;
  const parts: string[] = [];
  const said = aboutHeartbeat(facts);
  if (said !== null) parts.push(said);
  if (clockOff) parts.push(aboutClock(skewS ?? 0));
  if (trust !== null) parts.push(trust);
  if (results.length === 0) parts.push("its heartbeat holds no result");
  // Of a host that is silent everything expires: that is one thing to say, not one for each result.
  const bad = results.filter(({ shown }) => shown !== "ok" && !(stale && shown === "stale"));
  const [first] = [...bad].sort((a, b) => gravity(b.shown) - gravity(a.shown));
  if (first !== undefined) parts.push(beforeRemedy(resultLine(first), andMore(bad)));
  // Its own check says the same; and what the queue of a host was that is silent nobody knows now.
  if (queue !== null && !stale && first?.name !== "queue") parts.push(queue);
  const odd = results.filter((result) => result.shown === "ok" && result.odd !== "");
  if (odd[0] !== undefined) parts.push(`${odd[0].name}: ${odd[0].odd}${andMore(odd)}`);
  const flapping = results.filter((result) => result.flapping);
  if (flapping[0] !== undefined) parts.push(`${flapping[0].name} flapping${andMore(flapping)}`);
  const line = parts.join("; ");
  if (line === "") return null;
  // A remedy ends its line, and what makes it speak again comes before what it last said.
  return stale && facts.aheadS === 0 ? `${line.replaceAll("; fix: ", "; ")}; fix: ${SPEAK}` : remedyLast(parts, "; ");
}

function aboutClock(skewS: number): string {
  const what = `its clock is ${formatSeconds(Math.abs(skewS))} ${skewS > 0 ? "fast" : "slow"}`;
  return findingText({ what, fix: SET_CLOCK }, "collector");
}

const SET_CLOCK: Fix = {
  text: "set it, or this collector's where that is the wrong one",
  commands: [onHost("sudo", "timedatectl", "set-ntp", "true")],
};

/** Only there can be seen why a host is silent. */
const SPEAK = fixText(
  { text: "switch the host on, or see what keeps it", commands: [onHost("heartbeat", "status")] },
  "collector",
);

/** What is wrong with its shipper: null for nothing. */
export interface AboutShipper {
  trust: string | null;
  queue: string | null;
}

function aboutHeartbeat({ ageS, lateS, lateAfterS, stale, aheadS }: HostFacts): string | null {
  if (aheadS > 0) return `its heartbeat came ${formatSeconds(aheadS)} from now: this collector's clock was set back`;
  if (stale) return `no heartbeat for ${formatSeconds(ageS)}`;
  return ageS + lateS > lateAfterS ? `its heartbeat was ${formatSeconds(lateS)} old when it came` : null;
}

function andMore(all: readonly unknown[]): string {
  return all.length > 1 ? ` (and ${all.length - 1} more)` : "";
}

function resultLine({ name, status, shown, was, state, attempts, message, before, odd }: Judged): string {
  const words = message === "" ? "" : `: ${message}`;
  const behind = odd === "" ? "" : ` [${odd}]`;
  // An old message would pass for what is so now; why it has to wait, or how its newest run failed, is news.
  if (shown === "stale") return beforeRemedy(`${name} stale, was ${was}${state === "pending" ? words : ""}`, behind);
  // Waiting makes nothing better.
  const last = before === null || before === "ok" ? "" : ` (was ${before})`;
  return beforeRemedy(`${name} ${status}${state === "soft" ? ` (soft, run ${attempts})` : last}${words}`, behind);
}
