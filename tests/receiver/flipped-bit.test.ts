// One flipped bit in the head of a PUT: the very head that a shipper sends, each bit of it turned over once, to a real receiver, and
// each answer to what the shipper decides by. A damaged question quarantines nothing, and delivers only what the store has.

import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import * as net from "node:net";
import { join } from "node:path";
import { headText } from "../../lib/contract/head-digest.ts";
import { realDisk } from "../../lib/receiver/store/files/disk.ts";
import { settingsOf } from "../../lib/runtime/config/settings.ts";
import { classifyAnswer } from "../../lib/shipper/decide.ts";
import { sendArchive } from "../../lib/shipper/settle/send.ts";
import type { Sent, Verdict } from "../../lib/shipper/trust/verdict.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { bytes, cleanUp, IDENTITY, onCleanUp, put, reprDigest, sha256, startReceiver, tempDir } from "./support.ts";

afterEach(cleanUp);

const BODY = bytes(3000);
const TREE = "b".repeat(64);
const COMMIT = "c0ffee".repeat(7).slice(0, 40);
const TOKEN = "lf_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
/** Stands for a number of five digits. */
const ID = "ep00000";
/** So many requests at a time. */
const AT_ONCE = 64;

/** The head that a shipper sends for such an episode. */
async function shippersHead(): Promise<Buffer> {
  const heard: Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (part: Buffer) => {
      heard.push(part);
      if (Buffer.concat(heard).includes("\r\n\r\n")) socket.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onCleanUp(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }), `http://127.0.0.1:${port}`);
  writeFileSync(join(dirs.outbox, `${ID}.tar.zst`), BODY);
  const config = engine.deps.settings.current();
  const settings = settingsOf({ ...config, receiver: { ...config.receiver, bearerToken: TOKEN } });
  const subject = { id: ID, bytes: BODY.length, sha256: sha256(BODY), tree_sha256: TREE, code_commit: COMMIT };
  await sendArchive({ ...engine.deps, settings }, subject, "put", new AbortController().signal, () => {});
  const all = Buffer.concat(heard);
  return all.subarray(0, all.indexOf("\r\n\r\n") + 4);
}

/** What was sent under such an id. */
const sent = (id: string): Sent => {
  return { host: "lab1", id, bytes: BODY.length, sha256: sha256(BODY), treeSha256: TREE, commit: COMMIT };
};

interface Heard {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** The first answer in a text that is no interim one; null: there is none, or it is not whole. */
function readAnswer(text: string): Heard | null {
  for (let rest = text; rest.includes("\r\n\r\n"); ) {
    const end = rest.indexOf("\r\n\r\n");
    const [first = "", ...lines] = rest.slice(0, end).split("\r\n");
    rest = rest.slice(end + 4);
    const status = Number(first.split(" ")[1]);
    if (status < 200) continue;
    const fields = lines.map((line) => [line.split(": ")[0]?.toLowerCase(), line.slice(line.indexOf(": ") + 2)]);
    const headers: Record<string, string> = Object.fromEntries(fields);
    const length = Number(headers["content-length"] ?? 0);
    if (rest.length < length) return null;
    return { status, headers, body: length === 0 ? null : JSON.parse(rest.slice(0, length)) };
  }
  return null;
}

/** Sends a request and ends our side: what waits for more than that is told at once that no more comes. */
async function ask(port: number, request: Buffer): Promise<Heard | null> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  let heard: Heard | null = null;
  socket.on("error", () => undefined);
  socket.on("data", (part: Buffer) => {
    text += part.toString("latin1");
    heard ??= readAnswer(text);
    if (heard !== null) socket.destroy();
  });
  socket.on("end", () => socket.destroy());
  socket.end(request);
  await new Promise<void>((resolve) => socket.on("close", () => resolve()));
  return heard;
}

interface Told {
  bit: number;
  id: string;
  status: number;
  /** Null: nobody answered. */
  verdict: Verdict | null;
}

/** Flips each bit of the head in turn. @param idOf under which name the request of a bit goes */
async function flipAll(port: number, head: Buffer, idOf: (bit: number) => string): Promise<Told[]> {
  const trust = { pinned: IDENTITY.id, kind: "labfleet", isVerifiedTls: false } as const;
  const told: Told[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let bit = next++; bit < head.length * 8; bit = next++) {
      const id = idOf(bit);
      const request = Buffer.from(headOf(head, id), "latin1");
      request.writeUInt8(request.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const heard = await ask(port, Buffer.concat([request, BODY]));
      const verdict = heard && classifyAnswer({ resource: "put", ...heard }, sent(id), trust);
      told.push({ bit, id, status: heard?.status ?? 0, verdict });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return told;
}

/** The same head of another episode, with the digest that a shipper would give it. */
function headOf(head: Buffer, id: string): string {
  const treeDigest = `sha256:${TREE}`;
  const commitHeader = "X-Labfleet-Code-Commit";
  const contentLength = String(BODY.length);
  const text = headText({
    ...{ host: "lab1", id, commitHeader, commit: COMMIT },
    ...{ contentLength, reprDigest: reprDigest(BODY), treeDigest },
  });
  return head
    .toString("latin1")
    .replace(ID, id)
    .replace(/^(x-labfleet-head-digest: \S+ )[0-9a-f]{64}/im, `$1${sha256(text)}`);
}

/** As an older release sends it. */
function withoutDigest(head: Buffer): Buffer {
  const text = head.toString("latin1").replace(/^x-labfleet-head-digest: .*\r\n/im, "");
  expect(text.length).toBeLessThan(head.length);
  return Buffer.from(text, "latin1");
}

const idOfBit = (bit: number): string => `ep${String(bit).padStart(5, "0")}`;

async function receiverOfOneToken() {
  return startReceiver({
    disk: { ...realDisk, flush: async () => undefined },
    limits: { uploadsTotal: 2 * AT_ONCE, uploadsPerHost: 2 * AT_ONCE },
    deps: {
      checkToken: (host, authorization) => {
        if (authorization !== `Bearer ${TOKEN}`) return "unknown";
        return host === "lab1" ? "valid" : "other-host";
      },
      accepted: () => ({ kind: "list", commits: new Set([COMMIT]) }),
    },
    rules: { maxBytes: 5000 },
  });
}

/** What is wrong with what a shipper would make of these answers. */
function faults(told: readonly Told[], rows: readonly { episode_id: string; sha256: string }[]): string[] {
  const stored = new Map(rows.map(({ episode_id, sha256 }) => [episode_id, sha256]));
  return told.flatMap(({ bit, id, status, verdict }) => {
    if (verdict === null) return [];
    const at = `bit ${bit}: ${status} -> ${verdict.kind}`;
    if (!["delivered", "retry", "pause", "unstamped"].includes(verdict.kind)) return [at];
    if (verdict.kind !== "delivered") return [];
    const { host_id, episode_id, bytes, sha256: digest } = verdict.receipt;
    const isEqual = host_id === "lab1" && episode_id === id && bytes === BODY.length && digest === sha256(BODY);
    return isEqual && stored.get(id) === digest ? [] : [at];
  });
}

const statusesOf = (told: readonly Told[]): number[] => [...new Set(told.map(({ status }) => status))];

test("of a head with its digest: nothing is stored under another name, for another commit, or without a tree digest", async () => {
  const receiver = await receiverOfOneToken();
  const head = await shippersHead();
  expect(headOf(head, ID)).toBe(head.toString("latin1"));
  const told = await flipAll(receiver.port, head, idOfBit);
  const rows = receiver.rows();
  expect(faults(told, rows)).toEqual([]);
  // Bits of fields that say nothing of the episode, and those that spell the digest's own name.
  expect(rows.length).toBeGreaterThan(100);
  const wrong = rows.filter(({ episode_id, code_commit, tree_sha256 }) => {
    const bit = Number(episode_id.slice(2));
    return !(idOfBit(bit) === episode_id && code_commit === COMMIT && tree_sha256 === `v1:${TREE}`);
  });
  expect(wrong).toEqual([]);
  const delivered = told.filter(({ verdict }) => verdict?.kind === "delivered").map(({ id }) => id);
  expect(rows.map(({ episode_id }) => episode_id).sort()).toEqual(delivered.sort());
  expect(statusesOf(told)).toEqual(expect.arrayContaining([201, 400, 401, 403, 404, 405]));
});

test("of an episode that is new: nothing is quarantined, and what is delivered is stored", async () => {
  const receiver = await receiverOfOneToken();
  const head = withoutDigest(await shippersHead());
  const control = await ask(receiver.port, Buffer.concat([head, BODY]));
  expect(control?.status).toBe(201);
  const told = await flipAll(receiver.port, head, idOfBit);
  expect(faults(told, receiver.rows())).toEqual([]);
  expect(told.length).toBe(head.length * 8);
  expect(statusesOf(told)).toEqual(expect.arrayContaining([201, 400, 401, 403, 404, 405, 411, 412, 413]));
});

test("of an episode that is stored already: the same", async () => {
  const receiver = await receiverOfOneToken();
  const head = withoutDigest(await shippersHead());
  const headers = {
    "Repr-Digest": reprDigest(BODY),
    Authorization: `Bearer ${TOKEN}`,
    "X-Labfleet-Code-Commit": COMMIT,
  };
  expect((await put(receiver.url, "lab1", ID, BODY, headers)).status).toBe(201);
  const told = await flipAll(receiver.port, head, () => ID);
  expect(faults(told, receiver.rows())).toEqual([]);
  expect(statusesOf(told)).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405, 409, 411, 412, 413]));
});

test("a head whose digest is right, and whose body somebody passes on in chunks, is no damage: it is asked for a length", async () => {
  const receiver = await receiverOfOneToken();
  const chunked = headOf(await shippersHead(), ID).replace(/^content-length: .*$/im, "Transfer-Encoding: chunked");
  expect(chunked).toContain("chunked");
  const heard = await ask(receiver.port, Buffer.concat([Buffer.from(chunked, "latin1"), Buffer.from("0\r\n\r\n")]));
  expect(heard).toMatchObject({ status: 411, body: { reason: "length-required" } });
  expect(receiver.rows()).toEqual([]);
});
