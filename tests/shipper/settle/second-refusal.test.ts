// A second refused episode of one name stands as `id~1`: what is said of it never leads to the first.

import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { reportSettled } from "../../../lib/shipper/settle/settled-documents.ts";
import { inText } from "../../support/in-text.ts";
import { makeEpisode, recordOf } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("one that this host refuses itself", async () => {
  const said: string[] = [];
  const { engine, dirs } = scriptedEngine(
    tempDir(),
    () => ({ kind: "incomplete", detail: "d", faults: [], fingerprint: "fingerprint" }),
    undefined,
    { ...quietLog, error: (line) => said.push(inText(line)) },
  );
  makeEpisode(dirs, "ep");
  mkdirSync(join(dirs.quarantine, "ep"));
  await engine.scan();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  expect(said).toEqual([expect.stringMatching(/^quarantined: .* and queue it again: sudo shipper requeue 'ep~1'$/)]);
});

test("one that the receiver refuses", () => {
  const said: string[] = [];
  const log = { ...quietLog, error: (line: LogMessage) => said.push(inText(line)) };
  const verdict = { kind: "quarantine", reason: "conflict", detail: "d", judgedBy: null } as const;
  reportSettled(log, recordOf("ep"), "ep~1", 409, verdict, false, 1);
  reportSettled(log, recordOf("ep"), "ep~2", 201, { kind: "delivered-unverified" }, true, 1);
  expect(said.map((line) => line.split(" ").slice(-3).join(" "))).toEqual(["'ep~1' --as ep-3", "'ep~2' --as ep-4"]);
});
