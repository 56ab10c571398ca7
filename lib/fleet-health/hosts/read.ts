// What the collector knows of each host now: its latest heartbeat as the receiver's list shows it, whether it has a token, whether an
// upload of it is under way, and whether two machines send under its name. A file that cannot be read costs what it tells, and no more.

import { join } from "node:path";
import { type KnownHosts, NO_KNOWN_HOSTS, parseKnownHosts } from "../../contract/known-hosts.ts";
import { isName } from "../../contract/names.ts";
import { errorCode } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { counted } from "../../core/text/quantity.ts";
import { judge } from "../../fleet/judge.ts";
import { isComplete, type Named, type RefusedOfLate, withNever } from "../../fleet/never.ts";
import { parseSenders, type Senders } from "../../fleet/senders.ts";
import { briefOf, summarise } from "../../fleet/view.ts";
import { namesIn, readIfExists } from "../../os/files/files.ts";
import { hostOfFile, latestPath, readLatest } from "../../os/files/latest-heartbeat.ts";
import { openRefusedHosts } from "../../os/files/refused-hosts.ts";
import { type Doubt, pathOf, whyNotRead } from "../not-read.ts";
import { readUsedTwice } from "./codes.ts";
import type { Heard, Hosts } from "./hosts.ts";

/** Files that are read at a time. */
const AT_ONCE = 32;
const FILE_BYTES = 64 * 1024 ** 2;

export interface HostPlaces {
  heartbeatsDir: string;
  attemptsDir: string;
  hostsPath: string;
  duplicatesPath: string;
  codesDir: string;
}

export interface ReadHosts {
  /** Null: the heartbeats could not be read. */
  hosts: Hosts | null;
  /** Why not all is known. */
  doubts: readonly Doubt[];
}

/**
 * Reads it all, as of `nowMs`. A collector that no heartbeat has come to has none; one file that cannot be read tells nothing of its
 * host. Never rejects for an error of the system.
 * @param shipped hosts that are known by what they shipped: one whose tokens were all revoked has no other sign than its refusals
 */
export async function readHosts(
  places: HostPlaces,
  nowMs: number,
  shipped: readonly string[] = [],
): Promise<ReadHosts> {
  const doubts: Doubt[] = [];
  const known = (await readAs(places.hostsPath, parseKnownHosts, doubts)) ?? NO_KNOWN_HOSTS;
  const senders = (await readAs(places.duplicatesPath, sendersOf, doubts)) ?? new Map<string, Senders>();
  const unread = new Set<string>();
  const beats = await readBeats(places.heartbeatsDir, nowMs, known, { doubts, hosts: unread });
  if (beats === null) return { hosts: null, doubts };
  const usedTwice = await readUsedTwice(places.codesDir, doubts);
  const heard = await withRefusals(beats, places.attemptsDir, namedOf(known, shipped), nowMs, doubts);
  return { hosts: { heard, known, senders, unread, usedTwice }, doubts };
}

/** Null where there is none, it cannot be read or says nothing. */
async function readAs<T>(path: string, parse: (text: string) => T | null, doubts: Doubt[]): Promise<T | null> {
  try {
    const text = (await readIfExists(path, FILE_BYTES)) ?? "";
    const found = text === "" ? null : parse(text);
    // Its writer makes it anew.
    if (text !== "" && found === null)
      doubts.push({
        what: `${path} is torn, or of another release`,
        ...{ fix: byCommands(here("sudo", "rm", path)), about: path },
      });
    return found;
  } catch (error) {
    doubts.push({ ...whyNotRead(path, error), about: path });
    return null;
  }
}

/** Nobody is one, too; what is no object of that kind is none. */
function sendersOf(text: string): ReadonlyMap<string, Senders> | null {
  const senders = parseSenders(text);
  return senders.size === 0 && !/^\s*\{\s*\}\s*$/.test(text) ? null : senders;
}

/** What could not be read: why, and whose it is. */
interface Unread {
  doubts: Doubt[];
  hosts: Set<string>;
}

async function readBeats(
  dir: string,
  nowMs: number,
  known: KnownHosts,
  { doubts, hosts }: Unread,
): Promise<Heard[] | null> {
  let names: string[];
  try {
    names = await namesIn(dir);
  } catch (error) {
    doubts.push({ ...whyNotRead(dir, error, `${join(dir, "/")} cannot be read`), about: dir });
    return null;
  }
  const heard: Heard[] = [];
  const unread: Finding[] = [];
  const left = [...new Set(names.map(hostOfFile).filter(isName))].sort();
  while (left.length > 0) {
    const some = left.splice(0, AT_ONCE);
    const found = await Promise.all(some.map((host) => readOne(dir, host, nowMs, known, unread)));
    heard.push(...found.filter((one) => one !== null));
    for (const [i, host] of some.entries()) if (found[i] === null) hosts.add(host);
  }
  const [first] = unread;
  const others = unread.length === 1 ? "" : ` (and of ${counted(unread.length - 1, "other host")})`;
  if (first !== undefined) doubts.push({ ...first, what: `${first.what}${others}`, about: dir });
  return heard;
}

/** Null: nothing is known of it. A torn file is written anew with its next heartbeat, and is no doubt. */
async function readOne(
  dir: string,
  host: string,
  nowMs: number,
  { store }: KnownHosts,
  unread: Finding[],
): Promise<Heard | null> {
  try {
    const found = await readLatest(dir, host);
    if (found.kind !== "found") return null;
    const brief = briefOf(host, found.stored);
    const checks = brief.heartbeat === null ? [] : brief.results.map((result) => judge(result, nowMs));
    return {
      summary: summarise(brief, nowMs, store),
      checks: checks.filter(({ holds }) => holds !== "ok"),
    };
  } catch (error) {
    unread.push(whyNotRead(pathOf(error) ?? latestPath(dir, host), error, `the heartbeat of ${host} cannot be read`));
    return null;
  }
}

function namedOf({ hosts }: KnownHosts, shipped: readonly string[]): Named {
  const withToken = hosts.filter(({ token_since }) => token_since !== null).map(({ host }) => host);
  return { withToken, others: shipped.filter(isName) };
}

/** With the hosts that have a token and were never heard of, and why those are silent that were refused: the receiver's own words. */
async function withRefusals(
  heard: readonly Heard[],
  dir: string,
  named: Named,
  nowMs: number,
  doubts: Doubt[],
): Promise<Heard[]> {
  const summaries = heard.map(({ summary }) => summary);
  if (isComplete(summaries, named)) return [...heard];
  const refusedOf = await refusalsOf(dir, nowMs, doubts);
  const checks = new Map(heard.map((one) => [one.summary.host, one.checks]));
  const all = withNever(summaries, named, refusedOf, nowMs);
  return all.map((summary) => ({ summary, checks: checks.get(summary.host) ?? [] }));
}

async function refusalsOf(dir: string, nowMs: number, doubts: Doubt[]): Promise<(host: string) => RefusedOfLate> {
  try {
    const tallies = await openRefusedHosts(dir).look(nowMs);
    return (host) => tallies.get(host) ?? null;
  } catch (error) {
    doubts.push({ ...whyNotRead(pathOf(error) ?? dir, error, `${join(dir, "/")} cannot be read`), about: dir });
    return () => ({ dir, code: errorCode(error) ?? "" });
  }
}
