// Whether a release is newer than the one that runs: whoever serves releases must not be able to bring back an old one. Pure.

import type { Release } from "../../contract/release.ts";
import { inWords } from "../../core/finding.ts";
import { type Row, row } from "./row.ts";

const ID = "age";
const NEWER = inWords("take the newest one");

/** @param runs what runs here now; null: nothing, or it was installed by hand */
export function checkAge(
  { version, serial, expires }: Pick<Release, "version" | "serial" | "expires">,
  runs: Pick<Release, "serial" | "min_serial"> | null,
  nowMs: number,
): Row {
  if (runs !== null && serial < runs.min_serial)
    return row(
      ID,
      "fail",
      `no way leads back to serial ${serial}: what runs here takes none below ${runs.min_serial}`,
      NEWER,
    );
  if (runs !== null && serial < runs.serial)
    return row(ID, "fail", `it is older than what runs here: serial ${serial}, and ${runs.serial}`, NEWER);
  if (Date.parse(expires) < nowMs)
    return row(ID, "warn", `release ${version} has expired (${expires}): a newer one may have been held back`, NEWER);
  return row(ID, "ok", `release ${version} is of serial ${serial}, and valid until ${expires}`);
}
