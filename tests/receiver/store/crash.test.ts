// SIGKILL at every step of a commit, then a new start: an acknowledged episode is there exactly once, file and row; one
// that was not acknowledged is there whole or not at all, and the next PUT completes it.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verify } from "../../../lib/receiver/store/verify/verify.ts";
import { isSound } from "../../../lib/receiver/store/verify/verify-report.ts";
import { bytes, cleanUp, onCleanUp, reprDigest, rowsOf, sha256, tempDir, until } from "../support.ts";

afterEach(cleanUp);

const RECEIVER = join(import.meta.dir, "../../../bin/receiver.ts");

/** Starts a real receiver that dies at `failpoint`. */
async function start(root: string, failpoint: string) {
  const config = join(root, "collector.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:0"\n[paths]\ndata_root = "${root}/data"\nrun_dir = "${root}/run"\n[auth]\nrequire_token = false\n[limits]\ndisk_reserve = 0\n`,
  );
  writeFileSync(join(root, "log"), "");
  const child = Bun.spawn([process.execPath, "--define", "LABFLEET_FAILPOINTS=true", RECEIVER, "--config", config], {
    env: { ...process.env, LABFLEET_FAILPOINT: failpoint },
    stderr: Bun.file(join(root, "log")),
  });
  onCleanUp(() => child.kill("SIGKILL"));
  let port = "";
  await until(() => {
    port = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(join(root, "log"), "utf8"))?.[1] ?? "";
    return port !== "" || child.exitCode !== null || child.signalCode !== null;
  });
  const put = (id: string, body: Buffer): Promise<number> =>
    fetch(`http://127.0.0.1:${port}/v1/episodes/lab1/${id}.tar.zst`, {
      method: "PUT",
      body,
      headers: {
        "Repr-Digest": reprDigest(body),
        "X-Labfleet-Code-Commit": "abc",
        "X-Labfleet-Tree-Digest": `sha256:${sha256(id)}`,
      },
    }).then(
      (answer) => answer.status,
      () => 0,
    );
  return { child, put };
}

const POINTS = [
  "receiver.before-file-fsync",
  "receiver.before-journal-append",
  "receiver.before-journal-fsync",
  "receiver.after-journal-fsync",
  "receiver.after-file-fsync",
  "receiver.before-link",
  "receiver.after-link",
  "receiver.after-dir-fsync",
  "receiver.before-index-append",
  "receiver.before-index-fsync",
  "receiver.after-index-fsync",
  "receiver.before-unlink",
  "receiver.after-unlink",
];

describe("killed at", () => {
  test.each(POINTS)("%s", async (point) => {
    const root = tempDir();
    // The second pass through the point: the first episode is acknowledged.
    const first = await start(root, `${point}:2`);
    expect(await first.put("acked", bytes(3000, 1))).toBe(201);
    expect(await first.put("killed", bytes(3000, 2))).toBe(0);
    await first.child.exited;
    expect(first.child.signalCode).toBe("SIGKILL");

    const second = await start(root, "none");
    const index = join(root, "data/index.jsonl");
    expect(rowsOf(index).filter((row) => row.episode_id === "acked")).toHaveLength(1);
    expect(readdirSync(join(root, "data/incoming")).filter((name) => name.endsWith(".part"))).toEqual([]);
    const file = join(root, "data/episodes/lab1/killed.tar.zst");
    const rows = rowsOf(index).filter((row) => row.episode_id === "killed");
    // File and row are one: both or neither; and what the headers said is not lost.
    expect(rows).toHaveLength(existsSync(file) ? 1 : 0);
    if (rows[0] !== undefined)
      expect(rows[0]).toMatchObject({
        code_commit: "abc",
        tree_sha256: `v1:${sha256("killed")}`,
        sha256: sha256(bytes(3000, 2)),
      });
    expect(await second.put("killed", bytes(3000, 2))).toBe(existsSync(file) && rows.length === 1 ? 200 : 201);
    expect(await second.put("acked", bytes(3000, 1))).toBe(200);
    const report = await verify({ dataRoot: join(root, "data"), deep: false, settleMs: 0, onProblem: () => undefined });
    expect([isSound(report), report.checked, report.bytes]).toEqual([true, 2, 6000]);
    second.child.kill("SIGTERM");
    expect(await second.child.exited).toBe(0);
  });
});

test("kill -9 at any time under load, ten times over: every acknowledged episode is there once", async () => {
  const root = tempDir();
  const acked = new Set<string>();
  for (let round = 0; round < 10; round++) {
    const { child, put } = await start(root, "none");
    let dead = false;
    const load = Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; !dead; i++) {
        const id = `ep-${round}-${lane}-${i}`;
        const status = await put(id, bytes(2000, i));
        if (status === 201) acked.add(id);
        if (status === 0) dead = true;
      }
    });
    const enough = acked.size + 20 + round * 7;
    await until(() => acked.size >= enough);
    child.kill("SIGKILL");
    await Promise.all(load);
  }
  const { child } = await start(root, "none");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  const rows = rowsOf(join(root, "data/index.jsonl")).map((row) => row.episode_id);
  expect(new Set(rows).size).toBe(rows.length);
  expect([...acked].filter((id) => !rows.includes(id))).toEqual([]);
  const report = await verify({ dataRoot: join(root, "data"), deep: false, settleMs: 0, onProblem: () => undefined });
  expect(isSound(report)).toBe(true);
}, 180_000);
