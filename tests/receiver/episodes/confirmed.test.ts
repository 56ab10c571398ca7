// HEAD with a word of its own: a host removes its own copy on the strength of the 200, so that the archive was read before.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, closeSync, openSync, renameSync, rmSync, symlinkSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ArchiveReader } from "../../../lib/receiver/store/reading/archive-reader.ts";
import type { Work } from "../../../lib/runtime/progress.ts";
import { bytes, cleanUp, IDENTITY, put, reprDigest, sha256, startReceiver, until } from "../support.ts";

afterEach(cleanUp);

const ASK = "0123456789abcdef";
const BODY = bytes(5000);
/** Its reading takes hundreds of turns of the event loop. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 7);
const REPAIR =
  "sudo systemctl stop labfleet-receiver && sudo receiver verify --repair; sudo systemctl start labfleet-receiver";

interface Options {
  waitMs?: number;
  body?: Uint8Array;
  /** Called for each block that is read. */
  moved?: (reader: ArchiveReader) => void;
}

/** A receiver with one archive; `readings` are the names of what was begun and is done. */
async function stored({ waitMs, body = BODY, moved }: Options = {}) {
  const readings: string[] = [];
  const time = { nowMs: 0 };
  const begin = (name: string): Work => ({ moved: () => moved?.(reader), done: () => void readings.push(name) });
  const reader: ArchiveReader = new ArchiveReader({
    begin,
    monotonicMs: () => time.nowMs,
    ...(waitMs !== undefined && { waitMs }),
  });
  const receiver = await startReceiver({ reader });
  expect((await put(receiver.url, "lab1", "ep1", body)).status).toBe(201);
  const file = join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst");
  const head = async (headers: Record<string, string> = { "X-Labfleet-Ask": ASK }) => {
    const answer = await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, { method: "HEAD", proxy: "", headers });
    const { status, headers: found } = answer;
    return [status, found.get("x-labfleet-reason"), found.get("x-labfleet-ask"), found.get("retry-after")];
  };
  const errors = () => receiver.log.lines.filter((line) => line.startsWith("error: "));
  return { receiver, reader, readings, time, file, head, errors };
}

/** Another byte, and neither another size nor another time of the last write. */
function flip(file: string, byte: number): void {
  const fd = openSync(file, "r+");
  writeSync(fd, Uint8Array.of(byte), 0, 1, 100);
  closeSync(fd);
}

const CONFIRMED = [200, null, ASK, null];
const DAMAGED = [503, "damaged", null, "300"];

test("the archive is read for the first question, and for no other, until a day is over or the file was touched", async () => {
  const { readings, time, file, head } = await stored();
  const read = "reading episodes/lab1/ep1.tar.zst";
  expect([await head(), readings]).toEqual([CONFIRMED, [read]]);
  time.nowMs = 86_399_999;
  expect([await head(), readings]).toEqual([CONFIRMED, [read]]);
  time.nowMs = 86_400_000;
  expect([await head(), readings]).toEqual([CONFIRMED, [read, read]]);
  // What changes no byte is seen by its ctime.
  chmodSync(file, 0o600);
  expect([await head(), readings]).toEqual([CONFIRMED, [read, read, read]]);
});

test("a HEAD without a word, or with none of ours, reads nothing", async () => {
  const { readings, file, head } = await stored();
  flip(file, 1);
  expect([await head({}), await head({ "X-Labfleet-Ask": "x" })]).toEqual([
    [200, null, null, null],
    [200, null, null, null],
  ]);
  expect(readings).toEqual([]);
});

test("a flipped byte is never a 200, and is said once, with what mends it; put back, it is confirmed, and a second time is news", async () => {
  const { file, head, errors, readings } = await stored();
  expect(await head()).toEqual(CONFIRMED);
  const changed = Buffer.from(BODY);
  changed[100] = 1;
  const line = `error: ${file} has sha256 ${sha256(changed)}, its index row says ${sha256(BODY)}: its bytes changed since it was stored; fix: ${REPAIR}`;
  flip(file, 1);
  expect([await head(), await head(), errors()]).toEqual([DAMAGED, DAMAGED, [line]]);
  // What was found is kept as a proof is.
  expect(readings).toHaveLength(2);
  flip(file, BODY[100] ?? 0);
  expect([await head(), errors()]).toEqual([CONFIRMED, [line]]);
  flip(file, 1);
  expect([await head(), errors()]).toEqual([DAMAGED, [line, line]]);
});

describe("said once, and never a 200:", () => {
  test("another size than its row's", async () => {
    const { file, head, errors } = await stored();
    truncateSync(file, 4999);
    expect([await head(), await head({}), errors()]).toEqual([
      DAMAGED,
      DAMAGED,
      [`error: ${file} has 4999 bytes, its index row says 5000; fix: ${REPAIR}`],
    ]);
  });
  test("a link in its place", async () => {
    const { file, head, errors } = await stored();
    renameSync(file, `${file}.moved`);
    symlinkSync(`${file}.moved`, file);
    expect([await head(), await head(), errors()]).toEqual([
      DAMAGED,
      DAMAGED,
      [`error: episodes/lab1/ep1.tar.zst: ${file} is a symbolic link and no archive; fix: move it aside: ${REPAIR}`],
    ]);
  });
  test.each([{ "X-Labfleet-Ask": ASK }, {}])("one that this user may not read, asked with %j", async (headers) => {
    const { reader, file, head, errors } = await stored();
    const refused = () => Promise.reject(Object.assign(new Error(`EACCES: '${file}'`), { code: "EACCES" }));
    Object.assign(reader, { digest: refused, tryOpen: refused });
    expect([await head(headers), await head(headers), errors()]).toEqual([
      DAMAGED,
      DAMAGED,
      [expect.stringContaining(`error: ${file} cannot be read: "EACCES: '${file}'": ${file} is `)],
    ]);
    expect(errors()[0]).toEndWith(` ${file} && sudo chmod u+rX ${file}`);
  });
  test("one that the disk does not give, with what looks at the disk", async () => {
    const { reader, file, head, errors } = await stored();
    Object.assign(reader, { digest: () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) });
    expect([await head(), errors()]).toEqual([
      DAMAGED,
      [
        `error: ${file} cannot be read: "EIO"; fix: look at its disk, and at all that lies on it: sudo dmesg --level=err,warn && sudo receiver verify`,
      ],
    ]);
  });
});

test("too many open files, or a file that goes at this moment, say nothing of the copy", async () => {
  const { reader, head } = await stored();
  for (const code of ["EMFILE", "ENOENT"]) {
    Object.assign(reader, { digest: () => Promise.reject(Object.assign(new Error(code), { code })) });
    expect(await head()).toEqual([500, "storage-failed", null, "60"]);
  }
});

test("what takes longer than one may wait is read on, once for all who ask, and a later question finds it", async () => {
  const { receiver, readings, head } = await stored({ waitMs: 0, body: LARGE });
  const all = await Promise.all([head(), head(), head()]);
  for (const each of all) expect(each).toEqual([503, "being-read", null, "60"]);
  await until(() => readings.length > 0);
  expect(await head()).toEqual(CONFIRMED);
  expect(readings).toEqual(["reading episodes/lab1/ep1.tar.zst"]);
  expect(receiver.log.lines.filter((line) => !line.startsWith("info: "))).toEqual([]);
});

test("a drain breaks a reading off, and answers whoever waits for it", async () => {
  const blocks: number[] = [];
  const { receiver, head, readings } = await stored({
    body: LARGE,
    moved: (reader) => {
      blocks.push(1);
      reader.close();
    },
  });
  expect(await head()).toEqual([503, "stopping", null, "10"]);
  expect([blocks.length, readings.length]).toEqual([1, 1]);
  expect(await head()).toEqual([503, "stopping", null, "10"]);
  expect(receiver.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
});

test("a file that is written while it is read is not confirmed, and one that was replaced is read itself", async () => {
  let isFirst = true;
  const { file, head } = await stored({
    body: LARGE,
    moved: () => {
      if (isFirst) chmodSync(file, 0o600);
      isFirst = false;
    },
  });
  expect(await head()).toEqual([503, "being-read", null, "60"]);
  expect(await head()).toEqual(CONFIRMED);
});

test("an archive that went is a 404 as before, and its row alone confirms nothing", async () => {
  const { receiver, file, head } = await stored();
  expect(await head()).toEqual(CONFIRMED);
  rmSync(file);
  expect(await head()).toEqual([404, "not-found", null, null]);
  expect((await put(receiver.url, "lab1", "ep1", BODY)).status).toBe(201);
  const answer = await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, {
    method: "HEAD",
    proxy: "",
    headers: { "X-Labfleet-Ask": ASK },
  });
  const names = ["x-labfleet-receiver-id", "repr-digest", "content-length"];
  expect(names.map((name) => answer.headers.get(name))).toEqual([IDENTITY.id, reprDigest(BODY), "5000"]);
});
