// What a crash leaves on the disk, put there by hand, and what the next start makes of it. Nothing acknowledged is lost,
// nothing is there twice.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOfLine, formatRow, type IndexRow, parseRow } from "../../../lib/contract/index-row.ts";
import { dataPaths } from "../../../lib/contract/places.ts";
import { IndexTable } from "../../../lib/receiver/store/index/index-table.ts";
import { makeDataDirs, openStore } from "../../../lib/receiver/store/open-store.ts";
import { bytes, cleanUp, keptLog, openIn, rowsOf, sha256, tempDir } from "../support.ts";

afterEach(cleanUp);

const BODY = bytes(5000);

function row(id: string, more: Partial<IndexRow> = {}): IndexRow {
  return {
    host_id: "lab1",
    episode_id: id,
    received_at_wall: "2026-05-01T06:37:53.830599+00:00",
    bytes: BODY.length,
    sha256: sha256(BODY),
    code_commit: "abc",
    path: `episodes/lab1/${id}.tar.zst`,
    tree_sha256: "c".repeat(64),
    ...more,
  };
}

/** A data root with these rows in its files and these archives of BODY. */
function dataRoot(parts: { index?: string; journal?: string; files?: string[]; incoming?: string[] }) {
  const root = tempDir();
  const paths = dataPaths(root);
  mkdirSync(join(paths.episodes, "lab1"), { recursive: true });
  mkdirSync(paths.incoming);
  if (parts.index !== undefined) writeFileSync(paths.index, parts.index);
  if (parts.journal !== undefined) writeFileSync(paths.journal, parts.journal);
  for (const id of parts.files ?? []) {
    writeFileSync(join(paths.episodes, "lab1", `${id}.tar.zst`), BODY);
    utimesSync(join(paths.episodes, "lab1", `${id}.tar.zst`), 1_777_617_473, 1_777_617_473);
  }
  for (const name of parts.incoming ?? []) writeFileSync(join(paths.incoming, name), BODY);
  return { root, ...paths };
}

/** As it stands in the file: the tree digest is named with its tar format. */
const written = (id: string): IndexRow => row(id, { tree_sha256: `v1:${"c".repeat(64)}` });

const line = (r: IndexRow): string => `${formatRow(r)}\n`;

async function start(root: string) {
  const log = keptLog();
  const opened = await openIn(root, log);
  const stored = await opened.store.find({ host: "lab1", id: "ep1" });
  await opened.close();
  return { log, stored, reconciled: opened.reconciled };
}

describe("after a crash", () => {
  test("between link and row: the row comes back from the journal, commit and tree digest with it", async () => {
    const at = dataRoot({ files: ["ep1"], journal: line(row("ep1")) });
    const { stored, log } = await start(at.root);
    expect(stored).toEqual({ kind: "stored", row: row("ep1") });
    expect(rowsOf(at.index)).toEqual([written("ep1")]);
    expect(readFileSync(at.journal, "utf8")).toBe("");
    expect(log.lines.some((l) => l.includes("its row was added"))).toBe(true);
    await start(at.root);
    expect(rowsOf(at.index)).toHaveLength(1);
  });

  test("a journal row that does not fit the bytes is not taken: the row is made from the file and says so", async () => {
    const at = dataRoot({ files: ["ep1"], journal: line(row("ep1", { sha256: "f".repeat(64) })) + line(row("ep2")) });
    await start(at.root);
    expect(rowsOf(at.index)).toEqual([
      row("ep1", {
        code_commit: null,
        tree_sha256: null,
        recovered: true,
        received_at_wall: "2026-05-01T06:37:53.000000+00:00",
      }),
    ]);
  });

  test("of several intents of one name the one that fits is taken", async () => {
    const journal =
      line(row("ep1", { code_commit: "x", bytes: 1 })) +
      line(row("ep1")) +
      line(row("ep1", { sha256: "f".repeat(64), code_commit: "y" }));
    const at = dataRoot({ files: ["ep1"], journal });
    await start(at.root);
    expect(rowsOf(at.index)).toEqual([written("ep1")]);
  });

  test("a torn journal does not hide the whole lines before it, nor does it spoil the next", async () => {
    const at = dataRoot({ files: ["ep1"], journal: `${line(row("ep1"))}{"host_id":"lab1","epi` });
    const { stored } = await start(at.root);
    expect(stored).toEqual({ kind: "stored", row: row("ep1") });
  });

  test("in the row: the torn end is kept aside and cut, the file's row is made again", async () => {
    const torn = line(row("ep2")).slice(0, 60);
    const at = dataRoot({ files: ["ep1", "ep2"], index: line(row("ep1")) + torn, journal: line(row("ep2")) });
    const { log } = await start(at.root);
    expect(rowsOf(at.index)).toEqual([written("ep1"), written("ep2")]);
    expect(readFileSync(at.torn, "utf8")).toBe(`${torn}\n`);
    expect(log.lines.some((l) => l.startsWith("warn") && l.includes("torn line of 60 bytes"))).toBe(true);
  });

  test("a whole row that lacks only its line break is kept", async () => {
    const at = dataRoot({ files: ["ep1"], index: formatRow(row("ep1")) });
    const { stored } = await start(at.root);
    expect(stored.kind).toBe("stored");
    expect(readFileSync(at.index, "utf8")).toBe(line(row("ep1")));
    expect(existsSync(at.torn)).toBe(false);
  });

  test("zeros at the end, as some filesystems leave them, are a torn line", async () => {
    const at = dataRoot({ files: ["ep1"], index: line(row("ep1")) + "\0".repeat(300) });
    await start(at.root);
    expect(readFileSync(at.index, "utf8")).toBe(line(row("ep1")));
  });

  test("leftovers of uploads are removed, everything else in incoming/ stays", async () => {
    const at = dataRoot({ incoming: ["lab1.ep1.0123.part", "lab1.ep2.4567.part", "note.txt"] });
    expect((await start(at.root)).reconciled).toEqual({ adopted: 0, missing: 0, swept: 2 });
    expect(readdirSync(at.incoming)).toEqual(["note.txt"]);
  });

  test("the index is lost: every file gets a row", async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `ep${i}`);
    const at = dataRoot({ files: ids });
    expect((await start(at.root)).reconciled.adopted).toBe(50);
    expect(
      rowsOf(at.index)
        .map((r) => r.episode_id)
        .sort(),
    ).toEqual([...ids].sort());
  });
});

describe("before READY only what the journal names is looked at", () => {
  /** A start up to READY. */
  async function ready(root: string, log = keptLog()) {
    await makeDataDirs(root);
    const idle = { moved: () => undefined, done: () => undefined };
    return { log, opened: await openStore({ dataRoot: root, log, begin: () => idle }) };
  }

  test("a file that it does not name gets its row afterwards, or when somebody asks for it", async () => {
    const at = dataRoot({ files: ["ep1", "ep2", "ep3"], journal: line(row("ep1")) });
    const { opened } = await ready(at.root);
    expect(opened.recovered).toEqual({ adopted: 1, swept: 0 });
    expect(rowsOf(at.index).map((r) => r.episode_id)).toEqual(["ep1"]);
    expect((await opened.store.find({ host: "lab1", id: "ep3" })).kind).toBe("stored");
    expect(await opened.compare()).toEqual({ adopted: 1, missing: 0 });
    await opened.close();
    expect(rowsOf(at.index).map((r) => r.episode_id)).toEqual(["ep1", "ep3", "ep2"]);
  });

  test("an intent whose row is there, or whose file was never linked, adds nothing", async () => {
    const at = dataRoot({ files: ["ep1"], index: line(row("ep1")), journal: line(row("ep1")) + line(row("ep2")) });
    const { opened, log } = await ready(at.root);
    expect(opened.recovered).toEqual({ adopted: 0, swept: 0 });
    expect(await opened.compare()).toEqual({ adopted: 0, missing: 0 });
    await opened.close();
    expect([readFileSync(at.index, "utf8"), log.lines.filter((l) => /^(warn|error)/.test(l))]).toEqual([
      line(row("ep1")),
      [],
    ]);
  });

  test("what cannot be read keeps neither the start nor the others from going on", async () => {
    const at = dataRoot({ files: ["ep1", "ep2"], journal: line(row("ep0")) + line(row("ep1")) });
    mkdirSync(join(at.episodes, "lab1", "ep0.tar.zst"));
    const { opened, log } = await ready(at.root);
    expect(opened.recovered.adopted).toBe(1);
    expect((await opened.compare()).adopted).toBe(1);
    await opened.close();
    const errors = log.lines.filter((l) => l.startsWith("error"));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(
      /lab1\/ep0.tar.zst has no row, and cannot get one: .* is a directory .*; fix: sudo receiver verify$/,
    );
    // What the journal knows of it is kept until it can be used.
    rmdirSync(join(at.episodes, "lab1", "ep0.tar.zst"));
    writeFileSync(join(at.episodes, "lab1", "ep0.tar.zst"), BODY);
    const { opened: next } = await ready(at.root);
    await next.close();
    expect(next.recovered.adopted).toBe(1);
    expect(rowsOf(at.index).find((r) => r.episode_id === "ep0")).toMatchObject({ code_commit: "abc" });
    expect(readFileSync(at.journal, "utf8")).toBe("");
  });

  test("a stop breaks the comparison off, and closes nothing under its hands", async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `ep${i}`);
    const at = dataRoot({ files: ids });
    const { opened } = await ready(at.root);
    const comparing = opened.compare();
    await opened.close();
    const { adopted, missing } = await comparing;
    expect([adopted < 30, missing]).toEqual([true, 0]);
    expect(rowsOf(at.index)).toHaveLength(adopted);
    const { opened: next } = await ready(at.root);
    expect((await next.compare()).adopted).toBe(30 - adopted);
    await next.close();
  });

  test("the directories of the hosts that it names are flushed, and no other's", async () => {
    const at = dataRoot({ files: ["ep1"], index: line(row("ep1")), journal: line(row("ep1")) });
    // One that cannot be opened as a directory would be refused.
    for (const host of ["lab2", "lab3"]) mkdirSync(join(at.episodes, host));
    const flushed: string[] = [];
    const { recover } = await import("../../../lib/receiver/store/reconcile.ts");
    const { opened } = await ready(at.root);
    const { openJournal } = await import("../../../lib/receiver/store/journal.ts");
    writeFileSync(at.journal, line(row("ep1")) + line(row("x", { host_id: "gone" })));
    const journal = await openJournal(at.journal, () => false);
    const commits = { pathOf: () => "", mend: async () => null };
    await recover({
      ...at,
      ...opened,
      commits,
      journal,
      log: keptLog(),
      flush: async (path) => void flushed.push(path),
    });
    await journal.close();
    await opened.close();
    expect(flushed).toEqual([join(at.episodes, "lab1"), join(at.episodes, "gone"), at.episodes, at.root]);
  });
});

test("rows without a file are told in one line with the command, and kept", async () => {
  const index = ["ep1", "ep2", "ep3", "ep4", "ep5"].map((id) => line(row(id))).join("");
  const at = dataRoot({ index, files: ["ep1"] });
  const { log, reconciled } = await start(at.root);
  expect(reconciled.missing).toBe(4);
  const told = log.lines.filter((l) => l.startsWith("error"));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(
    /^error: 4 stored episodes are missing from the disk: lab1\/ep\d, lab1\/ep\d, lab1\/ep\d, and 1 more; fix: sudo receiver verify$/,
  );
  expect(readFileSync(at.index, "utf8")).toBe(index);
});

test("an index of the Python receiver: its spacing, fewer keys, other keys", async () => {
  const old = `{"host_id": "lab1", "episode_id": "ep1", "received_at_wall": "2026-05-01T06:37:53.830599+00:00", "bytes": 5000, "sha256": "${sha256(BODY)}", "code_commit": "abc", "extra": [1, 2]}\n`;
  const turned = `{"bytes": 5000, "sha256": "${sha256(BODY)}", "episode_id": "ep2", "host_id": "lab1"}\n`;
  const at = dataRoot({ index: old + turned, files: ["ep1", "ep2"] });
  const { stored, reconciled } = await start(at.root);
  expect(stored).toEqual({ kind: "stored", row: row("ep1", { tree_sha256: null }) });
  expect(reconciled).toEqual({ adopted: 0, missing: 0, swept: 0 });
  expect(readFileSync(at.index, "utf8")).toBe(old + turned);
});

test("lines that are no rows are counted and passed over", async () => {
  const at = dataRoot({ index: `${line(row("ep1"))}garbage\n\n{"host_id":"../x","episode_id":"y"}\n`, files: ["ep1"] });
  const { log, stored } = await start(at.root);
  expect(stored.kind).toBe("stored");
  expect(log.lines.some((l) => l.startsWith("error") && l.includes("2 lines that are no rows"))).toBe(true);
});

test("a row longer than a read block does not confuse the reader", async () => {
  const at = dataRoot({ index: `${" ".repeat(5 * 1024 * 1024)}\n${line(row("ep1"))}`, files: ["ep1"] });
  expect((await start(at.root)).stored.kind).toBe("stored");
});

describe("the table over the index", () => {
  test("finds each of 200,000 names at its offset, and no other name", () => {
    const table = new IndexTable(12345);
    for (let i = 0; i < 200_000; i++) table.insert({ host: `lab${i % 50}`, id: `ep-${i}` }, i * 300);
    expect(table.size).toBe(200_000);
    let wrong = 0;
    for (let i = 0; i < 200_000; i++)
      if (!table.candidates({ host: `lab${i % 50}`, id: `ep-${i}` }).includes(i * 300)) wrong++;
    for (let i = 0; i < 200_000; i++) if (table.candidates({ host: `lab${i % 50}`, id: `no-${i}` }).length > 0) wrong++;
    expect(wrong).toBe(0);
  });
  test("a/bc and ab/c are two names; the newest of two rows comes first", () => {
    const table = new IndexTable(1);
    table.insert({ host: "a", id: "bc" }, 10);
    table.insert({ host: "a", id: "bc" }, 500);
    expect(table.candidates({ host: "ab", id: "c" })).toEqual([]);
    expect(table.candidates({ host: "a", id: "bc" })).toEqual([500, 10]);
  });
});

test("rows as text: what is read is what was written; what is no row is null", () => {
  expect(parseRow(formatRow(row("ep1")))).toEqual(row("ep1"));
  const fast = Buffer.from(formatRow(row("ep1")));
  expect(addressOfLine(fast, 0, fast.length)).toEqual({ host: "lab1", id: "ep1" });
  // Torn in front of a line break that was added later.
  expect(addressOfLine(fast, 0, 80)).toBeNull();
  for (const text of [
    "",
    "null",
    "[]",
    "5",
    '{"host_id":"lab1"}',
    formatRow(row("ep1", { sha256: "x" })),
    formatRow(row("ep1", { bytes: -1 })),
    formatRow(row("../x")),
  ]) {
    expect(parseRow(text)).toBeNull();
  }
});

test("the journal is cut while receiving, and never while it is needed", async () => {
  const { openJournal } = await import("../../../lib/receiver/store/journal.ts");
  const path = join(tempDir(), "journal.jsonl");
  let needed = true;
  const journal = await openJournal(path, () => needed);
  const commit = (id: string) => journal.during((intent) => intent(row(id, { code_commit: "x".repeat(60_000) })));
  for (let i = 0; i < 20; i++) await commit(`ep${i}`);
  expect(readFileSync(path).length).toBeGreaterThan(1_000_000);
  needed = false;
  await commit("last");
  expect(readFileSync(path).length).toBe(0);
  // Many at once, so that there is never a quiet moment by itself: it still does not grow without bound.
  let most = 0;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 30; i++) {
        await commit(`ep${i}`);
        most = Math.max(most, readFileSync(path).length);
      }
    }),
  );
  expect(most).toBeLessThan(12 * 1024 * 1024);
  await journal.close();
});

test("two commits go on side by side while the journal is small", async () => {
  const { openJournal } = await import("../../../lib/receiver/store/journal.ts");
  const journal = await openJournal(join(tempDir(), "journal.jsonl"), () => false);
  const other = Promise.withResolvers<void>();
  // Each waits for the other to have begun.
  const one = journal.during(() => other.promise);
  await journal.during(async () => other.resolve());
  await one;
  await journal.close();
});

test("the journal is not cut while one archive has no row yet, and is once it has", async () => {
  const { root, journal } = dataRoot({});
  const opened = await openIn(root);
  const commit = async (id: string): Promise<void> => {
    const upload = await opened.store.begin({ host: "lab1", id });
    await upload.write(BODY);
    await upload.commit(row(id, { code_commit: "x".repeat(60_000) }));
  };
  const { append } = opened.index;
  opened.index.append = () => Promise.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  expect(await commit("first").catch((error: unknown) => error)).toMatchObject({ code: "EIO" });
  opened.index.append = append;
  for (let i = 0; i < 20; i++) await commit(`ep${i}`);
  expect(readFileSync(journal).length).toBeGreaterThan(1_200_000);
  expect((await opened.store.find({ host: "lab1", id: "first" })).kind).toBe("stored");
  await commit("last");
  expect(readFileSync(journal).length).toBe(0);
  await opened.close();
});
