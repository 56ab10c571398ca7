// Posts alerts to an Alertmanager (API v2). One that is refused for what it is keeps no other from being taken.

import { type Finding, type Fix, inWords } from "../../../core/finding.ts";
import { counted } from "../../../core/text/quantity.ts";
import { type Alert, alertsUrl, keyOf } from "../alerts.ts";
import type { Channel } from "../channel.ts";
import { post } from "./post.ts";
import { type Target, targetOf } from "./target.ts";
import { answered, explainPosted, isTaken, type Posted } from "./web-failures.ts";

export interface Took {
  /** Keys of those that were taken, or refused for what they are. */
  done: ReadonlySet<string>;
  /** Why some were not taken; null: all were. */
  why: Finding | null;
}

/** So many go at a time, and all of them within this time: what is left waits for the next run. */
const BATCH = 500;
const LIMIT_MS = 60_000;

/** Tries once. Never rejects for an error of the system. */
export async function postAlerts(channel: Channel, alerts: readonly Alert[], limitMs = LIMIT_MS): Promise<Took> {
  const target = await targetOf(channel);
  if ("what" in target) return { done: new Set(), why: target };
  const posting = new Posting({ ...target, url: alertsUrl(target.url) }, Date.now() + limitMs);
  for (let i = 0; i < alerts.length; i += BATCH) if (!(await posting.all(alerts.slice(i, i + BATCH)))) break;
  return { done: posting.done(), why: posting.why(alerts.length) };
}

class Posting {
  private readonly taken = new Set<string>();
  private readonly refused: { alert: Alert; posted: Answer }[] = [];
  private failure: Finding | null = null;

  constructor(
    private readonly target: Target,
    private readonly untilMs: number,
  ) {}

  /** @returns false: it is of no use to go on */
  async all(batch: readonly Alert[]): Promise<boolean> {
    const posted = await this.post(batch);
    if (posted === null) return false;
    const [first, ...others] = batch;
    const isTooMuch = posted.kind === "status" && (posted.status === 400 || posted.status === 413);
    if (isTooMuch && others.length > 0) {
      // It has taken the good ones, and does not say which those are.
      for (const alert of batch) if (!(await this.all([alert]))) return false;
      return true;
    }
    if (isTooMuch && first !== undefined) this.refused.push({ alert: first, posted });
    else if (!isTaken(posted)) return this.fail(posted);
    else for (const alert of batch) this.taken.add(keyOf(alert));
    return true;
  }

  /** Where it has taken none, what it refuses is not the alerts. */
  done(): ReadonlySet<string> {
    const refused = this.refused.map(({ alert }) => keyOf(alert));
    return this.taken.size === 0 ? this.taken : new Set([...this.taken, ...refused]);
  }

  why(count: number): Finding | null {
    if (this.failure !== null) return this.failure;
    const [first] = this.refused;
    if (first === undefined) return null;
    if (this.taken.size === 0)
      return { what: `it takes none: ${answered(first.posted)}`, fix: this.elsewhere(first.posted) };
    const { alertname = "", host = "" } = first.alert.labels;
    const which = `${alertname}${host === "" ? "" : ` of ${host}`}`;
    const what = `${this.refused.length} of ${counted(count, "alert")} were refused, ${which} first: ${answered(first.posted)}`;
    return { what, fix: inWords("report this: no alert of labfleet should be refused") };
  }

  /** Null: the time is over. */
  private async post(batch: readonly Alert[]): Promise<Posted | null> {
    if (Date.now() < this.untilMs) {
      const headers = { "content-type": "application/json", ...this.target.headers };
      return post({ ...this.target, headers }, JSON.stringify(batch));
    }
    this.failure = { what: `it is too slow: it has taken ${counted(this.taken.size, "alert")} in time`, fix: null };
    return null;
  }

  private fail(posted: Posted): false {
    const isElsewhere = posted.kind === "status" && [404, 405, 410, 415].includes(posted.status);
    const why = explainPosted(posted, this.target);
    this.failure = isElsewhere ? { ...why, fix: ALERTMANAGER } : why;
    return false;
  }

  /** What mends that something else answers in its place. */
  private elsewhere(posted: Answer): Fix {
    return explainPosted(posted, { ...this.target, otherwise: ALERTMANAGER }).fix ?? ALERTMANAGER;
  }
}

type Answer = Extract<Posted, { kind: "status" }>;

const ALERTMANAGER = inWords(
  "url must be the Alertmanager's own, such as http://127.0.0.1:9093, with its --web.route-prefix",
);
