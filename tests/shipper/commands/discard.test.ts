// What a person listed and what they remove are the same, however long they took to answer.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { lookAt, removeListed } from "../../../lib/shipper/commands/discard.ts";
import { housekeeper, refused } from "../../support/housekeeper.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

function listed(name = "ep") {
  const root = tempDir();
  const { config, dirs } = housekeeper(root, "http://127.0.0.1:9");
  refused(dirs, name, { reason: "conflict" });
  const said: string[] = [];
  const log = { ...quietLog, error: (line: LogMessage) => said.push(inText(line)) };
  const remove = async (doomed: Awaited<ReturnType<typeof lookAt>>) =>
    removeListed(config, dirs, "quarantine", doomed, 1, log);
  return { root, dirs, said, remove, look: () => lookAt(dirs, "quarantine", name) };
}

test("what was listed is removed, and its note is kept", async () => {
  const { root, dirs, remove, look } = listed();
  expect(await remove(await look())).toBe(true);
  expect(readdirSync(dirs.quarantine)).toEqual([]);
  expect(readFileSync(join(root, "removed.jsonl"), "utf8")).toContain('"reason":"conflict"');
});

test("another episode that was refused under the same name meanwhile stays", async () => {
  const { root, dirs, said, remove, look } = listed();
  const doomed = await look();
  renameSync(join(dirs.quarantine, "ep"), join(dirs.shipped, "ep"));
  refused(dirs, "ep", { reason: "conflict" });
  expect(await remove(doomed)).toBe(false);
  expect(existsSync(join(dirs.quarantine, "ep/data.bin"))).toBe(true);
  expect(existsSync(join(root, "removed.jsonl"))).toBe(false);
  expect(said).toEqual([`not removed: it is not what was listed any more, in ${dirs.quarantine}`]);
});

test("so does the same one when it was refused for something else meanwhile", async () => {
  const { dirs, remove, look } = listed();
  const doomed = await look();
  writeFileSync(
    join(dirs.quarantine, "ep/rejection.json"),
    JSON.stringify({ labfleet: 1, episode_id: "ep", reason: "too-large" }),
  );
  expect(await remove(doomed)).toBe(false);
  expect(existsSync(join(dirs.quarantine, "ep/data.bin"))).toBe(true);
});

test("and what has gone is not removed", async () => {
  const { dirs, remove, look } = listed();
  const doomed = await look();
  rmSync(join(dirs.quarantine, "ep"), { recursive: true });
  expect(await remove(doomed)).toBe(false);
});

test("of two without a note the second is not taken for the first", async () => {
  const { dirs, remove, look } = listed();
  rmSync(join(dirs.quarantine, "ep/rejection.json"));
  const doomed = await look();
  renameSync(join(dirs.quarantine, "ep"), join(dirs.episodes, "ep"));
  refused(dirs, "ep");
  rmSync(join(dirs.quarantine, "ep/rejection.json"));
  expect(await remove(doomed)).toBe(false);
  expect(existsSync(join(dirs.quarantine, "ep/data.bin"))).toBe(true);
});

for (const words of [["discard", "ep"], ["requeue", "--all"], ["status"]]) {
  test(`${words[0]} before the first start says that there is nothing yet, and what to do`, () => {
    const root = tempDir();
    const config = join(root, "c.toml");
    const paths = `[paths]\ndata_root = "${root}/data"\nrun_dir = "${root}/run"\n`;
    writeFileSync(config, `host_id = "lab1"\n${paths}[receiver]\nurl = "http://127.0.0.1:9"\n`);
    const command = [process.execPath, join(import.meta.dir, "../../../bin/shipper.ts"), ...words, "--config", config];
    const { exitCode, stderr } = Bun.spawnSync(command, { env: { PATH: process.env.PATH ?? "" } });
    expect([exitCode, stderr.toString()]).toEqual([
      2,
      expect.stringContaining("fix: start it once: sudo systemctl start labfleet-shipper\n"),
    ]);
  });
}
