// Whether a file is what its digest says.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { errorCode } from "../core/failure.ts";

/** False, too, where there is none, or it may not be read. */
export async function isFile(path: string, sha256: string): Promise<boolean> {
  try {
    await using handle = await open(path, "r");
    const hash = createHash("sha256");
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1024 ** 2 }))
      hash.update(chunk);
    return hash.digest("hex") === sha256;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}
