// A full disk, for real: what has to be kept is kept in the room that was set aside.

import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSpare } from "../../../lib/fleet-health/state/spare.ts";
import { replaceDurable } from "../../../lib/os/files/sync-files.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const diskTest = test.skipIf(smallDiskMissing !== null);

diskTest("on a full disk the room that was set aside is used, and set aside again when there is some", () => {
  using disk = smallDisk(4);
  const [file, path, filler] = ["state", "spare", "filler"].map((name) => join(disk.path, name)) as [
    string,
    string,
    string,
  ];
  const spare = openSpare(path);
  const write = (text: string) => spare.use(() => void replaceDurable(file, text));
  write("a".repeat(100_000));
  spare.keep(100_000);
  expect(statSync(path).size).toBe(393_216);
  expect(() => writeFileSync(filler, Buffer.alloc(8 * 1024 ** 2))).toThrow("ENOSPC");
  write("b".repeat(200_000));
  expect([readFileSync(file, "utf8").length, existsSync(path)]).toEqual([200_000, false]);
  // No room for another one, and that is no failure.
  spare.keep(200_000);
  rmSync(filler);
  spare.keep(200_000);
  expect(statSync(path).size).toBe(393_216);
});

test("what fails for another reason is not tried again; more room is set aside where more is needed, and no less", () => {
  const path = join(tempDir(), "spare");
  const spare = openSpare(path);
  spare.keep(1_000_000);
  expect(statSync(path).size).toBe(1_875_000);
  const { ino } = statSync(path);
  spare.keep(5);
  expect(statSync(path).ino).toBe(ino);
  let tries = 0;
  const fail = () => {
    tries += 1;
    throw Object.assign(new Error("EROFS"), { code: "EROFS" });
  };
  expect(() => spare.use(fail)).toThrow("EROFS");
  expect([tries, existsSync(path)]).toEqual([1, true]);
});

test.each(["ENOSPC", "EDQUOT"])(
  "%s is a disk that is full: the room that was set aside is given back, and used",
  (code) => {
    const path = join(tempDir(), "spare");
    const spare = openSpare(path);
    spare.keep(5);
    spare.use(() => {
      if (existsSync(path)) throw Object.assign(new Error(code), { code });
    });
    expect(existsSync(path)).toBe(false);
  },
);
