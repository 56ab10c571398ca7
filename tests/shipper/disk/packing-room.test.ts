// The outbox stays small while many archives wait for their next try; a disk without room is said with what makes some.

import { expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { Room } from "../../../lib/shipper/disk/packing-room.ts";
import type { OutboxRecord } from "../../../lib/shipper/pack/outbox.ts";
import { outboxPaths } from "../../../lib/shipper/pack/outbox.ts";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { Queue } from "../../../lib/shipper/queue/queue.ts";
import { inText } from "../../support/in-text.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Ten archives in back-off; `ep9` is due last. */
function place() {
  const dirs = makeDirs(tempDir());
  const queue = new Queue();
  const records = new Map<string, OutboxRecord>();
  for (let n = 0; n < 10; n++) {
    const id = `ep${n}`;
    const directory_inode = inode(makeEpisode(dirs, id));
    records.set(id, recordOf(id, { directory_inode }));
    writeFileSync(outboxPaths(dirs.outbox, id).archive, "x");
    queue.restore(Object.assign(newEntry(id, n, "packed"), { notBeforeMs: 1000 + n }));
  }
  const evict = (): Promise<void> =>
    new Room(quietLog, "/data", () => null).evict(queue, records, dirs, 0, () => false);
  const isKept = (id: string): boolean => existsSync(outboxPaths(dirs.outbox, id).archive) && records.has(id);
  return { queue, evict, isKept, dirs };
}

test("evictions side by side take one each", async () => {
  const { queue, evict } = place();
  await Promise.all([evict(), evict()]);
  expect(queue.inStage("packed").size).toBe(8);
});

test("a last copy never gives way, and another one does in its place", async () => {
  const { queue, evict, isKept, dirs } = place();
  rmSync(join(dirs.episodes, "ep9"), { recursive: true });
  await evict();
  expect([isKept("ep9"), isKept("ep8"), isKept("ep7")]).toEqual([true, false, true]);
  // It is no spare one: the eight others may stay.
  await evict();
  expect(queue.inStage("packed").size).toBe(9);
});

test("the archive that is due last is packed again later", async () => {
  const { queue, evict, isKept } = place();
  await evict();
  expect([queue.get("ep9")?.stage, isKept("ep9"), isKept("ep8")]).toEqual(["waiting", false, true]);
});

test("but not one whose time has come meanwhile: it may be on its way", async () => {
  const { queue, evict, isKept } = place();
  const evicting = evict();
  const last = queue.get("ep9");
  if (last !== undefined) queue.move(last, "sending");
  await evicting;
  expect([last?.stage, isKept("ep9")]).toEqual(["sending", true]);
});

test("where no room could be made the log and the episode that waits both name what a person may give up", async () => {
  const said: string[] = [];
  const log = { ...quietLog, warn: (line: LogMessage) => said.push(inText(line)) };
  const none = { kind: "no-space", bytes: 1, detail: "" } as const;
  const { engine, dirs } = scriptedEngine(tempDir(), () => none, undefined, log);
  const settled = { shipped: 2, unverified: 2, quarantined: 0, quarantined_bytes: 0, refused: [] };
  engine.deps.settled = () => ({ ...settled, expiring: 0, announcement: 0, unverified_bytes: 4096 });
  makeEpisode(dirs, "ep");
  await engine.scan();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  const ways =
    "give up what is shipped and not proved, which frees 4.0 KiB, if nobody needs it here: sudo shipper discard --shipped-unverified; or make room on its disk, ";
  const fix = engine.queue.get("ep")?.trouble?.fix ?? null;
  expect(fix === null ? "" : fixText(fix)).toStartWith(ways);
  expect(said).toHaveLength(1);
  expect(said[0]).toStartWith(`the disk is full up to its reserve: packing waits, sending goes on; fix: ${ways}`);
});

test("an archive that was tried and is due again counts with those that wait: the one whose turn comes last gives way", async () => {
  const { queue, evict, isKept } = place();
  for (const entry of queue.inStage("packed"))
    Object.assign(entry, { failures: 1, notBeforeMs: entry.notBeforeMs - 2000 });
  await evict();
  expect([queue.get("ep9")?.stage, isKept("ep9"), isKept("ep8")]).toEqual(["waiting", false, true]);
});

test("those that wait for their first try give way to none", async () => {
  const { queue, evict, isKept } = place();
  for (const entry of queue.inStage("packed")) entry.notBeforeMs = 0;
  await evict();
  expect([queue.inStage("packed").size, isKept("ep9")]).toEqual([10, true]);
});

test("an archive that was written into the reserve is no sign of room, and none is lent for the next one", () => {
  const said: string[] = [];
  const room = new Room(
    { ...quietLog, warn: (line) => said.push(inText(line)), info: (line) => said.push(inText(line)) },
    "/data",
    () => null,
  );
  const [one, other] = [newEntry("one", 0, "waiting"), newEntry("other", 0, "waiting")];
  for (const entry of [one, other]) room.full(entry, 100, 1000);
  room.isNone();
  room.lend(one, 10);
  expect([room.reserveFor(one, 50), room.reserveFor(other, 50)]).toEqual([10, 50]);
  room.found(one);
  expect([room.diskLow, said.length, room.reserveFor(one, 50)]).toEqual([true, 1, 50]);
  room.found(other);
  expect([room.diskLow, said[1]]).toEqual([false, "the disk has room again"]);
});

test("the smallest gets the loan, and after one in vain none before its time", () => {
  const room = new Room(quietLog, "/data", () => null);
  const [large, small, middle] = ["large", "small", "middle"].map((id) => newEntry(id, 0, "waiting"));
  if (large === undefined || small === undefined || middle === undefined) throw new Error("three");
  const RESERVE = 100;
  const lent = (nowMs: number): string | undefined => room.borrower(nowMs, RESERVE)?.entry.id;
  for (const [entry, bytes] of [
    [large, 100],
    [middle, 30],
    [small, 10],
  ] as const)
    room.full(entry, RESERVE + bytes, 1000);
  expect(room.borrower(0, RESERVE)).toEqual({ entry: small, bytes: 10 });
  room.lend(small, 10);
  room.giveBack(small, 1000);
  expect([room.reserveFor(small, RESERVE), lent(999), lent(1000)]).toEqual([RESERVE, "middle", "middle"]);
  room.lend(middle, 30);
  room.giveBack(middle, 2000);
  expect([lent(999), lent(1999), lent(2000)]).toEqual([undefined, "small", "small"]);
  // What takes the whole reserve has no use of it, and of one nobody knows what it takes.
  for (const entry of [small, middle]) room.forget(entry);
  room.full(newEntry("unknown", 0, "waiting"), RESERVE, 1000);
  expect(lent(0)).toBeUndefined();
  room.full(middle, RESERVE + 30, 1000);
  new Queue().restore(Object.assign(middle, { stage: "held" }));
  expect(lent(0)).toBeUndefined();
});
