// What a check prints: the first bytes of a stream are kept, the rest is read and counted, so that the writer never waits
// and we never grow.

import { cutUtf8 } from "../core/utf8.ts";

/** Tells a character that ends at the limit from one that is cut by it. */
const LOOKAHEAD_BYTES = 1;

export interface Kept {
  bytes: Uint8Array;
  /** Bytes that were read and not kept. */
  dropped: number;
}

/** Reads a stream to its end or until `close`, and keeps at most `keepBytes` of it. */
export class KeptStream {
  /** Resolves at the stream's end; never rejects. */
  readonly ended: Promise<void>;
  readonly #reader;
  readonly #chunks: Uint8Array[] = [];
  #held = 0;
  #total = 0;
  #closed = false;

  constructor(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    private readonly keepBytes: number,
  ) {
    this.#reader = stream.getReader();
    // A stream that breaks has nothing more to say.
    this.ended = this.#read().catch(() => {});
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      if (!this.#closed) this.#take(value);
    }
  }

  #take(chunk: Uint8Array): void {
    const room = Math.min(chunk.length, this.keepBytes + LOOKAHEAD_BYTES - this.#held);
    // A copy: a view would keep the whole chunk, which may be larger than what is kept of it.
    if (room > 0) this.#chunks.push(chunk.slice(0, room));
    this.#held += room;
    this.#total += chunk.length;
  }

  /** What has come so far; a character is kept whole or not at all. */
  kept(): Kept {
    const bytes = cutUtf8(new Uint8Array(Buffer.concat(this.#chunks)), this.keepBytes);
    return { bytes, dropped: this.#total - bytes.length };
  }

  /** Lets go of the stream, whoever may still write to it: they get SIGPIPE. */
  close(): void {
    this.#closed = true;
    void this.#reader.cancel().catch(() => {});
  }
}
