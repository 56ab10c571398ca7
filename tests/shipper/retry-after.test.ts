// A receiver that says when to come again: nothing is tried for so long, whatever either clock says, and the shipper's
// status says until when.

import { expect, test } from "bun:test";
import { liveStatus, statusLine } from "../../lib/shipper/status/live-status.ts";
import { makeEpisode } from "../support/lab-host.ts";
import { packedBody } from "../support/packed-body.ts";
import { scriptedCollector } from "../support/scripted-collector.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const { packed } = packedBody(1000);

for (const [what, date, retryAfter] of [
  ["seconds", "Sun, 22 Nov 2026 12:00:00 GMT", "600"],
  ["a date, by a clock that is years behind", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:10:00 GMT"],
  ["a date, by a clock that is years ahead", "Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:10:00 GMT"],
] as const) {
  test(`Retry-After: 600 s, as ${what}: no try before, one then, and status says when`, async () => {
    const { url, asked } = await scriptedCollector(
      () => ({ status: 503, headers: { "retry-after": retryAfter } }),
      () => date,
    );
    const { engine, dirs, pass } = scriptedEngine(tempDir(), packed, url);
    const tryNow = async (): Promise<number> => {
      engine.pump();
      await engine.settled();
      return asked.length;
    };
    makeEpisode(dirs, "ep");
    await engine.scan();
    expect(await tryNow()).toBe(1);
    const now = { nowMs: 0, offsetMs: 0, uptimeS: 0, startedMs: 0, pid: 1, receiverId: null, settled: null };
    const live = liveStatus(engine, now);
    expect(live.paused).toMatchObject({ since: "1970-01-01T00:00:00.000Z", next_try_at: "1970-01-01T00:10:00.000Z" });
    // A tenth more is for the spreading, half of which this engine always draws.
    expect(live.waiting).toMatchObject({ count: 1, next_try_at: "1970-01-01T00:10:30.000Z" });
    expect(statusLine(live)).toStartWith("1 to ship, oldest 0s, PAUSED, next try 00:10: ");
    pass(599_999);
    expect(await tryNow()).toBe(1);
    pass(1);
    expect(await tryNow()).toBe(2);
    await engine.stop(0);
  });
}
