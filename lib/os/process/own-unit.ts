// Which of the system's services a process is, asked of the kernel: for remedies, which name it.

import { parseCgroup } from "../../core/linux/cgroup.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readParsed } from "./proc.ts";

/** The system's service that started us, or null. */
export function ownService(): string | null {
  return (process.env.INVOCATION_ID ?? "") === "" ? null : serviceOf("self");
}

/** The same, but only one of our own: what cron or a login's service has started is not started again with them. */
export function ownUnit(): string | null {
  return ours(ownService());
}

/** The unit of ours that another process belongs to, or null. @param root where `proc/` is */
export function unitOf(pid: number, root = "/"): string | null {
  return ours(serviceOf(pid, root));
}

function serviceOf(pid: number | "self", root = "/"): string | null {
  const place = readParsed(root, `proc/${pid}/cgroup`, parseCgroup);
  if (isUnreadable(place) || place.scope !== "system") return null;
  return /^[A-Za-z0-9:_.@-]+\.service$/.exec(place.unit ?? "")?.[0] ?? null;
}

function ours(service: string | null): string | null {
  return service?.startsWith("labfleet-") === true ? service.replace(/\.service$/, "") : null;
}
