// Datagrams to one UDP address, on a socket that is opened when the first one is sent. Never waits, never throws: what
// could not be sent, or what nobody took, is counted.

/** Datagrams kept while the socket is being opened. */
const WAITING_MAX = 1000;

type Socket = Bun.udp.ConnectedSocket<"buffer">;

export class UdpSender {
  /** Datagrams that were not sent or were refused (ICMP), since the start. */
  lost = 0;
  private socket: Socket | null = null;
  private waiting: string[] | null = null;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  send(text: string): void {
    if (this.socket === null && this.waiting === null) this.open();
    if (this.socket !== null) this.sendNow(this.socket, text);
    else if (this.waiting === null || this.waiting.length >= WAITING_MAX) this.lost++;
    else this.waiting.push(text);
  }

  /** Gives the socket back; the next datagram opens another. */
  close(): void {
    this.socket?.close();
    this.socket = null;
  }

  private open(): void {
    const failed = (): void => {
      this.lost += this.waiting?.length ?? 0;
      this.waiting = null;
    };
    try {
      this.waiting = [];
      const socket = {
        // The answer to an earlier datagram: nobody listens there.
        error: (): void => {
          this.lost++;
        },
      };
      Bun.udpSocket({ connect: { hostname: this.host, port: this.port }, socket }).then((opened) => {
        opened.unref();
        this.socket = opened;
        for (const text of this.waiting ?? []) this.sendNow(opened, text);
        this.waiting = null;
      }, failed);
    } catch {
      failed();
    }
  }

  private sendNow(socket: Socket, text: string): void {
    try {
      if (!socket.send(text)) this.lost++;
    } catch {
      // The refusal of an earlier datagram, which is told once; this one has not left yet.
      this.lost++;
      try {
        if (!socket.send(text)) this.lost++;
      } catch {
        this.lost++;
      }
    }
  }
}
