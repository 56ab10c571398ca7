// What `rejection.json` says, whole, of each way into quarantine that a receiver has a part in. `prunable` is for a release of before
// that may be put back in its place: it removes what says true, without asking anybody.

import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutboxRecord } from "../../lib/shipper/pack/outbox.ts";
import { packEpisode } from "../../lib/shipper/pack/pack.ts";
import { newEntry } from "../../lib/shipper/queue/entry.ts";
import { pinPath } from "../../lib/shipper/trust/pin.ts";
import type { EngineDeps } from "../../lib/shipper/work/deps.ts";
import { packStep } from "../../lib/shipper/work/pack-step.ts";
import { sendStep } from "../../lib/shipper/work/send-step.ts";
import { cleanUp, IDENTITY, startReceiver } from "../receiver/support.ts";
import { housekeeper, refused, SHA } from "../support/housekeeper.ts";
import { makeEpisode } from "../support/lab-host.ts";
import { COLLECTOR_ID, judgement, scriptedCollector } from "../support/scripted-collector.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fingerprintOf } from "../support/walked.ts";

afterEach(cleanUp);

const [OURS, THEIRS] = ["a".repeat(40), "b".repeat(40)];
/** A receiver day of its own for each that counts it. */
const DAY = 7;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A host with one finished episode, and a real receiver that takes OURS; the host trusts it. */
async function place(commit: string) {
  const receiver = await startReceiver({ deps: { accepted: () => ({ kind: "list", commits: new Set([OURS]) }) } });
  const root = tempDir();
  const { engine, dirs } = scriptedEngine(root, () => ({ kind: "cancelled" }), receiver.url);
  writeFileSync(pinPath(root), JSON.stringify({ receiver_id: IDENTITY.id }));
  const deps: EngineDeps = {
    ...engine.deps,
    days: { today: () => DAY, seen: async () => {} },
    packer: {
      ...engine.deps.packer,
      pack: (job) => packEpisode(job, { moved: () => {}, cancelled: () => false }),
      fingerprint: async (path) => fingerprintOf(path),
    },
  };
  const episode = makeEpisode(dirs, "ep", { "meta.json": JSON.stringify({ code_commit: commit }) });
  return { deps, dirs, episode, receiver };
}

async function pack(deps: EngineDeps): Promise<OutboxRecord> {
  const step = await packStep(deps, newEntry("ep", 0, "packing"), { maxBytes: null, reserveBytes: 0 }, () => false);
  if (step.next !== "packed") throw new Error(`not packed: ${step.next}`);
  return step.record;
}

const send = (deps: EngineDeps, record: OutboxRecord) =>
  sendStep(deps, newEntry("ep", 0, "sending"), record, "put", new AbortController().signal);

const noteIn = (quarantine: string): unknown => JSON.parse(readFileSync(join(quarantine, "ep/rejection.json"), "utf8"));

test("after a real 412: by whom, on which of its days, by today's rules, and not to be pruned by yesterday's", async () => {
  const { deps, dirs } = await place(THEIRS);
  const record = await pack(deps);
  const { step, isAnswered } = await send(deps, record);
  expect([step, isAnswered]).toEqual([{ next: "gone", counts: "quarantined" }, true]);
  expect(noteIn(dirs.quarantine)).toEqual({
    labfleet: 1,
    reason: "commit-not-accepted",
    detail: `code commit ${THEIRS} is not in the accepted window`,
    status: 412,
    at: expect.stringMatching(ISO),
    rules: 2,
    judged_by: IDENTITY.id,
    refused_day: DAY,
    prunable: false,
    sent_bytes: record.bytes,
    sent_sha256: record.sha256,
    sent_tree_sha256: record.tree_sha256,
    code_commit: THEIRS,
    episode_id: "ep",
    fingerprint: fingerprintOf(join(dirs.quarantine, "ep")) ?? "none",
  });
});

test("after a change while it was on its way: nobody judged it, and it is a person's", async () => {
  const { deps, dirs, episode, receiver } = await place(OURS);
  const record = await pack(deps);
  const { client } = deps;
  const { step } = await send(
    {
      ...deps,
      client: {
        ...client,
        send: async (...request) => {
          const reply = await client.send(...request);
          writeFileSync(join(episode, "late.bin"), "nowhere else");
          return reply;
        },
      },
    },
    record,
  );
  expect(step).toEqual({ next: "gone", counts: "quarantined" });
  expect(receiver.rows()).toMatchObject([{ episode_id: "ep", sha256: record.sha256 }]);
  expect(readdirSync(dirs.shipped)).toEqual([]);
  expect(noteIn(dirs.quarantine)).toEqual({
    labfleet: 1,
    reason: "changed-after-shipping",
    detail: "files changed after the episode was packed; the receiver has the earlier state under this name",
    at: expect.stringMatching(ISO),
    rules: 2,
    judged_by: null,
    refused_day: DAY,
    prunable: false,
    sent_bytes: record.bytes,
    sent_sha256: record.sha256,
    episode_id: "ep",
    fingerprint: fingerprintOf(join(dirs.quarantine, "ep")) ?? "none",
  });
});

test("after a change into what nobody can read it stays: what would be moved is not known", async () => {
  const { deps, dirs, episode } = await place(OURS);
  const record = await pack(deps);
  const { client, packer } = deps;
  let isReadable = true;
  const hostile: EngineDeps = {
    ...deps,
    client: {
      ...client,
      send: async (...request) => {
        const reply = await client.send(...request);
        isReadable = false;
        return reply;
      },
    },
    packer: { ...packer, fingerprint: async (path) => (isReadable ? packer.fingerprint(path) : null) },
  };
  expect((await send(hostile, record)).step).toEqual({ next: "waiting" });
  expect([existsSync(episode), readdirSync(dirs.quarantine), readdirSync(dirs.shipped)]).toEqual([true, [], []]);
});

test("of an older release that would prune it, refused again: it is renewed, and says no more that it may go", async () => {
  const { url } = await scriptedCollector((ask) => judgement(ask, { status: 413, reason: "too-large" }));
  const { keeper, dirs } = housekeeper(tempDir(), url);
  const old = { rules: undefined, judged_by: undefined, refused_day: undefined, prunable: true };
  const directory = refused(dirs, "ep", old);
  const { at } = Object(noteIn(dirs.quarantine));
  await keeper.tidy();
  expect(noteIn(dirs.quarantine)).toEqual({
    labfleet: 1,
    reason: "too-large",
    detail: "D",
    status: 413,
    at,
    rules: 2,
    judged_by: COLLECTOR_ID,
    refused_day: 100,
    prunable: false,
    sent_bytes: 10,
    sent_sha256: SHA,
    code_commit: "old",
    episode_id: "ep",
    fingerprint: fingerprintOf(directory) ?? "none",
  });
});
