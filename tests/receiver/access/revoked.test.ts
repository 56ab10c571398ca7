// A token that is revoked while its upload is under way: what was begun with it is not stored.

import { afterEach, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTokenCheck, hashToken } from "../../../lib/receiver/access/auth.ts";
import { bytes, cleanUp, keptLog, rawClient, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const line = (token: string): string => `sha256:${hashToken(token).toString("hex")}\n`;
const head = (token: string): string =>
  `PUT /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n`;

async function midway(after: (file: string) => void) {
  const dir = tempDir();
  writeFileSync(join(dir, "lab1"), line("old"));
  const receiver = await startReceiver({ deps: { checkToken: createTokenCheck(dir, keptLog()) } });
  const client = await rawClient(receiver.port);
  await client.send(head("old"));
  await client.seen("100 Continue");
  after(join(dir, "lab1"));
  await client.send(bytes(1000));
  await client.seen('"receiver_id"');
  return { receiver, status: /HTTP\/1\.1 (?!100)(\d{3})/.exec(client.text())?.[1] };
}

test("its upload is answered 401 after its body, and leaves nothing but a count", async () => {
  const { receiver, status } = await midway((file) => rmSync(file));
  expect(status).toBe("401");
  expect([receiver.rows(), receiver.incoming(), await receiver.attemptRows()]).toEqual([[], [], []]);
  expect(await receiver.sums()).toMatchObject([{ what: "episode", reason: "unauthorized", count: 1 }]);
});

test("while it is one of two that are valid, its upload is stored", async () => {
  const { receiver, status } = await midway((file) => writeFileSync(file, line("old") + line("new")));
  expect(status).toBe("201");
  expect(receiver.rows()).toHaveLength(1);
});
