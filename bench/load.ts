// The load generator of bench/put.ts: PUTs one body from memory over so many kept-alive connections, then reports.
// A process of its own, so that its CPU time is known and it can be held to one core: bun bench/load.ts '<LoadSpec>'
import { Agent, request } from "node:http";
import { Random } from "./data.ts";

export interface LoadSpec {
  port: number;
  /** `{n}` becomes the number of the request. */
  path: string;
  size: number;
  connections: number;
  requests: number;
  headers: Record<string, string>;
}

export interface LoadResult {
  wallS: number;
  /** Of this process, all its threads, while the load ran. */
  cpuS: number;
  requestsPerS: number;
  p50Ms: number;
  p99Ms: number;
}

/** `size` bytes that are a sound .zst file (an empty frame, then a skippable one full of noise), the same each time. */
export function payload(size: number): Buffer {
  const empty = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00]);
  const body = Buffer.alloc(size);
  const random = new Random(size);
  for (let at = 0; at + 4 <= size; at += 4) body.writeInt32LE(random.next(), at);
  empty.copy(body);
  body.writeUInt32LE(0x184d2a50, empty.length);
  body.writeUInt32LE(size - empty.length - 8, empty.length + 4);
  return body;
}

function put(spec: LoadSpec, agent: Agent, body: Buffer, n: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = spec.path.replace("{n}", String(n));
    const headers = { ...spec.headers, "content-length": String(body.length) };
    const req = request({ host: "127.0.0.1", port: spec.port, method: "PUT", path, headers, agent });
    req.once("error", reject);
    req.once("response", (res) => {
      const ok = res.statusCode === 201 || res.statusCode === 204;
      res.once("error", reject);
      res.once("end", () => (ok ? resolve() : reject(new Error(`PUT ${path}: ${res.statusCode}`))));
      res.resume();
    });
    req.end(body);
  });
}

export async function load(spec: LoadSpec): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: spec.connections });
  const body = payload(spec.size);
  const times: number[] = [];
  let next = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const connection = async (): Promise<void> => {
    while (next < spec.requests) {
      const at = performance.now();
      await put(spec, agent, body, next++);
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: spec.connections }, connection));
  const wallS = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  agent.destroy();
  times.sort((a, b) => a - b);
  const quantile = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? Number.NaN;
  return {
    wallS,
    cpuS: (user + system) / 1e6,
    requestsPerS: times.length / wallS,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

if (import.meta.main) {
  const spec = JSON.parse(process.argv[2] ?? "") as LoadSpec;
  console.log(JSON.stringify(await load(spec)));
  process.exit(0);
}
