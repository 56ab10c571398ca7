// Forty days of boots with wrong clocks on either side: the host's and the collector's, each in 1970, in 2030, or right. The counter of
// receiver days is the real one, on the disk and opened anew by each boot; the collector answers with the time of its own clock.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { parseExpiry } from "../../../lib/shipper/retention/expiry.ts";
import { openReceiverDays } from "../../../lib/shipper/settle/receiver-days.ts";
import { sendArchive } from "../../../lib/shipper/settle/send.ts";
import { housekeeper, refused, SHA, shipped } from "../../support/housekeeper.ts";
import { makeDirs } from "../../support/lab-host.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { COLLECTOR_ID, judgement, scriptedCollector } from "../../support/scripted-collector.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR_S = 3600;
const DAYS = 40;
/** Between two exchanges, hours. */
const EVERY_H = 4;
const KEPT_DAYS = 7;
const REFUSED_DAYS = 20;
const RETENTION = `[retention]\nkeep_local_for_days = ${KEPT_DAYS}\nquarantine_keep_days = ${REFUSED_DAYS}\n`;

/** What a clock says at the beginning. */
const CLOCKS = {
  1970: 0,
  2030: Date.parse("2030-01-01T00:00:00Z"),
  right: Date.parse("2026-06-01T08:00:00Z"),
} as const;
type Clock = keyof typeof CLOCKS;
const ALL: readonly Clock[] = [1970, 2030, "right"];

interface Boot {
  id: string;
  fromH: number;
  toH: number;
  host: Clock;
  collector: Clock;
}

/** Boots of two hours to two days, one after the other. */
function bootsOf(random: Random, clocks: () => Pick<Boot, "host" | "collector">): Boot[] {
  const boots: Boot[] = [];
  for (let fromH = 0; fromH < DAYS * 24; ) {
    const toH = Math.min(fromH + random.between(2, 46), DAYS * 24);
    boots.push({ id: `boot-${boots.length}`, fromH, toH, ...clocks() });
    fromH = toH;
  }
  return boots;
}

/** What was seen at one exchange. */
interface Moment {
  boot: string;
  boottimeS: number;
  /** The collector's UTC day. */
  utcDay: string;
  /** The counter, read from the disk. */
  days: number;
  isKept: boolean;
  isRefusedKept: boolean;
  isFreshKept: boolean;
}

/** Lives through these boots. */
async function live(boots: readonly Boot[]): Promise<Moment[]> {
  const root = tempDir();
  const dirs = makeDirs(root);
  let collectorMs = 0;
  const { url } = await scriptedCollector(
    (ask) => {
      if (ask.method === "HEAD")
        return { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };
      return judgement(ask, ask.id === "refused" ? { status: 412, reason: "commit-not-accepted" } : "accept");
    },
    () => new Date(collectorMs).toUTCString(),
  );
  shipped(dirs, "kept", { receiver_day: 0 });
  refused(dirs, "refused", { refused_day: 0 });
  writeFileSync(join(root, "VERSION"), "new\n");
  const moments: Moment[] = [];
  for (const { id, fromH, toH, host, collector } of boots) {
    let boottimeS = 0;
    const days = await openReceiverDays(root, id, () => boottimeS);
    const { keeper, deps, clock } = housekeeper(root, url, RETENTION, days);
    for (let atH = fromH; atH < toH; atH += EVERY_H) {
      boottimeS = 30 + (atH - fromH) * HOUR_S;
      collectorMs = CLOCKS[collector] + atH * HOUR_S * 1000;
      // A card without a clock begins anew with each boot.
      clock.wall = CLOCKS[host] + (host === "right" ? atH * HOUR_S : boottimeS) * 1000;
      clock.monotonic = boottimeS * 1000;
      if (atH >= (DAYS - 3) * 24 && !existsSync(join(dirs.shipped, "fresh")))
        shipped(dirs, "fresh", { receiver_day: days.today() });
      // What an upload's answer does, too.
      const subject = { id: "new", bytes: 1, sha256: SHA, tree_sha256: null, code_commit: null };
      await sendArchive(deps, subject, "judge", new AbortController().signal, () => {});
      heartbeatArrives(root);
      await keeper.tidy();
      moments.push({
        ...{ boot: id, boottimeS, utcDay: new Date(collectorMs).toISOString().slice(0, 10) },
        days: JSON.parse(readFileSync(join(root, "receiver-days.json"), "utf8")).days,
        isKept: existsSync(join(dirs.shipped, "kept")),
        isRefusedKept: existsSync(join(dirs.quarantine, "refused")),
        isFreshKept: existsSync(join(dirs.shipped, "fresh")),
      });
    }
  }
  return moments;
}

/** The newest announcement arrives at the collector at once. */
function heartbeatArrives(root: string): void {
  const path = join(root, "expiring.json");
  const number = parseExpiry(existsSync(path) ? readFileSync(path, "utf8") : "")?.number ?? 0;
  mkdirSync(join(root, "hb"), { recursive: true });
  writeFileSync(join(root, "hb/announced.json"), JSON.stringify({ number, receiver_id: COLLECTOR_ID }));
}

/** The moments at which the counter stepped, the first answer before them. */
function stepsOf(moments: readonly Moment[]): Moment[] {
  return moments.filter(({ days }, i) => i === 0 || days !== moments[i - 1]?.days);
}

function check(moments: readonly Moment[], boots: readonly Boot[]): void {
  const steps = stepsOf(moments);
  for (const [i, step] of steps.entries()) {
    const before = steps[i - 1];
    if (before === undefined) continue;
    expect(step.days).toBe(before.days + 1);
    expect(step.utcDay).not.toBe(before.utcDay);
    // One a boot, or one in twenty hours.
    if (step.boot === before.boot) expect(step.boottimeS - before.boottimeS).toBeGreaterThanOrEqual(20 * HOUR_S);
  }
  const last = moments.at(-1)?.days ?? 0;
  expect(last).toBeLessThanOrEqual(boots.length + Math.floor((DAYS * 24) / 20));
  expect(last).toBeGreaterThan(REFUSED_DAYS + 2);
  // Before its day each is there; after it, it is gone. A refused one goes with the next daily call.
  expect(moments.filter(({ days, isKept }) => isKept !== days <= KEPT_DAYS)).toEqual([]);
  expect(moments.filter(({ days, isRefusedKept }) => !isRefusedKept && days <= REFUSED_DAYS)).toEqual([]);
  expect(moments.filter(({ days, isRefusedKept }) => isRefusedKept && days > REFUSED_DAYS + 2)).toEqual([]);
  expect(moments.at(-1)).toMatchObject({ isKept: false, isRefusedKept: false, isFreshKept: true });
}

for (const host of ALL) {
  for (const collector of ALL) {
    test(`the host boots in ${host}, the collector's clock is ${collector}: all goes on its receiver day, and not before`, async () => {
      const boots = bootsOf(seededRandom(5), () => ({ host, collector }));
      const moments = await live(boots);
      check(moments, boots);
      // The collector's days pass as days do, whatever year it calls them.
      expect(moments.at(-1)?.days).toBeWithin(DAYS - 3, DAYS + 2);
    });
  }
}

test("each boot finds both clocks anywhere: one step a boot or twenty hours, and nothing goes before its receiver day", async () => {
  const random = seededRandom(7);
  const boots = bootsOf(random, () => ({ host: random.pick(ALL), collector: random.pick(ALL) }));
  check(await live(boots), boots);
});
