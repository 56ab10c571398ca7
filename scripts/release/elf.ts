// What an executable says of itself (elf(5)): where its program begins, and which glibc it needs at the least. Pure.

import { UserError } from "../../lib/core/failure.ts";

/** 64-bit little-endian ELF, which all our targets are. */
const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const SECTION_BYTES = 64;
const SHT_GNU_VERNEED = 0x6ffffffe;

interface Section {
  name: string;
  type: number;
  offset: number;
  bytes: number;
  /** Index of the section that holds its texts. */
  link: number;
}

export interface Executable {
  /** Where Bun's section begins, whose end is the program: what stands before it is the runtime. */
  programAt: number;
  /** The newest version of glibc that any symbol is of, such as `2.25`; null: it needs none. */
  glibc: string | null;
}

/** Reads an executable that `bun build --compile` made. @param file its name, for messages @throws UserError: it is none */
export function readExecutable(bytes: Buffer, file: string): Executable {
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) throw new UserError(`${file} is no 64-bit ELF executable`);
  const sections = sectionsOf(bytes);
  const program = sections.find(({ name }) => name === ".bun");
  if (program === undefined) throw new UserError(`${file} has no section .bun: Bun compiles otherwise by now`);
  return { programAt: program.offset, glibc: newest(glibcVersions(bytes, sections)) };
}

function sectionsOf(bytes: Buffer): Section[] {
  const at = Number(bytes.readBigUInt64LE(0x28));
  const count = bytes.readUInt16LE(0x3c);
  const rows = Array.from({ length: count }, (_, i) => at + i * SECTION_BYTES);
  const names = rows[bytes.readUInt16LE(0x3e)] ?? 0;
  const texts = Number(bytes.readBigUInt64LE(names + 24));
  return rows.map((row) => ({
    name: textAt(bytes, texts + bytes.readUInt32LE(row)),
    type: bytes.readUInt32LE(row + 4),
    offset: Number(bytes.readBigUInt64LE(row + 24)),
    bytes: Number(bytes.readBigUInt64LE(row + 32)),
    link: bytes.readUInt32LE(row + 40),
  }));
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

/** Of all libraries: `GLIBC_2.25` is the version of a symbol in libc, libm, libpthread … */
function glibcVersions(bytes: Buffer, sections: readonly Section[]): string[] {
  const needed = sections.find(({ type }) => type === SHT_GNU_VERNEED);
  const texts = sections[needed?.link ?? -1]?.offset ?? 0;
  const versions: string[] = [];
  for (let library = needed?.offset ?? 0, more = needed === undefined ? 0 : 1; more !== 0; library += more) {
    let version = library + bytes.readUInt32LE(library + 8);
    for (let left = bytes.readUInt16LE(library + 2); left > 0; left -= 1) {
      const [, found] = /^GLIBC_(\d+(?:\.\d+)+)$/.exec(textAt(bytes, texts + bytes.readUInt32LE(version + 8))) ?? [];
      if (found !== undefined) versions.push(found);
      version += bytes.readUInt32LE(version + 12);
    }
    more = bytes.readUInt32LE(library + 12);
  }
  return versions;
}

function newest(versions: readonly string[]): string | null {
  return versions.toSorted(compareVersions).at(-1) ?? null;
}

/** Numbers between dots, each as a number: `2.9` comes before `2.25`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
