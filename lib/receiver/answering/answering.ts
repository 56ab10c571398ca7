// From a handler's outcome to the answer that goes out. Handlers return refusals as data; here alone they get the mark, the
// identity of the store and the echo of their own request, so that no answer can carry another one's or none.

import type { Context } from "hono";
import type { Echo } from "../../contract/judgement.ts";
import { errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Log } from "../../runtime/log/log.ts";
import { type Refusal, refuse } from "../decide.ts";
import { rawPath, targetOf, type Wire } from "../http/incoming.ts";
import type { Identity } from "../identity/decide.ts";
import type { EpisodeRules } from "../settings.ts";
import { problemResponse } from "./answers.ts";
import { echoOf, type Told } from "./echo.ts";

export type AppEnv = {
  Bindings: Partial<Wire>;
  /** What the body of a judge call says of its episode, set as soon as it was read. */
  Variables: { judged?: Told };
};
export type AppContext = Context<AppEnv>;

export interface AnswerDeps {
  /** Whose store this is, now. */
  identity: () => Identity;
  /** What an episode is held against now. */
  rules: () => EpisodeRules;
}

type Handler = (c: AppContext) => Response | Refusal | Promise<Response | Refusal>;

/** Makes a handler for the router of one that returns its refusals. */
export function answering(deps: AnswerDeps, handler: Handler): (c: AppContext) => Promise<Response> {
  return async (c) => {
    const outcome = await handler(c);
    return outcome instanceof Response ? outcome : refusing(deps, c, outcome);
  };
}

/** The answer to a request that is refused. */
export function refusing(deps: AnswerDeps, c: AppContext, refusal: Refusal): Response {
  return problemResponse(refusal, deps.identity(), echoFor(deps, c));
}

/** What is said of what should never have been thrown, in the log and to whoever asked. */
export function sayBug(log: Pick<Log, "error">, error: unknown): Refusal {
  log.error(`this is a bug in labfleet: ${quoted(errorText(error))}`, {
    stack: error instanceof Error ? error.stack : "",
  });
  return refuse("internal", "the receiver failed; its log says more");
}

/** What the request of `c` says of its episode; null: it is about none. */
function echoFor({ rules }: AnswerDeps, c: AppContext): Echo | null {
  const { headers } = c.req.raw;
  return echoOf({
    path: rawPath(targetOf(c.req.raw, c.env)),
    header: (name) => headers.get(name),
    commitHeaders: rules().commitHeaders,
    judged: c.get("judged"),
  });
}
