// What is made of a read or a judge call that is refused to somebody who did not show who it is: counted as every such refusal
// is, and said in full for a host that has a token file (refusals.ts has the measure of it). Of senders that are known these
// leave nothing: they store nothing, and their programs say it themselves.

import type { RefusedWhat } from "../../contract/attempt-row.ts";
import type { Log } from "../../runtime/log/log.ts";
import { type AnswerDeps, type AppContext, answering } from "../answering/answering.ts";
import { REFUSALS, type Refusal } from "../decide.ts";
import { safeTarget, type Wire, wireOf } from "../http/incoming.ts";
import type { Refusals } from "../refusals/refusals.ts";

export interface UnknownDeps {
  /** Takes what nobody known was refused. */
  refusals: Pick<Refusals, "note">;
  /** Whether a host has a token file. */
  knownHost: (host: string) => boolean;
  log: Pick<Log, "warn">;
}

export interface UnknownRequest {
  what: RefusedWhat & ("read" | "judge");
  method: string;
  /** Whom the request names; null: nobody. */
  host: string | null;
}

/** Notes a refusal. @returns the refusal itself */
export function noteUnknown(
  { refusals, knownHost, log }: UnknownDeps,
  { remote, target }: Pick<Wire, "remote" | "target">,
  { what, method, host: named }: UnknownRequest,
  refusal: Refusal,
): Refusal {
  const { reason, detail } = refusal;
  const host = named !== null && knownHost(named) ? named : null;
  if (refusals.note({ remote, host, what, reason }, detail)) {
    const access = `${remote} - "${method} ${safeTarget(target)} HTTP/1.1" ${REFUSALS[reason][0]}`;
    log.warn(`rejected ${what} host=${host ?? "-"}: ${detail}; ${access}`);
  }
  return refusal;
}

/** Makes a handler for what no client of ours asks for, such as a scanner of ports: counted, and nobody is asked who it is. */
export function refusingAll(
  deps: AnswerDeps & Pick<UnknownDeps, "refusals">,
  refusal: Refusal,
): (c: AppContext) => Promise<Response> {
  return answering(deps, (c) => {
    const { remote } = wireOf(c.req.raw, c.env);
    deps.refusals.note({ remote, host: null, what: "request", reason: refusal.reason }, refusal.detail);
    return refusal;
  });
}
