// The head of an HTTP/1.1 request (RFC 9112), strictly: what two readers could take for two things is refused, and where the
// body's end is not known for sure the connection serves nothing after it. Pure.

export const HEAD_LIMITS = {
  /** Request line and fields, bytes. */
  bytes: 16 * 1024,
  fields: 300,
} as const;

export interface Head {
  method: string;
  /** As it came, query and all. */
  target: string;
  headers: Headers;
  /** Bytes of the body; null: there is none. `unknown`: it is chunked, which is not read here. */
  length: number | null | "unknown";
  expectsContinue: boolean;
  /** The client would send more requests. */
  keepAlive: boolean;
}

export type HeadFault = "malformed" | "head-too-large";

const END = Buffer.from("\r\n\r\n");

/**
 * Where the head ends in what has come: the offset behind its empty line, 0 if that has not come yet. Looks only at what is
 * new since `seen` bytes.
 */
export function endOfHead(bytes: Buffer, seen: number): number {
  const at = bytes.indexOf(END, Math.max(0, seen - END.length + 1));
  return at < 0 ? 0 : at + END.length;
}

/** Whether no method begins so: TLS, above all. Its end would be waited for in vain. Not for the blank line that may come before. */
export function isNoRequest(begun: Buffer): boolean {
  return begun.length > 0 && !/^[\r\nA-Za-z!#$%&'*+.^_`|~-]/.test(begun.toString("latin1", 0, 1));
}

/** The target in origin or absolute form; the others are for proxies and for questions that have no answer here. */
const REQUEST_LINE =
  /^([A-Za-z!#$%&'*+.^_`|~-]{1,32}) ((?:\/|[A-Za-z][A-Za-z0-9+.-]*:\/\/)[!-~\x80-\xff]*) HTTP\/1\.([01])$/;
const FIELD = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(.*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not stand there
const NOT_IN_VALUES = /[\x00-\x08\x0a-\x1f\x7f]/;
/** What the fetch standard knows no Request for. */
const NO_METHODS = /^(?:CONNECT|TRACE|TRACK)$/i;

/** Reads a head, given with its empty line. */
export function parseHead(bytes: Buffer): Head | HeadFault {
  if (bytes.length > HEAD_LIMITS.bytes) return "head-too-large";
  const [requestLine = "", ...lines] = bytes.toString("latin1", 0, bytes.length - END.length).split("\r\n");
  if (lines.length > HEAD_LIMITS.fields) return "head-too-large";
  const [, method = "", target = "", minor] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === "" || NO_METHODS.test(method)) return "malformed";
  const headers = new Headers();
  let hosts = 0;
  for (const line of lines) {
    // A line that goes on the one before (obs-fold) begins with a blank, and so has no name.
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined || NOT_IN_VALUES.test(value)) return "malformed";
    if (/^host$/i.test(name)) hosts++;
    headers.append(name, value);
  }
  const isNew = minor === "1";
  if (hosts > 1 || (isNew && hosts === 0)) return "malformed";
  const length = lengthOf(headers);
  if (length === "malformed") return "malformed";
  return {
    method,
    target,
    headers,
    length,
    expectsContinue: isNew && headers.get("expect")?.toLowerCase() === "100-continue",
    keepAlive: isNew && !/(?:^|,)\s*close\s*(?:,|$)/i.test(headers.get("connection") ?? ""),
  };
}

/** Two lengths were joined by a comma, and so are none. */
function lengthOf(headers: Headers): Head["length"] | "malformed" {
  const length = headers.get("content-length");
  if (headers.has("transfer-encoding")) return length === null ? "unknown" : "malformed";
  if (length === null) return null;
  return /^\d{1,15}$/.test(length) ? Number(length) : "malformed";
}
