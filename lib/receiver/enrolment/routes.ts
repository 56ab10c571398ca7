// POST /v1/enrol: a new host's token for a code; and the certificate of the collector's authority, for whoever knows its fingerprint. Nobody
// has to show who it is: that is what the code is for.

import type { Hono } from "hono";
import { AUTHORITY_PATH, ENROL_PATH, type EnrolAnswer } from "../../contract/enrolment.ts";
import type { Log } from "../../runtime/log/log.ts";
import { type AnswerDeps, type AppContext, type AppEnv, answering } from "../answering/answering.ts";
import { readJson } from "../answering/json-body.ts";
import { REFUSALS, type Refusal, refuse } from "../decide.ts";
import { type DiskDeps, fromDisk, onDisk } from "../disk/disk-refusals.ts";
import { refusingAll, type UnknownDeps } from "../episodes/unknown.ts";
import { wireOf } from "../http/incoming.ts";
import type { Enrol } from "./enrolling.ts";

export interface EnrolmentDeps extends AnswerDeps, DiskDeps, Pick<UnknownDeps, "refusals"> {
  enrol: Enrol;
  /** Null: no token is asked for here. */
  checkToken: unknown;
  stopping: () => boolean;
  /** The authority's certificate, as PEM; null: it has none of its own. */
  authority: () => Promise<string | null>;
  log: Log;
}

const MAX_BYTES = 4096;

/** Adds both routes. */
export function addEnrolmentRoutes(app: Hono<AppEnv>, deps: EnrolmentDeps): void {
  const only = (what: string, allow: string) =>
    refusingAll(deps, refuse("method-not-allowed", `${what} has ${allow}`, { allow }));
  app.post(
    ENROL_PATH,
    answering(deps, (c) => handleEnrol(deps, c)),
  );
  app.all(ENROL_PATH, only("enrolment", "POST"));
  app.get(
    AUTHORITY_PATH,
    answering(deps, () => handleAuthority(deps)),
  );
  app.all(AUTHORITY_PATH, only("the authority", "GET, HEAD"));
}

async function handleEnrol(deps: EnrolmentDeps, c: AppContext): Promise<Response | Refusal> {
  const wire = wireOf(c.req.raw, c.env);
  const refused = (refusal: Refusal): Refusal => {
    const { reason, detail } = refusal;
    if (deps.refusals.note({ remote: wire.remote, host: null, what: "enrolment", reason }, detail))
      deps.log.warn(
        `rejected enrolment: ${detail}; ${wire.remote} - "POST ${ENROL_PATH} HTTP/1.1" ${REFUSALS[reason][0]}`,
      );
    return refusal;
  };
  if (deps.stopping()) return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
  const body = await readJson((name) => c.req.raw.headers.get(name), wire.body, MAX_BYTES, "an enrolment");
  if (body.kind === "refused") return refused(body);
  const { checkEnrol } = await import("./wire.ts");
  const checked = checkEnrol(body.value);
  if (checked.kind === "refused") return refused(checked);
  const { request } = checked;
  if (deps.checkToken === null) return refused(refuse("not-found", "no token is asked for here"));
  if (wire.peerNames !== null && !wire.peerNames.includes(request.host_id))
    return refused(refuse("wrong-host", `the client certificate does not name ${request.host_id}`));
  const outcome = await onDisk(deps, `the token of ${request.host_id}`, () => deps.enrol(request, wire.remote));
  if (typeof outcome !== "string") return outcome.reason === "storage-failed" ? outcome : refused(outcome);
  const answer: EnrolAnswer = { status: outcome, host_id: request.host_id, receiver_id: deps.identity().id };
  return Response.json(answer);
}

async function handleAuthority(deps: EnrolmentDeps): Promise<Response | Refusal> {
  const pem = await fromDisk(deps.log, "the authority's certificate", deps.authority);
  if (pem === null) return refuse("not-found", "this collector has no authority of its own");
  return typeof pem === "string" ? new Response(pem, { headers: { "Content-Type": "application/x-pem-file" } }) : pem;
}
