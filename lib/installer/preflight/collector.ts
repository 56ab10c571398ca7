// Whether the collector is there, takes this host for who it says it is, and knows no other machine by that name; and how far apart the
// two clocks are. Nothing is sent but a question, which any host may put about itself.

import { openClient, type Reply } from "../../client/client.ts";
import { explainAnswer } from "../../client/failures/answers.ts";
import { isReceiverId, RECEIVER_ID_HEADER, readProblem } from "../../contract/judgement.ts";
import { type Machine, maySame, readMachine } from "../../contract/machine.ts";
import { byCommands, here, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { counted } from "../../core/text/quantity.ts";
import type { ClockState } from "../../os/clock-calls.ts";
import { askToEnrol } from "../enrol.ts";
import type { Introduced } from "../wanted.ts";
import { type Row, row } from "./row.ts";

const ASK_MS = 10_000;

/** What of this machine the rows are about. */
export interface Own {
  machine: Machine;
  /** Null: the kernel may not be asked. */
  clock: Pick<ClockState, "synchronised"> | null;
  nowMs: () => number;
}

/** Never throws for what the network or a credential does. */
export async function checkCollector(introduced: Introduced, own: Own): Promise<Row[]> {
  const reply = await askAbout(introduced);
  const rows = [answerRow(introduced, reply), clockRow(reply, own)];
  const other = nameRow(introduced, reply, own.machine);
  const code = reply.kind === "answer" ? await codeRow(introduced) : null;
  return [...rows, ...(other === null ? [] : [other]), ...(code === null ? [] : [code])];
}

/** Whether the collector takes this host for who it says it is. */
export async function isTaken(introduced: Introduced): Promise<boolean> {
  return answerRow(introduced, await askAbout(introduced)).status === "ok";
}

/** Who answers there: only labfleet's receiver says which one it is. Null: nobody answers. */
export async function whoAnswers(introduced: Introduced): Promise<"labfleet" | "python" | null> {
  const reply = await askAbout(introduced);
  if (reply.kind !== "answer") return null;
  return isReceiverId(reply.headers[RECEIVER_ID_HEADER.toLowerCase()]) ? "labfleet" : "python";
}

/** Null: no code is to be used. */
async function codeRow(introduced: Introduced): Promise<Row | null> {
  const { hostId, enrolment } = introduced;
  if (enrolment === null) return null;
  const why = await askToEnrol(introduced, enrolment, true);
  return why === null ? row("code", "ok", `the code is good for ${hostId}`) : row("code", "fail", why.what, why.fix);
}

async function askAbout({ hostId, receiver, credentials }: Introduced): Promise<Reply> {
  // `timeoutKey` is none that a person could set.
  const client = openClient({ hostId, timeoutKey: "request_timeout_s" });
  const reply = await client.send(receiver, {
    method: "GET",
    path: pathOf(hostId),
    ...{ headers: {}, body: null, stallMs: ASK_MS, answerMs: ASK_MS, totalMs: 2 * ASK_MS, credentialsMs: ASK_MS },
    ...(credentials !== null && { credentials }),
    signal: new AbortController().signal,
  });
  client.close();
  return reply;
}

function pathOf(hostId: string): string {
  return `/v1/hosts/${hostId}`;
}

/** Whether it answers as the collector of this host does. */
export function answerRow({ hostId, receiver, enrolment }: Introduced, reply: Reply): Row {
  const id = "collector";
  if (reply.kind === "stopped") return row(id, "unknown", `${receiver.url} was not asked: stopped`);
  if (reply.kind === "failed") return row(id, "fail", reply.why.what, reply.why.fix);
  // Of the fleet's own from before labfleet nothing is known but that it answers.
  if (receiver.kind === "python") return row(id, "ok", `${receiver.url} answers`);
  const { status, headers, text } = reply;
  const problem = readProblem(reply.body, headers["content-type"] ?? null);
  const isOurs = isReceiverId(headers[RECEIVER_ID_HEADER.toLowerCase()]);
  if (isOurs && (status === 200 || problem?.reason === "not-found"))
    return row(id, "ok", `${receiver.url} answers, and takes ${hostId} for who it is`);
  // Of a host that is yet to be enrolled nothing is known.
  if (isOurs && enrolment !== null && problem?.reason === "unauthorized")
    return row(id, "ok", `${receiver.url} answers`);
  const [reason, detail] = [problem?.reason ?? null, problem?.detail ?? null];
  const path = pathOf(hostId);
  const { what, fix } = explainAnswer({ status, reason, detail, headers, text, receiver, hostId, path });
  const hasNone = receiver.bearerTokenFile === null && receiver.bearerToken === null;
  return row(id, "fail", reason === "unauthorized" && hasNone ? `${what}; this host has no token` : what, fix);
}

/** A name belongs to one machine: two of them would be one host that contradicts itself. Null: it is this one's, or nobody's. */
export function nameRow({ hostId }: Introduced, reply: Reply, own: Machine): Row | null {
  if (reply.kind !== "answer" || reply.status !== 200) return null;
  const { heartbeat, received_at_wall } = (reply.body ?? {}) as Partial<Record<string, unknown>>;
  const machine = readMachine((heartbeat as { machine?: unknown } | undefined)?.machine);
  if (machine === null || maySame(machine, own)) return null;
  const since = typeof received_at_wall === "string" ? ` (heard of last at ${quoted(received_at_wall)})` : "";
  return row(
    "name",
    "fail",
    `the collector knows another machine as ${hostId}${since}`,
    inWords("take another --host; or, where this machine takes its place, go on with --force"),
  );
}

/** So far apart clocks are told, seconds; the header has whole ones, and took its time. */
const APART_S = 10;
const SET = byCommands(here("sudo", "timedatectl", "set-ntp", "true"));

/** Yellow at the worst: on a network of its own there is nobody to ask for the time. */
export function clockRow(reply: Reply | null, { clock, nowMs }: Pick<Own, "clock" | "nowMs">): Row {
  const id = "clock";
  const collectorMs = reply?.kind === "answer" ? reply.answeredAtMs : null;
  const apartS = collectorMs === null ? null : Math.round((nowMs() - collectorMs) / 1000);
  if (apartS !== null && Math.abs(apartS) > APART_S) {
    const by = counted(Math.abs(apartS), "second");
    return row(id, "warn", `this host's clock is ${by} ${apartS > 0 ? "ahead of" : "behind"} the collector's`, SET);
  }
  const beside = apartS === null ? "" : `, and within ${APART_S} s of the collector's`;
  if (clock?.synchronised === false) return row(id, "warn", `the clock is not synchronised${beside}`, SET);
  return row(id, "ok", clock === null ? `the clock is not to be asked${beside}` : `the clock is synchronised${beside}`);
}
