// Property: whatever bytes come, in whatever pieces, a connection serves what one strict reader finds in them from the front,
// and no more. The reader here knows nothing of the one in lib: it goes byte by byte through the rules of RFC 9112.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { serveBytes } from "./support.ts";

interface Served {
  method: string;
  target: string;
  body: string;
}

/** What a connection serves of these bytes, each body read whole, and the statuses of its answers. */
async function serve(pieces: Buffer[]): Promise<{ served: Served[]; statuses: string[] }> {
  const served: Served[] = [];
  const { statuses } = await serveBytes(pieces, {
    fetch: async ({ method }, { target, body }) => {
      let text = "";
      for (;;) {
        const chunk = await body.read();
        if (chunk === "end") break;
        if (typeof chunk === "string") return new Response(null, { status: 499 });
        text += Buffer.from(chunk).toString("latin1");
      }
      served.push({ method, target, body: text });
      return new Response("ok");
    },
  });
  return { served, statuses };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const KNOWN = new Set(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]);

/** The requests of a stream up to the first byte that two readers could take for two things. */
function strictly(text: string): Served[] {
  const found: Served[] = [];
  let at = 0;
  for (;;) {
    if (text.startsWith("\r\n", at)) at += 2;
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) return found;
    const [first = "", ...fields] = text.slice(at, end).split("\r\n");
    const [method = "", target = "", version = "", ...more] = first.split(" ");
    if (more.length > 0 || !TOKEN.test(method) || !/^HTTP\/1\.[01]$/.test(version)) return found;
    const values = new Map<string, string[]>();
    for (const field of fields) {
      const colon = field.indexOf(":");
      const name = field.slice(0, colon).toLowerCase();
      if (colon < 1 || !TOKEN.test(name) || /[\0\r\n]/.test(field)) return found;
      values.set(name, [...(values.get(name) ?? []), field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")]);
    }
    const lengths = values.get("content-length");
    const isFramed = !values.has("transfer-encoding") && (lengths === undefined || /^\d+$/.test(lengths.join()));
    const hosts = values.get("host")?.length ?? 0;
    if (hosts > 1 || (hosts === 0 && version === "HTTP/1.1") || (lengths ?? []).length > 1) return found;
    const length = isFramed ? Number(lengths ?? 0) : 0;
    const from = end + 4;
    // Of a request whose end nobody knows the body is never read: it may be answered, and is the last one.
    const known = KNOWN.has(method) ? method : "OPTIONS";
    if (!isFramed)
      return /^\d+$/.test(lengths?.join() ?? "0") ? [...found, { method: known, target, body: "?" }] : found;
    if (from + length > text.length) return found;
    found.push({ method: known, target, body: text.slice(from, from + length) });
    if (version === "HTTP/1.0" || /\bclose\b/i.test(values.get("connection")?.join() ?? "")) return found;
    if (lengths === undefined && /^(PUT|POST|PATCH)$/i.test(method)) return found;
    at = from + length;
  }
}

const INNER = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n";
const some = (...texts: string[]) => fc.constantFrom(...texts);
const field = fc.oneof(
  { weight: 4, arbitrary: some("Content-Length: 5", "Content-Length: 0", `Content-Length: ${INNER.length}`) },
  {
    weight: 2,
    arbitrary: some("Transfer-Encoding: chunked", "transfer-encoding: identity", "Transfer-Encoding:\tgzip, chunked"),
  },
  some(
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 0x5",
    "Content-Length: 05",
    "Content-Length: ",
    "Content-Length: 5 ",
  ),
  some("Content-Length : 5", "Content-Length\t: 5", " Content-Length: 5", "Content-Length:5", "Content_Length: 5"),
  some("Content-Length: 9007199254740993", "Content-Length: 18446744073709551621", "Content-Length: 4294967301"),
  some(
    "Connection: close",
    "Connection: keep-alive",
    "Expect: 100-continue",
    "Host: y",
    "X: a\rb",
    "X: a\nb",
    "X: a\0b",
    "X",
    ": b",
  ),
);
const line = fc.tuple(
  some("GET", "PUT", "POST", "HEAD", "get", "BREW", "G\0ET", ""),
  some("/a", "/a", "http://x/a", "*", "/a b", "/a\r", "x:80"),
  some("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.10", "http/1.1"),
);
const body = some(
  "",
  "hello",
  INNER,
  `0\r\n\r\n${INNER}`,
  "5\r\nhello\r\n0\r\n\r\n",
  `\r\n${INNER}`,
  `\n${INNER}`,
  `hello${INNER}`,
);
const request = fc
  .tuple(line, fc.boolean(), fc.array(field, { maxLength: 3 }), body)
  .map(([first, hasHost, fields, sent]) =>
    [first.join(" "), ...(hasHost ? ["Host: x"] : []), ...fields, "", sent].join("\r\n"),
  );
const stream = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    fc.option(fc.tuple(fc.nat(), some("\r", "\n", " ", "\0", ":", "", "\r\n"))),
  )
  .map(([requests, change]) => {
    const text = requests.join("") + INNER;
    const at = change === null ? 0 : change[0] % text.length;
    return change === null ? text : text.slice(0, at) + change[1] + text.slice(at + (change[1] === "" ? 1 : 0));
  });

const bodyless = ({ method, target }: Served) => ({ method, target });

test("what is served is what a strict reader finds, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(), { maxLength: 4 }), async (text, cuts) => {
      const bytes = Buffer.from(text, "latin1");
      const whole = await serve([bytes]);
      const at = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
      const pieces = [0, ...at]
        .map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
        .filter(({ length }) => length > 0);
      expect(await serve(pieces)).toEqual(whole);
      const read = strictly(text);
      expect(whole.served.map(bodyless)).toEqual(read.slice(0, whole.served.length).map(bodyless));
      for (const [i, { body: got }] of whole.served.entries()) expect(read[i]?.body).toBe(got);
    }),
    { numRuns: 1500 },
  );
}, 120_000);

test("a request is the same in pieces of one byte each, with an empty line before it", async () => {
  const text = `\r\nPUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\r\n${INNER}`;
  const expected = await serve([Buffer.from(text)]);
  expect(expected.served.map(({ target }) => target)).toEqual(["/a", "/inner"]);
  expect(await serve([...Buffer.from(text)].map((byte) => Buffer.from([byte])))).toEqual(expected);
});
