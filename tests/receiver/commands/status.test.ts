// What `receiver status` shows of a run directory that holds something else than the daemon's address.

import { describe, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readListen } from "../../../lib/receiver/commands/status.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("the address in the run directory", () => {
  test("is shown as it is", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "listen"), "[::1]:8443\n");
    expect(readListen(dir)).toBe("[::1]:8443");
  });

  test("cannot steer a terminal, nor break the line", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "listen"), "\u001b[2J10.0.0.1:80\nlast end   none\u009b31m\n");
    expect(readListen(dir)).toBe("\\u001b[2J10.0.0.1:80\\u000alast end   none\\u009b31m");
  });

  test("is unknown when there is none, or an empty or endless one", () => {
    const dir = tempDir();
    expect(readListen(dir)).toBeNull();
    for (const text of ["", "\n", "x".repeat(301)]) {
      writeFileSync(join(dir, "listen"), text);
      expect(readListen(dir)).toBeNull();
    }
  });

  test("is unknown when it is a link, which is not followed, or a pipe, which is not waited for", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "secret"), "hunter2");
    symlinkSync(join(dir, "secret"), join(dir, "listen"));
    expect(readListen(dir)).toBeNull();
    const other = tempDir();
    expect(Bun.spawnSync(["mkfifo", join(other, "listen")]).exitCode).toBe(0);
    expect(readListen(other)).toBeNull();
  });
});
