// POST /v1/judge/<host>/<id>: what a PUT of this episode would be answered, without the episode. It stores nothing, takes no
// upload's place and leaves no attempt; its order and its decisions are those of a PUT, from the same functions.

import type { Hono } from "hono";
import { formatReprDigest, formatTreeDigest, isSha256Hex } from "../../contract/digest.ts";
import { archivePath } from "../../contract/index-row.ts";
import type { JudgeAnswer, JudgeRequest } from "../../contract/judgement.ts";
import { type EpisodeAddress, parseJudgePath } from "../../contract/names.ts";
import type { Log } from "../../runtime/log/log.ts";
import { type AnswerDeps, type AppContext, type AppEnv, answering } from "../answering/answering.ts";
import { commitOf, type Told } from "../answering/echo.ts";
import { readJson } from "../answering/json-body.ts";
import { type Refusal, refuse } from "../decide.ts";
import { fromDisk } from "../disk/disk-refusals.ts";
import { type Admission, createAdmission } from "../episodes/admission.ts";
import {
  type Description,
  decideAsker,
  decideDescription,
  decideName,
  type PreflightDeps,
} from "../episodes/preflight.ts";
import { noteUnknown, refusingAll, type UnknownDeps } from "../episodes/unknown.ts";
import { rawPath, wireOf } from "../http/incoming.ts";

export interface JudgeDeps extends PreflightDeps, AnswerDeps, UnknownDeps {
  admission: Admission;
  log: Log;
}

/** Names and digests of the longest kind are 500 bytes. */
const MAX_BYTES = 4096;
/** Judge calls at a time, in all and of one host: each looks at the disk. */
const AT_ONCE = { uploadsTotal: 64, uploadsPerHost: 4, diskReserveBytes: 0 };
/** A judge call writes nothing. */
const ANY_ROOM = { freeBytes: Number.POSITIVE_INFINITY, freeInodes: Number.POSITIVE_INFINITY };

/** Adds the route of the judge. */
export function addJudgeRoute(app: Hono<AppEnv>, deps: JudgeDeps): void {
  const atOnce = createAdmission(
    () => AT_ONCE,
    () => ANY_ROOM,
  );
  const noOther = refusingAll(deps, refuse("method-not-allowed", "a judge has POST", { allow: "POST" }));
  app.post(
    "/v1/judge/*",
    answering(deps, (c) => handleJudge(deps, atOnce, c)),
  );
  app.all("/v1/judge/*", noOther);
}

async function handleJudge(deps: JudgeDeps, atOnce: Admission, c: AppContext): Promise<Response | Refusal> {
  const wire = wireOf(c.req.raw, c.env);
  const header = (name: string): string | null => c.req.raw.headers.get(name);
  const address = parseJudgePath(rawPath(wire.target));
  const unknown = { what: "judge", method: c.req.method, host: address?.host ?? null } as const;
  if (address === null)
    return noteUnknown(deps, wire, unknown, refuse("malformed-path", "the path must be /v1/judge/<host>/<id>"));
  // First of all, since every answer must say what was asked: it is small, and what is thrown away is read just the same.
  const body = await readJson(header, wire.body, MAX_BYTES, "a judge call");
  const told = toldBy(body.kind === "json" ? body.value : null);
  c.set("judged", told);
  const denied = decideAsker(deps, { ...wire, header }, address.host);
  if (denied !== null) return noteUnknown(deps, wire, unknown, denied);
  if (body.kind === "refused") return body;
  const slot = atOnce.enter(address.host, 0);
  if (slot.kind === "refused") return slot;
  try {
    const would = await decideJudge(deps, address, body.value);
    if (typeof would !== "string") return would;
    const echo = { host_id: address.host, episode_id: address.id, ...told };
    const answer: JudgeAnswer = { would, receiver_id: deps.identity().id, echo };
    return Response.json(answer);
  } finally {
    slot.leave();
  }
}

async function decideJudge(
  deps: JudgeDeps,
  address: EpisodeAddress,
  body: unknown,
): Promise<JudgeAnswer["would"] | Refusal> {
  const { checkJudge } = await import("./wire.ts");
  const checked = checkJudge(body);
  if (checked.kind === "refused") return checked;
  const passed = decideDescription(deps, describedBy(checked.request));
  if (passed.kind === "refused") return passed;
  const { declared } = passed;
  const name = await fromDisk(deps.log, archivePath(address), () => decideName(deps, address, declared));
  if (name.kind !== "read") return name.kind === "duplicate" ? "stored" : name;
  return deps.admission.ask(address.host, declared.bytes) ?? "accept";
}

/** A judge call as the headers that a PUT would send. */
function describedBy({ bytes, sha256, tree_sha256, code_commit }: JudgeRequest): Description {
  return {
    stamp: code_commit,
    headers: {
      contentLength: String(bytes),
      transferEncoding: null,
      reprDigest: formatReprDigest(sha256),
      treeDigest: tree_sha256 === null ? null : formatTreeDigest(tree_sha256),
    },
  };
}

/** What the body says, as far as it can be read, whether or not all of it is as it should be. */
function toldBy(value: unknown): Told {
  const { bytes, sha256, code_commit } = Object(value) as Record<string, unknown>;
  return {
    bytes: Number.isSafeInteger(bytes) && Number(bytes) >= 0 ? Number(bytes) : null,
    sha256: isSha256Hex(sha256) ? sha256 : null,
    code_commit: commitOf(code_commit),
  };
}
