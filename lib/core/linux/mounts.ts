// Which mount a path lies on, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Pure.

export interface MountOf {
  /** Where it is mounted. */
  point: string;
  /** Where it hangs once what a sandbox does is left out of account: that binds single directories onto themselves. */
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
  /** Where each tree on the way is mounted furthest above. */
  const highest = new Map<string, string>();
  for (const line of text.split("\n")) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const [left = "", right = ""] = line.split(" - ", 2);
    const [, , device = "", root = "", rawPoint, options = ""] = left.split(" ");
    const superOptions = right.split(" ")[2] ?? "";
    if (rawPoint === undefined) continue;
    const point = plainPath(rawPoint);
    if (!isBelow(path, point)) continue;
    const tree = treeOf(device, plainPath(root), point);
    if (point.length < (highest.get(tree)?.length ?? Number.POSITIVE_INFINITY)) highest.set(tree, point);
    if (point.length < (found?.point.length ?? 0)) continue;
    found = {
      point,
      diskPoint: highest.get(tree) ?? point,
      isReadOnly: has(options, "ro"),
      isDiskReadOnly: has(superOptions, "ro"),
      isStopped: has(superOptions, "emergency_ro"),
    };
  }
  return found;
}

/** One name for all mounts that show the same files under the same paths: `/run` of a disk at `/data/run` is its `/` at `/data`. */
function treeOf(device: string, root: string, point: string): string {
  const inDisk = root.split("/").filter((part) => part !== "");
  const here = point.split("/").filter((part) => part !== "");
  while (inDisk.length > 0 && inDisk.at(-1) === here.at(-1)) {
    inDisk.pop();
    here.pop();
  }
  return [device, inDisk.join("/"), here.join("/")].join("\0");
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
