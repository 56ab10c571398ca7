// A body of JSON, taken whole: read to its end, parsed, and what a schema finds wrong with it in words. The schemas
// themselves are in each wire.ts.

import { quoted } from "../../core/text/fields.ts";
import { decideLength, endedEarly, type Refusal, refuse } from "../decide.ts";
import type { UploadBody } from "../http/body.ts";

/** Problems that an answer names; a body may have thousands. */
const SHOWN = 3;

/**
 * Reads a body of a declared length, which was found to be small enough to be held.
 * @param took called with the size of each part that came
 */
export async function readWhole(
  body: UploadBody,
  expected: number,
  took: (bytes: number) => void = () => undefined,
): Promise<Uint8Array | Refusal> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = await body.read();
    if (typeof chunk === "string") {
      if (chunk !== "end") return endedEarly(chunk);
      return bytes === expected ? Buffer.concat(chunks) : endedEarly("gone");
    }
    bytes += chunk.length;
    took(chunk.length);
    if (bytes > expected) return refuse("malformed", "the body is longer than its Content-Length");
    chunks.push(chunk);
  }
}

/**
 * Reads a small body and parses it.
 * @param what has such a body, in words
 */
export async function readJson(
  header: (name: string) => string | null,
  body: UploadBody,
  maxBytes: number,
  what: string,
): Promise<{ kind: "json"; value: unknown } | Refusal> {
  const length = decideLength({
    contentLength: header("Content-Length"),
    transferEncoding: header("Transfer-Encoding"),
  });
  if (typeof length !== "string") return length;
  // No `too-large`: that would be said of an episode.
  if (!/^\d{1,15}$/.test(length) || Number(length) > maxBytes)
    return refuse("malformed", `the body of ${what} has at most ${maxBytes} bytes`);
  const bytes = await readWhole(body, Number(length));
  return bytes instanceof Uint8Array ? parseJson(bytes) : bytes;
}

/** Parses a body. */
export function parseJson(bytes: Uint8Array): { kind: "json"; value: unknown } | Refusal {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("malformed", "the body is not UTF-8");
  }
  try {
    return { kind: "json", value: JSON.parse(text) };
  } catch {
    return refuse("malformed", `the body is not JSON, found ${shorten(text)}`);
  }
}

/** What a schema says of one value. */
export interface Found {
  path: Iterable<PropertyKey>;
  code: string;
  expected: string;
  data: unknown;
}

/** Path, rule and value of the first problems, in one sentence. */
export function problems(errors: readonly Found[]): string {
  const shown = errors.slice(0, SHOWN).map((error) => {
    const path = pathText([...error.path]);
    // Of a union arktype's `expected` may be a whole sentence, path and value in it.
    const expected = oneLine(error.expected.replace(`${path} must be `, "").replace(/ \(was .*\)$/s, ""));
    return `${path} must be ${expected}, found ${error.code === "required" ? "none" : shorten(error.data)}`;
  });
  const more = errors.length > SHOWN ? `; and ${errors.length - SHOWN} more` : "";
  return shown.join("; ") + more;
}

/** Of a value that breaks two rules arktype makes a list with a line for each. */
function oneLine(expected: string): string {
  const rules = expected.split("\n").map((line) => line.replace(/^\s*◦/, "").trim());
  return rules.filter((rule) => rule !== "").join(" and ");
}

/** `results[3].perfdata[0].value`; what is no plain key stands in quotes. */
function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the body";
  return path
    .map((key) =>
      typeof key === "number"
        ? `[${key}]`
        : /^\w+$/.test(String(key))
          ? `.${String(key)}`
          : `[${quoted(String(key)).slice(0, 80)}]`,
    )
    .join("")
    .replace(/^\./, "");
}

/** A value as a sentence may quote it. */
export function shorten(value: unknown): string {
  if (typeof value === "string") return quoted(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
