// A checkout in root's home: what the tests start as another user can read it all the same.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isClosed, runInOpenPlace } from "../scripts/open-place.ts";
import { tempDir } from "./support/temp-dir.ts";

function closedCheckout(): string {
  const home = tempDir();
  const root = join(home, "labfleet");
  mkdirSync(root);
  writeFileSync(join(root, "file"), "");
  chmodSync(root, 0o755);
  chmodSync(home, 0o700);
  return root;
}

test("a directory is closed when others may not enter it, or one above it", () => {
  const root = closedCheckout();
  expect([isClosed(root), isClosed(join(root, "..")), isClosed(tmpdir())]).toEqual([true, true, false]);
});

const MISSING = process.getuid?.() !== 0 || Bun.which("setpriv") === null ? " (skipped: needs root and setpriv)" : "";
test.skipIf(MISSING !== "")(`a closed checkout is read by another user where it is shown once more${MISSING}`, () => {
  const root = closedCheckout();
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const places = () => readdirSync(tmpdir()).filter((name) => name.startsWith("labfleet-checkout-"));
  const before = places();
  const look = (place: string): string[] => [...user, "sh", "-c", `cat ${place}; exit $(($? + 40))`];
  expect(Bun.spawnSync(look(join(root, "file"))).exitCode).not.toBe(40);
  expect(runInOpenPlace(root, look("file"))).toBe(40);
  expect(runInOpenPlace(root, ["sh", "-c", "kill -KILL $$"])).toBe(1);
  // Nothing of it is left, neither the place nor the mount.
  expect(places()).toEqual(before);
  chmodSync(join(root, ".."), 0o755);
  expect(runInOpenPlace(root, look("file"))).toBeNull();
});
