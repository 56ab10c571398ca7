// hosts.json in the collector's data root: which hosts have a token, and whose upload is under way. The receiver writes it each minute;
// the health check reads it, which may read neither tokens nor uploads. Pure. Times are ISO 8601 in UTC, by the collector's clock.

import { type ChecksOf, hasFields, isText, listOf, orNull, parseShaped } from "../core/text/shape.ts";

export interface KnownHost {
  host: string;
  /** Since when it has a token, as far back as that was noted; null: it has none. */
  token_since: string | null;
  /** When bytes of an upload that is under way were last written; null: none is. */
  moved_at: string | null;
}

export interface KnownHosts {
  at: string;
  /** Whose store this is, and whom it succeeds; null: it could not be told. */
  store: { id: string; succeeds: readonly string[] } | null;
  hosts: readonly KnownHost[];
}

export const NO_KNOWN_HOSTS: KnownHosts = { at: "", store: null, hosts: [] };

const hasShape = hasFields({
  at: isText,
  store: orNull(hasFields({ id: isText, succeeds: listOf(isText) } satisfies ChecksOf<KnownHosts["store"] & object>)),
  hosts: listOf(
    hasFields({ host: isText, token_since: orNull(isText), moved_at: orNull(isText) } satisfies ChecksOf<KnownHost>),
  ),
} satisfies ChecksOf<KnownHosts>);

/** Its text. */
export function formatKnownHosts(known: KnownHosts): string {
  return `${JSON.stringify(known)}\n`;
}

/** Reads it; null when it is none, such as one of another release. */
export function parseKnownHosts(text: string): KnownHosts | null {
  return parseShaped(text, (value): value is KnownHosts => hasShape(value));
}
