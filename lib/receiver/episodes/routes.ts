// /v1/episodes/: storing an episode, reading it back, and what becomes known of whoever tried.

import type { Hono } from "hono";
import type { AttemptRow } from "../../contract/attempt-row.ts";
import { MACHINE_HEADER } from "../../contract/judgement.ts";
import { parseMachine } from "../../contract/machine.ts";
import type { EpisodeAddress } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import type { Sighting } from "../../fleet/senders.ts";
import { type AppContext, type AppEnv, answering, sayBug } from "../answering/answering.ts";
import { receiptOf, receiptResponse } from "../answering/answers.ts";
import { REFUSALS, type Refusal, refuse } from "../decide.ts";
import { addressOf } from "../http/address.ts";
import { rawPath, safeTarget, type Wire, wireOf } from "../http/incoming.ts";
import type { Attempts } from "../refusals/attempts.ts";
import { type GetDeps, getEpisode } from "./get.ts";
import { type PutDeps, type PutNotes, type PutOutcome, putEpisode } from "./put.ts";
import { refusingAll } from "./unknown.ts";

export interface EpisodeDeps extends PutDeps, GetDeps {
  log: PutDeps["log"];
  store: PutDeps["store"] & GetDeps["store"];
  attempts: Pick<Attempts, "add">;
  /** Told which machine sends under which name. */
  duplicates: { saw(host: string, sighting: Sighting, nowMs: number): void };
}

const EPISODES = "/v1/episodes/*";

/** Adds the routes of episodes. */
export function addEpisodeRoutes(app: Hono<AppEnv>, deps: EpisodeDeps): void {
  app.put(
    EPISODES,
    answering(deps, (c) => handlePut(deps, c)),
  );
  app.get(
    EPISODES,
    answering(deps, (c) => getEpisode(deps, c)), // hono answers HEAD with GET's headers
  );
  const allow = "PUT, GET, HEAD";
  app.all(EPISODES, refusingAll(deps, refuse("method-not-allowed", "an episode has PUT, GET and HEAD", { allow })));
}

async function handlePut(deps: EpisodeDeps, c: AppContext): Promise<Response | Refusal> {
  const wire = wireOf(c.req.raw, c.env);
  const notes: PutNotes = { address: null, commit: null, bytes: 0, vouched: false };
  const request = {
    path: rawPath(wire.target),
    header: (name: string) => c.req.raw.headers.get(name),
    peerNames: wire.peerNames,
    known: wire.known,
    body: wire.body,
  };
  const outcome = await putEpisode(deps, request, notes).catch((error: unknown): PutOutcome => sayBug(deps.log, error));
  note(deps, wire, notes, outcome, c.req.raw.headers.get(MACHINE_HEADER));
  if (outcome.kind === "refused") return outcome;
  return receiptResponse(receiptOf(outcome.row, outcome.kind, deps.identity()));
}

/** The attempt row, the warning and the access line of a decided PUT; of one by nobody known, what refusals.ts makes of it. */
function note(deps: EpisodeDeps, wire: Wire, notes: PutNotes, outcome: PutOutcome, machine: string | null): void {
  const { address } = notes;
  if (notes.vouched && address !== null && machine !== null) {
    const conflict = outcome.kind === "refused" && outcome.reason === "conflict";
    const sender = { machine: parseMachine(machine), remote: addressOf(wire.remote), conflict };
    deps.duplicates.saw(address.host, { kind: "episode", bootId: null, ...sender }, deps.nowMs());
  }
  if (!notes.vouched && outcome.kind === "refused") {
    const host = address !== null && deps.knownHost(address.host) ? address.host : null;
    const refused = { remote: wire.remote, host, what: "episode", reason: outcome.reason } as const;
    if (!deps.refusals.note(refused, outcome.detail)) return;
  } else if (address !== null) deps.attempts.add(attemptOf(deps, wire, notes, address, outcome));
  if (outcome.kind === "refused" && address !== null) {
    deps.log.warn(`rejected episode host=${address.host} id=${address.id}: ${outcome.detail}`);
  }
  // Nobody was there to be answered.
  if (outcome.kind === "refused" && outcome.reason === "client-gone") return;
  deps.log.info(`${wire.remote} - "PUT ${safeTarget(wire.target)} HTTP/1.1" ${statusOf(outcome)}`);
}

function attemptOf(
  deps: EpisodeDeps,
  { remote }: Wire,
  { bytes, commit }: PutNotes,
  { host, id }: EpisodeAddress,
  outcome: PutOutcome,
): AttemptRow {
  return {
    at: isoWall(deps.nowMs()),
    host_id: host,
    episode_id: id,
    status: statusOf(outcome),
    reason: outcome.kind === "refused" ? outcome.reason : outcome.kind,
    bytes,
    code_commit: commit,
    remote,
  };
}

function statusOf(outcome: PutOutcome): number {
  if (outcome.kind === "refused") return REFUSALS[outcome.reason][0];
  return outcome.kind === "stored" ? 201 : 200;
}
