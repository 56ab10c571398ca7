// Throwaway hosts with a real systemd for bun:test, over host.sh: boot one, run commands in it, wait for conditions.
// Every host ends with its "await using" block; should the test process die first, a guard process ends them instead.

import { existsSync, lstatSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HOST_SH = join(import.meta.dir, "host.sh");
const ENTER_SH = join(import.meta.dir, "enter.sh");
const POLL_MS = 50;
const BOOT_MS = 60_000;

export interface ExecOptions {
  stdin?: string | Uint8Array | Blob;
  timeoutMs?: number;
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface HostOptions {
  /** "/source:/destination" pairs of absolute paths, read-only in the host. */
  bind?: string[];
  /** Further options for systemd-nspawn, such as "--bind=/source:/destination" for a writable one. */
  nspawn?: string[];
}

export interface Host extends AsyncDisposable {
  readonly name: string;
  readonly ip: string;
  /** Runs a command as root in the host. Only a timeout (default 30 s) throws; a failing command is a result. */
  exec(cmd: string[], options?: ExecOptions): Promise<ExecResult>;
  /** Like exec, but throws unless the command exits with 0; gives its stdout. */
  run(cmd: string[], options?: ExecOptions): Promise<string>;
  write(path: string, text: string, mode?: number): Promise<void>;
  copyIn(localFile: string, path: string, mode?: number): Promise<void>;
  /** Polls until the condition holds; a condition that throws does not hold yet. */
  waitFor(description: string, condition: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
  /** All journal lines of a unit, of all boots. */
  journal(unit: string): Promise<string>;
  show(unit: string, property: string): Promise<string>;
  /** Boots again from the same disk; with force as after a power failure. */
  reboot(options?: { force?: boolean }): Promise<void>;
}

interface Lab {
  dir: string;
  guard: Bun.Subprocess<"pipe", "ignore", "ignore">;
  hosts: number;
}

let lab: Lab | undefined;
let missing: { reason: string | null } | undefined;

/** null when hosts can boot here, else one sentence saying what is missing. */
export function systemdBedMissing(): string | null {
  missing ??= { reason: findMissing() };
  return missing.reason;
}

function findMissing(): string | null {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
  const tools = "bash systemd-nspawn dbus-daemon ip unshare nsenter setsid flock pgrep pkill awk".split(" ");
  const absent = tools.filter((tool) => Bun.which(tool, { PATH }) === null);
  if (absent.length > 0) return `needs ${absent.join(", ")} (see tests/systemd/install-packages.sh)`;
  if (!lstatSync("/bin").isSymbolicLink()) return "needs a merged /usr";
  if (!existsSync("/lib/systemd/systemd")) return "needs systemd (see tests/systemd/install-packages.sh)";
  // What a container or a small kernel may refuse is best asked by doing it, where it leaves nothing behind.
  const script = `
    cgroup=$(awk '$3 ~ /^cgroup/ { print $2; exit }' /proc/self/mounts)/labfleet-probe-$0
    mkdir "$cgroup"; rmdir "$cgroup"
    mount -t tmpfs tmpfs /run; cd /run; mkdir up work usr
    mount -t overlay -o lowerdir=/usr,upperdir=up,workdir=work overlay usr
    ip link add br0 type bridge; ip link add host0 type veth peer name port`;
  const cmd = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-ec", script, String(process.pid)];
  const probe = Bun.spawnSync(cmd, { env: { ...process.env, PATH }, stdin: "ignore" });
  if (probe.exitCode === 0) return null;
  const [why = ""] = probe.stderr.toString().split("\n");
  return `needs cgroups, namespaces, overlayfs, bridge and veth: ${why}`;
}

/** The directory with the state of all hosts that are up, for a look at what went wrong; null without a host. */
export function labDirectory(): string | null {
  return lab?.dir ?? null;
}

/** The command line that runs cmd on this machine, but on the lab network, where "runner" is this side's name. */
export function onLabNet(cmd: string[]): string[] {
  if (lab === undefined) throw new Error("no host is up, so there is no lab network");
  return ["bash", HOST_SH, "-s", lab.dir, "net", ...cmd];
}

export async function bootHost(name: string, options: HostOptions = {}): Promise<Host> {
  lab ??= openLab();
  const mine = lab;
  mine.hosts += 1;
  try {
    const binds = (options.bind ?? []).map((pair) => `--bind-ro=${pair}`);
    const up = await hostSh(mine.dir, ["up", name, ...binds, ...(options.nspawn ?? [])], { timeoutMs: BOOT_MS });
    const [, state = "", ip = ""] = up.stdout.trim().split(" ");
    if (up.code !== 0) throw new Error(`${name} did not boot: ${up.stderr}`);
    if (state !== "running") console.warn(`${name} is ${state}: see "systemctl --failed" in it`);
    return new BedHost(mine, name, ip);
  } catch (error) {
    await leaveLab(mine);
    throw error;
  }
}

function openLab(): Lab {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-bed-"));
  // The guard's stdin ends when this process does, however it ends. setsid: Ctrl-C must not reach the guard.
  const script = `trap "" INT TERM HUP; cat; bash "$0" -s "$1" down -a; rm -rf --one-file-system "$1"`;
  const guard = Bun.spawn(["setsid", "bash", "-c", script, HOST_SH, dir], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  guard.unref();
  return { dir, guard, hosts: 0 };
}

async function leaveLab(mine: Lab): Promise<void> {
  mine.hosts -= 1;
  if (mine.hosts > 0) return;
  lab = undefined;
  await mine.guard.stdin.end();
  await mine.guard.exited;
}

function hostSh(dir: string, args: string[], options: ExecOptions = {}): Promise<ExecResult> {
  return ended(["bash", HOST_SH, "-s", dir, ...args], args, options);
}

/** @param what it is called should it not end */
async function ended(
  cmd: string[],
  what: string[],
  { stdin, timeoutMs = 30_000 }: ExecOptions = {},
): Promise<ExecResult> {
  const proc = Bun.spawn(cmd, {
    stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
    detached: true, // a process group of its own, so that a timeout can end the command with all its children
  });
  const result = Promise.all([proc.exited, proc.stdout.text(), proc.stderr.text()]);
  try {
    const [code, stdout, stderr] = await within(timeoutMs, result);
    return { code, stdout, stderr };
  } catch (error) {
    if (proc.exitCode === null) process.kill(-proc.pid, "SIGKILL");
    throw new Error(`no end after ${timeoutMs} ms: ${what.join(" ")}`, { cause: error });
  }
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`took more than ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

class BedHost implements Host {
  readonly #lab: Lab;
  #up = true;

  constructor(
    lab: Lab,
    readonly name: string,
    readonly ip: string,
  ) {
    this.#lab = lab;
  }

  exec(cmd: string[], options?: ExecOptions): Promise<ExecResult> {
    return ended(["sh", ENTER_SH, this.#lab.dir, this.name, ...cmd], ["exec", this.name, ...cmd], options);
  }

  async run(cmd: string[], options?: ExecOptions): Promise<string> {
    const { code, stdout, stderr } = await this.exec(cmd, options);
    if (code !== 0) throw new Error(`${this.name}: "${cmd.join(" ")}" exited with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  write(path: string, text: string, mode = 0o644): Promise<void> {
    return this.#put(path, text, mode);
  }

  copyIn(localFile: string, path: string, mode = 0o644): Promise<void> {
    return this.#put(path, Bun.file(localFile), mode);
  }

  async #put(path: string, content: string | Blob, mode: number): Promise<void> {
    // By rename, so that no one inside ever reads half a file, and a running program can be replaced.
    const script = `mkdir -p "$(dirname "$1")" && cat >"$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1"`;
    await this.run(["sh", "-c", script, "put", path, mode.toString(8)], { stdin: content });
  }

  /** Looks until it is so. The limit is for a machine on which everything takes its time, not for what is waited for. */
  async waitFor(description: string, condition: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let why: unknown = "";
    for (let left = timeoutMs; left > 0; left = deadline - performance.now()) {
      try {
        if (await within(left, condition())) return;
        why = "";
      } catch (error) {
        why = error;
      }
      await Bun.sleep(POLL_MS);
    }
    const journal = await this.run(["journalctl", "--no-pager", "--lines=40"]).catch(String);
    throw new Error(`${this.name}: not within ${timeoutMs} ms: ${description} ${why}\n${journal}`);
  }

  journal(unit: string): Promise<string> {
    // --sync: what was logged before this call is to be seen by it.
    return this.run(["sh", "-c", `journalctl --sync; journalctl --quiet --no-pager --unit="$1"`, "journal", unit]);
  }

  async show(unit: string, property: string): Promise<string> {
    return (await this.run(["systemctl", "show", "--value", `--property=${property}`, unit])).trimEnd();
  }

  async reboot(options: { force?: boolean } = {}): Promise<void> {
    const args = options.force === true ? ["-f", this.name] : [this.name];
    const { code, stderr } = await hostSh(this.#lab.dir, ["reboot", ...args], { timeoutMs: 2 * BOOT_MS });
    if (code !== 0) throw new Error(`${this.name} did not boot again: ${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#up) return;
    this.#up = false;
    const { code, stderr } = await hostSh(this.#lab.dir, ["down", this.name]);
    await leaveLab(this.#lab);
    if (code !== 0 || stderr !== "") throw new Error(`${this.name} did not end cleanly: ${stderr}`);
  }
}
