// Attempts of our receiver, counted as the access lines and warnings of the Python one: what that would have logged of the same PUTs.
// Pure.

import type { AttemptRow } from "../../contract/attempt-row.ts";
import { addStatus, type Facts, factsOf } from "./alerts.ts";

/** Takes one. A client that went away got no answer, so that there is no access line of it. */
export function addAttempt(facts: Facts, { host_id, status, reason, what }: AttemptRow): void {
  if (what === "heartbeat" || reason === "client-gone") return;
  if (reason === "missing-commit") factsOf(facts, host_id).unstamped += 1;
  addStatus(facts, host_id, status);
}
