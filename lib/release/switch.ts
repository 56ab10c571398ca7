// `current` names the release that runs: one rename switches all tools and units of it at once.

import { readlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { errorCode } from "../core/failure.ts";
import { symlinkDurable } from "../os/files/files.ts";

/** The directory that it names; null: there is none, or no link. */
export async function currentRelease(optDir: string): Promise<string | null> {
  try {
    return resolve(optDir, await readlink(join(optDir, "current")));
  } catch (error) {
    if (["ENOENT", "EINVAL"].includes(errorCode(error) ?? "")) return null;
    throw error;
  }
}

/** Switches to a staged release; after a power cut it is the old one or the new one. Rejects as the system does. */
export async function switchTo(optDir: string, releaseDir: string): Promise<void> {
  await symlinkDurable(join("releases", basename(releaseDir)), join(optDir, "current"));
}
