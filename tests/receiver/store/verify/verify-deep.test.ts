// What `receiver verify --deep` makes of what an archive holds: a claim that is wrong costs a row a word, never an episode
// its place; what is no archive is told apart from damage.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { formatRow, type IndexRow, parseRow } from "../../../../lib/contract/index-row.ts";
import { errorCode } from "../../../../lib/core/failure.ts";
import { TAR_END, tarHeader, tarPadding } from "../../../../lib/core/tar.ts";
import { unpack } from "../../../../lib/receiver/store/verify/archive-check.ts";
import { verify } from "../../../../lib/receiver/store/verify/verify.ts";
import { damageOf, isSound, type VerifyReport } from "../../../../lib/receiver/store/verify/verify-report.ts";
import { summary } from "../../../../lib/receiver/store/verify/verify-summary.ts";
import { bytes, cleanUp, openIn, put, reprDigest, sha256, startReceiver } from "../../support.ts";

afterEach(cleanUp);

const WRONG = "f".repeat(64);

/** A tar of one file. */
const content = bytes(300_000);
const TAR = Buffer.concat([
  tarHeader({ name: "ep/data", kind: "file", size: content.length, executable: false, mtimeS: 1 }),
  content,
  Buffer.alloc(tarPadding(content.length) + TAR_END),
]);
const FRAMES = [zstdCompressSync(TAR.subarray(0, 100_000)), zstdCompressSync(TAR.subarray(100_000))] as const;
const ARCHIVE = Buffer.concat(FRAMES);

let root = "";
let url = "";
beforeEach(async () => {
  const receiver = await startReceiver();
  root = receiver.dataRoot;
  url = receiver.url;
});

const check = (deep = true): Promise<VerifyReport> =>
  verify({ dataRoot: root, deep, settleMs: 0, onProblem: () => undefined });

/** Stores an episode as a host sends it. */
async function store(id: string, body: Uint8Array, tree: string | null): Promise<void> {
  const headers = { "Repr-Digest": reprDigest(body), ...(tree !== null && { "X-Labfleet-Tree-Digest": tree }) };
  expect((await put(url, "lab1", id, body, headers)).status).toBe(201);
}

/** @param user what makes another user of it */
async function repair(user: readonly string[] = []): Promise<{ code: number; stdout: string; stderr: string }> {
  const config = join(root, "collector.toml");
  writeFileSync(config, `[paths]\ndata_root = "${root}"\nrun_dir = "${root}/run"\n`);
  const program = join(import.meta.dir, "../../../../bin/receiver.ts");
  const args = [program, "verify", "--config", config, "--deep", "--repair"];
  const child = Bun.spawn([...user, process.execPath, ...args], { stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const lines = (): IndexRow[] =>
  readFileSync(join(root, "index.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => parseRow(line) as IndexRow);

/** What a receiver says of an episode after its next start. */
async function held(id: string): Promise<IndexRow> {
  const opened = await openIn(root);
  const stored = await opened.store.find({ host: "lab1", id });
  await opened.close();
  if (stored.kind !== "stored") throw new Error(stored.kind);
  return stored.row;
}

describe("a wrong tree digest", () => {
  beforeEach(async () => {
    await store("right", ARCHIVE, `sha256:${sha256(TAR)}`);
    await store("wrong", ARCHIVE, `sha256:${WRONG}`);
    await store("v2", ARCHIVE, `v2:${WRONG}`);
  });

  test("is told apart from damage, by --deep alone", async () => {
    expect(isSound(await check(false))).toBe(true);
    const report = await check();
    expect([report.mismatch, report.opaque, damageOf(report), isSound(report)]).toEqual([[], [], 0, false]);
    expect(report.wrong_tree.map(({ path, row }) => [path, row.tree_sha256])).toEqual([
      ["episodes/lab1/wrong.tar.zst", sha256(TAR)],
      ["episodes/lab1/v2.tar.zst", `v2:${sha256(TAR)}`],
    ]);
    expect(summary(report)).toBe(
      "WRONG ROWS: 2 rows claim another tar than is stored, no episode is damaged; 3 episodes, 6.0 KiB read; fix: sudo systemctl stop labfleet-receiver && sudo receiver verify --deep --repair; sudo systemctl start labfleet-receiver",
    );
  });

  test("is corrected by a row that says so; the archive stays, and no episode is there twice", async () => {
    const before = lines();
    const repaired = await repair();
    expect(repaired.stdout).toBe("sound: 3 episodes, 10.0 KiB read\n");
    expect(repaired.code).toBe(0);
    expect(existsSync(join(root, "aside"))).toBe(false);
    expect(lines()).toEqual([
      ...before,
      { ...before[1], tree_sha256: sha256(TAR), corrects: "tree_sha256" } as IndexRow,
      { ...before[2], tree_sha256: `v2:${sha256(TAR)}`, corrects: "tree_sha256" } as IndexRow,
    ]);
    expect(await check()).toEqual({ ...(await check(false)), bytes: expect.any(Number) });
    const opened = await openIn(root);
    expect([opened.index.table.size, opened.reconciled]).toEqual([3, { adopted: 0, missing: 0, swept: 0 }]);
    await opened.close();
    expect((await held("wrong")).tree_sha256).toBe(sha256(TAR));
    // A second repair finds nothing to do.
    expect([(await repair()).code, lines().length]).toEqual([0, 5]);
  }, 180_000);

  test("survives a crash at every byte of its correction: before it the old row holds, after it the new one", async () => {
    const index = join(root, "index.jsonl");
    const before = readFileSync(index);
    const [row] = (await check()).wrong_tree.map((found) => found.row);
    const line = Buffer.from(`${formatRow(row as IndexRow)}\n`);
    for (let cut = 0; cut <= line.length; cut += cut < line.length - 3 ? 29 : 1) {
      writeFileSync(index, Buffer.concat([before, line.subarray(0, cut)]));
      expect((await held("wrong")).tree_sha256).toBe(cut < line.length - 1 ? WRONG : sha256(TAR));
      const report = await check(false);
      expect([report.checked, isSound(report)]).toEqual([3, true]);
    }
  }, 180_000);

  test("is known to the running receiver from the moment that it is put right", async () => {
    const opened = await openIn(root);
    const [found] = (await check()).wrong_tree;
    await opened.index.append(found?.row as IndexRow);
    expect((await opened.index.find({ host: "lab1", id: "wrong" }))?.tree_sha256).toBe(sha256(TAR));
    expect(opened.index.table.size).toBe(3);
    await opened.close();
  });
});

test("a file that fits one of its rows never moves, whatever the others say: those are left out of the index", async () => {
  await store("a", bytes(5000), null);
  const [row] = lines();
  const other = { ...row, sha256: WRONG } as IndexRow;
  for (const rows of [
    [row, other],
    [other, row],
    [row, { ...row, code_commit: null }],
  ] as IndexRow[][]) {
    const text = rows.map((r) => `${formatRow(r)}\n`).join("");
    writeFileSync(join(root, "index.jsonl"), text);
    const { mismatch, duplicate } = await check();
    expect([mismatch, duplicate]).toEqual([[], ["episodes/lab1/a.tar.zst"]]);
    expect(await repair()).toMatchObject({ code: 0, stdout: expect.stringContaining("sound: 1 episode") });
    expect(lines()).toEqual([row as IndexRow]);
    const [when = ""] = readdirSync(join(root, "aside"));
    expect(readdirSync(join(root, "aside", when))).toEqual(["index.jsonl"]);
    expect(readFileSync(join(root, "aside", when, "index.jsonl"), "utf8")).toBe(text);
    rmSync(join(root, "aside"), { recursive: true });
  }
  // What corrects a row is no second one.
  const corrected = [row, row, { ...row, tree_sha256: sha256(bytes(5000)), corrects: "tree_sha256" }] as IndexRow[];
  writeFileSync(join(root, "index.jsonl"), corrected.map((r) => `${formatRow(r)}\n`).join(""));
  await repair();
  expect(lines().slice(0, 2)).toEqual(corrected.slice(1));
  rmSync(join(root, "aside"), { recursive: true });
  // Where none fits nobody knows which one is wrong, and the file is no stranger.
  const neither = `${formatRow(other)}\n${formatRow({ ...other, bytes: 5 })}\n`;
  writeFileSync(join(root, "index.jsonl"), neither);
  expect(await repair()).toMatchObject({ code: 1, stdout: expect.stringContaining("1 missing") });
  expect(readFileSync(join(root, "index.jsonl"), "utf8")).toBe(neither);
  const [when = ""] = readdirSync(join(root, "aside"));
  renameSync(join(root, "aside", when, "episodes/lab1/a.tar.zst"), join(root, "episodes/lab1/a.tar.zst"));
  // And a wrong correction takes nothing away from the row before it.
  writeFileSync(
    join(root, "index.jsonl"),
    `${formatRow(row as IndexRow)}\n${formatRow({ ...other, corrects: "tree_sha256" })}\n`,
  );
  expect(isSound(await check())).toBe(true);
}, 180_000);

describe("what is no archive", () => {
  const OPAQUE: Record<string, [Uint8Array, string]> = {
    text: [Buffer.from("a file of curl's\n"), "it is no zstd"],
    "zstd of a text": [zstdCompressSync(Buffer.alloc(5000, 65)), "it is no tar"],
    "cut off in a frame": [ARCHIVE.subarray(0, ARCHIVE.length - 50), "its zstd is cut off"],
    "cut off between frames": [FRAMES[0], "its tar is cut off after 1 member"],
    "cut off in the last block": [
      zstdCompressSync(TAR.subarray(0, TAR.length - TAR_END)),
      "its tar is cut off after 1 member",
    ],
    "with more behind it": [Buffer.concat([ARCHIVE, Buffer.from("more")]), "other bytes follow its zstd"],
  };
  for (const [what, [body, why]] of Object.entries(OPAQUE)) {
    test(`${what}: stored, sound, and counted apart`, async () => {
      await store("a", body, null);
      await store("archive", ARCHIVE, null);
      expect(await check(false)).toMatchObject({ opaque: [] });
      const report = await check();
      expect(report.opaque).toEqual([
        { path: "episodes/lab1/a.tar.zst", detail: `is stored as sent, and no archive: ${why}` },
      ]);
      expect(summary(report)).toMatch(/^sound: 2 episodes, .* read; 1 opaque: stored as sent, no archive$/);
    });
  }

  test("though its sender claimed one: the claim is taken back, the file stays", async () => {
    await store("a", ARCHIVE.subarray(0, ARCHIVE.length - 50), `sha256:${sha256(TAR)}`);
    const report = await check();
    expect([damageOf(report), report.wrong_tree.length, report.opaque.length]).toEqual([0, 1, 1]);
    expect(report.wrong_tree[0]?.detail).toBe(
      `is no archive, its row claims ${sha256(TAR)}; the file itself is as it was received`,
    );
    expect(await repair()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^opaque: episodes\/lab1\/a\.tar\.zst .*\nsound: .*1 opaque/),
    });
    expect([(await held("a")).tree_sha256, existsSync(join(root, "aside"))]).toEqual([null, false]);
  });
});

test("the digest of what is no tar is no tree digest, though it was claimed rightly", async () => {
  const text = Buffer.alloc(5000, 65);
  await store("a", zstdCompressSync(text), `sha256:${sha256(text)}`);
  expect((await check()).wrong_tree.map(({ row }) => row.tree_sha256)).toEqual([null]);
});

test("a disk that fails while a file is unpacked says nothing about the file", async () => {
  expect(await unpack(root).catch(errorCode)).toBe("EISDIR");
});

test.skipIf(process.getuid?.() !== 0 || Bun.which("setpriv") === null)(
  "what cannot be read is not known to be damaged: it is said, and never moved",
  async () => {
    await store("a", bytes(5000), null);
    // The data root is another user's, and the archive root's alone: that user could move it, and cannot look into it.
    const others = 65534;
    for (const name of ["", ...readdirSync(root, { recursive: true, encoding: "utf8" })]) {
      chownSync(join(root, name), others, others);
    }
    const archive = join(root, "episodes/lab1/a.tar.zst");
    chownSync(archive, 0, 0);
    chmodSync(archive, 0o600);
    // It starts the program before it gives up root's rights: Bun may lie in root's own home.
    const user = ["setpriv", `--reuid=${others}`, `--regid=${others}`, "--clear-groups"];
    expect(await repair(user)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^unreadable: episodes\/lab1\/a.tar.zst cannot be read: EACCES.*\nDAMAGED: 1 unreadable; 1 episode/,
      ),
    });
    expect([existsSync(archive), existsSync(join(root, "aside"))]).toEqual([true, false]);
  },
);
