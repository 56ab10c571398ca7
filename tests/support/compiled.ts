// The compiled executables that end-to-end tests run: built once per test run, from the present sources.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

export const PROJECT = join(import.meta.dir, "../..");
const TARGET = process.arch === "arm64" ? "linux-arm64" : "linux-x64";

export type Flavour = "release" | "failpoints";
const built = new Set<Flavour>();

/** Directory of the executables. `bun run check` has built them; a single test file builds what is missing or old. */
export function executables(flavour: Flavour = "release"): string {
  const out = join(PROJECT, "dist", flavour === "release" ? TARGET : `${TARGET}-failpoints`);
  if (built.has(flavour)) return out;
  const isReady = process.env.LABFLEET_BUILT === "1" && existsSync(join(out, "shipper"));
  if (!isReady) {
    const flags = flavour === "failpoints" ? ["--failpoints", "--out", out] : [];
    const done = Bun.spawnSync([process.execPath, join(PROJECT, "scripts/build.ts"), ...flags]);
    if (done.exitCode !== 0) throw new Error(`build failed: ${done.stderr.toString()}`);
  }
  if (statSync(join(out, "shipper")).size < 1_000_000) throw new Error(`${out}/shipper is no executable`);
  built.add(flavour);
  return out;
}
