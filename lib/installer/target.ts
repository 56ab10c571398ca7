// Which build this machine runs.

import { readFileSync } from "node:fs";
import { BUILD } from "../core/build-info.ts";
import { UserError } from "../core/failure.ts";

/** @throws UserError: there is none for it */
export function targetHere(arch: string = process.arch, cpuinfo = readFileSync("/proc/cpuinfo", "utf8")): string {
  // One that was built for a target of its own, as a test's.
  if (arch === "arm64") return "linux-arm64";
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? [];
  if (arch === "x64" && flags.includes("avx2")) return "linux-x64";
  if (arch === "x64" && flags.includes("sse4_2")) return "linux-x64-baseline";
  throw new UserError(`there is no build for this machine (${arch}, and this is ${BUILD.target})`);
}
