// Tests start programs as other users, too, who have to read this checkout. Root's home, where one may well lie, is closed to them on
// Debian: then the checkout is shown at a second place, which is open, to what runs from here alone.

import { chmodSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const OTHERS_MAY_ENTER = 0o001;

/** Whether a directory on the way to `path`, itself included, is closed to others. */
export function isClosed(path: string): boolean {
  if ((statSync(path).mode & OTHERS_MAY_ENTER) === 0) return true;
  return dirname(path) !== path && isClosed(dirname(path));
}

/**
 * Runs a program of the checkout once more where others may enter it.
 * @param root of the checkout
 * @param argv with the paths below it relative
 * @returns its exit code; null where that is not to be had: not root, no such right, or it is open already
 */
export function runInOpenPlace(root: string, argv: readonly string[]): number | null {
  const unshare = ["unshare", "--mount", "--propagation", "slave"];
  if (process.getuid?.() !== 0 || !isClosed(root) || Bun.which("unshare") === null || isClosed(tmpdir())) return null;
  if (Bun.spawnSync([...unshare, "true"]).exitCode !== 0) return null;
  const place = mkdtempSync(join(tmpdir(), "labfleet-checkout-"));
  chmodSync(place, 0o755);
  try {
    const line = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"';
    const done = Bun.spawnSync([...unshare, "sh", "-c", line, "sh", root, place, ...argv], {
      stdio: ["inherit", "inherit", "inherit"],
    });
    // Null: a signal ended it, which is no reason to run it again.
    return done.exitCode ?? 1;
  } finally {
    rmdirSync(place);
  }
}
