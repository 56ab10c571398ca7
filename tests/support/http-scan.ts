// Where bodies and final answers begin in a stream of HTTP/1.1 bytes: enough for the fault proxy to aim.

const HEAD_END = "\r\n\r\n";

/** Tells apart heads and bodies of the requests on one connection, pipelined or kept alive. */
export class RequestScan {
  private head = "";
  private bodyLeft = 0;
  private bodyAt = 0;

  /** Calls `body(offset in the body, start, end)` for each stretch of `chunk` that belongs to a body. */
  feed(chunk: Buffer, body: (bodyOffset: number, start: number, end: number) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.bodyLeft > 0) {
        const end = Math.min(chunk.length, at + this.bodyLeft);
        body(this.bodyAt, at, end);
        this.bodyAt += end - at;
        this.bodyLeft -= end - at;
        at = end;
      } else at = this.feedHead(chunk, at);
    }
  }

  private feedHead(chunk: Buffer, at: number): number {
    const text = this.head + chunk.toString("latin1", at);
    if (!/^[A-Z\r\n]/.test(text)) {
      this.startBody(Infinity); // not HTTP, so TLS: the whole connection counts as one body
      return at;
    }
    const end = text.indexOf(HEAD_END);
    if (end < 0) {
      this.head = text;
      return chunk.length;
    }
    const next = at + end + HEAD_END.length - this.head.length;
    this.head = "";
    this.startBody(bodyLength(text.slice(0, end)));
    return next;
  }

  private startBody(length: number): void {
    this.bodyLeft = length;
    this.bodyAt = 0;
  }
}

/** A chunked body is not decoded: all that follows on the connection counts as its body, chunk sizes included. */
function bodyLength(head: string): number {
  if (/^transfer-encoding:/im.test(head)) return Infinity;
  return Number(/^content-length:[ \t]*(\d+)/im.exec(head)?.[1] ?? 0);
}

const INTERIM = "HTTP/1.1 1";

export interface AnswerPart {
  /** Whole interim (1xx) answers at the front. */
  interim: Buffer;
  /** What follows: bytes of a final answer. */
  final: Buffer;
  /** True when `final` holds the first byte of an answer. */
  begins: boolean;
}

/** Finds the first byte of each final answer; a new one is expected once the client has sent more bytes. */
export class AnswerScan {
  private held = Buffer.alloc(0);
  private inFinal = false;

  /** The client has sent something, or a fault has just begun: what comes down next begins an answer. */
  expectAnswer(): void {
    this.inFinal = false;
  }

  split(chunk: Buffer): AnswerPart {
    const bytes = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    this.held = Buffer.alloc(0);
    const none = bytes.subarray(0, 0);
    if (this.inFinal) return { interim: none, final: bytes, begins: false };
    let at = 0;
    while (INTERIM.startsWith(bytes.toString("latin1", at, at + INTERIM.length))) {
      const end = bytes.indexOf(HEAD_END, at, "latin1");
      if (end < 0) {
        this.held = Buffer.from(bytes.subarray(at)); // too little to tell, or half an interim answer: wait for the rest
        return { interim: bytes.subarray(0, at), final: none, begins: false };
      }
      at = end + HEAD_END.length;
    }
    this.inFinal = true;
    return { interim: bytes.subarray(0, at), final: bytes.subarray(at), begins: true };
  }
}
