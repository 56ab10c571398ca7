// That a configuration was found good, without a remark: a unit that runs every five minutes checks it once, not at each start, of which the
// check would be the greater part. Noted is a digest alone, in the cache directory that systemd makes for the unit (CacheDirectory=); a run
// by hand has none, and checks. Whatever cannot be read or written there only means that it is checked.

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { BUILD } from "../../core/build-info.ts";
import { readSmallFile, replaceNow } from "../../os/files/sync-files.ts";
import type { ConfigText } from "./config-thread.ts";

/** SHA-256 in hexadecimal. */
const DIGEST_BYTES = 64;

export interface KnownGood {
  isKnown(): boolean;
  remember(): void;
}

/** Of this very text, read by this very executable. @returns null: there is no directory, and nothing is known */
export function knownGood(
  tool: string,
  question: ConfigText,
  directory = cacheDirectory(process.env.CACHE_DIRECTORY),
  executablePath = process.execPath,
): KnownGood | null {
  const executable = identityOf(executablePath);
  if (directory === null || executable === null) return null;
  const path = join(directory, `${tool}-config`);
  const digest = createHash("sha256")
    .update(JSON.stringify([BUILD, executable, question]))
    .digest("hex");
  return { isKnown: () => read(path) === digest, remember: () => write(path, digest) };
}

/** A drop-in may name more than one (systemd.exec(5)): the first. */
function cacheDirectory(named: string | undefined): string | null {
  const [first = ""] = (named ?? "").split(":");
  return first.startsWith("/") ? first : null;
}

/** Another release is another file. */
function identityOf(path: string): readonly number[] | null {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs];
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  const found = readSmallFile(path, DIGEST_BYTES);
  return found !== null && "text" in found ? found.text : null;
}

function write(path: string, digest: string): void {
  try {
    replaceNow(path, digest);
  } catch {
    // The next run checks again.
  }
}
