// The body of an upload, from a file or from memory, on its way into a request: never more than two chunks of a file are
// held. When it is too slow is upload.ts's to say.

import { closeSync, openSync, read as readCallback } from "node:fs";
import type { ClientRequest } from "node:http";
import { promisify } from "node:util";

const read = promisify(readCallback);

const CHUNK_BYTES = 256 * 1024;

/**
 * Writes a body and ends the request, unless it is over before.
 * @param file a path, or what is sent itself
 * @param bytes exactly so many are sent, from its beginning
 * @throws Error of the system, or when the file is too short
 */
export async function sendBody(
  request: ClientRequest,
  file: string | Uint8Array,
  bytes: number,
  isOver: () => boolean,
): Promise<void> {
  if (typeof file === "string") return sendFile(request, file, bytes, isOver);
  for (let at = 0; at < bytes && !isOver(); at += CHUNK_BYTES)
    await written(request, file.subarray(at, Math.min(bytes, at + CHUNK_BYTES)));
  if (!isOver()) request.end();
}

async function sendFile(request: ClientRequest, path: string, bytes: number, isOver: () => boolean): Promise<void> {
  const fd = openSync(path, "r");
  // Two buffers, one read into while the other is on its way: a fresh one per chunk would pile up until a collection.
  const size = Math.min(CHUNK_BYTES, bytes);
  const buffers = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(bytes > size ? size : 0)] as const;
  let onItsWay = Promise.resolve();
  try {
    for (let left = bytes, turn = 0; left > 0 && !isOver(); turn++) {
      const buffer = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, left);
      const { bytesRead } = await read(fd, buffer, 0, buffer.length, bytes - left);
      if (bytesRead === 0) throw new Error(`${path} is shorter than when it was packed`);
      left -= bytesRead;
      await onItsWay;
      if (isOver()) return;
      onItsWay = written(request, buffer.subarray(0, bytesRead));
    }
    await onItsWay;
    if (!isOver()) request.end();
  } finally {
    closeSync(fd);
  }
}

/** Resolves when the bytes were handed to the kernel, or when the request is over: nobody may wait for ever. */
function written(request: ClientRequest, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("close", done);
      resolve();
    };
    request.on("close", done);
    if (request.destroyed) done();
    else request.write(bytes, done);
  });
}
