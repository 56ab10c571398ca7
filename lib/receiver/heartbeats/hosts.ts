// GET /v1/hosts and /v1/hosts/<host>: what is known of hosts, for an operator, and of itself for each of them.

import type { Hono } from "hono";
import { OPERATOR } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { type HostView, hostView } from "../../fleet/host-view.ts";
import { withDuplicate } from "../../fleet/senders.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { TokenCheck } from "../access/auth.ts";
import { type AnswerDeps, type AppContext, type AppEnv, answering } from "../answering/answering.ts";
import { type Refusal, refuse } from "../decide.ts";
import { fromDisk } from "../disk/disk-refusals.ts";
import { checkAccess } from "../episodes/preflight.ts";
import { noteUnknown, refusingAll, type UnknownDeps } from "../episodes/unknown.ts";
import { rawPath, wireOf } from "../http/incoming.ts";
import { hostOfPath } from "./decide.ts";
import type { DuplicateHosts } from "./duplicate-hosts.ts";
import { type ListFacts, listText } from "./list.ts";
import type { HeartbeatStore } from "./store.ts";

export interface HostsDeps extends AnswerDeps, UnknownDeps {
  heartbeats: {
    store: Pick<HeartbeatStore, "list" | "find">;
    /** The list with those that have a token and were never heard of. */
    listed: ListFacts["listed"];
    /** What is said of a host that is silent, and refused. */
    withRefusal: (view: HostView, nowMs: number) => Promise<HostView>;
  };
  log: Log;
  /** Null: no token is asked for. */
  checkToken: TokenCheck | null;
  nowMs: () => number;
  duplicates: Pick<DuplicateHosts, "find">;
}

const HOSTS = "/v1/hosts/";
/** What is known now is out of date a moment later. */
const FRESH = { "Cache-Control": "no-store" };

/** Adds the routes of hosts. */
export function addHostRoutes(app: Hono<AppEnv>, deps: HostsDeps): void {
  const onlyReads = refusingAll(deps, refuse("method-not-allowed", "hosts have GET and HEAD", { allow: "GET, HEAD" }));
  app.get(
    "/v1/hosts",
    answering(deps, (c) => handleList(deps, c)), // hono answers HEAD with GET's headers
  );
  app.all("/v1/hosts", onlyReads);
  app.get(
    `${HOSTS}*`,
    answering(deps, (c) => handleHost(deps, c)),
  );
  app.all(`${HOSTS}*`, onlyReads);
}

async function handleList(deps: HostsDeps, c: AppContext): Promise<Response | Refusal> {
  const denied = accessAs(deps, c, OPERATOR);
  if (denied !== null) return unknown(deps, c, OPERATOR, denied);
  const briefs = await fromDisk(deps.log, "the list of hosts", () => deps.heartbeats.store.list());
  if ("kind" in briefs) return briefs;
  const text = await listText(briefs, deps.nowMs(), {
    own: deps.identity(),
    listed: deps.heartbeats.listed,
    duplicate: deps.duplicates.find,
  });
  return new Response(text, { headers: { ...FRESH, "Content-Type": "application/json" } });
}

async function handleHost(deps: HostsDeps, c: AppContext): Promise<Response | Refusal> {
  const host = hostOfPath(rawPath(wireOf(c.req.raw, c.env).target), HOSTS);
  if (host === null) return unknown(deps, c, null, refuse("malformed-path", "the path must be /v1/hosts/<host>"));
  // The operator may see every host.
  const denied = accessAs(deps, c, OPERATOR) === null ? null : accessAs(deps, c, host);
  if (denied !== null) return unknown(deps, c, host, denied);
  const found = await fromDisk(deps.log, `the latest heartbeat of ${host}`, () => deps.heartbeats.store.find(host));
  if (found.kind === "refused") return found;
  if (found.kind === "none") return refuse("not-found", `no heartbeat of ${host} has come`);
  if (found.kind === "unreadable") {
    return refuse("damaged", `the latest heartbeat of ${host} cannot be read; its next one writes it anew`, {
      retryAfterS: 60,
    });
  }
  const nowMs = deps.nowMs();
  const known = await deps.heartbeats.withRefusal(hostView(host, found.stored, nowMs, deps.identity()), nowMs);
  const view = withDuplicate(known, deps.duplicates.find(host, nowMs));
  return Response.json({ at: isoWall(nowMs), ...view }, { headers: FRESH });
}

function accessAs(deps: HostsDeps, c: AppContext, name: string): Refusal | null {
  const header = (key: string): string | null => c.req.raw.headers.get(key);
  return checkAccess(deps, { ...wireOf(c.req.raw, c.env), header }, name);
}

function unknown(deps: HostsDeps, c: AppContext, host: string | null, refusal: Refusal): Refusal {
  return noteUnknown(deps, wireOf(c.req.raw, c.env), { what: "read", method: c.req.method, host }, refusal);
}
