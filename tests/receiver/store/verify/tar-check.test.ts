// Is this a whole tar? Ours, and those of other programs; cut at every block, and damaged.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TAR_END, tarHeader, tarPadding } from "../../../../lib/core/tar.ts";
import { TarCheck } from "../../../../lib/receiver/store/verify/tar-check.ts";

function check(tar: Buffer, step = tar.length): string | null {
  const check = new TarCheck();
  for (let at = 0; at < tar.length; at += step) check.feed(tar.subarray(at, at + step));
  return check.end();
}

function member(name: string, content: Buffer): Buffer {
  const header = tarHeader({ name, kind: "file", size: content.length, executable: false, mtimeS: 1 });
  return Buffer.concat([header, content, Buffer.alloc(tarPadding(content.length))]);
}

const DIRECTORY = tarHeader({ name: "ep1", kind: "directory", size: 0, executable: false, mtimeS: 1 });
const END = Buffer.alloc(TAR_END);
const OURS = Buffer.concat([
  DIRECTORY,
  member("ep1/a", Buffer.from("hello")),
  member(`ep1/${"n".repeat(200)}`, Buffer.alloc(1024, 7)),
  END,
]);

test("one of ours is whole, in pieces of any size", () => {
  for (const step of [OURS.length, 1, 7, 511, 512, 513]) expect(check(OURS, step)).toBeNull();
});

test("one that ends anywhere before its first block of zeros is not", () => {
  for (let length = 512; length <= OURS.length - TAR_END; length += 512) {
    expect(check(OURS.subarray(0, length))).toMatch(/^its tar is cut off after \d members?$/);
  }
  expect(check(OURS.subarray(0, OURS.length - TAR_END))).toBe("its tar is cut off after 4 members");
  expect(check(OURS.subarray(0, OURS.length - 512))).toBeNull();
});

test("what follows the end is not looked at", () => {
  expect(check(Buffer.concat([OURS, Buffer.from("padding of a tape")]))).toBeNull();
});

test("bytes that are no tar", () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(2000, 65), OURS.subarray(100)]) {
    expect(check(bytes)).toBe("it is no tar");
  }
});

test("a header with a flipped bit", () => {
  const damaged = Buffer.from(OURS);
  damaged[512 + 3] = (damaged[512 + 3] ?? 0) ^ 1;
  expect(check(damaged)).toBe("its tar is damaged after 1 members");
});

test("a size of more than 8 GiB stands in a pax record", () => {
  const size = 9 * 1024 ** 3;
  const header = tarHeader({ name: "big", kind: "file", size, executable: false, mtimeS: 1 });
  const tar = new TarCheck();
  tar.feed(header);
  const gib = Buffer.alloc(1024 ** 2);
  for (let fed = 0; fed < size; fed += gib.length) tar.feed(gib);
  tar.feed(member("after", Buffer.from("x")));
  expect(tar.end()).toBe("its tar is cut off after 3 members");
  tar.feed(END);
  expect(tar.end()).toBeNull();
});

describe("written by tar(1)", () => {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-tar-"));
  beforeAll(() => {
    mkdirSync(join(dir, "in", "sub".repeat(40)), { recursive: true });
    writeFileSync(join(dir, "in", "a"), "hello");
    writeFileSync(join(dir, "in", "sub".repeat(40), "b".repeat(150)), Buffer.alloc(5000, 3));
    Bun.spawnSync(["ln", "a", join(dir, "in/hard")], { cwd: join(dir, "in") });
    Bun.spawnSync(["ln", join(dir, "in/a"), join(dir, "in/hard")]);
    Bun.spawnSync(["ln", "-s", "a", join(dir, "in/soft")]);
    writeFileSync(join(dir, "in", "sparse"), "");
    for (let i = 1; i <= 40; i++) {
      truncateSync(join(dir, "in/sparse"), i * 200_000);
      Bun.write(join(dir, "x"), "");
      Bun.spawnSync([
        "dd",
        "if=/dev/urandom",
        `of=${join(dir, "in/sparse")}`,
        "bs=4096",
        `seek=${i * 45}`,
        "count=1",
        "conv=notrunc",
      ]);
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  for (const format of ["v7", "oldgnu", "gnu", "ustar", "pax"]) {
    for (const more of format === "v7" || format === "ustar" ? [[]] : [[], ["-S"]]) {
      test(`--format=${format} ${more.join(" ")}`, () => {
        const made = Bun.spawnSync(["tar", "-c", `--format=${format}`, ...more, "-C", dir, "in"]);
        const tar = Buffer.from(made.stdout);
        expect(tar.length).toBeGreaterThan(1000);
        expect([check(tar), check(tar, 1000)]).toEqual([null, null]);
        expect(check(tar.subarray(0, tar.length / 2))).toMatch(/cut off/);
      });
    }
  }
});
