// /install.sh and /releases/: what a host needs to be installed, for whoever asks. Nothing of it is secret, and all of it is proved by the one
// who takes it: by signatures, and by digests.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Hono } from "hono";
import { RELEASE_HEADER } from "../../contract/release.ts";
import { errorCode } from "../../core/failure.ts";
import { CURRENT, servedName } from "../../release/shelf.ts";
import { type AnswerDeps, type AppContext, type AppEnv, answering } from "../answering/answering.ts";
import { type Refusal, refuse } from "../decide.ts";
import type { Archive } from "../episode-store.ts";
import { archiveStream, type Downloads } from "../episodes/downloads.ts";
import { refusingAll, type UnknownDeps } from "../episodes/unknown.ts";
import { addressOf } from "../http/address.ts";
import { rawPath, wireOf } from "../http/incoming.ts";

export interface ReleaseDeps extends AnswerDeps, Pick<UnknownDeps, "refusals"> {
  downloads: Downloads;
  /** Where releases lie. */
  shelf: () => string;
}

const RELEASES = "/releases/*";
const SCRIPT = "/install.sh";

/** Adds the routes of releases. */
export function addReleaseRoutes(app: Hono<AppEnv>, deps: ReleaseDeps): void {
  for (const path of [SCRIPT, RELEASES]) {
    app.get(
      path,
      answering(deps, (c) => getFile(deps, c)),
    );
    app.all(
      path,
      refusingAll(deps, refuse("method-not-allowed", "a release has GET and HEAD", { allow: "GET, HEAD" })),
    );
  }
}

/** Of a path below /releases/: the release, and the file in it. No part of it leads out, or to what is hidden. */
const FILE =
  /^\/releases\/([A-Za-z0-9][A-Za-z0-9._+-]*)\/((?:[A-Za-z0-9][A-Za-z0-9._+-]*\/)*[A-Za-z0-9][A-Za-z0-9._+-]*)$/;

async function getFile({ shelf, downloads }: ReleaseDeps, c: AppContext): Promise<Response | Refusal> {
  const { target, remote } = wireOf(c.req.raw, c.env);
  const path = rawPath(target);
  const [, asked = "", file = ""] = path === SCRIPT ? ["", CURRENT, "install.sh"] : (FILE.exec(path) ?? []);
  const name = asked === CURRENT ? await servedName(shelf()) : asked;
  if (name === null) return refuse("not-found", "no release is served here yet");
  const found = file === "" ? null : await openFile(join(shelf(), name, file));
  if (found === null) return refuse("not-found", "there is no such file of a release");
  const headers = new Headers({
    ...{ "Content-Type": path === SCRIPT ? "text/x-shellscript" : "application/octet-stream" },
    ...{ "Content-Length": String(found.bytes), [RELEASE_HEADER]: name },
    // What is current may be another one in a moment.
    "Cache-Control": asked === CURRENT ? "no-store" : "max-age=86400, immutable",
  });
  if (c.req.method === "HEAD" || found.bytes === 0) {
    await found.close();
    return new Response(null, { headers });
  }
  const slot = downloads.enter(`release ${addressOf(remote)}`);
  if (slot.kind === "refused") {
    await found.close();
    return slot;
  }
  return new Response(archiveStream(found, found.bytes, slot), { headers });
}

/** Null: there is no regular file. Rejects as the system does. */
async function openFile(path: string): Promise<(Archive & { bytes: number }) | null> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile()) {
      await handle.close();
      return null;
    }
    return {
      bytes: stats.size,
      async read(at, length) {
        const block = Buffer.alloc(length);
        const { bytesRead } = await handle.read(block, 0, length, at);
        return block.subarray(0, bytesRead);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error) ?? "")) return null;
    throw error;
  }
}
