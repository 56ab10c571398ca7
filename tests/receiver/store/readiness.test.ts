// /readyz asks the disk as an upload does: what is hung, slow, full or gone is said, and nobody waits for ever for that.

import { afterEach, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { realDisk } from "../../../lib/receiver/store/files/disk.ts";
import { createReadiness } from "../../../lib/receiver/store/readiness.ts";
import { inText } from "../../support/in-text.ts";
import { cleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);

test("a disk that takes a byte is ready, also after a kill in the middle of it, and nothing is left there", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, ".ready"), "");
  expect(await createReadiness({ dataRoot: dir, incoming: dir, reserveBytes: () => 0 })()).toBeNull();
  expect(readdirSync(dir)).toEqual([]);
});

test("below the reserve, or without its directory, it is not", async () => {
  const dir = tempDir();
  const short = await createReadiness({ dataRoot: dir, incoming: dir, reserveBytes: () => 1e18 })();
  expect({ ...short, fix: inText(short?.fix) }).toEqual({
    kind: "bytes",
    why: expect.stringContaining("below the reserve of 909494.7 TiB"),
    fix: expect.stringMatching(/^see what fills it: sudo du -a -k -x \/\S* \| sort -n \| tail -n 20$/),
  });
  rmSync(dir, { recursive: true });
  expect(await createReadiness({ dataRoot: "/", incoming: dir, reserveBytes: () => 0 })()).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("ENOENT"),
  });
});

test("a write that does not end is told after its time, the disk is not asked again meanwhile, and then for a second", async () => {
  const dir = tempDir();
  let now = 0;
  let writes = 0;
  const gate = Promise.withResolvers<void>();
  const write = (): Promise<void> => {
    writes++;
    return gate.promise;
  };
  const ready = createReadiness({
    dataRoot: dir,
    incoming: dir,
    reserveBytes: () => 0,
    disk: { ...realDisk, write },
    now: () => now,
    patienceMs: 20,
  });
  const hung = "the disk is too slow, or does not get its turn: a write of one byte has not ended for";
  expect((await ready())?.why).toStartWith(hung);
  now = 5000;
  expect((await ready())?.why).toBe(`${hung} 5s`);
  // On a busy machine it may not have begun in that time.
  while (writes < 1) await Bun.sleep(1);
  gate.resolve();
  while ((await ready())?.why.endsWith("a write of one byte took 5s") !== true) await Bun.sleep(1);
  expect(writes).toBe(1);
  now = 5999;
  expect((await ready())?.why).toEndWith("took 5s");
  now = 6001;
  while ((await ready()) !== null) await Bun.sleep(1);
  expect(writes).toBe(2);
});
