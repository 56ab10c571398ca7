// index.jsonl and journal.jsonl, changed by somebody else under a running receiver: nothing is written over or into a file that is
// gone, no stored episode is called missing, and a new start reads what stands there.

import { expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Fleet, HOST, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const FOREIGN = '{"of":"another program"}';

const send = async (fleet: Fleet, url: string, id: string): Promise<number> => {
  const response = await fetch(`${url}/v1/episodes/${HOST}/${id}.tar.zst`, {
    method: "PUT",
    body: id,
    headers: { Authorization: `Bearer ${fleet.token}`, "X-Labfleet-Code-Commit": COMMIT },
    proxy: "",
  });
  return response.status;
};

const head = async (fleet: Fleet, url: string, id: string): Promise<number> =>
  (
    await fetch(`${url}/v1/episodes/${HOST}/${id}.tar.zst`, {
      method: "HEAD",
      headers: { Authorization: `Bearer ${fleet.token}` },
      proxy: "",
    })
  ).status;

/** What is done, what is said of it, and after a start the answer to the second episode; null: no start before a person has mended it. */
const CHANGES: [string, string, (path: string) => void, string, number | null][] = [
  [
    "a line added to it",
    "index.jsonl",
    (path) => appendFileSync(path, `${FOREIGN}\n`),
    "added to by another program while the receiver used it",
    200,
  ],
  [
    "it is emptied",
    "index.jsonl",
    (path) => truncateSync(path, 0),
    "cut by another program while the receiver used it",
    200,
  ],
  [
    "it is removed",
    "index.jsonl",
    (path) => rmSync(path),
    "removed by another program while the receiver used it; it has its name back",
    200,
  ],
  [
    "another file takes its place, as an editor's does",
    "index.jsonl",
    (path) => {
      copyFileSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
    "replaced by another program while the receiver used it",
    200,
  ],
  [
    "it is rewritten in place to the same size, as a sort or an editor does",
    "index.jsonl",
    (path) => writeFileSync(path, readFileSync(path)),
    "rewritten by another program while the receiver used it",
    200,
  ],
  [
    "a link takes its place",
    "index.jsonl",
    (path) => {
      renameSync(path, `${path}.1`);
      symlinkSync(`${path}.1`, path);
    },
    "replaced by another program while the receiver used it",
    null,
  ],
  [
    "the journal is removed",
    "journal.jsonl",
    (path) => rmSync(path),
    "removed by another program while the receiver used it; it has its name back",
    201, // nothing is published before its intent is on the disk
  ],
];

for (const [how, file, change, said, again] of CHANGES)
  test(`${file} under a running receiver, ${how}: it ends, and the next start knows all episodes`, async () => {
    await using fleet = new Fleet();
    const path = join(fleet.collectorData, file);
    const first = await fleet.startReceiver();
    expect(await send(fleet, first.url, "ep1")).toBe(201);
    change(path);
    // Stored, or refused for our fault: never called missing.
    expect([200, 500]).toContain(await head(fleet, first.url, "ep1"));
    expect(await send(fleet, first.url, "ep2")).toBe(500);
    // A shipper tries again, too.
    const hasEnded = (): boolean => first.process.exitCode !== null;
    await until("it ends", async () => hasEnded() || (await send(fleet, first.url, "ep2").catch(() => 0)) === 0);
    expect(await first.ended()).toBe(3);
    expect(first.log()).toContain(`${path} was ${said}\nreceiver: fix: start the receiver again, as systemd does by`);
    if (how === "a line added to it") expect(readFileSync(path, "utf8")).toEndWith(`${FOREIGN}\n`);
    if (again === null) return;
    const second = await fleet.startReceiver();
    expect([await head(fleet, second.url, "ep1"), await send(fleet, second.url, "ep2")]).toEqual([200, again]);
    const rows = fleet.rows().filter((row) => row.episode_id === "ep1");
    // Where the row is gone the journal knows its commit.
    expect(rows.map((row) => row.code_commit)).toEqual([COMMIT]);
  });

test("a store that is removed as a whole is missed, and none is begun in its place", async () => {
  await using fleet = new Fleet();
  const receiver = await fleet.startReceiver();
  expect(await send(fleet, receiver.url, "ep1")).toBe(201);
  rmSync(fleet.collectorData, { recursive: true });
  expect(await send(fleet, receiver.url, "ep2")).toBe(500);
  const said = `no episode can be stored: the store has gone from ${fleet.collectorData} while the receiver was at work`;
  await until("it is said", async () => {
    await send(fleet, receiver.url, "ep2");
    return receiver.log().includes(said);
  });
  expect([receiver.process.exitCode, existsSync(fleet.collectorData)]).toEqual([null, false]);
});
