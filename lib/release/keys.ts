// Whose releases are taken: the keys that stand in the source (`bun run release keygen` writes them there).

import { type PublicKey, parsePublicKey } from "../contract/minisign.ts";
import keys from "../contract/release-keys.json" with { type: "json" };

/** Those that this build knows: of releases, and the one that counts when that is lost. None before there are any. */
export function releaseKeys(): PublicKey[] {
  return [keys.release, keys.recovery].flatMap((text: string | null) =>
    text === null ? [] : (parsePublicKey(text) ?? []),
  );
}
