// What a stored archive holds: the digest of its tar, or why it is none. Anything may be stored, a curl of any file too:
// what is no whole .tar.zst is opaque, which is no damage.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errorText } from "../../../core/failure.ts";
import { TarCheck } from "./tar-check.ts";

const BLOCK_BYTES = 1024 * 1024;

export interface Unpacked {
  /** Digest of the tar, in hex; null: it holds no whole tar. */
  tree: string | null;
  /** Why it is no archive; null: it is one. */
  opaque: string | null;
}

/**
 * Unpacks a file in bounded memory, whatever it holds.
 * @throws the disk's error: then nothing is known of it
 */
export async function unpack(path: string): Promise<Unpacked> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  let diskError: unknown = null;
  const bytes = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      try {
        const { bytesRead } = await file.read(block, 0, BLOCK_BYTES);
        if (bytesRead === 0) controller.close();
        else controller.enqueue(block.subarray(0, bytesRead));
      } catch (error) {
        diskError = error;
        controller.error(error);
      }
    },
  });
  const hash = new Bun.CryptoHasher("sha256");
  const tar = new TarCheck();
  try {
    // Not node:zlib: to that one a file that is cut off is a whole one with less in it.
    for await (const chunk of bytes.pipeThrough(new DecompressionStream("zstd"))) {
      hash.update(chunk);
      tar.feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
  } catch (error) {
    if (diskError !== null) throw diskError;
    return { tree: null, opaque: zstdFault(errorText(error)) };
  } finally {
    await file.close();
  }
  const opaque = tar.end();
  return { tree: opaque === null ? hash.digest("hex") : null, opaque };
}

/** The runtime's words in ours. */
function zstdFault(text: string): string {
  if (text.includes("unexpected end of file")) return "its zstd is cut off";
  if (text.includes("Trailing junk")) return "other bytes follow its zstd";
  return "it is no zstd";
}
