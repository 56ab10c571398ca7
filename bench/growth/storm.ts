// The clients of bench/growth.ts, in a process of their own: heartbeats of many hosts, episodes of one, requests with wrong
// tokens, or one that looks at /healthz again and again. bun bench/growth/storm.ts '<Storm>'; ends by itself, or at the end of stdin.
import { createHash } from "node:crypto";
import { payload } from "../load.ts";
import { heartbeatOf, hostName, tokenOf } from "./names.ts";
import { requestBytes, Wire } from "./wire.ts";

export interface Storm {
  kind: "heartbeats" | "episodes" | "wrong" | "healthz";
  port: number;
  connections: number;
  /** Whether each request has a connection of its own; one that was closed without an answer counts as status 0. */
  anew?: boolean;
  /** Hosts that there are. */
  hosts: number;
  /** Null: until stdin ends. */
  requests: number | null;
  /** Between two requests of a connection, milliseconds. */
  pauseMs: number;
  /** Part of what is sent, so that no two runs send the same. */
  run: number;
}

export interface StormResult {
  perS: number;
  p50Ms: number;
  p99Ms: number;
  worstMs: number;
  /** Answers by their status. */
  statuses: Record<string, number>;
}

const EPISODE_BYTES = 10_000;
const episode = payload(EPISODE_BYTES);
const digest = `Repr-Digest: sha-256=:${createHash("sha256").update(episode).digest("base64")}:\r\n`;

const REQUESTS: Record<Storm["kind"], (storm: Storm, n: number) => Buffer> = {
  heartbeats({ hosts, run }, n) {
    const i = n % hosts;
    const body = JSON.stringify(heartbeatOf(i, run * 1_000_000 + Math.floor(n / hosts), new Date()));
    return requestBytes({ method: "PUT", path: `/v1/heartbeats/${hostName(i)}`, token: tokenOf(i) }, body);
  },
  episodes({ run }, n) {
    const path = `/v1/episodes/${hostName(0)}/put-${run}-${n}.tar.zst`;
    return requestBytes({ method: "PUT", path, token: tokenOf(0), headers: digest }, episode);
  },
  wrong({ hosts, run }, n) {
    const path = `/v1/heartbeats/${hostName(n % hosts)}`;
    return requestBytes({ method: "PUT", path, token: `lf_wrong_${run}_${n}` }, "{}");
  },
  healthz: () => requestBytes({ method: "GET", path: "/healthz" }),
};

async function blow(storm: Storm): Promise<StormResult> {
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  let next = 0;
  let over = false;
  if (storm.requests === null) void Bun.stdin.text().then(() => (over = true));
  const began = performance.now();
  await Promise.all(
    Array.from({ length: storm.connections }, async () => {
      let wire = await Wire.open(storm.port);
      while (!over && next < (storm.requests ?? Number.POSITIVE_INFINITY)) {
        const request = REQUESTS[storm.kind](storm, next++);
        const at = performance.now();
        const status = storm.anew ? await wire.ask(request).catch(() => 0) : await wire.ask(request);
        times.push(performance.now() - at);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (storm.pauseMs > 0) await Bun.sleep(storm.pauseMs);
        if (!storm.anew) continue;
        wire.close();
        wire = await Wire.open(storm.port);
      }
      wire.close();
    }),
  );
  const perS = times.length / ((performance.now() - began) / 1000);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { perS, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1), statuses };
}

if (import.meta.main) {
  console.log(JSON.stringify(await blow(JSON.parse(process.argv[2] ?? "") as Storm)));
  process.exit(0);
}
