// A kept-alive connection of the least cost: a request as bytes, and the status of its answer. What is measured with it is the
// server, and not Bun's own client.
import { connect, type Socket } from "node:net";

export class Wire {
  private held: Buffer = Buffer.alloc(0);
  private waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.came(bytes));
    const over = (error?: Error): void => this.waiting?.reject(error ?? new Error("the connection ended"));
    socket.once("error", over).once("close", () => over());
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("error", reject).once("connect", () => resolve(new Wire(socket.off("error", reject))));
    });
  }

  /** Sends a request; resolves with the status when its answer is through. */
  ask(request: Buffer | string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.waiting = null;
    this.socket.destroy();
  }

  private came(bytes: Buffer): void {
    this.held = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    const end = this.held.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.held.toString("latin1", 0, end);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (this.held.length < end + 4 + length) return;
    this.held = this.held.subarray(end + 4 + length);
    const { resolve } = this.waiting ?? {};
    this.waiting = null;
    resolve?.(Number(head.slice(9, 12)));
  }
}

export interface Head {
  method: string;
  path: string;
  token?: string;
  headers?: string;
}

export function requestBytes({ method, path, token, headers = "" }: Head, body: string | Buffer = ""): Buffer {
  const auth = token === undefined ? "" : `Authorization: Bearer ${token}\r\n`;
  const length = method === "GET" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const date = `Date: ${new Date().toUTCString()}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${auth}${date}${length}${headers}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}
