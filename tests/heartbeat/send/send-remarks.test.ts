import { expect, test } from "bun:test";
import { type Finding, inWords } from "../../../lib/core/finding.ts";
import { NO_SPOOL } from "../../../lib/heartbeat/agent.ts";
import { type AgentSpool, Remarks } from "../../../lib/heartbeat/send/send-remarks.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";

test("what the disk refuses is said once, anew when it is something else, and when it is well again", () => {
  const said: string[] = [];
  const note = (message: Parameters<typeof quietLog.warn>[0]): void => void said.push(inText(message));
  const spool: { -readonly [K in keyof AgentSpool]: AgentSpool[K] } = { ...NO_SPOOL };
  const remarks = new Remarks({ spool, log: { ...quietLog, warn: note, info: note } });
  const full: Finding = { what: "the disk is full", fix: inWords("make room") };
  const closed: Finding = { what: "the disk is read-only", fix: null };
  for (const failure of [null, full, full, closed, closed, null, null, closed])
    remarks.watchDisk(() => Object.assign(spool, { failure }));
  expect(said).toEqual([
    "the disk is full; fix: make room",
    "the disk is read-only",
    "the disk takes heartbeats again",
    "the disk is read-only",
  ]);
});
