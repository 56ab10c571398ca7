// Lets an executable start in a directory that was deleted. There Bun's runtime asks for its working directory before any
// of our code runs, and ends with a message of its own and exit code 1, which with us means "the answer is no". So a few
// instructions go before its first one: where getcwd(2) says ENOENT they go to /, and everywhere else they do nothing.
//
// They lie in the padding before .text, which the kernel maps with it. Whatever is not as expected ends the build.

import { closeSync, openSync, readSync, writeSync } from "node:fs";

interface Machine {
  /** e_machine (elf.h). */
  id: number;
  /** The instructions and the path, for a code at `at` that goes on at `entry`. */
  code: (at: number, entry: number) => Buffer;
}

/** The stack below its pointer is ours: nobody has it before the first instruction. */
const MACHINES: readonly Machine[] = [
  {
    id: 62, // x86-64: push rdx (the loader's; the rest may change) … pop rdx; jmp entry
    code: (at, entry) => {
      const head = bytes(
        "52", //                    push rdx
        "48 8d bc 24 00 f0 ff ff", // lea rdi, [rsp-4096]
        "be 00 10 00 00", //        mov esi, 4096
        "b8 4f 00 00 00 0f 05", //  getcwd
        "48 83 f8 fe", //           cmp rax, -ENOENT
        "75 0e", //                 jne done
        "48 8d 3d 0d 00 00 00", //  lea rdi, [rip+13]: the path
        "b8 50 00 00 00 0f 05", //  chdir
        "5a", //                    done: pop rdx
        "e9", //                    jmp
      );
      const jump = Buffer.alloc(4);
      jump.writeInt32LE(entry - (at + head.length + jump.length));
      return Buffer.concat([head, jump, Buffer.from("/\0")]);
    },
  },
  {
    id: 183, // arm64: x0 is the loader's
    code: (at, entry) => {
      const words = [
        0xa9bf07e0, // stp x0, x1, [sp, #-16]!
        0xd14007e0, // sub x0, sp, #4096
        0xd2820001, // mov x1, #4096
        0xd2800228, // mov x8, #17: getcwd
        0xd4000001, // svc #0
        0xb100081f, // cmn x0, #ENOENT
        0x54000081, // b.ne done
        0x100000a0, // adr x0, path
        0xd2800628, // mov x8, #49: chdir
        0xd4000001, // svc #0
        0xa8c107e0, // done: ldp x0, x1, [sp], #16
      ];
      const branch = 0x14000000 | (((entry - (at + words.length * 4)) >> 2) & 0x3ffffff);
      const code = Buffer.alloc((words.length + 1) * 4);
      for (const [i, word] of [...words, branch].entries()) code.writeUInt32LE(word >>> 0, i * 4);
      return Buffer.concat([code, Buffer.from("/\0")]);
    },
  },
];

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_LOAD = 1;
const EXECUTABLE = 1;
const PAGE = 4096;
/** The code has 64 bytes at most. */
const ROOM = 64;

/**
 * Puts the code before the first instruction of an executable.
 * @throws Error when the file is not laid out as expected
 */
export function startAnywhere(path: string): void {
  const fd = openSync(path, "r+");
  try {
    const head = read(fd, 0, HEADER_BYTES);
    if (head.toString("latin1", 0, 4) !== "\x7fELF") throw new Error(`${path} is no ELF file`);
    const machine = MACHINES.find(({ id }) => id === head.readUInt16LE(18));
    if (machine === undefined) throw new Error(`${path}: no code for machine ${head.readUInt16LE(18)}`);
    const entry = Number(head.readBigUInt64LE(24));
    const { offset, address } = textOf(fd, head, entry);
    const at = offset - ROOM;
    const padding = read(fd, at, ROOM);
    if (Math.floor(at / PAGE) !== Math.floor(offset / PAGE) || padding.some((byte) => byte !== 0))
      throw new Error(`${path}: no padding before its code`);
    const code = machine.code(address - ROOM, entry);
    if (code.length > ROOM) throw new Error(`${path}: ${code.length} bytes of code, more than ${ROOM}`);
    writeSync(fd, code, 0, code.length, at);
    head.writeBigUInt64LE(BigInt(address - ROOM), 24);
    writeSync(fd, head, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(fd);
  }
}

/** Where the segment of the entry point begins, in the file and in memory. */
function textOf(fd: number, head: Buffer, entry: number): { offset: number; address: number } {
  const [table, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(56)];
  let previousEnd = 0;
  for (let i = 0; i < count; i++) {
    const header = read(fd, table + i * PROGRAM_HEADER_BYTES, PROGRAM_HEADER_BYTES);
    if (header.readUInt32LE(0) !== PT_LOAD) continue;
    const [offset, address, , size] = [8, 16, 24, 32].map((at) => Number(header.readBigUInt64LE(at)));
    if (offset === undefined || address === undefined || size === undefined) break;
    const isText = (header.readUInt32LE(4) & EXECUTABLE) !== 0 && address <= entry && entry < address + size;
    // Nothing may lie where the code goes.
    if (isText && previousEnd <= offset - ROOM) return { offset, address };
    previousEnd = offset + size;
  }
  throw new Error("no segment of code with room before it");
}

function read(fd: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  if (readSync(fd, buffer, 0, length, at) !== length) throw new Error(`the file ends before ${at + length}`);
  return buffer;
}

function bytes(...hex: readonly string[]): Buffer {
  return Buffer.from(hex.join("").replaceAll(" ", ""), "hex");
}
