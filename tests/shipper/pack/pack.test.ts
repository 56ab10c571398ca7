// Packing one episode for real: what comes of it when the directory, the disk or the marker does not hold still.

import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PackedArchive, PackHooks, PackProgress, PackResult } from "../../../lib/shipper/pack/job.ts";
import { packEpisode } from "../../../lib/shipper/pack/pack.ts";
import { writeFiles } from "../../support/lab-host.ts";
import { seededRandom } from "../../support/random.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MIB = 1024 * 1024;
const NO_HOOKS: PackHooks = { moved: () => {}, cancelled: () => false };
const sha256 = (data: Uint8Array | string): string => new Bun.CryptoHasher("sha256").update(data).digest("hex");

function place(files: Readonly<Record<string, string | Uint8Array>>) {
  const base = tempDir();
  const root = join(base, "ep1");
  writeFiles(root, { "done.marker": "", ...files });
  return { base, root, part: join(base, ".ep1.part") };
}

type Place = ReturnType<typeof place>;

const pack = (at: Place, hooks: Partial<PackHooks> = {}, reserveBytes = 0): Promise<PackResult> =>
  packEpisode({ root: at.root, id: "ep1", part: at.part, reserveBytes, maxBytes: null }, { ...NO_HOOKS, ...hooks });

/** Hooks that do `what` when the first bytes went through. */
function once(what: () => void): Partial<PackHooks> {
  let isDone = false;
  return {
    moved: () => {
      if (!isDone) what();
      isDone = true;
    },
  };
}

function packed(result: PackResult): PackedArchive {
  if (result.kind !== "packed") throw new Error(`not packed: ${JSON.stringify(result)}`);
  return result;
}

describe("a packed episode", () => {
  const noise = seededRandom(3);
  const at = (): Place =>
    place({ "noise.bin": noise.bytes(3 * MIB + 17), "sub/text": "word ".repeat(500_000), empty: "", "n\u00e9": "x" });

  test("is what zstd and GNU tar take for the directory", async () => {
    const here = at();
    packed(await pack(here));
    expect(Bun.spawnSync(["zstd", "-tq", here.part], { stdin: null }).exitCode).toBe(0);
    const tar = Bun.spawnSync(["zstd", "-dcq", here.part]).stdout;
    const compared = Bun.spawnSync(["tar", "-d", "-C", here.base], { stdin: tar, env: { LC_ALL: "C" } });
    const differing = compared.stdout.toString().split("\n");
    // Owners, modes and directories' times are left out of the archive on purpose.
    expect(differing.filter((line) => line !== "" && !/: (Uid|Gid|Mode|Mod time) differs$/.test(line))).toEqual([]);
    expect(differing.filter((line) => /[^/]: Mod time differs/.test(line) && !/ep1(\/sub)?: /.test(line))).toEqual([]);
  });

  test("has the sizes and digests that were told", async () => {
    const here = at();
    const result = packed(await pack(here));
    const bytes = readFileSync(here.part);
    const tar = Bun.spawnSync(["zstd", "-dcq", here.part]).stdout;
    expect(result).toMatchObject({
      bytes: bytes.length,
      sha256: sha256(bytes),
      treeSha256: sha256(tar),
      treeBytes: tar.length,
      files: 5,
      skipped: [],
    });
  });

  test("packs to the same digests again, also over an older part", async () => {
    const here = at();
    const first = packed(await pack(here));
    writeFileSync(here.part, "x".repeat(20 * MIB));
    expect(packed(await pack(here))).toEqual(first);
    expect(sha256(readFileSync(here.part))).toBe(first.sha256);
  });

  test("is told to have moved at least once a mebibyte", async () => {
    let moves = 0;
    await pack(at(), { moved: () => moves++ });
    expect(moves).toBeGreaterThanOrEqual(5);
  });

  test("tells how many of its files' bytes are through, up to all of them", async () => {
    const told: PackProgress[] = [];
    const here = at();
    await pack(here, { moved: (progress) => progress !== undefined && told.push(progress) });
    const all = 3 * MIB + 17 + 5 * 500_000 + 1;
    expect(new Set(told.map(({ bytes }) => bytes))).toEqual(new Set([all]));
    const done = told.map(({ doneBytes }) => doneBytes);
    expect(done[0]).toBe(MIB);
    expect(done.at(-1)).toBe(all);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });
});

describe("an episode that does not hold still while it is packed", () => {
  const CHANGES: Record<string, (at: Place) => void> = {
    "a file that grows": ({ root }) => appendFileSync(join(root, "data.bin"), "more"),
    "a file that shrinks": ({ root }) => truncateSync(join(root, "data.bin"), MIB),
    "a file that is written over in place": ({ root }) => writeFileSync(join(root, "z.txt"), "ZZZ"),
    "a new file": ({ root }) => writeFileSync(join(root, "new"), ""),
    "a file that goes away": ({ root }) => rmSync(join(root, "z.txt")),
    "a file that is renamed": ({ root }) => renameSync(join(root, "z.txt"), join(root, "y.txt")),
    "a marker that is taken back": ({ root }) => rmSync(join(root, "done.marker")),
  };
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`because of ${what} is not packed, and leaves no part`, async () => {
      const here = place({ "data.bin": Buffer.alloc(8 * MIB), "z.txt": "zzz" });
      const result = await pack(
        here,
        once(() => change(here)),
      );
      expect([result.kind, existsSync(here.part)]).toEqual(["changed", false]);
    });
  }

  test("because its directory is not there has vanished", async () => {
    const here = place({});
    rmSync(here.root, { recursive: true });
    expect(await pack(here)).toEqual({ kind: "vanished" });
  });

  test("because the work is called off is cancelled, and leaves no part", async () => {
    const here = place({ "data.bin": Buffer.alloc(4 * MIB) });
    let blocks = 0;
    const result = await pack(here, { cancelled: () => ++blocks > 2 });
    expect([result, existsSync(here.part)]).toEqual([{ kind: "cancelled" }, false]);
  });

  test("because its marker has become a pipe does not block", async () => {
    const here = place({});
    rmSync(join(here.root, "done.marker"));
    Bun.spawnSync(["mkfifo", join(here.root, "done.marker")]);
    expect((await pack(here)).kind).toBe("changed");
  });
});

describe("a manifest in the marker", () => {
  const DATA = "the data";
  const manifest = (sha: string): string => `${sha}  data.bin\n${sha256("sub")}  ./sub/x\n`;

  test("that fits is no obstacle; files beyond it are packed too", async () => {
    const here = place({ "data.bin": DATA, "sub/x": "sub", extra: "1", "done.marker": manifest(sha256(DATA)) });
    expect(packed(await pack(here)).files).toBe(4);
  });

  test("that does not fit names every file, and leaves no part", async () => {
    const here = place({ "data.bin": DATA.slice(1), "done.marker": manifest(sha256(DATA)) });
    const result = await pack(here);
    expect(result).toMatchObject({ kind: "incomplete", faults: ["data.bin (differs)", "sub/x (missing)"] });
    expect(result).toMatchObject({
      detail: "the files do not fit the manifest in done.marker: data.bin (differs), sub/x (missing)",
    });
    expect(existsSync(here.part)).toBe(false);
  });

  test("that is torn makes the episode incomplete", async () => {
    const here = place({ "data.bin": DATA, "done.marker": `${manifest(sha256(DATA))}0123` });
    expect(await pack(here)).toMatchObject({
      kind: "incomplete",
      detail: "done.marker: line 3 is torn, or no line of a manifest",
    });
  });

  test("of a file with nothing but holes, as a power cut leaves it, does not fit", async () => {
    const here = place({ "data.bin": "\0".repeat(DATA.length), "sub/x": "sub", "done.marker": manifest(sha256(DATA)) });
    expect(await pack(here)).toMatchObject({ kind: "incomplete", faults: ["data.bin (differs)"] });
  });
});

describe("a disk", () => {
  test("below its reserve is left alone: no part is begun, and the need is told", async () => {
    const here = place({ "data.bin": "x".repeat(1000) });
    const reserve = Number.MAX_SAFE_INTEGER - 10_000;
    const result = await pack(here, {}, reserve);
    expect(result).toMatchObject({ kind: "no-space", bytes: 1000 + 3 * 1024 });
    expect(existsSync(here.part)).toBe(false);
  });

  test.skipIf(smallDiskMissing !== null)(
    `that fills up while packing gives its bytes back (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      using disk = smallDisk(2);
      const here = place({ "data.bin": seededRandom(4).bytes(4 * MIB) });
      const part = join(disk.path, ".ep1.part");
      // A reserve below nothing lets the packer run into the wall.
      const result = await pack({ ...here, part }, {}, -1000 * MIB);
      expect([result.kind, existsSync(part)]).toEqual(["no-space", false]);
    },
  );

  test.skipIf(smallDiskMissing !== null)(
    `that has no inodes left, and bytes, is no disk without room (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      using disk = smallDisk(4, 2);
      writeFileSync(join(disk.path, "filler"), "");
      const here = place({ "data.bin": "x" });
      const part = join(disk.path, ".ep1.part");
      expect(await pack({ ...here, part })).toMatchObject({ kind: "unreadable", path: part, code: "ENOSPC" });
    },
  );

  test("whose quota is used up is no disk without room either", async () => {
    const here = place({ "data.bin": "x" });
    const code = "EDQUOT";
    const refuse = once(() => {
      throw Object.assign(new Error(`${code}: disk quota exceeded, write`), { code });
    });
    expect(await pack(here, refuse)).toEqual({
      kind: "unreadable",
      path: here.part,
      code,
      detail: "EDQUOT: disk quota exceeded, write",
      below: "",
    });
    expect(existsSync(here.part)).toBe(false);
  });
});
