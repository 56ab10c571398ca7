// What mends each (symptom, cause), told on the collector. Pure.

import { byCommands, type Command, type Fix, here, lineFix, onHost } from "../../core/finding.ts";
import { whatFills } from "../../core/linux/disk-refusal.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import type { ShownQueue } from "../../fleet/queue-view.ts";

const STATUS: Command = onHost("sudo", "shipper", "status");
const RECEIVER_LOG: Command = here("sudo", "journalctl", "-u", "labfleet-receiver", "-n", "50");

/** A host whose heartbeats come, and say what its shipper has. */
export const SHIPPER_STATUS: Fix = byCommands(STATUS);

/** By the reason of a refusal: where it is the collector's fault, so is the remedy. */
const REFUSED: Readonly<Record<string, Fix>> = {
  "commit-not-accepted": {
    text: "accept its commit in accepted_commits_file, or update the host; it says which",
    commands: [STATUS],
  },
  "missing-commit": { text: "give it the stamp of its code", commands: [STATUS] },
  "disk-full": { text: "make room on this collector's disk", commands: [here("sudo", "receiver", "status")] },
  "storage-failed": { text: "see what this collector's disk has", commands: [here("sudo", "receiver", "status")] },
  internal: { text: "see this receiver's log", commands: [RECEIVER_LOG] },
};

/** @param reason of most of the refusals; null: not known */
export function refusedFix(reason: string | null): Fix {
  const known = reason !== null && Object.hasOwn(REFUSED, reason) ? REFUSED[reason] : undefined;
  return known ?? SHIPPER_STATUS;
}

/** A host that ships nothing and does not say why. */
export function silentFix(host: string): Fix {
  return {
    text: `see on ${host} why; if it ships less often than that, set silent_after in [fleet_health.hosts.${host}]`,
    commands: [STATUS],
  };
}

/** Why no heartbeat comes. */
export const HEARTBEAT_STATUS: Fix = byCommands(onHost("sudo", "heartbeat", "status"));

/** A host that nothing comes from any more. */
export function downFix(host: string): Fix {
  return { text: `switch ${host} on, or see what keeps it`, commands: HEARTBEAT_STATUS.commands };
}

/** A file system of a host. Where its shipper keeps nothing that it may give up, something else fills it. */
export function diskFix(queue: ShownQueue | null, mountPoint: string): Fix {
  if ((queue?.quarantined_bytes ?? 0) > 0) return keptFix(queue);
  return lineFix(`make room on the lab host; this shows there what fills it: ${whatFills(mountPoint, "bytes")}`);
}

/** What a host keeps that was refused, and may give up: the command lists the reasons, and how to give up what each has. */
export function keptFix(queue: ShownQueue | null): Fix {
  const bytes = queue?.quarantined_bytes ?? 0;
  if (bytes === 0) return SHIPPER_STATUS;
  return {
    text: `what mends each that was refused, and what gives them up and frees ${formatBytes(bytes)}, is shown by`,
    commands: [STATUS],
  };
}
