// The receiver as a function of a request. Binds no port and owns no file: each group of routes comes with its own dependencies
// (build.ts), and here stands only what holds for all of them.

import { Hono } from "hono";
import { type AnswerDeps, type AppEnv, answering, refusing, sayBug } from "./answering/answering.ts";
import { identityHeaders } from "./answering/answers.ts";
import { refuse } from "./decide.ts";
import type { EpisodeStore } from "./episode-store.ts";
import { refusingAll, type UnknownDeps } from "./episodes/unknown.ts";
import { rawPath, targetOf } from "./http/incoming.ts";

export interface AppDeps extends AnswerDeps, Pick<UnknownDeps, "refusals"> {
  log: Parameters<typeof sayBug>[0];
  store: Pick<EpisodeStore, "ready">;
  stopping: () => boolean;
  /** What is wrong with the health check: a line for whoever asks whether all is well. Null: nothing. */
  watcher: () => string | null;
}

/** Adds its routes to the application. */
export type RouteGroup = (app: Hono<AppEnv>) => void;

/** The receiver's application. */
export function createApp(deps: AppDeps, groups: readonly RouteGroup[]): Hono<AppEnv> {
  const app = new Hono<AppEnv>({
    // Routed by what came over the wire, so that no path is rewritten into an episode's.
    getPath: (request, options) => rawPath(targetOf(request, options?.env)),
  });
  // Around everything, what is not found and what fails included: every answer says whose it is.
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(identityHeaders(deps.identity()))) c.res.headers.set(name, value);
  });
  for (const add of groups) add(app);
  app.get("/healthz", (c) => c.text("alive\n"));
  app.get(
    "/readyz",
    answering(deps, async (c) => {
      const why = deps.stopping() ? "the receiver is stopping" : ((await deps.store.ready())?.why ?? null);
      const unwatched = deps.watcher();
      return why === null
        ? c.text(`ready\n${unwatched === null ? "" : `${unwatched}\n`}`)
        : refuse("not-ready", why, { retryAfterS: 30 });
    }),
  );
  app.notFound(refusingAll(deps, refuse("not-found", "there is nothing at this path")));
  app.onError((error, c) => refusing(deps, c, sayBug(deps.log, error)));
  return app;
}
