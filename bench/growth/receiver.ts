// What grows at the collector: its start and its storing with the index, its lists, heartbeats and refusals with the fleet.
import { type Collector, Collector as Home, medians } from "./collector.ts";
import type { Storm } from "./storm.ts";
import type { Measuring, Part } from "./table.ts";

const HOSTS = [100, 1000, 10_000];
const ROWS = [100_000, 1_000_000, 10_000_000];
const RUNS = 3;

/** Another run sends other names. */
let run = 0;

function clients(kind: Storm["kind"], hosts: number, more: Partial<Storm> = {}): Omit<Storm, "port"> {
  return { kind, hosts, connections: 16, requests: null, pauseMs: 0, run: ++run, ...more };
}

/** The longest that anybody who asks for nothing but a sign of life had to wait: how long the loop was held. */
function probe(home: Collector) {
  return home.storm(clients("healthz", 1, { connections: 1, pauseMs: 2 }));
}

type Daemon = Awaited<ReturnType<Collector["start"]>>;

/** Medians of a daemon that is started anew for each run, on a collector that was made ready for the size. */
async function onDaemon(
  work: string,
  prepare: (home: Collector, size: number) => Promise<void>,
  measure: (daemon: Daemon, home: Collector, size: number) => Promise<(number | null)[]>,
) {
  const home = await Home.make(work);
  const once = async (size: number): Promise<(number | null)[]> => {
    const daemon = await home.start();
    try {
      return await measure(daemon, home, size);
    } finally {
      await daemon.stop();
    }
  };
  return {
    async measure(size: number) {
      await prepare(home, size);
      return medians(RUNS, () => once(size));
    },
  } satisfies Measuring;
}

export const rows: Part = {
  name: "rows",
  title: "A collector's start and storing, with N rows and as many archives",
  of: "rows",
  sizes: ROWS,
  columns: [
    { head: "READY, s", digits: 2 },
    { head: "warm, s", digits: 2 },
    { head: "longest wait meanwhile, ms", digits: 0 },
    { head: "memory, MiB", digits: 0 },
    { head: "first episode stored, s", digits: 2 },
    { head: "stored/s", digits: 0, exponent: false },
  ],
  note: `Of the compiled receiver, files in the page cache, archives of 10 kB over 16 connections; warm: nothing is left to do.`,
  open: (work) =>
    onDaemon(
      work,
      async (home, size) => {
        await home.haveHosts(1, false);
        home.haveRows(size);
      },
      async (daemon, home) => {
        const waits = probe(home);
        await home.storm(clients("episodes", 1, { connections: 1, requests: 1 })).end();
        const firstS = daemon.sinceS();
        const warmS = await daemon.warm();
        const { worstMs } = await waits.end();
        const memory = daemon.rssMiB();
        const stored = await home.storm(clients("episodes", 1, { requests: 2000 })).end();
        need(stored.statuses, "201");
        return [daemon.readyS, warmS, worstMs, memory, firstS, stored.perS];
      },
    ),
};

export const startHosts: Part = {
  name: "start",
  title: "A collector's start, with N hosts",
  of: "hosts",
  sizes: HOSTS,
  columns: [
    { head: "READY, s", digits: 2 },
    { head: "list of all hosts, s", digits: 2 },
    { head: "warm, s", digits: 2 },
    { head: "memory, MiB", digits: 0 },
  ],
  note: "Each host has a token and a heartbeat with 24 results; the list is asked for at READY, seconds from the start.",
  open: (work) =>
    onDaemon(
      work,
      async (home, size) => {
        await home.haveHosts(size);
      },
      async (daemon, home, size) => {
        const { count } = await home.list();
        if (count !== size) throw new Error(`${count} hosts are listed, not ${size}`);
        const listedS = daemon.sinceS();
        return [daemon.readyS, listedS, await daemon.warm(), daemon.rssMiB()];
      },
    ),
};

export const heartbeats: Part = {
  name: "heartbeats",
  title: "Heartbeats, of N hosts by turns",
  of: "hosts",
  sizes: HOSTS,
  columns: [
    { head: "heartbeats/s", digits: 0, exponent: false },
    { head: "p50, ms", digits: 1 },
    { head: "p99, ms", digits: 1 },
    { head: "/healthz p99, ms", digits: 1 },
    { head: "written a heartbeat, kB", digits: 1 },
    { head: "memory, MiB", digits: 0 },
  ],
  note: "24 results each (about 10 kB), 16 connections, as fast as they are taken; written: all that the receiver wrote.",
  open: (work) =>
    onDaemon(
      work,
      async (home, size) => {
        await home.haveHosts(size);
      },
      async (daemon, home, size) => {
        const requests = Math.max(4000, size);
        const written = daemon.written();
        const waits = probe(home);
        const sent = await home.storm(clients("heartbeats", size, { requests })).end();
        need(sent.statuses, "200");
        const each = (daemon.written() - written) / requests / 1000;
        return [sent.perS, sent.p50Ms, sent.p99Ms, (await waits.end()).p99Ms, each, daemon.rssMiB()];
      },
    ),
};

export const hosts: Part = {
  name: "hosts",
  title: "The list of hosts",
  of: "hosts",
  sizes: HOSTS,
  columns: [
    { head: "GET /v1/hosts cold, ms", digits: 0 },
    { head: "warm, ms", digits: 1 },
    { head: "longest wait meanwhile, ms", digits: 0 },
    { head: "answer, MB", digits: 2 },
    { head: "`receiver hosts`, s", digits: 2 },
    { head: "`receiver hosts <host>`, s", digits: 2 },
  ],
  note: "Cold: the first after a start; warm: the fifth; the wait is that of /healthz while the five are answered.",
  open: (work) =>
    onDaemon(
      work,
      async (home, size) => {
        await home.haveHosts(size);
      },
      async (daemon, home) => {
        await daemon.warm();
        const waits = probe(home);
        await Bun.sleep(500);
        const { ms: cold } = await home.list();
        let last = { ms: 0, bytes: 0 };
        for (let n = 0; n < 4; n++) last = await home.list();
        const { worstMs } = await waits.end();
        const all = await home.command("hosts");
        const one = await home.command("hosts", "lab-00007");
        return [cold, last.ms, worstMs, last.bytes / 1e6, all.seconds, one.seconds];
      },
    ),
};

const FLOOD_MS = 8000;

/** What two clients that send wrong tokens cost all others. */
function floodOf(name: string, title: string, note: string, more: Partial<Storm>): Part {
  return {
    name,
    title,
    of: "hosts",
    sizes: HOSTS,
    columns: [
      { head: "refused/s", digits: 0, exponent: false },
      { head: "PUT p50, ms", digits: 1 },
      { head: "p99, ms", digits: 1 },
      { head: "without flood, ms", digits: 1 },
      { head: "/healthz p50, ms", digits: 1 },
      { head: "p99, ms", digits: 1 },
      { head: "memory, MiB", digits: 0 },
    ],
    note: `${note}; one host sends episodes of 10 kB.`,
    open: (work) =>
      onDaemon(
        work,
        async (home, size) => {
          await home.haveHosts(size, false);
        },
        async (daemon, home, size) => {
          await daemon.warm();
          const puts = () => home.storm(clients("episodes", 1, { connections: 1, pauseMs: 20 }));
          const calm = puts();
          await Bun.sleep(FLOOD_MS / 4);
          const { p50Ms: calmMs } = await calm.end();
          const floods = [clients("wrong", size, more), clients("wrong", size, more)].map((spec) => home.storm(spec));
          const [valid, waits] = [puts(), probe(home)];
          await Bun.sleep(FLOOD_MS);
          const [put, health] = [await valid.end(), await waits.end()];
          const refused = await Promise.all(floods.map((each) => each.end()));
          need(put.statuses, "201");
          const perS = refused.reduce((sum, each) => sum + each.perS, 0);
          return [perS, put.p50Ms, put.p99Ms, calmMs, health.p50Ms, health.p99Ms, daemon.rssMiB()];
        },
      ),
  };
}

export const flood = floodOf(
  "flood",
  "A flood of wrong tokens, with N token files",
  "Two clients send wrong tokens over 16 connections each as fast as they are answered",
  {},
);

export const reconnects = floodOf(
  "reconnects",
  "A flood of wrong tokens over ever new connections, with N token files",
  "Two clients send wrong tokens over 150 connections each, a new one for each request",
  { connections: 150, anew: true },
);

/** A figure of what was refused is no figure. */
function need(statuses: Record<string, number>, wanted: string): void {
  const others = Object.keys(statuses).filter((status) => status !== wanted);
  if (others.length > 0) throw new Error(`answers other than ${wanted}: ${JSON.stringify(statuses)}`);
}
