// The outbox stays small while many archives wait for their next try.

import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import type { OutboxRecord } from "../../lib/shipper/outbox.ts";
import { outboxPaths } from "../../lib/shipper/outbox.ts";
import { newEntry, Queue } from "../../lib/shipper/queue.ts";
import { Room } from "../../lib/shipper/room.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../support/lab-host.ts";
import { quietLog } from "../support/quiet-log.ts";
import { tempDir } from "../support/temp-dir.ts";

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
  const evict = (): Promise<void> => new Room(quietLog, "/data").evict(queue, records, dirs, 0);
  const isKept = (id: string): boolean => existsSync(outboxPaths(dirs.outbox, id).archive) && records.has(id);
  return { queue, evict, isKept };
}

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
