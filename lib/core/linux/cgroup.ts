// Where a process stands in systemd's tree, from the text of /proc/<pid>/cgroup (cgroups(7)). Pure.

export interface CgroupPlace {
  /** The cgroup v2 path, such as `/system.slice/labfleet-shipper.service`. */
  path: string;
  /** The service or scope that owns it, in its manager's words, or null. */
  unit: string | null;
  /** Which manager runs that unit: the system's, or a user's (`user@1000.service`). */
  scope: "system" | "user" | null;
}

/**
 * Reads the `0::` line: on hybrid hosts the lines of version 1 come first and name other trees.
 * @returns null without such a line
 */
export function parseCgroup(text: string): CgroupPlace | null {
  const path = /^0::(.*)$/m.exec(text)?.[1];
  if (path === undefined) return null;
  const names = path.split("/");
  const manager = names.findIndex((name) => /^user@\d+\.service$/.test(name));
  // Below a user's manager its own units follow; the manager itself is a unit of the system.
  const below = names.slice(manager + 1).filter(isUnit);
  const unit = below[0] ?? (manager >= 0 ? names[manager] : undefined);
  if (unit === undefined) return { path, unit: null, scope: null };
  return { path, unit, scope: below.length > 0 && manager >= 0 ? "user" : "system" };
}

/** Delegated sub-groups below the first such name belong to it. */
function isUnit(name: string): boolean {
  return /\.(service|scope)$/.test(name);
}
