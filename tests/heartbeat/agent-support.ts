// An agent with a receiver that answers as the test says.

import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import type { CheckResult, CheckStatus } from "../../lib/contract/observation.ts";
import type { QueueReport } from "../../lib/contract/queue.ts";
import { Agent } from "../../lib/heartbeat/agent.ts";
import type { SendResult } from "../../lib/heartbeat/send/send.ts";
import { Spool } from "../../lib/heartbeat/send/spool.ts";
import type { HeartbeatConfig } from "../../lib/heartbeat/settings.ts";
import { liveStatus, statusLine } from "../../lib/heartbeat/status-live.ts";
import { settingsOf } from "../../lib/runtime/config/settings.ts";
import { createLog, type LogLevel } from "../../lib/runtime/log/log.ts";
import { tempDir } from "../support/temp-dir.ts";

export const CONFIG = { hostId: "lab1", intervalS: 60, backoffSeconds: [3600] } as unknown as HeartbeatConfig;
const NO_ANSWER = { retryAfterS: null, status: 0 };
export const LATER: SendResult = {
  kind: "later",
  reason: "connect ECONNREFUSED",
  why: { what: "network: refused", fix: null },
  ...NO_ANSWER,
};
export const SENT: SendResult = { kind: "sent", retryAfterS: null, status: 200 };

export const result = (status: CheckStatus, run: number): CheckResult => ({
  plugin: "p",
  name: "p",
  status,
  message: "",
  perfdata: [],
  started_at: "2026-05-01T06:37:53.830Z",
  duration_ms: 1,
  ttl_s: 130,
  run,
});

/** A collection, and all that is sent for it. */
export async function beat(agent: Agent): Promise<void> {
  await agent.beat();
  await agent.settled();
}

interface SpoolDirs {
  state: string;
  run?: string;
  max?: number;
}

export function agentWith(
  answers: SendResult[],
  statuses: CheckStatus[] = [],
  dirs: SpoolDirs = { state: tempDir() },
  level: LogLevel = "info",
  report: QueueReport | null = null,
) {
  const sent: Heartbeat[] = [];
  const lines: string[] = [];
  const accepted: [number: number, receiverId: string][] = [];
  const spool = new Spool(dirs.state, () => dirs.max ?? 100, dirs.run ?? null);
  const write = (text: string): void => void lines.push(text.trimEnd());
  const agent = new Agent({
    settings: settingsOf(CONFIG),
    spool,
    log: createLog({ tool: "h", level, sink: "journal", colour: false, write, now: () => new Date(0) }),
    versions: { heartbeat: "0.1.0" },
    collect: async (run) => [result(statuses.shift() ?? "ok", run)],
    states: () => [{ name: "p", state: "loaded", reason: null }],
    queue: () => report,
    accepted: (number, receiverId) => void accepted.push([number, receiverId]),
    send: async (text) => {
      sent.push(JSON.parse(text));
      return answers.shift() ?? SENT;
    },
    bootId: "boot",
    machine: { id: null, hardware: [] },
    pinned: () => null,
    uptimeS: () => 42,
    now: () => new Date("2026-05-01T06:37:54Z"),
    random: () => 0.5,
  });
  return { agent, spool, sent, lines, accepted };
}

export const refuse = (why: string): SendResult => ({
  kind: "drop",
  reason: `422 ${why.replace(/\[.*/, "")}`,
  why: { what: why, fix: null },
  retryAfterS: null,
  status: 422,
});
export const lineOf = (agent: Agent): string => statusLine(liveStatus(agent, 0, 0));
