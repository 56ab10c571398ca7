// What a start makes of an outbox, whatever state an earlier run left it in.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { directoryId } from "../../../lib/shipper/episode/directory-id.ts";
import {
  admitArchive,
  dropRecord,
  type OutboxRecord,
  outboxPaths,
  recoverOutbox,
} from "../../../lib/shipper/pack/outbox.ts";
import { makeDirs, makeEpisode, recordOf } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ARCHIVE = "0123456789";
const ARCHIVE_SHA = new Bun.CryptoHasher("sha256").update(ARCHIVE).digest("hex");

/** Stands in a record for the directory that is there. */
const ITS_OWN = "its-own-directory";

interface Left {
  episode?: boolean;
  archive?: string;
  record?: string;
  others?: string[];
}

/** Builds an outbox and lets a start look at it. */
async function recover(left: Left) {
  const dirs = makeDirs(tempDir());
  if (left.episode) makeEpisode(dirs, "ep");
  const inode = (await directoryId(join(dirs.episodes, "ep"))) ?? "none";
  const paths = outboxPaths(dirs.outbox, "ep");
  if (left.archive !== undefined) writeFileSync(paths.archive, left.archive);
  if (left.record !== undefined) writeFileSync(paths.record, left.record.replace(ITS_OWN, inode));
  for (const name of left.others ?? []) writeFileSync(join(dirs.outbox, name), "");
  const { records, strays } = await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
  return { ids: records.map(({ id }) => id), strays, files: readdirSync(dirs.outbox).sort(), records };
}

const text = (change: Partial<OutboxRecord> = {}): string => JSON.stringify(recordOf("ep", change));

describe("a start", () => {
  for (const [what, left, expected] of [
    [
      "keeps a whole archive of this boot with its record",
      { episode: true, archive: ARCHIVE, record: text() },
      { ids: ["ep"], strays: [], files: ["ep.json", "ep.tar.zst"] },
    ],
    [
      "removes half-written parts",
      { episode: true, others: [".ep.part", ".other.part"] },
      { ids: [], strays: [], files: [] },
    ],
    [
      "removes an archive without a record: its directory is packed again",
      { episode: true, archive: ARCHIVE },
      { ids: [], strays: [], files: [] },
    ],
    ["removes a record without an archive", { episode: true, record: text() }, { ids: [], strays: [], files: [] }],
    [
      "does not believe an archive of another boot while the directory is there",
      {
        episode: true,
        archive: ARCHIVE,
        record: text({ boot_id: "earlier", sha256: ARCHIVE_SHA, directory_inode: ITS_OWN }),
      },
      { ids: [], strays: [], files: [] },
    ],
    [
      "believes it by its digest when another episode has got its name: it is the last copy of the first",
      { episode: true, archive: ARCHIVE, record: text({ boot_id: "earlier", sha256: ARCHIVE_SHA }) },
      { ids: ["ep"], strays: [], files: ["ep.json", "ep.tar.zst"] },
    ],
    [
      "believes an archive of another boot by its digest when it is the last copy",
      { archive: ARCHIVE, record: text({ boot_id: "earlier", sha256: ARCHIVE_SHA }) },
      { ids: ["ep"], strays: [], files: ["ep.json", "ep.tar.zst"] },
    ],
    [
      "leaves alone, and names, a last copy of another boot with holes in it",
      { archive: ARCHIVE, record: text({ boot_id: "earlier", sha256: "d".repeat(64) }) },
      { ids: [], strays: ["ep.tar.zst"], files: ["ep.json", "ep.tar.zst"] },
    ],
    [
      "leaves alone, and names, an archive that nobody can prove",
      { archive: ARCHIVE },
      { ids: [], strays: ["ep.tar.zst"], files: ["ep.tar.zst"] },
    ],
    [
      "removes an archive that is shorter than its record says",
      { episode: true, archive: ARCHIVE.slice(1), record: text() },
      { ids: [], strays: [], files: [] },
    ],
    [
      "removes a torn record and its archive",
      { episode: true, archive: ARCHIVE, record: text().slice(0, 40) },
      { ids: [], strays: [], files: [] },
    ],
    [
      "removes a record of NUL bytes",
      { episode: true, archive: ARCHIVE, record: "\0".repeat(300) },
      { ids: [], strays: [], files: [] },
    ],
    [
      "removes a record that speaks of another episode",
      { episode: true, archive: ARCHIVE, record: JSON.stringify(recordOf("other")) },
      { ids: [], strays: [], files: [] },
    ],
    [
      "removes a record without a digest",
      { episode: true, archive: ARCHIVE, record: text({ sha256: "abc" }) },
      { ids: [], strays: [], files: [] },
    ],
    ["removes a record that speaks of nothing any more", { record: text() }, { ids: [], strays: [], files: [] }],
    [
      "removes a half-written document of a settlement",
      { episode: true, others: [".ep.document.part"] },
      { ids: [], strays: [], files: [] },
    ],
    [
      "leaves what is not its own",
      { others: ["README", "notes.txt"] },
      { ids: [], strays: [], files: ["README", "notes.txt"] },
    ],
  ] as [string, Left, { ids: string[]; strays: string[]; files: string[] }][]) {
    test(what, async () => {
      expect(await recover(left)).toMatchObject(expected);
    });
  }

  test("fills in what a record of an older release did not have", async () => {
    const { finished_ms: _, code_commit: __, ...older } = recordOf("ep", { finished_ms: 0 });
    const { records } = await recover({ episode: true, archive: ARCHIVE, record: JSON.stringify(older) });
    expect(records).toEqual([recordOf("ep", { finished_ms: 0 })]);
  });

  test("keeps an archive while the directory of that name is still being recorded", async () => {
    const dirs = makeDirs(tempDir());
    mkdirSync(join(dirs.episodes, "ep"));
    writeFileSync(outboxPaths(dirs.outbox, "ep").archive, ARCHIVE);
    const { strays } = await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
    expect(strays).toEqual(["ep.tar.zst"]);
  });

  test("is not kept from working by a directory named like a record", async () => {
    const dirs = makeDirs(tempDir());
    mkdirSync(join(dirs.outbox, "ep.json"));
    expect((await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot")).records).toEqual([]);
  });
});

describe("an archive", () => {
  test("gets its name and its record, and reads back as it was told", async () => {
    const dirs = makeDirs(tempDir());
    makeEpisode(dirs, "ep");
    writeFileSync(outboxPaths(dirs.outbox, "ep").part, ARCHIVE);
    await admitArchive(dirs.outbox, recordOf("ep", { code_commit: "abc" }));
    expect(readdirSync(dirs.outbox).sort()).toEqual(["ep.json", "ep.tar.zst"]);
    const { records } = await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
    expect(records).toEqual([recordOf("ep", { code_commit: "abc" })]);
  });

  test("goes with its record, and only they", async () => {
    const dirs = makeDirs(tempDir());
    for (const id of ["ep", "ep2"]) {
      writeFileSync(outboxPaths(dirs.outbox, id).archive, ARCHIVE);
      writeFileSync(outboxPaths(dirs.outbox, id).record, JSON.stringify(recordOf(id)));
    }
    await dropRecord(dirs.outbox, "ep");
    await dropRecord(dirs.outbox, "ep");
    expect(readdirSync(dirs.outbox).sort()).toEqual(["ep2.json", "ep2.tar.zst"]);
  });
});
