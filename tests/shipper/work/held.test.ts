// An answer that could not be carried out at once: what the receiver said is kept, carried out as soon as it can be, and said
// then as it would have been at once.

import { expect, test } from "bun:test";
import { readdirSync, renameSync } from "node:fs";
import { formatFields } from "../../../lib/core/text/fields.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { writePin } from "../../../lib/shipper/trust/pin.ts";
import { inText } from "../../support/in-text.ts";
import { makeEpisode } from "../../support/lab-host.ts";
import { packedBody } from "../../support/packed-body.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { type Ask, COLLECTOR_ID, judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { body: BODY, sha256: SHA, packed } = packedBody(1000);

const FIGURES = { bytes: BODY.length, sha256: SHA };
const NAMES = {
  host_id: "lab1",
  episode_id: "ep",
  received_at_wall: "2026-11-22T12:00:00Z",
  receiver_id: COLLECTOR_ID,
};
const RECEIPT: Say = { status: 201, body: { status: "stored", ...NAMES, ...FIGURES } };

/** An episode that is answered so while its way there is blocked, looked at again, and once more when the way is free. */
async function blocked(to: "shipped" | "quarantine", answer: (ask: Ask) => Say) {
  const said: string[] = [];
  const say = (text: LogMessage, fields = {}): void => void said.push(inText(text) + formatFields(fields));
  const { url, asked } = await scriptedCollector((ask) => {
    renameSync(dirs[to], `${dirs[to]}.away`);
    return answer(ask);
  });
  const root = tempDir();
  await writePin(root, COLLECTOR_ID, "operator", url, new Date(0));
  const host = scriptedEngine(root, packed, url, { ...quietLog, info: say, error: say });
  const { engine, dirs } = host;
  const look = async (): Promise<void> => {
    await engine.scan();
    engine.pump();
    await engine.settled();
    host.pass(3_600_000);
  };
  makeEpisode(dirs, "ep");
  await look();
  await look();
  expect(engine.queue.get("ep")).toMatchObject({ stage: "held", trouble: { reason: "cannot-move" } });
  expect([engine.delivered, engine.quarantined]).toEqual([0, 0]);
  renameSync(`${dirs[to]}.away`, dirs[to]);
  said.length = 0;
  await look();
  await engine.stop(0);
  expect([engine.queue.size, readdirSync(dirs[to]), readdirSync(dirs.outbox)]).toEqual([0, ["ep"], []]);
  // It was asked for once: the answer is kept.
  expect(asked).toEqual(["PUT ep"]);
  return { said, counts: [engine.delivered, engine.quarantined] };
}

test("delivered, and held because it could not be moved: `shipped` is said when it moves at last", async () => {
  const { said, counts } = await blocked("shipped", () => RECEIPT);
  expect(said).toEqual(['shipped episode=ep status=201 bytes=1000 seconds=0.00 rate="976.6 KiB/s" receipt=stored']);
  expect(counts).toEqual([1, 0]);
});

test("refused, and held because it could not be moved: `quarantined` is said when it moves at last", async () => {
  const { said, counts } = await blocked("quarantine", (ask) =>
    judgement(
      { ...ask, question: { ...FIGURES, tree_sha256: SHA, code_commit: null } },
      { status: 412, reason: "commit-not-accepted" },
    ),
  );
  expect(said).toEqual([
    expect.stringMatching(/^quarantined: "D"; fix: .* episode=ep status=412 reason=commit-not-accepted$/),
  ]);
  expect(counts).toEqual([0, 1]);
});
