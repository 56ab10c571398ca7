// What tells a directory from another one that stands in its place.

import { statSync } from "node:fs";

/** `device:inode` of what has that name now, links followed (stat(2)). @throws Error of the system */
export function placeId(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}
