// For every removal: what proves that it is safe? Each test here holds an episode whose only copy is at stake.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { isSameDirectory } from "../../lib/shipper/episode/directory-id.ts";
import { readRejection } from "../../lib/shipper/episode/notes.ts";
import { type OutboxRecord, recoverOutbox } from "../../lib/shipper/pack/outbox.ts";
import { settle } from "../../lib/shipper/settle/settle.ts";
import { inode, makeDirs, makeEpisode, recordOf } from "../support/lab-host.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fingerprintOf } from "../support/walked.ts";

test("an archive in the outbox without its episode's directory is the last copy: a start leaves it", async () => {
  const dirs = makeDirs(tempDir());
  const archive = join(dirs.outbox, "from-the-python-fleet.tar.zst");
  writeFileSync(archive, "the only copy");
  await recoverOutbox(dirs.outbox, dirs.episodes, "this-boot");
  expect(existsSync(archive)).toBe(true);
});

test("an episode moved back by hand and refused again carries the new rejection, not the old one", async () => {
  const dirs = makeDirs(tempDir());
  const episode = makeEpisode(dirs, "ep");
  const refused = (reason: string) => ({ to: "quarantine" as const, document: { reason, rules: 2 } });
  await settle(dirs, packedRecord(episode, "ep"), refused("commit-not-accepted"));
  renameSync(join(dirs.quarantine, "ep"), episode);
  // Another episode of this name is at the receiver now: ours may be the only copy.
  await settle(dirs, packedRecord(episode, "ep"), refused("conflict"));
  const note = readRejection("ep", readFileSync(join(dirs.quarantine, "ep/rejection.json"), "utf8"));
  expect(note?.reason).toBe("conflict");
});

test("an episode moved back by hand from shipped/ loses its old receipt when the new answer is unverified", async () => {
  const dirs = makeDirs(tempDir());
  const episode = makeEpisode(dirs, "ep");
  const record = packedRecord(episode, "ep");
  const received = { received_at_wall: "2026-05-01T00:00:00.000000+00:00" };
  await settle(dirs, { ...record }, { to: "shipped", document: { status: "stored", verified: true, ...received } });
  renameSync(join(dirs.shipped, "ep"), episode);
  await settle(dirs, packedRecord(episode, "ep"), {
    to: "shipped",
    document: { status: "duplicate", verified: false },
  });
  const document = JSON.parse(readFileSync(join(dirs.shipped, "ep", "receipt.json"), "utf8"));
  expect(document.verified).toBe(false);
});

test("a new episode that got the name and the inode of a delivered one is not taken for it", async () => {
  const dirs = makeDirs(tempDir());
  const episode = makeEpisode(dirs, "ep");
  // The delivered directory was removed; the recorder used the name again and ext4 gave the same inode. The fingerprint
  // in the record is the old episode's.
  const record = recordOf("ep", { directory_inode: inode(episode) });
  const settlement = { to: "shipped" as const, document: { status: "stored", verified: true } };
  expect(await settle(dirs, record, settlement)).toBeNull();
  expect(existsSync(join(episode, "data.bin"))).toBe(true);
  expect(existsSync(join(episode, "receipt.json"))).toBe(false);
});

test("an archive stays when its directory is gone and another one has got its name and its inode number", async () => {
  const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "vanished" }));
  const [number = "", birth = "1"] = inode(makeEpisode(dirs, "ep")).split("@");
  const archive = join(dirs.outbox, "ep.tar.zst");
  writeFileSync(archive, "0123456789");
  const directory_inode = `${number}@${BigInt(birth) - 1n}`;
  writeFileSync(join(dirs.outbox, "ep.json"), JSON.stringify(recordOf("ep", { directory_inode })));
  await engine.recover();
  engine.pump();
  await engine.settled();
  await engine.stop(0);
  expect(existsSync(archive)).toBe(true);
});

test("a directory is the one that was packed by number and birth; by its number alone where a record says no more", () => {
  expect(isSameDirectory("7@100", "7@100")).toBe(true);
  expect(isSameDirectory("7@100", "7@101")).toBe(false);
  expect(isSameDirectory("7@100", "8@100")).toBe(false);
  expect(isSameDirectory("7", "7@100")).toBe(true);
  expect(isSameDirectory("7", "77@100")).toBe(false);
  expect(isSameDirectory("7", "7")).toBe(true);
  expect(isSameDirectory("7@100", null)).toBe(false);
});

test("a crash while the document is written leaves nothing in the episode that would be packed", async () => {
  const dirs = makeDirs(tempDir());
  const episode = makeEpisode(dirs, "ep");
  const before = readdirSync(episode);
  // Found by the kill loop: a temporary file beside the document made the episode another one, and a conflict. Here the
  // place where it is written instead is gone.
  rmSync(dirs.outbox, { recursive: true });
  const settling = settle(dirs, packedRecord(episode, "ep"), { to: "shipped", document: { status: "stored" } });
  await expect(settling).rejects.toThrow("ENOENT");
  await settling.catch(() => undefined);
  expect(readdirSync(episode)).toEqual(before);
});

test("the last copy of an episode stays when an answer does not prove that the receiver has it", async () => {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(409).end("<html>Conflict</html>"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { engine, dirs } = scriptedEngine(tempDir(), () => ({ kind: "vanished" }), baseUrl(server));
    const archive = join(dirs.outbox, "ep.tar.zst");
    writeFileSync(archive, "0123456789");
    writeFileSync(join(dirs.outbox, "ep.json"), JSON.stringify(recordOf("ep")));
    await engine.recover();
    engine.pump();
    await engine.settled();
    await engine.stop(0);
    expect(existsSync(archive)).toBe(true);
  } finally {
    server.close();
  }
});

function packedRecord(episode: string, id: string): OutboxRecord {
  return recordOf(id, { directory_inode: inode(episode), fingerprint: fingerprintOf(episode) ?? "" });
}

function baseUrl(server: Server): string {
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
}
