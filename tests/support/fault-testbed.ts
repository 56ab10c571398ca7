// What the fault proxy is tested with: an HTTP server that keeps the bodies it got, raw servers and clients, one PUT.
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import * as net from "node:net";
import { type Fault, type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

export const HOST = "127.0.0.1";
const open: (() => unknown)[] = [];

/** Closes all that the test opened, last one first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2); // a condition that never comes is ended by the test's own time limit
}

/** The same bytes each time, never long equal. */
export const bytes = (length: number, seed = 1): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255));

export interface Sink {
  proxy: FaultProxy;
  /** Bodies that came in whole, and the lengths of those that were cut. */
  bodies: Buffer[];
  cut: number[];
  /** Answers are held until this settles. */
  gate: { open: Promise<void> };
}

const portOf = (server: net.Server | Server): number => (server.address() as net.AddressInfo).port;

/** An HTTP server behind a proxy: keeps the bodies, answers 201 with the body's length and 1,000 dots. */
export async function sink(fault?: Fault): Promise<Sink> {
  const bodies: Buffer[] = [];
  const cut: number[] = [];
  const gate = { open: Promise.resolve() };
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on("data", (part: Buffer) => parts.push(part));
    req.on("error", () => undefined);
    req.on("close", () => {
      if (!req.complete) cut.push(Buffer.concat(parts).length);
    });
    req.on("end", async () => {
      const body = Buffer.concat(parts);
      if (!req.complete) return;
      bodies.push(body);
      await gate.open;
      res.writeHead(201).end(`${body.length} ${".".repeat(1000)}`);
    });
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const proxy = await startFaultProxy({ target: { host: HOST, port: portOf(server) }, ...(fault ? { fault } : {}) });
  open.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => proxy[Symbol.asyncDispose](),
  );
  return { proxy, bodies, cut, gate };
}

/** A raw TCP server behind a proxy. */
export async function raw(serve: (socket: net.Socket) => void, fault?: Fault): Promise<FaultProxy> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const proxy = await startFaultProxy({ target: { host: HOST, port: portOf(server) }, ...(fault ? { fault } : {}) });
  open.push(
    () => server.close(),
    () => proxy[Symbol.asyncDispose](),
  );
  return proxy;
}

/** Connects to the proxy and notes what happens, in words. */
export function dial(port: number): { socket: net.Socket; events: string[]; got: () => Buffer } {
  const socket = net.connect({ host: HOST, port, allowHalfOpen: true });
  const events: string[] = [];
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("end", () => events.push("end"));
  socket.on("error", (error: NodeJS.ErrnoException) => events.push(error.code ?? error.message));
  socket.on("close", () => events.push("close"));
  open.push(() => socket.destroy());
  return { socket, events, got: () => Buffer.concat(parts) };
}

export interface PutOptions {
  agent?: Agent;
  expect?: boolean;
  continued?: () => void;
}

/** One PUT; "201 <length>" or the error's code. With `expect`, the body waits for the 100. */
export function put(port: number, body: Buffer, options: PutOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const headers = { "content-length": body.length, ...(options.expect ? { expect: "100-continue" } : {}) };
    const req = request({ host: HOST, port, method: "PUT", path: "/x", headers, agent: options.agent ?? false });
    req.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    req.on("response", (res: IncomingMessage) => {
      let text = "";
      res.on("data", (part: Buffer) => {
        text += part.toString();
      });
      res.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      res.on("end", () => resolve(`${res.statusCode} ${text.split(" ")[0]}`));
    });
    if (!options.expect) req.end(body);
    else {
      req.on("continue", () => {
        options.continued?.();
        req.end(body);
      });
      req.flushHeaders();
    }
  });
}

export function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  open.push(() => agent.destroy());
  return agent;
}
