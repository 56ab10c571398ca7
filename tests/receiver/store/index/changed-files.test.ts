// Files of the store that somebody moves away, removes or rewrites under a running receiver: what is noticed, and what is given back.

import { afterEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { UserError } from "../../../../lib/core/failure.ts";
import { openAppendLog } from "../../../../lib/receiver/store/index/append-log.ts";
import { createChangeWatch } from "../../../../lib/receiver/store/index/changed-files.ts";
import { smallDisk, smallDiskMissing } from "../../../support/small-disk.ts";
import { cleanUp, tempDir } from "../../support.ts";

afterEach(cleanUp);

async function watched(directory = tempDir()) {
  const path = join(directory, "index.jsonl");
  const log = await openAppendLog(path, "test");
  await log.append("one");
  const ended = Promise.withResolvers<UserError>();
  const failed: UserError[] = [];
  const look = createChangeWatch([log], (error) => {
    failed.push(error);
    ended.resolve(error);
  });
  return { path, log, look, failed, ended: ended.promise };
}

const FIX =
  "start the receiver again, as systemd does by itself: a start reads what stands there; to change it, stop the receiver first";

describe("a file that has no name any more", () => {
  test.each([
    ["moved away", (path: string) => renameSync(path, `${path}.1`)],
    [
      "moved away", // by a copy that is a hard link
      (path: string) => {
        linkSync(path, `${path}.1`);
        rmSync(path);
      },
    ],
  ])("%s: takes rows still, and at the second look gets it back with all of them", async (_, moveAway) => {
    const { path, log, look, failed, ended } = await watched();
    moveAway(path);
    look();
    // So long that a copy would have been there.
    for (let n = 0; n < 20; n++) await log.append("two");
    expect([failed, existsSync(path)]).toEqual([[], false]);
    look();
    look();
    expect(await ended).toMatchObject({
      message: `${path} was moved away by another program while the receiver used it; it has its name back`,
      hint: FIX,
      exitCode: 3,
    });
    expect([readFileSync(path, "utf8"), existsSync(`${path}.restored`), failed.length]).toEqual([
      `one\n${"two\n".repeat(20)}`,
      false,
      1,
    ]);
    await log.close();
  });

  test("gets it back too where another file of the store ends the receiver", async () => {
    const directory = tempDir();
    const [index, journal] = [
      await openAppendLog(join(directory, "i"), "a"),
      await openAppendLog(join(directory, "j"), "b"),
    ];
    for (const log of [index, journal]) await log.append("one");
    const ended = Promise.withResolvers<UserError>();
    const look = createChangeWatch([index, journal], ended.resolve);
    renameSync(index.path, `${index.path}.1`);
    rmSync(journal.path);
    look();
    expect((await ended.promise).message).toBe(
      `${journal.path} was removed by another program while the receiver used it; it has its name back`,
    );
    expect([readFileSync(index.path, "utf8"), readFileSync(journal.path, "utf8")]).toEqual(["one\n", "one\n"]);
    for (const log of [index, journal]) await log.close();
  });

  test("is left alone when it is back at the next look", async () => {
    const { path, log, look, failed } = await watched();
    for (let n = 0; n < 3; n++) {
      renameSync(path, `${path}.1`);
      look();
      renameSync(`${path}.1`, path);
      look();
    }
    await log.append("two");
    expect([readFileSync(path, "utf8"), failed]).toEqual(["one\ntwo\n", []]);
    await log.close();
  });

  test.skipIf(smallDiskMissing !== null)("that cannot have it back is said so, and leaves no half of it", async () => {
    using disk = smallDisk(1);
    const { path, log, look, ended } = await watched(disk.path);
    rmSync(path);
    expect(() => writeFileSync(join(disk.path, "filling"), Buffer.alloc(2 * 1024 * 1024))).toThrow("ENOSPC");
    look();
    expect((await ended).message).toStartWith(
      `${path} was removed by another program while the receiver used it; it could not be given its name back: "ENOSPC`,
    );
    expect(existsSync(`${path}.restored`)).toBe(false);
    await log.close();
  });
});

describe("a file that is not as it was left", () => {
  const same = (path: string): void => writeFileSync(path, readFileSync(path));
  const link = (path: string): void => {
    renameSync(path, `${path}.1`);
    symlinkSync(`${path}.1`, path);
  };
  test.each<[string, (path: string) => void]>([
    ["rewritten", same],
    ["added to", (path) => appendFileSync(path, "x")],
    ["cut", (path) => writeFileSync(path, "")],
    ["replaced", link],
  ])("%s: takes no more rows, also when it looks right again, and ends the receiver", async (change, doIt) => {
    const { path, log, look, ended } = await watched();
    const before = readFileSync(path);
    doIt(path);
    await expect(log.append("two")).rejects.toThrow(`ESTALE: ${path} was ${change} by another program`);
    if (change === "cut" || change === "added to") writeFileSync(path, before);
    await expect(log.append("two")).rejects.toThrow("ESTALE");
    look();
    expect((await ended).message).toBe(`${path} was ${change} by another program while the receiver used it`);
    await log.close();
  });

  test("by our own hand alone is ours: appended and cut to nothing", async () => {
    const { log, look, failed } = await watched();
    for (let n = 0; n < 20; n++) {
      await Promise.all(Array.from({ length: 5 }, (_, i) => log.append(`${n} ${i}`)));
      look();
      if (n % 7 === 0) await log.clear();
      look();
    }
    expect([failed, log.changed()]).toEqual([[], null]);
    await log.close();
  });
});
