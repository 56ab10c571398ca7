// Why something could not be written, with what mends it: for the service, and for a person at a prompt.

import type { Finding } from "../core/finding.ts";
import { whyDiskRefuses } from "../os/files/disk-refusal.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { ownService } from "../os/process/own-unit.ts";

/**
 * @param what could not be done
 * @param dir where it should stand
 * @param code the errno that was met
 */
export function whyNotWritten(what: string, dir: string, code: string): Finding {
  const refused = whyDiskRefuses(dir, code);
  // To a person who is no user of the service the files are not given; root does the same once more.
  const isByHand = ownService() === null && (code === "EACCES" || code === "EPERM");
  return { what: `${what}: ${refused.what}`, fix: isByHand ? refusedFix(code) : refused.fix };
}
