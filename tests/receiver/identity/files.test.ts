// The identity on the disk: made once, restored from its other half, never put over one that was there.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../lib/core/failure.ts";
import {
  identityPaths,
  known,
  openIdentity,
  watchIdentity,
  writeIdentity,
} from "../../../lib/receiver/identity/files.ts";
import { verify } from "../../../lib/receiver/store/verify/verify.ts";
import { bytes, cleanUp, keptLog, openIn, put, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const A = "a".repeat(32);
const B = "b".repeat(32);
const C = "c".repeat(32);

async function store() {
  const dataRoot = tempDir();
  await openIn(dataRoot).then((opened) => opened.close());
  const log = keptLog();
  const paths = identityPaths(dataRoot);
  const open = () => openIdentity(dataRoot, log);
  return { dataRoot, log, paths, open, files: () => [text(paths.root), text(paths.episodes)] };
}

function text(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

test("one that the disk does not give is said with a line to paste, whatever the path", () => {
  const read = () => known("/lab data", { kind: "unreadable", place: "root", why: "EACCES", machine: true });
  const path = identityPaths("/lab data").root;
  expect(read).toThrow(
    expect.objectContaining({ hint: `make it readable for this service's user: sudo chown labfleet: '${path}'` }),
  );
});

describe("a store", () => {
  test("of an older release, with episodes in it, is given one without a word about its disk", async () => {
    const { log, open, dataRoot } = await store();
    mkdirSync(join(dataRoot, "episodes/lab1"));
    const { id } = await open();
    expect(log.lines).toEqual([`info: this store had no identity and is ${id} from now on`]);
  });

  test("without one is given one, said once, and has it from then on", async () => {
    const { log, open, files, dataRoot } = await store();
    const { id, succeeds } = await open();
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(succeeds).toEqual([]);
    expect(files()).toEqual([`${id}\n`, `${id}\n`]);
    expect(await open()).toEqual({ id, succeeds: [] });
    const hint = `it is empty: if it had episodes, its disk is not mounted, look with: findmnt -T ${dataRoot}`;
    expect(log.lines).toEqual([`info: this store had no identity and is ${id} from now on; ${hint}`]);
    expect(readdirSync(dataRoot).filter((name) => name.startsWith("."))).toEqual([]);
    expect((await (await store()).open()).id).not.toBe(id);
  });

  test.each(["root", "episodes"] as const)("whose file in %s is lost gets it back from the other", async (place) => {
    const { dataRoot, log, paths, open, files } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [B] });
    rmSync(paths[place]);
    expect(await open()).toEqual({ id: A, succeeds: [B] });
    expect(files()).toEqual([`${A}\nsucceeds ${B}\n`, `${A}\nsucceeds ${B}\n`]);
    expect(log.lines).toEqual([`warn: ${paths[place]} was missing: written again, this store is still ${A}`]);
  });

  test("with a torn file and a whole one goes by the whole one", async () => {
    const { dataRoot, log, paths, open, files } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [] });
    writeFileSync(paths.episodes, A.slice(0, 7));
    expect((await open()).id).toBe(A);
    expect(files()).toEqual([`${A}\n`, `${A}\n`]);
    expect(log.lines[0]).toContain('could not be read (it holds "aaaaaaa")');
  });

  test("whose lost file cannot be written goes on by the other, and says so", async () => {
    const { dataRoot, log, paths, open } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [] });
    rmSync(paths.episodes);
    mkdirSync(paths.episodes);
    writeFileSync(join(paths.episodes, "x"), "");
    expect((await open()).id).toBe(A);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^error: .*\.receiver-id could not be read \(no regular file\) and cannot be written/);
  });
});

async function refused(open: () => Promise<unknown>): Promise<UserError> {
  const error: unknown = await open().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UserError)) throw new Error(`no UserError: ${String(error)}`);
  return error;
}

describe("no new identity is put over one that was there", () => {
  test("put together from two stores: exit 2, both ids, and the command that settles it", async () => {
    const { dataRoot, log, paths, open, files } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [] });
    writeFileSync(paths.episodes, `${B}\n`);
    const error = await refused(open);
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      `${dataRoot} was put together from two stores: ${paths.root} says ${A}, ${paths.episodes} says ${B}`,
    );
    expect(error.hint).toContain(`receiver identity --use ${B} --succeeds ${A}`);
    expect([files(), log.lines]).toEqual([[`${A}\n`, `${B}\n`], []]);
  });

  test.each([
    ["empty", ""],
    ["zeros, as a power cut leaves it", "\0".repeat(33)],
    ["another program's", "hello\n"],
    ["too long", "a".repeat(5000)],
  ])("torn, and the other one is missing (%s): exit 2, both ways out", async (_, content) => {
    const { paths, open, files } = await store();
    writeFileSync(paths.root, content);
    const error = await refused(open);
    expect([error.exitCode, files()]).toEqual([2, [content, null]]);
    expect(error.message).toContain(paths.root);
    expect(error.hint).toContain("receiver identity --use ID");
    expect(error.hint).toContain("receiver identity --new");
  });

  test("both torn: the same", async () => {
    const { paths, open, files } = await store();
    for (const path of Object.values(paths)) writeFileSync(path, "x");
    expect((await refused(open)).exitCode).toBe(2);
    expect(files()).toEqual(["x", "x"]);
  });
});

describe("a receiver that runs", () => {
  test("takes over whom its store succeeds, looking once a second", async () => {
    const { dataRoot, log } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [] });
    let nowMs = 0;
    const identity = watchIdentity(dataRoot, { id: A, succeeds: [] }, log, () => nowMs);
    await writeIdentity(dataRoot, { id: A, succeeds: [B] });
    nowMs = 999;
    expect(identity()).toEqual({ id: A, succeeds: [] });
    nowMs = 1000;
    expect(identity()).toEqual({ id: A, succeeds: [B] });
    await writeIdentity(dataRoot, { id: A, succeeds: [B, C] });
    nowMs = 1999;
    expect(identity().succeeds).toEqual([B]);
    nowMs = 2000;
    expect(identity().succeeds).toEqual([B, C]);
    expect(log.lines).toEqual([
      `info: this store, ${A}, now succeeds ${B}`,
      `info: this store, ${A}, now succeeds ${B}, ${C}`,
    ]);
  });

  test("stays who it is until its next start, whatever becomes of the files; that is said once", async () => {
    const { dataRoot, log, paths } = await store();
    await writeIdentity(dataRoot, { id: A, succeeds: [B] });
    let nowMs = 0;
    const identity = watchIdentity(dataRoot, { id: A, succeeds: [B] }, log, () => nowMs);
    const later = () => {
      nowMs += 1000;
      return identity();
    };
    await writeIdentity(dataRoot, { id: C, succeeds: [] });
    expect([later(), later()]).toEqual(Array(2).fill({ id: A, succeeds: [B] }));
    for (const path of Object.values(paths)) rmSync(path);
    expect([later(), later()]).toEqual(Array(2).fill({ id: A, succeeds: [B] }));
    await writeIdentity(dataRoot, { id: A, succeeds: [B] });
    later();
    for (const path of Object.values(paths)) rmSync(path);
    later();
    expect(log.lines.map((line) => /\((.*?)\)/.exec(line)?.[1])).toEqual([
      "another one is there",
      "both its files are gone",
      "both its files are gone",
    ]);
  });
});

test("the file beside the episodes is no stranger to verify", async () => {
  const receiver = await startReceiver();
  await put(receiver.url, "lab1", "ep1", bytes(100));
  await writeIdentity(receiver.dataRoot, { id: A, succeeds: [] });
  writeFileSync(join(receiver.dataRoot, "episodes/.receiver-id.tmp"), ""); // of a start that was killed
  const report = await verify({ dataRoot: receiver.dataRoot, deep: false, settleMs: 0, onProblem: () => undefined });
  expect(report).toMatchObject({ checked: 1, extra: [], missing: [] });
});
