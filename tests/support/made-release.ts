// A release as it is made: in a checkout of its own, with keys of its own. Made once for all tests of a run.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PROJECT } from "./compiled.ts";

export const TARGET = process.arch === "arm64" ? "linux-arm64" : "linux-x64";

export interface Checkout {
  root: string;
  dir: string;
  /** Of its releases. */
  key: string;
}

/** A checkout of the present sources, committed. The caller removes its root. */
export function newCheckout(): Checkout {
  const root = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  const dir = join(root, "checkout");
  const listed = Bun.spawnSync(["git", "-C", PROJECT, "ls-files", "-co", "--exclude-standard", "-z"]);
  for (const path of listed.stdout.toString().split("\0").filter(Boolean)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    cpSync(join(PROJECT, path), join(dir, path));
  }
  symlinkSync(join(PROJECT, "node_modules"), join(dir, "node_modules"));
  git(dir, "init", "-q");
  git(dir, "add", "-A");
  git(dir, "commit", "-q", "-m", "all");
  return { root, dir, key: join(root, "keys/release.key") };
}

export function git(dir: string, ...args: string[]): void {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  const done = Bun.spawnSync(["git", "-C", dir, ...identity, ...args], { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr.toString()}`);
}

/** `bun run release …` there. */
export function runRelease(
  { dir }: Pick<Checkout, "dir">,
  ...args: string[]
): { code: number; out: string; err: string } {
  const done = Bun.spawnSync([process.execPath, "scripts/release.ts", ...args], { cwd: dir, stderr: "pipe" });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

export interface MadeRelease extends Checkout {
  /** dist/release/<version> there, and the same as one file. */
  place: string;
  bundle: string;
  /** An installer that knows its keys, and can be made to die. */
  installer: string;
}

let made: MadeRelease | null = null;

/** For this machine, with serial 7. */
export function madeRelease(): MadeRelease {
  if (made !== null) return made;
  const checkout = newCheckout();
  process.on("exit", () => rmSync(checkout.root, { recursive: true, force: true }));
  const must = ({ code, err }: { code: number; err: string }): void => {
    if (code !== 0) throw new Error(err);
  };
  must(runRelease(checkout, "keygen", "--no-password", "--out", join(checkout.root, "keys")));
  git(checkout.dir, "commit", "-qam", "keys");
  must(runRelease(checkout, "--key", checkout.key, "--target", TARGET, "--serial", "7", "--min-serial", "3"));
  const out = join(checkout.root, "failpoints");
  const build = Bun.spawnSync([process.execPath, "scripts/build.ts", "installer", "--failpoints", "--out", out], {
    cwd: checkout.dir,
  });
  if (build.exitCode !== 0) throw new Error(build.stderr.toString());
  const place = join(checkout.dir, "dist/release/0.1.0");
  made = { ...checkout, place, bundle: `${dirname(place)}/labfleet-0.1.0.tar`, installer: join(out, "installer") };
  return made;
}
