// A walk over every answer that a HEAD can get: (status 100 to 599, whose id, the question repeated or not, digest, length). Whatever
// comes, only a whole 200 of the pinned receiver to this very question lets a shipped episode go.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import type { Reply } from "../../../lib/client/client.ts";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { ASK_HEADER } from "../../../lib/contract/judgement.ts";
import { classifyHead } from "../../../lib/shipper/retention/decide.ts";
import { Pruning } from "../../../lib/shipper/retention/prune.ts";
import { ShippedList } from "../../../lib/shipper/retention/shipped-list.ts";
import { pinPath } from "../../../lib/shipper/trust/pin.ts";
import { SHA, shipped } from "../../support/housekeeper.ts";
import { COLLECTOR_ID } from "../../support/scripted-collector.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fingerprintOf } from "../../support/walked.ts";

/** As `shipped` notes it. */
const BYTES = 10;
const ASK = "0123456789abcdef0123456789abcdef";

interface Said {
  status: number;
  /** Null: the header is not there. */
  id: string | null;
  isAskRepeated: boolean;
  digest: string | null;
  length: string | null;
}

const RIGHT = { id: COLLECTOR_ID, isAskRepeated: true, digest: SHA, length: String(BYTES) };
const IDS = [COLLECTOR_ID, "2".repeat(32), null];
const DIGESTS = [SHA, "b".repeat(64), null];
const LENGTHS = [String(BYTES), String(BYTES + 1), null];

function* answers(): Generator<Said> {
  for (let status = 100; status <= 599; status++)
    for (const id of IDS)
      for (const isAskRepeated of [true, false])
        for (const digest of DIGESTS) for (const length of LENGTHS) yield { status, id, isAskRepeated, digest, length };
}

function headersOf({ id, isAskRepeated, digest, length }: Said, ask: string): Record<string, string> {
  return {
    ...(id !== null && { "x-labfleet-receiver-id": id }),
    ...(isAskRepeated && { "x-labfleet-ask": ask }),
    ...(digest !== null && { "repr-digest": formatReprDigest(digest) }),
    ...(length !== null && { "content-length": length }),
  };
}

const isProof = (said: Said): boolean => said.status === 200 && isRightBut(said, []);

/** Whether all is right but for what is named. */
function isRightBut(said: Said, but: readonly string[]): boolean {
  return Object.entries(RIGHT).every(([name, value]) => but.includes(name) || said[name as keyof Said] === value);
}

test("every answer there can be: confirmed only by a 200 with all of it right, missing only by a 404 of the pinned one", () => {
  const found = { confirmed: 0, missing: 0, damaged: 0, "being-read": 0, unknown: 0 };
  const wrong: string[] = [];
  for (const said of answers()) {
    const kind = classifyHead(
      { status: said.status, headers: headersOf(said, ASK) },
      { sha256: SHA, bytes: BYTES },
      COLLECTOR_ID,
      ASK,
    );
    const isDamaged = said.status === 503 && said.id === COLLECTOR_ID;
    const isMissing = said.status === 404 && said.id === COLLECTOR_ID;
    found[kind]++;
    if (kind !== (isProof(said) ? "confirmed" : isMissing ? "missing" : isDamaged ? "damaged" : "unknown"))
      wrong.push(`${JSON.stringify(said)} -> ${kind}`);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(found).toEqual({ confirmed: 1, missing: 18, damaged: 18, "being-read": 0, unknown: 500 * 3 * 2 * 3 * 3 - 37 });
});

test.each([
  ["damaged", "damaged"],
  ["being-read", "being-read"],
  ["stopping", "unknown"],
  ["toString", "unknown"],
] as const)("a 503 with the reason %s says %s, of the pinned receiver alone", (reason, says) => {
  const answer = (id: string) => ({
    status: 503,
    headers: { "x-labfleet-receiver-id": id, "x-labfleet-reason": reason },
  });
  const kept = { sha256: SHA, bytes: BYTES };
  expect(classifyHead(answer(COLLECTOR_ID), kept, COLLECTOR_ID, ASK)).toBe(says);
  expect(classifyHead(answer("2".repeat(32)), kept, COLLECTOR_ID, ASK)).toBe("unknown");
});

test("a shipped episode goes for that one answer, and for none that lacks a part of it", async () => {
  const root = tempDir();
  const { engine, dirs } = scriptedEngine(root, () => ({ kind: "cancelled" }));
  writeFileSync(pinPath(root), JSON.stringify({ receiver_id: COLLECTOR_ID }));
  const directory = shipped(dirs, "old");
  let said: Said = { status: 0, ...RIGHT };
  const reply = (status: number, headers: Record<string, string>): Reply => {
    return { kind: "answer", status, headers, text: "", body: null, retryAfterS: null, answeredAtMs: null };
  };
  const pruning = new Pruning({
    ...engine.deps,
    client: {
      send: async (_, { method, headers }) =>
        method === "HEAD" ? reply(said.status, headersOf(said, headers[ASK_HEADER] ?? "")) : reply(503, {}),
      close: () => {},
    },
    days: { today: () => 100, seen: async () => {} },
    list: new ShippedList(dirs),
    fingerprint: async (path) => fingerprintOf(path),
    signal: new AbortController().signal,
    moved: () => {},
  });
  const removedBy: Said[] = [];
  let walked = 0;
  for (said of answers()) {
    // Those that lack two things lack one.
    const isNear = ["", ...Object.keys(RIGHT)].some((name) => isRightBut(said, [name]));
    if (!isNear) continue;
    walked++;
    await pruning.byAge();
    if (existsSync(directory)) continue;
    removedBy.push(said);
    shipped(dirs, "old");
  }
  expect(removedBy).toEqual([{ status: 200, ...RIGHT }]);
  expect([walked, readdirSync(dirs.shipped), readdirSync(dirs.episodes)]).toEqual([500 * 8, ["old"], []]);
});
