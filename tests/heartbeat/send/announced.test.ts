// The note of what has been announced: which number, at which store, and only upwards.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAnnounced } from "../../../lib/contract/announcement.ts";
import type { QueueReport } from "../../../lib/contract/queue.ts";
import { nextNote, noteAnnounced } from "../../../lib/heartbeat/send/announced.ts";
import { arrivedAnnouncement } from "../../../lib/shipper/retention/announcements.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { agentWith, beat, LATER, SENT } from "../agent-support.ts";

const [A, B] = ["a".repeat(32), "b".repeat(32)] as const;
const note = (number: number, receiver_id: string = A) => ({ number, receiver_id });

describe("the note", () => {
  test.each([
    ["the first", null, note(1), note(1)],
    ["a higher one", note(1), note(2), note(2)],
    ["the same again", note(2), note(2), null],
    ["a lower one", note(2), note(1), null],
    ["another store's, which begins anew", note(9), note(1, B), note(1, B)],
    ["nothing was ever announced", null, note(0), null],
  ])("%s", (_, before, taken, after) => {
    expect(nextNote(before, taken)).toEqual(after);
  });

  test("is written whole, for everybody to read, and the shipper reads it", () => {
    const dir = tempDir();
    const path = join(dir, "announced.json");
    noteAnnounced(dir, 3, A, quietLog);
    expect(parseAnnounced(readFileSync(path, "utf8"))).toEqual(note(3));
    expect(statSync(path).mode & 0o777).toBe(0o644);
    noteAnnounced(dir, 2, A, quietLog);
    expect([arrivedAnnouncement(dir, A), arrivedAnnouncement(dir, B), arrivedAnnouncement(dir, null)]).toEqual([
      3,
      null,
      null,
    ]);
    writeFileSync(path, "{");
    noteAnnounced(dir, 2, A, quietLog);
    expect(arrivedAnnouncement(dir, A)).toBe(2);
  });

  test("that cannot be written ends nothing", () => {
    noteAnnounced("/no/such/directory", 3, A, quietLog);
    expect(existsSync("/no/such")).toBe(false);
  });
});

const seen = (announcement: number | null): QueueReport => ({
  pending: 0,
  outbox: 0,
  quarantined: 1,
  quarantined_bytes: 1,
  expiring: 1,
  announcement,
  unverified: 0,
  oldest_pending_s: null,
  paused: null,
  waiting: null,
  held: null,
});

describe("a heartbeat", () => {
  const withAnswers = (announcement: number | null, ...answers: Parameters<typeof agentWith>[0]) =>
    agentWith(answers, [], undefined, undefined, seen(announcement));
  const TAKEN = { ...SENT, receiverId: A };

  test("that was taken has announced, at the store that took it", async () => {
    const { agent, accepted, sent } = withAnswers(4, TAKEN);
    await beat(agent);
    expect(accepted).toEqual([[4, A]]);
    expect(sent).toMatchObject([{ queue: { announcement: 4, expiring: 1 } }]);
  });
  test.each([
    ["did not get through", 4, { ...LATER, receiverId: A }],
    ["was taken by nobody who said who it is", 4, SENT],
    [
      "was refused for good",
      4,
      { kind: "drop", reason: "400", why: { what: "", fix: null }, retryAfterS: null, status: 400, receiverId: A },
    ],
    ["announced nothing", null, TAKEN],
  ] as const)("that %s has announced nothing", async (_, announcement, answer) => {
    const { agent, accepted } = withAnswers(announcement, answer);
    await beat(agent);
    expect(accepted).toEqual([]);
  });
  test("that had waited has announced nothing: its number may have been given anew since", async () => {
    const { agent, accepted, sent, lines } = withAnswers(4, { ...LATER, receiverId: A }, SENT, TAKEN);
    await beat(agent);
    await beat(agent);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 1]);
    expect(accepted, lines.join("\n")).toEqual([]);
  });
});
