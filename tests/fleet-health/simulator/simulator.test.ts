// Days of a small fleet in which all kinds of things break, by several seeds each: what was truly wrong is told in time, once, and its
// end after it, and nothing else is. `bun bench/fleet-simulator.ts` plays the same with hundreds of hosts.

import { describe, expect, test } from "bun:test";
import { judge } from "./oracle.ts";
import { play } from "./play.ts";
import { planOf, SCENARIOS } from "./scenarios.ts";

const SIZE = { hosts: 12, days: 1.25 };
/** Of each scenario other ones. */
const SEEDS = 4;

const CLAIMS = ["missed", "late", "wrong", "twice", "unclosed"] as const;

/** What each channel was told wrongly, by what is wrong with it. */
function faultsOf(scenario: string, seed: number): Record<(typeof CLAIMS)[number], string[]> {
  const played = play(planOf(scenario, seed, SIZE));
  const found = { missed: [], late: [], wrong: [], twice: [], unclosed: [] } as Record<
    (typeof CLAIMS)[number],
    string[]
  >;
  for (const channel of played.plan.channels) {
    const verdict = judge(played, channel);
    for (const claim of CLAIMS) found[claim].push(...verdict[claim].map((what) => `seed ${seed}: ${what}`));
  }
  return found;
}

describe.each(SCENARIOS.map((name, i) => [name, i] as const))("%s", (scenario, at) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => at + 5 * i + 1);

  test("is told in time, once, with its end, and nothing else is", () => {
    const all = seeds.map((seed) => faultsOf(scenario, seed));
    for (const claim of CLAIMS)
      expect(
        all.flatMap((one) => one[claim]),
        claim,
      ).toEqual([]);
  });
});

test("a clock that is set back right before a run makes no fleet ill", () => {
  const plans = [3, 4].map((seed) => planOf("clock set back an hour", seed, { hosts: 60, days: 0.6 }));
  const steps = plans.flatMap(({ collector }) => collector.steps.map(({ atMs }) => atMs % (5 * 60_000)));
  expect(steps).toEqual([0, 0]);
  const wrong = plans.flatMap((plan) => plan.channels.flatMap((channel) => judge(play(plan), channel).wrong));
  expect(wrong).toEqual([]);
});
