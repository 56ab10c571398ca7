// Archives that go back out: how many at a time, in all and of one host, and each as a stream that holds one block and one
// descriptor, which it gives back however it ends. A client that takes too little is cut off by http/sink.ts.

import { type Refusal, refuse } from "../decide.ts";
import type { Archive } from "../episode-store.ts";

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
 * The first `bytes` of an archive, block by block, read only when they are taken. It is closed, and the slot left,
 * when all of it was taken, when nobody takes it any more, and when it cannot be read or is shorter.
 */
export function archiveStream(archive: Archive, bytes: number, slot: DownloadSlot): ReadableStream<Uint8Array> {
  let at = 0;
  const end = async (): Promise<void> => {
    slot.leave();
    await archive.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const block = await archive.read(at, Math.min(BLOCK_BYTES, bytes - at));
          if (block.length === 0) throw new Error("the archive is shorter than it was");
          at += block.length;
          slot.moved();
          controller.enqueue(block);
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
