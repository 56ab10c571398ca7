// Real receivers of datagrams: a unix socket, held by a process of its own as a syslog daemon is, and a UDP port.

import { onTestFinished } from "bun:test";
import { lineReader } from "./lines.ts";

/** Binds and prints each datagram; with "hold" only once it is told to read. */
const UNIX = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
if sys.argv[2] == "hold": sys.stdin.readline()
while True: print(s.recv(65536).decode().replace("\\n", "\\\\n"), flush=True)
`;

export interface UnixReceiver {
  /** The next datagram. */
  next(): Promise<string>;
  /** With `hold`: begins to read. */
  read(): void;
  /** Ends it; its socket file stays. */
  stop(): Promise<void>;
}

/** Receives at a path that is free. With `hold` it reads nothing until it is told, so that its queue fills up. */
export async function unixReceiver(path: string, hold = false): Promise<UnixReceiver> {
  const child = Bun.spawn(["python3", "-c", UNIX, path, hold ? "hold" : "read"], { stdin: "pipe", stdout: "pipe" });
  onTestFinished(() => child.kill("SIGKILL"));
  const line = lineReader(child.stdout);
  const next = async (): Promise<string> => {
    const text = await line();
    if (text === null) throw new Error(`the receiver at ${path} has ended`);
    return text;
  };
  if ((await next()) !== "bound") throw new Error(`nothing is bound to ${path}`);
  return {
    next,
    read: () => {
      child.stdin.write("\n");
      child.stdin.flush();
    },
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

export interface UdpReceiver {
  port: number;
  next(): Promise<string>;
  /** How many came that `next` has not given out. */
  waiting(): number;
}

/** Receives on a free port of 127.0.0.1. */
export async function udpReceiver(): Promise<UdpReceiver> {
  const came: string[] = [];
  let wake = (): void => {};
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (_, data) => {
        came.push(data.toString());
        wake();
      },
    },
  });
  onTestFinished(() => socket.close());
  const next = async (): Promise<string> => {
    for (;;) {
      const first = came.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { port: socket.port, next, waiting: () => came.length };
}

/** A UDP port of 127.0.0.1 on which nobody listens. */
export async function closedUdpPort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const { port } = socket;
  socket.close();
  return port;
}
