// What bounds small episodes: how many a second leave a backlog with N transfers side by side, here and over a long way, and how
// busy both sides are meanwhile.
import { connect, createServer, type Socket } from "node:net";
import { cpuSeconds } from "../measure.ts";
import { Collector, medians } from "./collector.ts";
import { LabHost, until } from "./shipper.ts";
import type { Measuring, Part } from "./table.ts";

const RUNS = 3;
const EPISODES = 600;
/** Left out: what begins, and connects. */
const BEFORE = 100;
const ROUND_TRIP_MS = 50;
const LOOK_MS = 100;

/** A relay on loopback that holds whatever comes for half a round trip. */
async function longWay(port: number): Promise<{ port: number; close(): void }> {
  const hold = (from: Socket, to: Socket): void => {
    const later = (what: () => void): void => void setTimeout(what, ROUND_TRIP_MS / 2);
    from.on("data", (chunk) => later(() => to.write(chunk)));
    from.on("end", () => later(() => to.end())).on("error", () => to.destroy());
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    hold(near, far);
    hold(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return { port: address.port, close: () => server.close() };
}

async function backlog(host: LabHost, receiverPid: number): Promise<number[]> {
  host.forgetShipped();
  host.record(EPISODES);
  const before = host.stored();
  const daemon = await host.start();
  try {
    await until(() => host.stored() >= before + BEFORE, "the first episodes", LOOK_MS);
    const used = [daemon.pid, receiverPid].map(cpuSeconds);
    const [from, at] = [host.stored(), daemon.sinceS()];
    await until(() => host.stored() >= before + EPISODES, "all new episodes", LOOK_MS);
    const seconds = daemon.sinceS() - at;
    const shares = [daemon.pid, receiverPid].map((pid, i) => (100 * (cpuSeconds(pid) - (used[i] ?? 0))) / seconds);
    return [(before + EPISODES - from) / seconds, ...shares];
  } finally {
    await daemon.stop();
  }
}

async function measure(host: LabHost, transfers: number): Promise<(number | null)[]> {
  const receiver = await host.collector.start();
  const relay = await longWay(host.collector.port);
  try {
    return await medians(RUNS, async () => {
      host.configure(host.collector.port, transfers);
      const near = await backlog(host, receiver.pid);
      host.configure(relay.port, transfers);
      return [...near, (await backlog(host, receiver.pid))[0] ?? null];
    });
  } finally {
    relay.close();
    await receiver.stop();
  }
}

export const transfers: Part = {
  name: "transfers",
  title: "A backlog of small episodes, with N transfers",
  of: "transfers",
  sizes: [1, 2, 4, 8],
  columns: [
    { head: "shipped/s", digits: 0, exponent: false },
    { head: "shipper, % of a core", digits: 0, exponent: false },
    { head: "receiver, % of a core", digits: 0, exponent: false },
    { head: `shipped/s over ${ROUND_TRIP_MS} ms`, digits: 0, exponent: false },
  ],
  note: `${EPISODES} episodes of 10 kB a run, the first ${BEFORE} not counted; \`[shipper] transfers\`, 2 by default.`,
  async open(work): Promise<Measuring> {
    const collector = await Collector.make(work);
    await collector.haveHosts(1, false);
    const host = new LabHost(work, collector);
    return { measure: (size) => measure(host, size) };
  },
};
