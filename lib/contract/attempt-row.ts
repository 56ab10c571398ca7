// Rows of attempts/<UTC day>.jsonl: what became of a PUT whose sender had shown who it is, one row each, and sums of the
// refusals of those who had not. Written by the receiver, read by whoever asks why nothing comes from a host. Pure.

/** One decided PUT of a sender whose token or certificate was accepted. */
export interface AttemptRow {
  at: string;
  host_id: string;
  /** Null on a heartbeat's. */
  episode_id: string | null;
  status: number;
  reason: string;
  /** Body bytes received. */
  bytes: number;
  code_commit: string | null;
  /** `10.0.0.5:40112`. */
  remote: string;
  /** Left out: an episode's, as rows always were. */
  what?: "heartbeat";
}

/**
 * What refusals were about. `read`: of an archive, or of what is known of hosts; `judge`: a judge call; `enrolment`: a new host; `request`: a path or a
 * method that there is not; `connection`: it never came to a request: a TLS handshake that failed, no HTTP.
 */
const REFUSED_WHATS = ["episode", "heartbeat", "read", "judge", "enrolment", "request", "connection"] as const;
export type RefusedWhat = (typeof REFUSED_WHATS)[number];

function isRefusedWhat(value: unknown): value is RefusedWhat {
  return REFUSED_WHATS.some((what) => what === value);
}

/**
 * How often somebody who did not show who it is was refused between two moments. It proves nothing about a host: anyone who
 * reaches the port may name one. But a host whose token was revoked is seen in nothing else.
 */
export interface RefusalSum {
  from: string;
  to: string;
  /** The address, without a port; `*`: of all that were too many to be told apart. */
  remote: string;
  /** The host that was named, if it has a token file and not too many were named from there. */
  host_id: string | null;
  what: RefusedWhat;
  reason: string;
  count: number;
}

export type AttemptLine = { kind: "attempt"; row: AttemptRow } | { kind: "sum"; sum: RefusalSum };

/** A row as its line, without the line break. */
export function formatAttempt(line: AttemptRow | RefusalSum): string {
  return JSON.stringify(line);
}

/**
 * Reads a line. Rows of older releases also tell of PUTs of nobody: `host_id` is then what the path said, and null where it
 * named none; such rows are left out, for nothing was shown by who sent them.
 * @returns null when it is neither: torn, foreign, or of nobody
 */
export function parseAttempt(line: string): AttemptLine | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  return "count" in value ? parseSum(value) : parseRow(value);
}

/** Whose success a line is, and when: most are one, and no more is looked at of them than that. Null: it is none. */
export function successIn(line: string): { host: string; at: string; what: "episode" | "heartbeat" } | null {
  if (!line.includes('"status":2')) return null;
  const [at, host] = [/"at":"([^"]+)"/.exec(line)?.[1], /"host_id":"([^"]+)"/.exec(line)?.[1]];
  if (at === undefined || host === undefined) return null;
  return { host, at, what: line.includes('"what":"heartbeat"') ? "heartbeat" : "episode" };
}

type Loose<T> = Partial<Record<keyof T, unknown>>;

function parseRow(value: Loose<AttemptRow>): AttemptLine | null {
  const { at, host_id, episode_id, status, reason, bytes, code_commit, remote, what } = value;
  if (typeof at !== "string" || typeof host_id !== "string" || typeof status !== "number") return null;
  if (typeof reason !== "string" || typeof remote !== "string") return null;
  // As older releases refused before anything was shown.
  if (reason === "unauthorized" || reason === "wrong-host") return null;
  const row: AttemptRow = {
    at,
    host_id,
    episode_id: typeof episode_id === "string" ? episode_id : null,
    status,
    reason,
    bytes: typeof bytes === "number" ? bytes : 0,
    code_commit: typeof code_commit === "string" ? code_commit : null,
    remote,
    ...(what === "heartbeat" && { what }),
  };
  return { kind: "attempt", row };
}

function parseSum(value: Loose<RefusalSum>): AttemptLine | null {
  const { from, to, remote, host_id, what, reason, count } = value;
  if (typeof from !== "string" || typeof to !== "string" || typeof remote !== "string") return null;
  if (!isRefusedWhat(what)) return null;
  if (typeof reason !== "string" || typeof count !== "number" || !(count > 0)) return null;
  return {
    kind: "sum",
    sum: { from, to, remote, host_id: typeof host_id === "string" ? host_id : null, what, reason, count },
  };
}
