// Every setting of the shipper: what a reload changes is seen in what uses it, and everything else waits for a restart and is named.

import { afterEach, expect, onTestFinished, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { formatReprDigest } from "../../lib/contract/digest.ts";
import { createProgress } from "../../lib/runtime/progress.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { newEntry } from "../../lib/shipper/queue/entry.ts";
import { Waits } from "../../lib/shipper/queue/waits.ts";
import { readExpiry } from "../../lib/shipper/retention/expiry.ts";
import { FIXED_SETTINGS, type ShipperConfig } from "../../lib/shipper/settings.ts";
import { sendArchive } from "../../lib/shipper/settle/send.ts";
import { createNews } from "../../lib/shipper/work/news.ts";
import { Passes } from "../../lib/shipper/work/passes.ts";
import { housekeeper, refused, SHA, shipped } from "../support/housekeeper.ts";
import { expectAllSettings } from "../support/reloadable.ts";
import { COLLECTOR_ID, judgement, type Say, scriptedCollector } from "../support/scripted-collector.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const HAS: Say = { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };
const REFUSED = { status: 412, reason: "commit-not-accepted" };
const DAY_MS = 24 * 3600 * 1000;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** One archive that is sent as often as a test asks for it. */
function sender(url: string) {
  const { engine, dirs, reload, settings } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }), url);
  writeFileSync(join(dirs.outbox, "ep1.tar.zst"), "data");
  const subject = { id: "ep1", bytes: 4, sha256: SHA, tree_sha256: null, code_commit: "abc" };
  const send = () => sendArchive(engine.deps, subject, "put", new AbortController().signal, () => {});
  return { send, reload, settings };
}

/** Passes that need no disk: what the ground was asked, and how much was to be kept free. */
function passes() {
  const { engine, reload, settings, pass } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
  const kept: number[] = [];
  const seen = { looks: 0 };
  Object.assign(engine.deps, { freeSpace: async (bytes: number) => kept.push(bytes) > 0 });
  const made = new Passes({
    settings,
    engine,
    housekeeping: { begin: async () => {}, tidy: async () => {} },
    ground: {
      async isOurs() {
        seen.looks++;
        return true;
      },
    },
    news: createNews(),
    progress: createProgress(() => 0),
    fail: (error) => expect(error).toBeUndefined(),
  });
  cleanups.push(() => made.end());
  return { passes: made, reload, kept, seen, elapse: pass };
}

/** Waits for a condition; one that never comes is ended by the test's own time limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

/** A round of the housekeeping when the interval is over. */
async function nextRound({ keeper, clock }: ReturnType<typeof housekeeper>, afterMs = 3_600_000): Promise<void> {
  clock.monotonic += afterMs;
  await keeper.tidy();
}

const PROOFS: Partial<Record<keyof ShipperConfig, () => Promise<void>>> = {
  async receiver() {
    const busy = (): Say => ({ status: 503 });
    const [first, second] = [await scriptedCollector(busy), await scriptedCollector(busy)];
    const { send, reload, settings } = sender(first.url);
    await send();
    reload({ receiver: { ...settings.current().receiver, url: second.url } });
    await send();
    expect([first.asked, second.asked]).toEqual([["PUT ep1"], ["PUT ep1"]]);
  },
  async commitHeader() {
    const stamps: unknown[] = [];
    const { url } = await scriptedCollector(({ headers }) => {
      stamps.push([headers["x-labfleet-code-commit"], headers["x-other"]]);
      return { status: 503 };
    });
    const { send, reload } = sender(url);
    await send();
    reload({ commitHeader: "X-Other" });
    await send();
    expect(stamps).toEqual([
      ["abc", undefined],
      [undefined, "abc"],
    ]);
  },
  async requestTimeoutS() {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    onTestFinished(() => {
      silent.close();
      silent.closeAllConnections();
    });
    const { send, reload } = sender(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    // The test's own time limit ends it where the minute that was configured first still holds.
    reload({ requestTimeoutS: 3600 });
    reload({ requestTimeoutS: 0.05 });
    const { verdict } = await send();
    expect(verdict.kind).not.toBe("delivered");
  },
  async backoffSeconds() {
    const { engine, reload } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    const waits = new Waits(engine.deps, (seconds) => seconds);
    const fault = { status: 503, reason: "r", isMarked: false, detail: "" };
    const waitedS = (): number => {
      const entry = newEntry("e", 0, "packed");
      waits.again(entry, fault, { what: "w", fix: { text: "", commands: [] } }, null, 0);
      return entry.notBeforeMs;
    };
    reload({ backoffSeconds: [1000] });
    expect(waitedS()).toBe(500);
    reload({ backoffSeconds: [1] });
    expect(waitedS()).toBe(0.5);
  },
  async transfers() {
    const { engine, reload } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    engine.queue.restore(newEntry("a", 0, "sending"));
    engine.queue.restore(newEntry("b", 0, "packed"));
    reload({ transfers: 1 });
    expect(engine.sending.next()).toBeNull();
    reload({ transfers: 2 });
    expect(engine.sending.next()).toMatchObject({ entry: { id: "b" } });
  },
  async scanIntervalS() {
    const { passes: running, reload, seen } = passes();
    reload({ scanIntervalS: 86_400 });
    running.begin();
    await until(() => seen.looks === 1);
    reload({ scanIntervalS: 0.01 });
    running.again();
    await until(() => seen.looks > 3);
  },
  async diskReserveBytes() {
    const { passes: running, reload, kept, elapse } = passes();
    reload({ scanIntervalS: 0.01, diskReserveBytes: 1000 });
    running.begin();
    await until(() => kept.includes(1000));
    reload({ diskReserveBytes: 2000 });
    elapse(DAY_MS);
    await until(() => kept.includes(2000));
  },
  async commitFile() {
    const stamps: unknown[] = [];
    const { url } = await scriptedCollector((ask) => {
      stamps.push(ask.question?.code_commit);
      return judgement(ask, REFUSED);
    });
    const root = tempDir();
    const host = housekeeper(root, url);
    const directory = refused(host.dirs, "ep1");
    writeFileSync(join(directory, "meta.json"), "{}");
    writeFileSync(join(root, "VERSION"), "abc1\n");
    writeFileSync(join(root, "OTHER"), "abc2\n");
    await nextRound(host);
    host.reload({ commitFile: join(root, "OTHER") });
    await nextRound(host, 2 * DAY_MS);
    expect(stamps).toEqual(["abc1", "abc2"]);
  },
  async keepLocalForDays() {
    const host = housekeeper(tempDir(), (await scriptedCollector(() => HAS)).url);
    const directory = shipped(host.dirs, "old");
    host.reload({ keepLocalForDays: 365 });
    await nextRound(host);
    expect(existsSync(directory)).toBe(true);
    host.reload({ keepLocalForDays: 7 });
    await nextRound(host);
    expect(existsSync(directory)).toBe(false);
  },
  async pruneUnverified() {
    const host = housekeeper(tempDir(), (await scriptedCollector(() => HAS)).url);
    const directory = shipped(host.dirs, "old", { verified: false });
    // What has not been proved goes by the receiver's clock.
    shipped(host.dirs, "proved", { receiver_day: 100, received_at_wall: "2026-06-20T11:59:00+00:00" });
    await nextRound(host);
    expect(existsSync(directory)).toBe(true);
    host.reload({ pruneUnverified: true });
    await nextRound(host);
    expect(existsSync(directory)).toBe(false);
  },
  async quarantineCleanupIntervalS() {
    const host = housekeeper(tempDir(), (await scriptedCollector(() => HAS)).url);
    host.reload({ quarantineCleanupIntervalS: 604_800 });
    await nextRound(host, 0);
    const directory = shipped(host.dirs, "old");
    await nextRound(host, 60_000);
    expect(existsSync(directory)).toBe(true);
    // A week that began before is not waited for.
    host.reload({ quarantineCleanupIntervalS: 30 });
    await nextRound(host, 0);
    expect(existsSync(directory)).toBe(false);
  },
  async quarantineKeepDays() {
    const root = tempDir();
    const host = housekeeper(root, (await scriptedCollector((ask) => judgement(ask, REFUSED))).url);
    refused(host.dirs, "ep1");
    host.reload({ quarantineKeepDays: 365 });
    await nextRound(host);
    expect((await readExpiry(root)).episodes).toEqual({});
    host.reload({ quarantineKeepDays: 99 });
    await nextRound(host);
    expect(Object.keys((await readExpiry(root)).episodes)).toEqual(["ep1"]);
  },
  async heartbeatRunDir() {
    const root = tempDir();
    const host = housekeeper(root, (await scriptedCollector((ask) => judgement(ask, REFUSED))).url);
    refused(host.dirs, "ep1");
    host.reload({ quarantineKeepDays: 99 });
    mkdirSync(join(root, "hb2"));
    writeFileSync(join(root, "hb2/announced.json"), JSON.stringify({ number: 1, receiver_id: COLLECTOR_ID }));
    await nextRound(host);
    const announced = async () => (await readExpiry(root)).episodes.ep1;
    expect(await announced()).toEqual({ number: 1, announced_day: null });
    host.reload({ heartbeatRunDir: join(root, "hb2") });
    await nextRound(host);
    expect(await announced()).toEqual({ number: 1, announced_day: 100 });
  },
};

test("no setting is in neither list", () => {
  const { config } = parseShipperConfig('host_id = "lab1"\n[receiver]\nurl = "http://127.0.0.1:9"\n', "f");
  expectAllSettings(config, FIXED_SETTINGS, Object.keys(PROOFS));
});

test.each(Object.entries(PROOFS))("a reload changes %s in what uses it", (_, prove) => prove?.());
