// What is wrong with a host, in one line. Pure.

import { type Finding, type Fix, fixText, onHost } from "../core/finding.ts";
import { beforeRemedy, remedyLast } from "../core/remedy-last.ts";
import { formatSeconds } from "../core/text/quantity.ts";
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
export function problemOf(
  facts: HostFacts,
  results: readonly Judged[],
  { trust, queue }: AboutShipper,
): Finding | null {
  const { stale, skewS, clockOff } = facts;
  const parts: Finding[] = [];
  const say = (what: string): number => parts.push({ what, fix: null });
  const said = aboutHeartbeat(facts);
  if (said !== null) say(said);
  if (clockOff) parts.push(aboutClock(skewS ?? 0));
  if (trust !== null) parts.push(trust);
  if (results.length === 0) say("its heartbeat holds no result");
  // Of a host that is silent everything expires: that is one thing to say, not one for each result.
  const bad = results.filter(({ shown }) => shown !== "ok" && !(stale && shown === "stale"));
  const [first] = [...bad].sort((a, b) => gravity(b.shown) - gravity(a.shown));
  if (first !== undefined) parts.push(beforeRemedy(aboutResult(first), andMore(bad)));
  // Its own check says the same; and what the queue of a host was that is silent nobody knows now.
  if (queue !== null && !stale && first?.name !== "queue") parts.push(queue);
  const odd = results.filter((result) => result.shown === "ok" && result.odd !== "");
  if (odd[0] !== undefined) say(`${odd[0].name}: ${odd[0].odd}${andMore(odd)}`);
  const flapping = results.filter((result) => result.flapping);
  if (flapping[0] !== undefined) say(`${flapping[0].name} flapping${andMore(flapping)}`);
  if (parts.length === 0) return null;
  // A remedy ends its line, and what makes it speak again comes before what it last said.
  return stale && facts.aheadS === 0
    ? { what: parts.map(asToldBefore).join("; "), fix: SPEAK }
    : remedyLast(parts, "; ");
}

/** What a host that is silent said last, with what was to be done about that then. */
function asToldBefore({ what, fix }: Finding): string {
  return fix === null ? what : `${what}; ${fixText(fix, "collector")}`;
}

function aboutClock(skewS: number): Finding {
  return { what: `its clock is ${formatSeconds(Math.abs(skewS))} ${skewS > 0 ? "fast" : "slow"}`, fix: SET_CLOCK };
}

/** A clock that is off: the host's, or the collector's own. */
export const SET_CLOCK: Fix = {
  text: "set it, or this collector's where that is the wrong one",
  commands: [onHost("sudo", "timedatectl", "set-ntp", "true")],
};

/** Only there can be seen why a host is silent, whether it is off or on, and ships; what starts it again is said there. */
const SPEAK: Fix = {
  text: "switch the host on, or, where it is on, see why no heartbeat comes from it",
  commands: [onHost("sudo", "heartbeat", "status")],
};

/** What is wrong with its shipper: null for nothing. */
export interface AboutShipper {
  trust: Finding | null;
  queue: Finding | null;
}

function aboutHeartbeat({ ageS, lateS, lateAfterS, stale, aheadS }: HostFacts): string | null {
  if (aheadS > 0) return `its heartbeat came ${formatSeconds(aheadS)} from now: this collector's clock was set back`;
  if (stale) return `no heartbeat for ${formatSeconds(ageS)}`;
  return ageS + lateS > lateAfterS ? `its heartbeat was ${formatSeconds(lateS)} old when it came` : null;
}

function andMore(all: readonly unknown[]): string {
  return all.length > 1 ? ` (and ${all.length - 1} more)` : "";
}

function aboutResult({ name, status, shown, was, state, attempts, said, before, odd }: Judged): Finding {
  const { what, fix } = said ?? { what: "", fix: null };
  const words = what === "" && fix === null ? "" : `: ${what}`;
  const behind = odd === "" ? "" : ` [${odd}]`;
  // An old message would pass for what is so now; why it has to wait, or how its newest run failed, is news.
  if (shown === "stale" && state !== "pending") return { what: `${name} stale, was ${was}${behind}`, fix: null };
  if (shown === "stale") return { what: `${name} stale, was ${was}${words}${behind}`, fix };
  // Waiting makes nothing better.
  const last = before === null || before === "ok" ? "" : ` (was ${before})`;
  const how = state === "soft" ? ` (soft, run ${attempts})` : last;
  return { what: `${name} ${status}${how}${words}${behind}`, fix };
}
