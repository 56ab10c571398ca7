// A body that went in vain rests, whatever the answer was: a path that never takes it gets a fifth of the time at most.

import { expect, test } from "bun:test";
import { inText } from "../support/in-text.ts";
import { makeEpisode } from "../support/lab-host.ts";
import { packedBody } from "../support/packed-body.ts";
import { quietLog } from "../support/quiet-log.ts";
import { judgement, scriptedCollector } from "../support/scripted-collector.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const { packed } = packedBody(200_000);

/** The moments, in seconds, at which a body came in half an hour on a path that takes a minute and then gives this answer. */
async function bodiesOn(status: number, takesMs: number, log = quietLog): Promise<number[]> {
  let atS = 0;
  const bodies: number[] = [];
  const pass = (ms: number): void => {
    atS += ms / 1000;
    host.pass(ms);
  };
  const { url } = await scriptedCollector((ask) => {
    if (ask.method === "POST") return judgement(ask, "accept");
    bodies.push(atS);
    pass(takesMs);
    return { status, headers: { location: "/login" } };
  });
  const host = scriptedEngine(tempDir(), packed, url, log);
  makeEpisode(host.dirs, "ep");
  await host.engine.scan();
  while (atS < 1800) {
    host.engine.pump();
    await host.engine.settled();
    pass(5000);
  }
  await host.engine.stop(0);
  return bodies;
}

for (const status of [302, 407, 421, 413, 502]) {
  test(`after ${status} a body that took a minute rests for four, though the judge would have it`, async () => {
    const bodies = await bodiesOn(status, 60_000);
    const gaps = bodies.slice(1).map((at, i) => at - (bodies[i] ?? 0));
    expect(bodies.length).toBeGreaterThanOrEqual(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(300);
  });
}

test("what ends a pause is said as what it was: no episode was taken", async () => {
  const said = new Set<string>();
  await bodiesOn(302, 60_000, { ...quietLog, info: (line) => said.add(inText(line)) });
  expect([...said].filter((line) => line.startsWith("queue goes on"))).toEqual([
    "queue goes on: the receiver answers again",
  ]);
});

test("after an answer that came at once it rests for as good as nothing: what was mended goes on", async () => {
  const bodies = await bodiesOn(407, 0);
  expect(bodies.length).toBeGreaterThan(20);
});
