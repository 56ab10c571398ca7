// What is built: for which machines, and from which commit.

import { join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dir, "..");

/** Our target names and Bun's. x64 needs AVX2, x64-baseline only SSE4.2. */
export const TARGETS: Record<string, string> = {
  "linux-x64": "bun-linux-x64",
  "linux-x64-baseline": "bun-linux-x64-baseline",
  "linux-arm64": "bun-linux-arm64",
};

/** The target of the machine that this runs on. */
export function hostTarget(): string {
  return process.arch === "arm64" ? "linux-arm64" : "linux-x64";
}

/** Commit of the checkout, with `-dirty` when files differ from it, or "unknown" outside a checkout. */
export function commit(): string {
  const git = (...args: string[]): string => {
    const done = Bun.spawnSync(["git", "-C", ROOT, ...args], { stderr: "ignore" });
    return done.exitCode === 0 ? done.stdout.toString().trim() : "";
  };
  const head = git("rev-parse", "HEAD");
  if (head === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? head : `${head}-dirty`;
}
