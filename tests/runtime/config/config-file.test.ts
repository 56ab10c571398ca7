// What may stand in the place of a configuration: nothing is waited for, and nothing is read without end.

import { expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../lib/runtime/config/config-file.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

test.each<[string, (path: string) => unknown, string]>([
  ["a pipe that nobody writes to", (path) => Bun.spawnSync(["mkfifo", path]), "is a pipe"],
  ["a device without end", (path) => Bun.spawnSync(["ln", "-s", "/dev/zero", path]), "is no regular file"],
  ["a directory", (path) => Bun.spawnSync(["mkdir", path]), "is a directory"],
  [
    "a file that is no configuration",
    (path) => {
      writeFileSync(path, "");
      truncateSync(path, 1024 * 1024 + 1);
    },
    "has 1.0 MiB, and at most 1.0 MiB are read",
  ],
])("%s: exit 2, in one sentence", async (_, make, what) => {
  const path = join(tempDir(), "lab-host.toml");
  make(path);
  const line = { command: "", operands: [], options: { config: path } };
  await expect(loadConfig("shipper", { line, log: quietLog })).rejects.toMatchObject({
    message: `the configuration ${path} ${what}`,
    exitCode: 2,
    hint: expect.stringMatching(/\S/),
  });
});
