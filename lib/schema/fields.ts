// Kinds of values that more than one configuration has.

import { parseBytes, parseSeconds } from "../core/text/quantity.ts";
import { type } from "./ark.ts";
import { commitHeaderFault } from "./header-name.ts";

/** A size: `"16 GiB"`, or bytes as a whole number. Read with `bytesOf`. */
export const sizeField = type("unknown").narrow(
  (value, ctx): value is string | number =>
    ((typeof value === "string" || typeof value === "number") && bytesOf(value) !== null) ||
    ctx.mustBe('a size such as "16 GiB", or bytes as a whole number'),
);

/** Such a size that is at least one KiB: with less nothing would go through. */
export const largeSizeField = type("unknown").narrow(
  (value, ctx): value is string | number =>
    ((typeof value === "string" || typeof value === "number") && (bytesOf(value) ?? 0) >= 1024) ||
    ctx.mustBe('a size of 1 KiB or more such as "16 GiB", or bytes as a whole number'),
);

/** A duration: `"26h"`, `"14d"`, `"1h 30min"`. Read with `parseSeconds`. */
export const durationField = type("string").narrow(
  (text, ctx) => parseSeconds(text) !== null || ctx.mustBe('a duration such as "26h", "90min" or "14d"'),
);

/** The name of the header that carries a commit. */
export const commitHeaderField = type("string").narrow((text, ctx) => {
  const fault = commitHeaderFault(text);
  return fault === null || ctx.mustBe(fault);
});

/** Bytes of a checked size; null when it is none, or when there is no value. */
export function bytesOf(value: string | number | undefined): number | null {
  if (value === undefined) return null;
  if (typeof value === "string") return parseBytes(value);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
