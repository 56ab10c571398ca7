// Files with holes: the same archive as of written zeros, and next to none of the work.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { tarBlocks } from "../../../lib/shipper/pack/archive.ts";
import type { PackResult } from "../../../lib/shipper/pack/job.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { writeFiles } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { walkTree } from "../../support/walked.ts";

setDefaultTimeout(180_000);
const MIB = 1024 * 1024;
const AT = 1_777_616_273;
const sha256 = (data: string | Uint8Array): string => new Bun.CryptoHasher("sha256").update(data).digest("hex");

/** Data at some places of a file, and holes in between. */
function writeSparse(path: string, size: number, data: readonly (readonly [at: number, bytes: number])[]): void {
  const fd = openSync(path, "w");
  for (const [at, bytes] of data) writeSync(fd, Buffer.alloc(bytes, 0x5a), 0, bytes, at);
  ftruncateSync(fd, size);
  closeSync(fd);
  utimesSync(path, AT, AT);
}

function place(): { root: string; file: string; pack: () => Promise<PackResult> } {
  const base = tempDir();
  const root = join(base, "ep1");
  writeFiles(root, { "done.marker": "" });
  utimesSync(join(root, "done.marker"), AT, AT);
  const job = { root, id: "ep1", part: join(base, ".ep1.part"), reserveBytes: 0, maxBytes: null };
  return { root, file: join(root, "data"), pack: () => packEpisode(job, { moved: () => {}, cancelled: () => false }) };
}

function tarOf(root: string, blockBytes: number, zeros = Buffer.alloc(blockBytes)): Buffer[] {
  const pool = { take: () => Buffer.alloc(blockBytes), zeros };
  return [...tarBlocks({ root, id: "ep1", tree: walkTree(root), onFile: () => null }, pool)];
}

/** Bytes that this process has read so far, by the kernel's count. */
const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

describe("an episode with holes", () => {
  test("gives the same tar as one with written zeros, wherever the holes are and in blocks of any size", () => {
    const { root, file } = place();
    const stretch = fc.tuple(fc.integer({ min: 0, max: 300_000 }), fc.integer({ min: 1, max: 20_000 }));
    const layout = fc.tuple(fc.integer({ min: 0, max: 320_000 }), fc.array(stretch, { maxLength: 5 }));
    fc.assert(
      fc.property(layout, fc.constantFrom(512, 4096, 65_536), ([size, data], blockBytes) => {
        writeSparse(file, size, data);
        const sparse = Buffer.concat(tarOf(root, blockBytes));
        const dense = readFileSync(file);
        writeSparse(file, 0, []);
        const fd = openSync(file, "w");
        writeSync(fd, dense);
        closeSync(fd);
        utimesSync(file, AT, AT);
        expect(Buffer.concat(tarOf(root, blockBytes)).equals(sparse)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("is packed without reading the holes, to what zstd and tar take for it", async () => {
    const { root, file, pack } = place();
    writeSparse(file, 100 * MIB, [[50 * MIB + 5, 1000]]);
    const before = bytesRead();
    const result = await pack();
    expect(bytesRead() - before).toBeLessThan(10 * MIB);
    if (result.kind !== "packed") throw new Error(result.kind);
    expect(result.bytes).toBeLessThan(100_000);
    const part = join(root, "../.ep1.part");
    const compare = `zstd -dcq '${part}' | tar -xO ep1/data | cmp - '${file}'`;
    expect(Bun.spawnSync(["sh", "-c", compare]).exitCode).toBe(0);
    const tar = Bun.spawnSync(["sh", "-c", `zstd -dcq '${part}' | sha256sum`]).stdout.toString();
    expect(tar.split(" ")[0]).toBe(result.treeSha256);
  });

  test("has whole blocks of zeros that are one and the same: they are compressed once", () => {
    const { root, file } = place();
    writeSparse(file, 100 * 4096, []);
    const zeros = Buffer.alloc(4096);
    const blocks = tarOf(root, 4096, zeros);
    expect(blocks.filter((block) => block === zeros).length).toBe(99);
    expect(zeros.every((byte) => byte === 0)).toBe(true);
  });

  test("is checked against its manifest, holes included", async () => {
    const { root, file, pack } = place();
    writeSparse(file, 3 * MIB, [[MIB, 10]]);
    writeFiles(root, { "done.marker": `${sha256(readFileSync(file))}  data\n` });
    expect((await pack()).kind).toBe("packed");
    writeSparse(file, 3 * MIB, [[MIB + 1, 10]]);
    expect(await pack()).toMatchObject({ kind: "incomplete", faults: ["data (differs)"] });
  });

  test("needs no more room than its data: holes are no reason to wait for space", async () => {
    const { root, file } = place();
    writeSparse(file, 1024 ** 4, [[0, 4096]]);
    const tree = walkTree(root);
    expect(tree.bytes).toBe(1024 ** 4);
    expect(tree.onDisk).toBe(statSync(file).blocks * 512);
  });

  test("that became shorter is packed again", () => {
    const { root, file } = place();
    writeSparse(file, 10 * MIB, []);
    const source = { root, id: "ep1", tree: walkTree(root), onFile: () => null };
    truncateSync(file, MIB);
    const pool = { take: () => Buffer.alloc(65_536), zeros: Buffer.alloc(65_536) };
    expect(() => [...tarBlocks(source, pool)]).toThrow("data became shorter");
  });
});
