// What a person reads of a finding, of a log's message or of a fix: tests compare texts.

import { type Finding, type Fix, findingText, fixText, type Place } from "../../lib/core/finding.ts";

type Sayable = string | Finding | Fix | null | undefined;

/** The text, with the places of commands as somebody on `reader` sees them; null for null and for what is not there. */
export function inText<T extends Sayable>(
  value: T,
  reader: Place = "host",
): T extends null | undefined ? null : string {
  return textOf(value, reader) as T extends null | undefined ? null : string;
}

function textOf(value: Sayable, reader: Place): string | null {
  if (value === null || value === undefined || typeof value === "string") return value ?? null;
  return "what" in value ? findingText(value, reader) : fixText(value, reader);
}
