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
  /**
   * Bytes of the body; null: there is none. `unknown`: nobody can tell where it ends: it is chunked, which is not read here, or
   * its method has a body and no length was sent, so that what follows may be that body.
   */
  length: number | null | "unknown";
  expectsContinue: boolean;
  /** The client would send more requests. */
  keepAlive: boolean;
}

export type HeadFault = "malformed" | "head-too-large";

const END = Buffer.from("\r\n\r\n");
const [CR, LF] = [0x0d, 0x0a];

/**
 * Where the head ends in what has come: the offset behind its empty line, 0 if that has not come yet. Looks only at what is
 * new since `seen` bytes.
 */
export function endOfHead(bytes: Buffer, seen: number): number {
  const at = bytes.indexOf(END, Math.max(blankBefore(bytes), seen - END.length + 1));
  return at < 0 ? 0 : at + END.length;
}

/**
 * Bytes of the empty line that a head may begin with, which is passed over: one, as far as it has come (RFC 9112 §2.2). A
 * second one is no request, however they were cut into packets.
 */
function blankBefore(begun: Buffer): number {
  if (begun[0] !== CR || (begun.length > 1 && begun[1] !== LF)) return 0;
  return Math.min(begun.length, 2);
}

/**
 * Whether this, a head whose end has not come, can become none: it begins as no method does (TLS, above all), or has a line
 * that ends without a carriage return. Its end would be waited for in vain. Looks only at what is new since `seen` bytes.
 */
export function isNoRequest(begun: Buffer, seen = 0): boolean {
  const from = blankBefore(begun);
  if (begun.length > from && !/^[A-Za-z!#$%&'*+.^_`|~-]/.test(begun.toString("latin1", from, from + 1))) return true;
  for (let at = begun.indexOf(LF, Math.max(seen, from)); at >= 0; at = begun.indexOf(LF, at + 1))
    if (begun[at - 1] !== CR) return true;
  return false;
}

/** The target in origin or absolute form; the others are for proxies and for questions that have no answer here. */
const REQUEST_LINE =
  /^([A-Za-z!#$%&'*+.^_`|~-]{1,32}) ((?:\/|[A-Za-z][A-Za-z0-9+.-]*:\/\/)[!-~\x80-\xff]*) HTTP\/1\.([01])$/;
const FIELD = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(.*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not stand there
const NOT_IN_VALUES = /[\x00-\x08\x0a-\x1f\x7f]/;
/** What the fetch standard knows no Request for. */
const NO_METHODS = /^(?:CONNECT|TRACE|TRACK)$/i;

/** Methods whose requests have a body, an empty one if need be. */
const WITH_BODY = /^(?:PUT|POST|PATCH)$/i;

/** Reads a head, given with its empty line, and with one before it if there was one. */
export function parseHead(bytes: Buffer): Head | HeadFault {
  if (bytes.length > HEAD_LIMITS.bytes) return "head-too-large";
  const text = bytes.toString("latin1", blankBefore(bytes), bytes.length - END.length);
  const [requestLine = "", ...lines] = text.split("\r\n");
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
  const length = lengthOf(headers, method);
  if (length === "malformed") return "malformed";
  return {
    method,
    target,
    headers,
    length,
    expectsContinue: isNew && headers.get("expect")?.toLowerCase() === "100-continue",
    // Whoever reads the word anywhere takes what follows for no request: so it is the last one.
    keepAlive: isNew && !/\bclose\b/i.test(headers.get("connection") ?? ""),
  };
}

/** Two lengths were joined by a comma, and so are none. */
function lengthOf(headers: Headers, method: string): Head["length"] | "malformed" {
  const length = headers.get("content-length");
  if (headers.has("transfer-encoding")) return length === null ? "unknown" : "malformed";
  if (length === null) return WITH_BODY.test(method) ? "unknown" : null;
  return /^\d{1,15}$/.test(length) ? Number(length) : "malformed";
}
