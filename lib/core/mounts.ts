// Which mount a path lies on, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Pure.

export interface MountOf {
  /** Where it is mounted. */
  point: string;
  /** Where the same file system is mounted furthest above: a sandbox binds single directories of it onto themselves. */
  diskPoint: string;
  /** The mount lets nobody write, as a sandbox's do. */
  isReadOnly: boolean;
  /** The file system itself lets nobody write, however it is mounted. */
  isDiskReadOnly: boolean;
  /** The kernel stopped writing to it after an error: newer kernels say so, and no remount mends it. */
  isStopped: boolean;
}

/**
 * The mount that an absolute path without links lies on; null when the text has none.
 * @param text of mountinfo; a line further down hides those above it on the same directory
 */
export function mountOf(text: string, path: string): MountOf | null {
  let found: MountOf | null = null;
  let device = "";
  /** By its device, where each file system on the way is mounted furthest above. */
  const highest = new Map<string, string>();
  for (const line of text.split("\n")) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const [left = "", right = ""] = line.split(" - ", 2);
    const [, , at = "", , rawPoint, options = ""] = left.split(" ");
    const superOptions = right.split(" ")[2] ?? "";
    if (rawPoint === undefined) continue;
    const point = plainPath(rawPoint);
    if (!isBelow(path, point)) continue;
    if (point.length < (highest.get(at)?.length ?? Number.POSITIVE_INFINITY)) highest.set(at, point);
    if (point.length < (found?.point.length ?? 0)) continue;
    device = at;
    found = {
      point,
      diskPoint: point,
      isReadOnly: has(options, "ro"),
      isDiskReadOnly: has(superOptions, "ro"),
      isStopped: has(superOptions, "emergency_ro"),
    };
  }
  return found === null ? null : { ...found, diskPoint: highest.get(device) ?? found.point };
}

function isBelow(path: string, point: string): boolean {
  return point === "/" || path === point || path.startsWith(`${point}/`);
}

function has(options: string, name: string): boolean {
  return options.split(",").includes(name);
}

/** The kernel writes blanks, tabs, line breaks and backslashes as three octal digits. */
function plainPath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
