// The instructions that let an executable start in a deleted directory: where they are put, and what ends the build. What
// they do is seen with the real executables (e2e/every-verb.test.ts).

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startAnywhere } from "../scripts/start-anywhere.ts";
import { tempDir } from "./support/temp-dir.ts";

const ENTRY = 0x401200;

/** An ELF file of one page of data and one segment of code that begins at 0x1100, in memory at 0x401100. */
function elf({ machine = 62, padding = 0, dataEnds = 0x800 } = {}): string {
  const file = Buffer.alloc(0x2000, 0x90);
  file.fill(0, 0, 0x1100);
  file.write("\x7fELF", "latin1");
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(BigInt(ENTRY), 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(2, 56);
  const segments = [
    { flags: 4, offset: 0, address: 0x400000, size: dataEnds },
    { flags: 5, offset: 0x1100, address: 0x401100, size: 0xf00 },
  ];
  for (const [i, { flags, offset, address, size }] of segments.entries()) {
    const at = 64 + i * 56;
    file.writeUInt32LE(1, at);
    file.writeUInt32LE(flags, at + 4);
    for (const [field, value] of [
      [8, offset],
      [16, address],
      [32, size],
    ] as const)
      file.writeBigUInt64LE(BigInt(value), at + field);
  }
  file[0x10f0] = padding;
  const path = join(tempDir(), "program");
  writeFileSync(path, file);
  return path;
}

for (const [name, machine] of [
  ["x86-64", 62],
  ["arm64", 183],
] as const) {
  test(`${name}: the entry point is in the padding before the code, and the last jump goes to the old one`, () => {
    const path = elf({ machine });
    const before = readFileSync(path);
    startAnywhere(path);
    const after = readFileSync(path);
    const entry = Number(after.readBigUInt64LE(24));
    expect(entry).toBe(0x4010c0);
    // The path is the last thing; before it stands the jump, 32 bits relative to its end (x86-64) or 26 to itself (arm64).
    const slash = after.indexOf("/\0", 0x10c0);
    const at = 0x401000 + slash - 0x1000;
    const jump = after.readInt32LE(slash - 4);
    expect(machine === 62 ? at + jump : at - 4 + (jump & 0x3ffffff) * 4).toBe(ENTRY);
    expect(after.subarray(0x1100).equals(before.subarray(0x1100))).toBe(true);
    expect(after.subarray(64, 0x10c0).equals(before.subarray(64, 0x10c0))).toBe(true);
  });
}

for (const [what, path, message] of [
  ["a machine that it has no code for", () => elf({ machine: 40 }), "no code for machine 40"],
  ["padding that is none", () => elf({ padding: 1 }), "no padding before its code"],
  ["data right before the code", () => elf({ dataEnds: 0x10f0 }), "no segment of code with room before it"],
] as const) {
  test(`${what} ends the build, and the file stays as it was`, () => {
    const file = path();
    const before = readFileSync(file);
    expect(() => startAnywhere(file)).toThrow(message);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
}

test("what is no ELF file ends the build", () => {
  const path = join(tempDir(), "text");
  writeFileSync(path, "x".repeat(200));
  expect(() => startAnywhere(path)).toThrow("is no ELF file");
});
