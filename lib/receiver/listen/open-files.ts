// How many files this process may have open.

import { readFileSync } from "node:fs";

/** The soft limit of descriptors (getrlimit(2)); 1024, what most systems begin with, where it cannot be read. */
export function openFilesLimit(): number {
  try {
    const soft = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft ?? 1024);
  } catch {
    return 1024;
  }
}
