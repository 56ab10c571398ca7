// What the collector knows of each host now: its latest heartbeat as the receiver's list shows it, whether it has a token, whether an
// upload of it is under way, and whether two machines send under its name.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type KnownHosts, NO_KNOWN_HOSTS, parseKnownHosts } from "../../contract/known-hosts.ts";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { judge } from "../../fleet/judge.ts";
import { isComplete, withNever } from "../../fleet/never.ts";
import { parseSenders } from "../../fleet/senders.ts";
import { briefOf, summarise } from "../../fleet/view.ts";
import { readIfExists } from "../../os/files/files.ts";
import { hostOfFile, readLatest } from "../../os/files/latest-heartbeat.ts";
import { openRefusedHosts } from "../../os/files/refused-hosts.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Heard, Hosts } from "./hosts.ts";

/** Files that are read at a time. */
const AT_ONCE = 32;
const FILE_BYTES = 64 * 1024 ** 2;

export interface HostPlaces {
  heartbeatsDir: string;
  attemptsDir: string;
  hostsPath: string;
  duplicatesPath: string;
}

export type ReadHosts = { kind: "read"; hosts: Hosts } | { kind: "unknown"; why: Finding };

/**
 * Reads it all, as of `nowMs`. A collector that no heartbeat has come to has none; one file that cannot be read tells nothing of its
 * host. Never rejects for an error of the system.
 */
export async function readHosts(places: HostPlaces, nowMs: number): Promise<ReadHosts> {
  let path = places.hostsPath;
  try {
    const known = parseKnownHosts((await readIfExists(path, FILE_BYTES)) ?? "") ?? NO_KNOWN_HOSTS;
    path = places.duplicatesPath;
    const senders = parseSenders((await readIfExists(path, FILE_BYTES)) ?? "");
    path = join(places.heartbeatsDir, "/");
    const beats = await readBeats(places.heartbeatsDir, nowMs, known);
    path = join(places.attemptsDir, "/");
    const heard = await withRefusals(beats, places.attemptsDir, known, nowMs);
    return { kind: "read", hosts: { heard, known, senders } };
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const what = `${path} cannot be read: ${quoted(errorText(error))}`;
    return { kind: "unknown", why: { what, fix: refusedFix(code) } };
  }
}

async function readBeats(dir: string, nowMs: number, known: KnownHosts): Promise<Heard[]> {
  const heard: Heard[] = [];
  const left = [...new Set((await namesIn(dir)).map(hostOfFile).filter(isName))].sort();
  while (left.length > 0) {
    const found = await Promise.all(left.splice(0, AT_ONCE).map((host) => readOne(dir, host, nowMs, known)));
    heard.push(...found.filter((one) => one !== null));
  }
  return heard;
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function readOne(dir: string, host: string, nowMs: number, { store }: KnownHosts): Promise<Heard | null> {
  const found = await readLatest(dir, host);
  if (found.kind !== "found") return null;
  const brief = briefOf(host, found.stored);
  const checks = brief.heartbeat === null ? [] : brief.results.map((result) => judge(result, nowMs));
  return {
    summary: summarise(brief, nowMs, store),
    checks: checks.filter(({ holds }) => holds !== "ok" && holds !== "stale"),
  };
}

/** With the hosts that have a token and were never heard of, and why those are silent that were refused: the receiver's own words. */
async function withRefusals(heard: readonly Heard[], dir: string, known: KnownHosts, nowMs: number): Promise<Heard[]> {
  const summaries = heard.map(({ summary }) => summary);
  const withToken = known.hosts.filter(({ token_since }) => token_since !== null).map(({ host }) => host);
  if (isComplete(summaries, withToken)) return [...heard];
  const tallies = await openRefusedHosts(dir).look(nowMs);
  const checks = new Map(heard.map((one) => [one.summary.host, one.checks]));
  const all = withNever(summaries, withToken, (host) => tallies.get(host) ?? null, nowMs);
  return all.map((summary) => ({ summary, checks: checks.get(summary.host) ?? [] }));
}
