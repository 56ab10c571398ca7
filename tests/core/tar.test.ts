// Tar headers: golden bytes, because the tree digest of every episode hangs on them, and GNU tar as the judge.

import { describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { TAR_BLOCK, TAR_END, type TarMember, tarHeader, tarPadding } from "../../lib/core/tar.ts";
import { tempDir } from "../support/temp-dir.ts";

const FILE: TarMember = { name: "ep1/data.bin", kind: "file", size: 1234, executable: false, mtimeS: 1_777_616_273 };
const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

/** A member's header, content (its name over and over) and padding. */
function member(change: Partial<TarMember>): { member: TarMember; bytes: Buffer } {
  const full = { ...FILE, ...change };
  const content = Buffer.alloc(full.size, `${full.name}|`, "latin1");
  return { member: full, bytes: Buffer.concat([tarHeader(full), content, Buffer.alloc(tarPadding(full.size))]) };
}

function archive(path: string, members: readonly { bytes: Buffer }[]): string {
  writeFileSync(path, Buffer.concat([...members.map(({ bytes }) => bytes), Buffer.alloc(TAR_END)]));
  return path;
}

function gnuTar(...args: string[]): Buffer {
  const done = Bun.spawnSync(["tar", ...args], { stderr: "pipe", env: { ...process.env, LC_ALL: "C", TZ: "UTC" } });
  expect({ stderr: done.stderr.toString(), code: done.exitCode }).toEqual({ stderr: "", code: 0 });
  return done.stdout;
}

/** Names in an archive as GNU tar reads them, one character a byte. */
function namesIn(path: string): string[] {
  const listed = gnuTar("-t", "--quoting-style=literal", "--null", "--show-transformed-names", "-f", path);
  return listed.toString("latin1").split("\n").slice(0, -1);
}

describe("the header of a member", () => {
  test("has the very bytes that every release has written", () => {
    const header = tarHeader(FILE);
    const zeros = (count: number): string => "\0".repeat(count);
    const expected = [
      "ep1/data.bin".padEnd(100, "\0"),
      "0000644\0",
      "0000000\0",
      "0000000\0",
      "00000002322\0",
      "15175042621\0",
      "010076\0 ",
      "0",
      zeros(100),
      "ustar\x0000",
      zeros(247),
    ].join("");
    expect(header.toString("latin1")).toBe(expected);
  });

  for (const [mtimeS, octal, record] of [
    [-1, "00000000000", "12 mtime=-1\n"],
    [-62_135_596_800, "00000000000", "22 mtime=-62135596800\n"],
    [0o77777777777 + 1, "77777777777", "20 mtime=8589934592\n"],
    [99_999_999_999, "77777777777", "21 mtime=99999999999\n"],
  ] as const) {
    test(`of a time that no octal field holds (${mtimeS}) stands behind a record with it`, () => {
      const header = tarHeader({ ...FILE, mtimeS });
      expect(header.length).toBe(3 * TAR_BLOCK);
      expect(header.toString("latin1", 512, 512 + record.length + 1)).toBe(`${record}\0`);
      // The record's own header, and the member's.
      for (const at of [0, 1024]) expect(header.toString("latin1", at + 136, at + 147)).toBe(octal);
    });
  }

  test("of the last second that an octal field holds, and of the first, is one block", () => {
    for (const mtimeS of [0, 0o77777777777]) expect(tarHeader({ ...FILE, mtimeS }).length).toBe(TAR_BLOCK);
  });

  test("carries a checksum over itself, its own place counted as blanks", () => {
    const header = tarHeader(FILE);
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    expect(header.toString("latin1", 148, 156)).toBe(`${sum.toString(8).padStart(6, "0")}\0 `);
  });

  test("of a directory ends in a slash and has no size; an executable file is 0755", () => {
    const directory = tarHeader({ ...FILE, kind: "directory", name: "ep1", size: 0 }).toString("latin1");
    expect([directory.slice(0, 5), directory.slice(100, 107), directory[156]]).toEqual(["ep1/\0", "0000755", "5"]);
    expect(tarHeader({ ...FILE, executable: true }).toString("latin1", 100, 107)).toBe("0000755");
  });

  test("is one block up to 100 bytes of name and three from 101 on", () => {
    const blocks = [99, 100, 101, 300].map((n) => tarHeader({ ...FILE, name: "n".repeat(n) }).length / TAR_BLOCK);
    expect(blocks).toEqual([1, 1, 3, 3]);
    const directory = [99, 100].map((n) => tarHeader({ ...FILE, kind: "directory", size: 0, name: "n".repeat(n) }));
    expect(directory.map(({ length }) => length / TAR_BLOCK)).toEqual([1, 3]);
  });

  test("is one block up to 8 GiB less a byte and three from 8 GiB on", () => {
    const blocks = [2 ** 33 - 1, 2 ** 33].map((size) => tarHeader({ ...FILE, size }).length / TAR_BLOCK);
    expect(blocks).toEqual([1, 3]);
    expect(tarHeader({ ...FILE, size: 2 ** 33 }).toString("latin1", 512, 534)).toBe("19 size=8589934592\n\0\0\0");
  });

  test("counts the digits of a pax record's length within that length", () => {
    for (let length = 101; length < 1100; length++) {
      const header = tarHeader({ ...FILE, name: "n".repeat(length) });
      const record = /^(\d+) path=n+\n/.exec(header.toString("latin1", TAR_BLOCK));
      expect(record?.[0].length).toBe(Number(record?.[1]));
    }
  });
});

test("padding fills the last block and no more", () => {
  expect([0, 1, 511, 512, 513, 2 ** 33].map(tarPadding)).toEqual([0, 511, 1, 0, 511, 0]);
});

describe("GNU tar", () => {
  const NAMES = [
    "plain",
    "n".repeat(100),
    "n".repeat(101),
    `${"deep/".repeat(40)}leaf`,
    utf8("mesure-é-日本"),
    utf8(`${"é".repeat(60)}`), // 120 bytes in 60 characters
    "bytes-\xff\xfe-not-utf8",
    `\xff${"x".repeat(120)}`,
    "a blank",
    "quote'\"`$(x)",
    "tab\tand\\backslash",
    "=equals=",
    `${"y".repeat(110)}=with=equals`,
  ];

  test("lists every name as it was, byte for byte", () => {
    const path = archive(
      join(tempDir(), "a.tar"),
      NAMES.map((name) => member({ name, size: 3 })),
    );
    expect(namesIn(path)).toEqual(NAMES);
  });

  test("extracts a name with a line break, short or long", () => {
    const dir = tempDir();
    const names = ["two\nlines", `${"z".repeat(105)}\n5 path=evil\n`];
    const path = archive(
      join(dir, "a.tar"),
      names.map((name) => member({ name, size: 3 })),
    );
    gnuTar("-xf", path, "-C", dir);
    expect(readdirSync(dir).sort()).toEqual(["a.tar", ...names].sort());
  });

  test("reads a 9 GiB size from a pax record", () => {
    const path = join(tempDir(), "a.tar");
    writeFileSync(path, tarHeader({ ...FILE, size: 9 * 2 ** 30 }));
    const listed = Bun.spawnSync(["tar", "-tvf", path], { stderr: "pipe", env: { LC_ALL: "C", TZ: "UTC" } });
    // The content is not there, so tar complains after the listing.
    expect(listed.stdout.toString()).toContain(" 9663676416 2026-05-01 06:17 ep1/data.bin");
  });

  test("sees kinds, modes, owner and whole-second times", () => {
    const members = [
      member({ name: "ep1", kind: "directory", size: 0 }),
      member({ name: "ep1/run.sh", size: 5, executable: true }),
      member({ name: "ep1/old", size: 0, mtimeS: 0 }),
    ];
    const path = archive(join(tempDir(), "a.tar"), members);
    const lines = gnuTar("-tvf", path, "--full-time", "--numeric-owner").toString().trim().split("\n");
    expect(lines.map((line) => line.replace(/ +/g, " "))).toEqual([
      "drwxr-xr-x 0/0 0 2026-05-01 06:17:53 ep1/",
      "-rwxr-xr-x 0/0 5 2026-05-01 06:17:53 ep1/run.sh",
      "-rw-r--r-- 0/0 0 1970-01-01 00:00:00 ep1/old",
    ]);
  });

  test("extracts a few hundred arbitrary members to their very bytes", () => {
    const dir = tempDir();
    const byte = fc.integer({ min: 1, max: 255 }).filter((b) => b !== 0x2f);
    const tail = fc.array(byte, { maxLength: 180 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    const wanted = fc.record({
      tail,
      size: fc.oneof(fc.nat({ max: 1600 }), fc.constantFrom(0, 1, 511, 512, 513, 1024)),
      executable: fc.boolean(),
      mtimeS: fc.oneof(fc.nat({ max: 2 ** 31 - 1 }), fc.constantFrom(0, 2 ** 31, 2 ** 32)),
    });
    const members = fc
      .sample(wanted, { numRuns: 300, seed: 20_261_122 })
      .map(({ tail: rest, ...figures }, i) => member({ ...figures, name: `ep/${i}-${rest}` }));
    const path = archive(join(dir, "a.tar"), [member({ name: "ep", kind: "directory", size: 0 }), ...members]);
    gnuTar("--warning=no-timestamp", "-xpf", path, "-C", dir);
    for (const { member: m } of members) {
      const found = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(m.name, "latin1")]);
      expect(readFileSync(found)).toEqual(Buffer.alloc(m.size, `${m.name}|`, "latin1"));
      const { mtimeMs, mode } = statSync(found);
      expect([mtimeMs / 1000, (mode & 0o100) !== 0]).toEqual([m.mtimeS, m.executable]);
    }
    expect(readdirSync(join(dir, "ep")).length).toBe(members.length);
    expect(lstatSync(join(dir, "ep")).isDirectory()).toBe(true);
  });
});
