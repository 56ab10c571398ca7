// A row, a channel, and servers that channels are tried against: they are stopped after the test.

import { createServer, type Server, type Socket } from "node:net";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { findingText } from "../../../lib/core/finding.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import type { Notice, Outcome } from "../../../lib/fleet-health/notify/mailbox.ts";
import { channelWith } from "../support.ts";

export const row = (more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{
    sequence: 7,
    at: "2026-05-01T06:45:00.000000+00:00",
    host: "lab7",
    hosts: [],
    symptom: "silent",
    cause: "queue",
  },
  ...{ change: "firing", told: true, since: "2026-05-01T06:35:00.000000+00:00" },
  ...{
    fired_at: "2026-05-01T06:45:00.000000+00:00",
    what: "it has shipped nothing for 45min",
    fix: "sudo shipper status",
  },
  ...more,
});
export const NOTICE: Notice = { id: "ops-7-7", isRetried: false, rows: [row()] };
export const channel = (more: Partial<Channel>): Channel => channelWith({ url: null, ...more });
/** How a try went, as `refused: what; fix: …`. */
export const why = async (asked: Promise<Outcome>): Promise<string> => {
  const { sent, why } = await asked;
  return why === null ? sent : `${sent}: ${findingText(why, "collector")}`;
};

let servers: { stop(): unknown }[] = [];
/** To be called after each test: a hook in here would be of the first file alone that loads it. */
export async function stopAll(): Promise<void> {
  for (const server of servers) await server.stop();
  servers = [];
}

/** It is stopped after the test. */
export function stopped(server: { stop(): unknown }): void {
  servers.push(server);
}

/** Stops the last one now. */
export async function stopLast(): Promise<void> {
  await servers.pop()?.stop();
}

interface Got {
  headers: Record<string, string>;
  text: string;
}

/** A server that takes what comes, and answers so. */
export function hook(status = 200, answer = "ok"): { url: string; got: Got[] } {
  const got: Got[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      got.push({ headers: Object.fromEntries(request.headers), text: await request.text() });
      return new Response(answer, { status });
    },
  });
  stopped({ stop: () => server.stop(true) });
  return { url: `http://127.0.0.1:${server.port}/hook`, got };
}

/** A server that speaks no HTTP. */
export async function raw(act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stopped({
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
}
