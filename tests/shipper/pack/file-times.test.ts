// Times that a clock from before the network gave to files: kept as they are, to the second.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { tarBlocks } from "../../../lib/shipper/pack/archive.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { writeFiles } from "../../support/lab-host.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { walkTree } from "../../support/walked.ts";

/** tmpfs keeps any time; other file systems end somewhere. */
const diskTest = test.skipIf(smallDiskMissing !== null);

/** Second by which each time is kept, as `touch` takes it. */
const TIMES = {
  "@-62135596800": -62_135_596_800,
  "@-5000.25": -5001,
  "@-5000": -5000,
  "@-0.5": -1,
  "@0": 0,
  "@0.999": 0,
  "@8589934591.5": 8_589_934_591,
  "@8589934592": 8_589_934_592,
  "@99999999999.75": 99_999_999_999,
};

diskTest(`files from before 1970 and after 2242 keep their second (${smallDiskMissing ?? "tmpfs"})`, () => {
  using disk = smallDisk(4);
  const root = `${disk.path}/ep`;
  for (const at of Object.keys(TIMES)) {
    writeFiles(root, { [at]: "x" });
    Bun.spawnSync(["touch", "-d", at, `${root}/${at}`]);
  }
  const walked = walkTree(root).entries.filter(({ kind }) => kind === "file");
  expect(Object.fromEntries(walked.map(({ path, mtimeS }) => [path, mtimeS]))).toEqual(TIMES);
  writeFiles(root, { "done.marker": "" });
  utimesSync(`${root}/done.marker`, 1_777_616_273, 1_777_616_273);
  const pool = { take: () => Buffer.alloc(4096), zeros: Buffer.alloc(4096) };
  const tar = Buffer.concat([...tarBlocks({ root, id: "ep", tree: walkTree(root), onFile: () => null }, pool)]);
  const list = Bun.spawnSync(["tar", "-tv", "--full-time"], { stdin: tar, env: { LC_ALL: "C", TZ: "UTC" } });
  const lines = list.stdout.toString().trim().split("\n");
  expect(lines.map((line) => line.split(/\s+/).slice(3).join(" "))).toEqual([
    "2026-05-01 06:17:53 ep/",
    "1969-12-31 23:59:59 ep/@-0.5",
    "1969-12-31 22:36:40 ep/@-5000",
    "1969-12-31 22:36:39 ep/@-5000.25",
    "1-01-01 00:00:00 ep/@-62135596800",
    "1970-01-01 00:00:00 ep/@0",
    "1970-01-01 00:00:00 ep/@0.999",
    "2242-03-16 12:56:31 ep/@8589934591.5",
    "2242-03-16 12:56:32 ep/@8589934592",
    "5138-11-16 09:46:39 ep/@99999999999.75",
    "2026-05-01 06:17:53 ep/done.marker",
  ]);
});

diskTest(
  `such times are of format 2, beside the digest that an older release gave them (${smallDiskMissing ?? "tmpfs"})`,
  async () => {
    using disk = smallDisk(4);
    const packed = async (name: string, times: readonly string[]) => {
      const root = `${disk.path}/${name}/ep`;
      for (const [n, at] of times.entries()) {
        writeFiles(root, { [`file${n}`]: "x" });
        Bun.spawnSync(["touch", "-d", at, `${root}/file${n}`]);
      }
      writeFiles(root, { "done.marker": "" });
      utimesSync(`${root}/done.marker`, 1_777_616_273, 1_777_616_273);
      const part = join(disk.path, `${name}.part`);
      const job = { root, id: "ep", part, reserveBytes: 0, maxBytes: null };
      const result = await packEpisode(job, { moved: () => {}, cancelled: () => false });
      if (result.kind !== "packed") throw new Error(result.kind);
      const tar = Bun.zstdDecompressSync(readFileSync(part));
      return { ...result, tar: createHash("sha256").update(tar).digest("hex") };
    };
    const odd = await packed("odd", ["@-5000", "@8589934592", "@7"]);
    const even = await packed("even", ["@0", "@8589934591", "@7"]);
    expect([even.treeSha256, even.firstTreeSha256]).toEqual([even.tar, null]);
    expect([odd.treeSha256, odd.firstTreeSha256]).toEqual([`v2:${odd.tar}`, even.tar]);
    expect(odd.tar).not.toBe(even.tar);
    // As the last release of format 1 packed the odd one.
    expect(odd.firstTreeSha256).toBe("812be5a4d451ada8fbe459b99cf1313936093297512086a540bb6c47018f0af3");
  },
);
