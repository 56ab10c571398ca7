// The heartbeats' part of the receiver's application, as they come in: who may, and is there room; then store.ts. What is
// known of hosts is read in hosts.ts.

import type { Hono } from "hono";
import type { Heartbeat } from "../../contract/heartbeat.ts";
import { readMachine } from "../../contract/machine.ts";
import { isoWall } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import type { Sighting } from "../../fleet/senders.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { TokenCheck } from "../access/auth.ts";
import { type AnswerDeps, type AppContext, type AppEnv, answering, sayBug } from "../answering/answering.ts";
import { readWhole } from "../answering/json-body.ts";
import { decideHeaders, REFUSALS, type Refusal, refuse } from "../decide.ts";
import { type DiskDeps, onDisk } from "../disk/disk-refusals.ts";
import type { Admission } from "../episodes/admission.ts";
import { type Asker, decideAsker } from "../episodes/preflight.ts";
import { refusingAll } from "../episodes/unknown.ts";
import { addressOf } from "../http/address.ts";
import type { UploadBody } from "../http/body.ts";
import { rawPath, safeTarget, type Wire, wireOf } from "../http/incoming.ts";
import type { Attempts } from "../refusals/attempts.ts";
import { createHourly, type Hourly } from "../refusals/hourly.ts";
import type { Refusals } from "../refusals/refusals.ts";
import type { RefusedBeats } from "../refusals/refused-beats.ts";
import { decideHeld, hostOfPath, judgeClock, POLICY } from "./decide.ts";
import type { DuplicateHosts } from "./duplicate-hosts.ts";
import type { HeartbeatStore, Kept } from "./store.ts";

export interface HeartbeatDeps extends AnswerDeps, DiskDeps {
  heartbeats: {
    store: HeartbeatStore;
    /** Counts heartbeats that are coming in; the free space that it knows is what episodes leave. */
    admission: Admission;
    /** Told which hosts' are refused, and whose are taken. */
    refused: Pick<RefusedBeats, "note" | "taken">;
  };
  log: Log;
  /** Null: no token is asked for. */
  checkToken: TokenCheck | null;
  attempts: Pick<Attempts, "add">;
  /** Takes what nobody known was refused. */
  refusals: Pick<Refusals, "note">;
  /** Whether a host has a token file. */
  knownHost: (host: string) => boolean;
  stopping: () => boolean;
  nowMs: () => number;
  /** Told who speaks for a host. */
  duplicates: Pick<DuplicateHosts, "saw">;
}

const HEARTBEATS = "/v1/heartbeats/";

/** Adds the routes of heartbeats. */
export function addHeartbeatRoutes(app: Hono<AppEnv>, deps: HeartbeatDeps): void {
  const noOther = refusingAll(
    deps,
    refuse("method-not-allowed", "a heartbeat has PUT; what is known of a host is below /v1/hosts", { allow: "PUT" }),
  );
  const disk = createHourly(deps.nowMs);
  app.put(
    `${HEARTBEATS}*`,
    answering(deps, (c) => handlePut(deps, disk, c)),
  );
  app.all(`${HEARTBEATS}*`, noOther);
}

async function handlePut(deps: HeartbeatDeps, disk: Hourly, c: AppContext): Promise<Response | Refusal> {
  const wire = wireOf(c.req.raw, c.env);
  const header = (name: string): string | null => c.req.raw.headers.get(name);
  const host = hostOfPath(rawPath(wire.target), HEARTBEATS);
  const notes: HeartbeatNotes = { vouched: false, bytes: 0 };
  const outcome =
    host === null
      ? refuse("malformed-path", "the path must be /v1/heartbeats/<host>")
      : await putHeartbeat(deps, disk, { host, header, ...wire, notes }).catch(
          (error: unknown): Refusal => sayBug(deps.log, error),
        );
  if ("kind" in outcome) {
    noteRefused(deps, wire, { host, ...notes }, outcome);
    return outcome;
  }
  if (host !== null) deps.heartbeats.refused.taken(host);
  deps.log.debug(`heartbeat host=${host} ${outcome.status}`);
  return Response.json({ ...outcome, receiver_id: deps.identity().id });
}

/** The row and the line of a refusal; there is none for a heartbeat that is accepted: a fleet sends one a minute and host. */
function noteRefused(
  deps: HeartbeatDeps,
  { remote, target }: Wire,
  { host, vouched, bytes }: HeartbeatNotes & { host: string | null },
  { reason, detail }: Refusal,
): void {
  const status = REFUSALS[reason][0];
  if (host === null || !vouched) {
    const known = host !== null && deps.knownHost(host) ? host : null;
    if (!deps.refusals.note({ remote, host: known, what: "heartbeat", reason }, detail)) return;
  } else {
    const at = isoWall(deps.nowMs());
    const row = { at, host_id: host, episode_id: null, status, reason, bytes, code_commit: null, remote };
    deps.attempts.add({ ...row, what: "heartbeat" });
    deps.heartbeats.refused.note(host, { status, reason, detail }, deps.nowMs());
  }
  // These two were told as errors.
  if (reason === "storage-failed" || reason === "internal") return;
  deps.log.warn(
    `rejected heartbeat host=${host ?? "-"}: ${detail}; ${remote} - "PUT ${safeTarget(target)} HTTP/1.1" ${status}`,
  );
}

/** What became known of a heartbeat on the way. */
interface HeartbeatNotes {
  /** True once token and certificate were accepted. */
  vouched: boolean;
  /** Of its body, read. */
  bytes: number;
}

interface HeartbeatRequest extends Asker {
  remote: string;
  notes: HeartbeatNotes;
  host: string;
  body: UploadBody;
}

/** Handles one PUT: everything that can be refused by its headers, then its body, then the disk. */
async function putHeartbeat(deps: HeartbeatDeps, disk: Hourly, request: HeartbeatRequest): Promise<Kept | Refusal> {
  const { host, header } = request;
  const denied = decideAsker(deps, request, host);
  if (denied !== null) return denied;
  request.notes.vouched = true;
  const declared = decideHeaders(
    {
      contentLength: header("Content-Length"),
      transferEncoding: header("Transfer-Encoding"),
      reprDigest: null,
      treeDigest: null,
    },
    POLICY.maxBytes,
    "heartbeat",
  );
  if (declared.kind === "refused") return declared;
  let code = "";
  // A full disk is said once, by the line of the refusal; one that refuses all hosts, and each of them every minute, once an hour.
  const error = (message: string): void => {
    if (disk.isDue(code)) deps.log.error(`${message}; said once an hour, of whichever host`);
  };
  const outcome = await onDisk({ ...deps, log: { warn: () => undefined, error } }, `the heartbeat of ${host}`, () =>
    receiveAndStore(deps, request, declared.bytes).catch((thrown: unknown) => {
      code = errorCode(thrown) ?? "";
      throw thrown;
    }),
  );
  if (!("kind" in outcome)) disk.isOver();
  return outcome;
}

async function receiveAndStore(
  { heartbeats: { store, admission }, duplicates, nowMs }: HeartbeatDeps,
  { host, header, body, notes, remote }: HeartbeatRequest,
  expected: number,
): Promise<Kept | Refusal> {
  const slot = decideHeld(admission.outstandingBytes, expected) ?? admission.enter(host, expected);
  if (slot.kind === "refused") return slot;
  try {
    // When the request began, not when its body was through: the Date header is of that moment, so only so the two clocks
    // can be compared; and what took long to come has grown older by that, never younger.
    const receivedMs = nowMs();
    const bytes = await readWhole(body, expected, (count) => {
      notes.bytes += count;
    });
    if (!(bytes instanceof Uint8Array)) return bytes;
    const { checkHeartbeat } = await import("./wire.ts");
    const checked = checkHeartbeat(bytes, host);
    if (checked.kind === "refused") return checked;
    const { heartbeat } = checked;
    const dateMs = parseDate(header("Date"));
    const kept = await store.put(heartbeat, dateMs, receivedMs);
    // What came from the spool may be of a boot that is over.
    const { live } = judgeClock(Date.parse(heartbeat.sent_at), dateMs, receivedMs, heartbeat.interval_s);
    if (live === true && kept.status !== "duplicate") duplicates.saw(host, sightingOf(heartbeat, remote), receivedMs);
    return kept;
  } finally {
    slot.leave();
  }
}

function sightingOf({ boot_id, machine }: Heartbeat, remote: string): Sighting {
  return {
    kind: "heartbeat",
    bootId: boot_id,
    machine: readMachine(machine),
    remote: addressOf(remote),
    conflict: false,
  };
}

function parseDate(header: string | null): number | null {
  const ms = Date.parse(header ?? "");
  return Number.isFinite(ms) ? ms : null;
}
