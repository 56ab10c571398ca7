// What a request brings besides its headers, as handlers see it. The raw target above all: `new Request()` would resolve
// dot segments and turn backslashes around before anyone could refuse them.

import { type UploadBody, webBody } from "./body.ts";

export interface Wire {
  /** The request target as it came, query and all. */
  target: string;
  /** `10.0.0.5:40112`. */
  remote: string;
  /** CN and SANs of the client's certificate; null where none is asked for. */
  peerNames: readonly string[] | null;
  body: UploadBody;
  /** To be called once the sender has shown who it is: from then on its connection makes room for no other. */
  known: () => void;
}

/** The request target as it came; of a request without a connection, what its URL says. */
export function targetOf(request: Request, env: Partial<Wire> | undefined): string {
  return env?.target ?? new URL(request.url).pathname;
}

/** The wire of a request; one that came without a connection, as in tests, gets its own. */
export function wireOf(request: Request, env: Partial<Wire> | undefined): Wire {
  return {
    target: targetOf(request, env),
    remote: env?.remote ?? "-",
    peerNames: env?.peerNames ?? null,
    body: env?.body ?? webBody(request.body),
    known: env?.known ?? (() => undefined),
  };
}

/** The raw path of a request target: without the query, and without scheme and authority of the absolute form (RFC 9112 §3.2.2). */
export function rawPath(target: string): string {
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)?.[0] ?? "";
  const path = target.slice(origin.length).split("?", 1)[0] ?? "";
  return origin !== "" && path === "" ? "/" : path;
}

/** A raw target for a log line: what is not printable ASCII, a quote or a backslash is escaped; cut at 300 characters. */
export function safeTarget(target: string): string {
  const shown = target.length > 300 ? `${target.slice(0, 300)}...` : target;
  return shown.replace(/[^\x21\x23-\x5b\x5d-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
