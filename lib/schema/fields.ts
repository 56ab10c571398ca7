// Kinds of values that more than one configuration has.

import { parseBytes } from "../core/units.ts";
import { type } from "./ark.ts";

/** A size: `"16 GiB"`, or bytes as a whole number. Read with `bytesOf`. */
export const sizeField = type("unknown").narrow(
  (value, ctx): value is string | number =>
    ((typeof value === "string" || typeof value === "number") && bytesOf(value) !== null) ||
    ctx.mustBe('a size such as "16 GiB", or bytes as a whole number'),
);

/** The name of an HTTP header (RFC 9110 §5.6.2). */
export const headerNameField = type("string").narrow(
  (text, ctx) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text) || ctx.mustBe("an HTTP header name"),
);

/** Bytes of a checked size; null when it is none, or when there is no value. */
export function bytesOf(value: string | number | undefined): number | null {
  if (value === undefined) return null;
  if (typeof value === "string") return parseBytes(value);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
