// A store of episodes in memory: the proof that nobody but a backend knows how episodes are kept. For tests alone.

import type { IndexRow } from "../../lib/contract/index-row.ts";
import type { EpisodeAddress } from "../../lib/contract/names.ts";
import type { Archive, Committed, EpisodeStore, Upload } from "../../lib/receiver/episode-store.ts";

interface Kept {
  row: IndexRow;
  bytes: Buffer;
}

const keyOf = ({ host, id }: EpisodeAddress): string => `${host}/${id}`;

export interface MemoryStore extends EpisodeStore {
  /** Uploads that were begun and neither committed nor discarded. */
  readonly underWay: number;
}

export function createMemoryStore(): MemoryStore {
  const kept = new Map<string, Kept>();
  const open = new Set<Upload>();
  return {
    get underWay() {
      return open.size;
    },
    async find(address) {
      const found = kept.get(keyOf(address));
      return found === undefined ? { kind: "none" } : { kind: "stored", row: found.row };
    },
    async begin(address) {
      const chunks: Uint8Array[] = [];
      const upload: Upload = {
        // Whoever reads the body may use its block again.
        write: async (chunk) => void chunks.push(Uint8Array.from(chunk)),
        async commit(row): Promise<Committed> {
          const by = kept.get(keyOf(address));
          if (by !== undefined) return { kind: "taken", by: { kind: "stored", row: by.row } };
          kept.set(keyOf(address), { row, bytes: Buffer.concat(chunks) });
          return { kind: "published", row };
        },
        discard: async () => void open.delete(upload),
      };
      open.add(upload);
      return upload;
    },
    async open(address): Promise<Archive> {
      const bytes = kept.get(keyOf(address))?.bytes;
      if (bytes === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      return { read: async (from, max) => bytes.subarray(from, from + max), close: async () => undefined };
    },
    async prove(address, row, how) {
      const bytes = kept.get(keyOf(address))?.bytes ?? Buffer.alloc(0);
      const sha256 = how === "opened" ? row.sha256 : new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      return sha256 === row.sha256
        ? { kind: "sound" }
        : { kind: "damaged", why: { what: "its bytes changed", fix: null } };
    },
    ready: async () => null,
    free: () => ({ freeBytes: 1e15, freeInodes: Number.POSITIVE_INFINITY }),
  };
}
