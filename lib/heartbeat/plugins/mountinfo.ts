// Which mounts are real filesystems, and which of them should be writable and are not: from the texts of
// /proc/self/mountinfo and /etc/fstab (proc_pid_mountinfo(5), fstab(5)). Pure.

export interface Mount {
  /** `major:minor`: the same for all places where one filesystem is mounted. */
  device: string;
  /** The directory of the filesystem that is mounted there; `/` for the whole. */
  root: string;
  mountPoint: string;
  type: string;
  source: string;
  /** Of the filesystem itself: a sandbox may see a writable one through a read-only mount. */
  superOptions: readonly string[];
}

/** Images: always full, never writable. */
const IMAGES = new Set(["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"]);
/** Elsewhere: its server may not answer, and whoever asks hangs. */
const REMOTE = /^(nfs4?|cifs|smb3|smbfs|ceph|9p|afs|glusterfs|fuse\.(sshfs|glusterfs|rclone|s3fs|ceph.*|davfs.*))$/;
/** On disks, though their source is no path. */
const WITHOUT_DEVICE = new Set(["zfs", "ubifs", "jffs2", "bcachefs", "virtiofs"]);

/** Lines that do not fit are left out. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const [left = "", right = ""] = line.split(" - ", 2);
    const [, , device = "", root = "", mountPoint = ""] = left.split(" ");
    const [type = "", source = "", options = ""] = right.split(" ");
    if (mountPoint === "" || type === "") return [];
    const names = { root: plainPath(root), mountPoint: plainPath(mountPoint), source: plainPath(source) };
    return [{ device, type, ...names, superOptions: options.split(",") }];
  });
}

/** The kernel writes blanks, tabs, line breaks and backslashes as three octal digits. */
function plainPath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

export function isRemote(mount: Mount): boolean {
  return REMOTE.test(mount.type);
}

/** Whether it holds data on a disk or elsewhere; the overlay at `/` is the disk of a container. */
function isReal(mount: Mount): boolean {
  if (IMAGES.has(mount.type)) return false;
  if (isRemote(mount) || WITHOUT_DEVICE.has(mount.type)) return true;
  return mount.type === "overlay" ? mount.mountPoint === "/" : mount.source.startsWith("/dev/");
}

/** Each real filesystem once: where the whole of it is mounted, and of those the shortest path; by path. */
export function realMounts(mounts: readonly Mount[]): Mount[] {
  const best = new Map<string, Mount>();
  // What is mounted later on the same directory hides what was there.
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]));
  for (const mount of visible.values()) {
    const before = best.get(mount.device);
    if (isReal(mount) && (before === undefined || isBetter(mount, before))) best.set(mount.device, mount);
  }
  return [...best.values()].sort((a, b) => (a.mountPoint < b.mountPoint ? -1 : 1));
}

function isBetter(a: Mount, b: Mount): boolean {
  if ((a.root === "/") !== (b.root === "/")) return a.root === "/";
  return a.mountPoint.length < b.mountPoint.length;
}

/** Directories that fstab says to mount read-only, and those that it does not. */
export function parseFstab(text: string): Map<string, "ro" | "rw"> {
  const found = new Map<string, "ro" | "rw">();
  for (const line of text.split("\n")) {
    const [source = "", mountPoint = "", , options = ""] = line.trim().split(/\s+/);
    if (source === "" || source.startsWith("#") || mountPoint === "") continue;
    found.set(plainPath(mountPoint), options.split(",").includes("ro") ? "ro" : "rw");
  }
  return found;
}

/**
 * Why a filesystem should be writable though it is not; null when it is writable or was never meant to be.
 * @param wanted what fstab says, if anything
 * @param wasWritable an earlier look found it writable
 */
export function lostWriting(mount: Mount, wanted: "ro" | "rw" | undefined, wasWritable: boolean): string | null {
  const { superOptions } = mount;
  // Since Linux 6.13 ext4 leaves "rw" there, and says it so.
  if (superOptions.includes("emergency_ro")) return "the kernel stopped writing to it after an error";
  if (superOptions.includes("shutdown")) return "the kernel shut it down after an error";
  if (!superOptions.includes("ro")) return null;
  if (wasWritable) return "it was writable before: the kernel or somebody remounted it";
  if (wanted === "rw") return "fstab mounts it read-write: the kernel or somebody remounted it";
  return null;
}
