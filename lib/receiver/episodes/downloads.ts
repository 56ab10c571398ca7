// Archives that go back out: how many at a time, in all and of one host, and each as a stream that holds one block and one
// descriptor, which it gives back however it ends. A client that takes too little is cut off by http/sink.ts.

import { close, constants, open, read } from "node:fs";
import { promisify } from "node:util";
import { type Refusal, refuse } from "../decide.ts";

/** Numbers and no FileHandles: one of those that is forgotten ends the process when it is collected. */
const fs = { close: promisify(close), open: promisify(open), read: promisify(read) };

/** Read at a time, bytes. */
const BLOCK_BYTES = 256 * 1024;

export interface DownloadLimits {
  total: number;
  perHost: number;
}

export interface Downloads {
  /** Under way. */
  readonly running: number;
  enter(host: string): DownloadSlot | Refusal;
}

export interface DownloadSlot {
  kind: "slot";
  /** Bytes went out. */
  moved(): void;
  /** Called twice it counts once. */
  leave(): void;
}

/** @param moved called whenever bytes of a download went out */
export function createDownloads({ total, perHost }: DownloadLimits, moved: () => void = () => undefined): Downloads {
  const ofHost = new Map<string, number>();
  let running = 0;
  return {
    get running() {
      return running;
    },
    enter(host) {
      const own = ofHost.get(host) ?? 0;
      if (running >= total || own >= perHost) {
        const whose = running >= total ? `${running} downloads` : `${own} downloads of this host`;
        return refuse("too-many-downloads", `${whose} are running`, { retryAfterS: 5 });
      }
      running++;
      ofHost.set(host, own + 1);
      let left = false;
      return {
        kind: "slot",
        moved,
        leave() {
          if (left) return;
          left = true;
          running--;
          const others = (ofHost.get(host) ?? 1) - 1;
          if (others === 0) ofHost.delete(host);
          else ofHost.set(host, others);
        },
      };
    },
  };
}

/**
 * The first `bytes` of an open file, block by block, read only when they are taken. The file is closed, and the slot left,
 * when all of it was taken, when nobody takes it any more, and when it cannot be read or is shorter.
 */
export function fileStream(fd: number, bytes: number, slot: DownloadSlot): ReadableStream<Uint8Array> {
  let at = 0;
  const end = async (): Promise<void> => {
    slot.leave();
    await fs.close(fd);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, bytes - at));
          const { bytesRead } = await fs.read(fd, block, 0, block.length, at);
          if (bytesRead === 0) throw new Error("the file is shorter than it was");
          at += bytesRead;
          slot.moved();
          controller.enqueue(block.subarray(0, bytesRead));
          if (at < bytes) return;
          await end();
          controller.close();
        } catch (error) {
          await end();
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** Opens an archive to be sent: never waits, and follows no link, whatever has that name. @throws the disk's error */
export function openArchive(path: string): Promise<number> {
  return fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}
