// Who may be sent beside whom: a small episode never waits for a huge one. And who is a witness against the way to the receiver.

import { describe, expect, test } from "bun:test";
import type { Log } from "../../../lib/runtime/log/log.ts";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { mayStart } from "../../../lib/shipper/work/sending.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MIB = 1024 * 1024;
const SMALL = 64 * MIB;
const LARGE = SMALL + 1;

describe("one more upload", () => {
  for (const [what, bytes, underWay, transfers, may] of [
    ["a large one alone", LARGE, [], 2, true],
    ["a large one beside a small one", LARGE, [SMALL], 2, true],
    ["no second large one of two places", LARGE, [LARGE], 2, false],
    ["a small one beside a large one", SMALL, [LARGE], 2, true],
    ["no third one of two places", SMALL, [LARGE, SMALL], 2, false],
    ["two large ones of three places", LARGE, [LARGE], 3, true],
    ["no third large one of three places", LARGE, [LARGE, LARGE], 3, false],
    ["a large one in the only place", LARGE, [], 1, true],
    ["a small one beside the large one in the only place", SMALL, [LARGE], 1, true],
    ["no second small one beside it", SMALL, [LARGE, SMALL], 1, false],
    ["no small one beside a small one in the only place", SMALL, [SMALL], 1, false],
    ["no large one beside a small one in the only place", LARGE, [SMALL], 1, false],
  ] as const) {
    test(`may be ${what}`, () => expect(mayStart(bytes, underWay, transfers)).toBe(may));
  }
});

test("what is this host's to mend is said once, whatever each answer was: another collector stores one and refuses the next", () => {
  const said: string[] = [];
  const log: Log = {
    ...quietLog,
    error: (message) => void said.push(typeof message === "string" ? message : message.what),
  };
  const { engine } = scriptedEngine(tempDir(), () => ({ kind: "vanished" }), undefined, log);
  const meets = (status: number, reason: string): void => {
    const fault = { status, reason, isMarked: true, detail: "" };
    const finding = { what: reason, fix: null };
    const step = { next: "paused", fault, finding, retryAfterS: null, tookMs: 0 } as const;
    engine.sending.note(newEntry("ep", 0, "packed"), step, false);
  };
  for (const status of [201, 409, 200, 201]) meets(status, "another-collector");
  meets(401, "unauthorized");
  meets(201, "another-collector");
  // Once one has gone, the same is news.
  engine.sending.note(newEntry("other", 0, "sending"), { next: "gone", counts: "delivered" }, true);
  meets(201, "another-collector");
  const reasons = said.map((line) => /^queue paused: ([a-z-]+);/.exec(line)?.[1]);
  expect(reasons).toEqual(["another-collector", "unauthorized", "another-collector", "another-collector"]);
});

describe("the last episode that is due and is refused by a box", () => {
  const fault = { status: 403, reason: "status-403", isMarked: false, detail: "" };
  const refused = {
    next: "retry",
    repack: false,
    fault,
    finding: { what: "403", fix: { text: "", commands: [] } },
    retryAfterS: null,
    tookMs: 0,
  } as const;

  function lastOne() {
    const { engine, pass } = scriptedEngine(tempDir(), () => ({ kind: "vanished" }));
    const entry = newEntry("last", 0, "packed");
    engine.queue.restore(entry);
    entry.work = { what: "sending", sinceMs: 0, doneBytes: null, bytes: null };
    const took = (): void =>
      engine.sending.note(newEntry("other", 0, "sending"), { next: "gone", counts: "delivered" }, true);
    const fails = (): boolean => {
      engine.sending.note(entry, refused, false);
      return engine.sending.pausing.pause !== null;
    };
    return { entry, pass, took, fails };
  }

  test("stops the queue where no other has gone since", () => {
    const { took, fails } = lastOne();
    took();
    expect(fails()).toBe(true);
  });

  test("waits alone where another has gone while it was sent", () => {
    const { pass, took, fails } = lastOne();
    pass(1);
    took();
    expect(fails()).toBe(false);
  });

  test("waits alone where another has gone since it was refused first, however often it is refused", () => {
    const { entry, pass, took, fails } = lastOne();
    Object.assign(entry, { failures: 1, trouble: { reason: "status-403", detail: "", fix: null, sinceMs: 5 } });
    pass(6);
    took();
    entry.work = { what: "sending", sinceMs: 7, doneBytes: null, bytes: null };
    for (let n = 0; n < 5; n++) expect(fails()).toBe(false);
  });

  test("stops the queue where others went only before", () => {
    const { entry, pass, took, fails } = lastOne();
    pass(3);
    took();
    Object.assign(entry, { failures: 1, trouble: { reason: "status-403", detail: "", fix: null, sinceMs: 5 } });
    expect(fails()).toBe(true);
  });

  test("stops the queue where others went while it only waited for room", () => {
    const { entry, pass, took, fails } = lastOne();
    entry.trouble = { reason: "no-space", detail: "", fix: null, sinceMs: 0 };
    pass(3);
    took();
    entry.work = { what: "sending", sinceMs: 4, doneBytes: null, bytes: null };
    expect(fails()).toBe(true);
  });
});
