// A pruning of many: it tells that it moves, as the watchdog wants to know, and ends between two of them.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { FRESH, housekeeper, SHA, shipped } from "../../support/housekeeper.ts";
import { type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HAS: Say = { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };

test("tells that it moves with each that it asks about", async () => {
  const { url, asked } = await scriptedCollector(() => HAS);
  const { keeper, deps, dirs } = housekeeper(tempDir(), url);
  const askedBefore: number[] = [];
  deps.moved = () => askedBefore.push(asked.length);
  for (let i = 0; i < 30; i++) shipped(dirs, `ep${i}`);
  await keeper.tidy();
  expect(readdirSync(dirs.shipped)).toEqual([]);
  // Before the first question, the second, … the thirtieth.
  expect(askedBefore).toEqual(Array.from({ length: 30 }, (_, i) => i));
});

test("ends between two when the shipper stops, also where nobody has to be asked", async () => {
  const toml = 'kind = "python"\n[retention]\nprune_unverified = true\n';
  const { keeper, deps, dirs, stop } = housekeeper(tempDir(), "http://127.0.0.1:9", toml);
  let begun = 0;
  deps.moved = () => ++begun === 3 && stop.abort();
  for (let i = 0; i < 10; i++) shipped(dirs, `old${i}`, { verified: false });
  // By this one the host's clock may be trusted.
  shipped(dirs, "fresh", { verified: false, received_at_wall: FRESH });
  await keeper.tidy();
  expect(readdirSync(dirs.shipped)).toHaveLength(8);
});
