// What a check prints: the first bytes of a stream are kept, the rest is read and counted, so that the writer never waits
// and we never grow.

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
  #kept = 0;
  #dropped = 0;
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
    const room = Math.min(chunk.length, this.keepBytes - this.#kept);
    // A copy: a view would keep the whole chunk, which may be larger than what is kept of it.
    if (room > 0) this.#chunks.push(chunk.slice(0, room));
    this.#kept += room;
    this.#dropped += chunk.length - room;
  }

  /** What has come so far; the last character is whole where the rest was dropped. */
  kept(): Kept {
    const bytes = new Uint8Array(Buffer.concat(this.#chunks));
    if (this.#dropped === 0) return { bytes, dropped: 0 };
    const end = wholeCharacters(bytes);
    return { bytes: bytes.subarray(0, end), dropped: this.#dropped + bytes.length - end };
  }

  /** Lets go of the stream, whoever may still write to it: they get SIGPIPE. */
  close(): void {
    this.#closed = true;
    void this.#reader.cancel().catch(() => {});
  }
}

/** Length of `bytes` without a UTF-8 character that is cut off at its end (RFC 3629, section 3). */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break; // ASCII: nothing is open.
    if (byte < 0xc0) continue; // Within a character: look for its first byte.
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
