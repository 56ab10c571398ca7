// From the connection into an upload, hashing on the way.

import type { Upload } from "../episode-store.ts";
import type { BodyEnd, UploadBody } from "../http/body.ts";

/**
 * Reads a body to its end into an upload. One chunk is held at a time: it is hashed while it is written, and the next
 * one waits in the kernel. (To hold two made uploads no faster and the process twice as large.)
 * @param wrote called with the size of each chunk that was written
 * @throws the storage's error
 */
export async function receiveBody(
  upload: Pick<Upload, "write">,
  body: UploadBody,
  wrote: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string } | Exclude<BodyEnd, "end">> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for (;;) {
    const chunk = await body.read();
    if (typeof chunk === "string") return chunk === "end" ? { bytes, sha256: hash.digest("hex") } : chunk;
    const writing = upload.write(chunk);
    hash.update(chunk);
    await writing;
    wrote(chunk.length);
    bytes += chunk.length;
  }
}
