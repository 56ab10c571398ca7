// Rows of another program may be longer than ours: they are found, and so no episode gets a second one.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytes, cleanUp, openIn, put, sha256, startReceiver, tempDir } from "../../support.ts";

afterEach(cleanUp);

const BODY = bytes(5000);

test.each([4095, 4096, 4097, 20_000, 300_000])(
  "a row of %i bytes is one row, at each start and for a PUT",
  async (length) => {
    const root = tempDir();
    const row = { host_id: "lab1", episode_id: "ep1", bytes: BODY.length, sha256: sha256(BODY), note: "" };
    row.note = "x".repeat(length - JSON.stringify(row).length);
    mkdirSync(join(root, "episodes/lab1"), { recursive: true });
    writeFileSync(join(root, "episodes/lab1/ep1.tar.zst"), BODY);
    writeFileSync(join(root, "index.jsonl"), `${JSON.stringify(row)}\n`);
    const first = await openIn(root);
    expect(await first.index.find({ host: "lab1", id: "ep1" })).toMatchObject({ sha256: sha256(BODY) });
    await first.close();
    const receiver = await startReceiver({ dataRoot: root });
    expect((await put(receiver.url, "lab1", "ep1", BODY)).status).toBe(200);
    expect(receiver.rows()).toHaveLength(1);
  },
);
