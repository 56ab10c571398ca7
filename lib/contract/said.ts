// Remedies in what came over the wire, as text: the message of a result, and the reason of a group in a queue, say what is the
// case and, where something is known to mend it, `; fix: …` at their end. Such a text alone is read for it: within a program it
// is data (core/finding.ts). Pure.

import { FIX_MARK, type Finding, type Fix, lineFix } from "../core/finding.ts";

/** A field that holds a remedy as the words they are. */
export function readFix(fix: string | null): Fix | null {
  return fix === null ? null : lineFix(fix);
}

/** What a message says, and its remedy as the words they are. */
export function readSaid(message: string): Finding {
  const at = message.indexOf(FIX_MARK);
  if (at < 0) return { what: message, fix: null };
  return { what: message.slice(0, at), fix: lineFix(message.slice(at + FIX_MARK.length)) };
}

/** It says where it is to be run, or names a tool of the collector's. */
const PLACED = /\bon the (?:lab host|collector)\b|\bsudo (?:receiver|fleet-health)\b/;
/** A command of a lab host's own tools, before which no place stands: of one that says where else something is looked up first. */
const HOSTS_OWN = /(?<!on the lab host: )(?=\bsudo (?:shipper|heartbeat)\b)/;
const THERE = "on the lab host: ";

/** What a lab host says mends it, to somebody on the collector: it is done there, unless it says where. */
export function readHostFix(fix: string | null): Fix | null {
  if (fix === null) return null;
  return lineFix(PLACED.test(fix) ? fix.replace(HOSTS_OWN, THERE) : THERE + fix);
}

/** What a lab host says, and its remedy, to somebody on the collector. */
export function readHostSaid(message: string): Finding {
  const { what, fix } = readSaid(message);
  return { what, fix: readHostFix(fix?.text ?? null) };
}
