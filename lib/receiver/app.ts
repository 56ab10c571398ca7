// The receiver as a function of a request. Binds no port and owns no file: build.ts brings the parts.

import { Hono } from "hono";
import type { AttemptRow } from "../contract/attempt-row.ts";
import { MACHINE_HEADER } from "../contract/judgement.ts";
import { parseMachine } from "../contract/machine.ts";
import type { EpisodeAddress } from "../contract/names.ts";
import { isoWall } from "../core/clock.ts";
import { type AppContext, type AppEnv, answering, refusing, sayBug } from "./answering/answering.ts";
import { identityHeaders, receiptOf, receiptResponse } from "./answering/answers.ts";
import { REFUSALS, type Refusal, refuse } from "./decide.ts";
import type { EpisodeStore } from "./episode-store.ts";
import { type GetDeps, getEpisode } from "./episodes/get.ts";
import { type PutDeps, type PutNotes, type PutOutcome, putEpisode } from "./episodes/put.ts";
import { refusingAll } from "./episodes/unknown.ts";
import { addHostRoutes, type HostsDeps } from "./heartbeats/hosts.ts";
import { addHeartbeatRoutes, type HeartbeatDeps } from "./heartbeats/routes.ts";
import { addressOf } from "./http/address.ts";
import { rawPath, safeTarget, targetOf, type Wire, wireOf } from "./http/incoming.ts";
import { addJudgeRoute } from "./judge/routes.ts";

export type AppDeps = PutDeps & GetDeps & HeartbeatDeps & HostsDeps & OwnDeps;

interface OwnDeps {
  store: Pick<EpisodeStore, "ready">;
}

const EPISODES = "/v1/episodes/*";

/** The receiver's application. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>({
    // Routed by what came over the wire, so that no path is rewritten into an episode's.
    getPath: (request, options) => rawPath(targetOf(request, options?.env)),
  });
  // Around everything, what is not found and what fails included: every answer says whose it is.
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(identityHeaders(deps.identity()))) c.res.headers.set(name, value);
  });
  app.put(
    EPISODES,
    answering(deps, (c) => handlePut(deps, c)),
  );
  app.get(
    EPISODES,
    answering(deps, (c) => getEpisode(deps, c)), // hono answers HEAD with GET's headers
  );
  app.all(
    EPISODES,
    refusingAll(deps, refuse("method-not-allowed", "an episode has PUT, GET and HEAD", { allow: "PUT, GET, HEAD" })),
  );
  addJudgeRoute(app, deps);
  addHeartbeatRoutes(app, deps);
  addHostRoutes(app, deps);
  app.get("/healthz", (c) => c.text("alive\n"));
  app.get(
    "/readyz",
    answering(deps, async (c) => {
      const why = deps.stopping() ? "the receiver is stopping" : ((await deps.store.ready())?.why ?? null);
      return why === null ? c.text("ready\n") : refuse("not-ready", why, { retryAfterS: 30 });
    }),
  );
  app.notFound(refusingAll(deps, refuse("not-found", "there is nothing at this path")));
  app.onError((error, c) => refusing(deps, c, sayBug(deps.log, error)));
  return app;
}

async function handlePut(deps: AppDeps, c: AppContext): Promise<Response | Refusal> {
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
function note(deps: AppDeps, wire: Wire, notes: PutNotes, outcome: PutOutcome, machine: string | null): void {
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
  deps: AppDeps,
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
