// Why systemd could not start a service: what fails between its fork and our first line, such as a user that is not there, leaves
// nothing of ours behind. See “Process Exit Codes” in systemd.exec(5).

/** Statuses that systemd itself gives a process that it could not prepare, with the names that `systemctl status` shows. */
const NAMES: Readonly<Record<number, string>> = {
  200: "CHDIR",
  203: "EXEC",
  216: "GROUP",
  217: "USER",
  218: "CAPABILITIES",
  219: "CGROUP",
  226: "NAMESPACE",
  228: "SECCOMP",
  233: "RUNTIME_DIRECTORY",
  238: "STATE_DIRECTORY",
  240: "LOGS_DIRECTORY",
  243: "CREDENTIALS",
};
const [FIRST, LAST] = [200, 245];
/** systemctl is not waited for longer, milliseconds. */
const ASK_MS = 5000;
const PROPERTIES = ["ActiveState", "ExecMainStatus", "LoadState"];

/** `217/USER` of a unit's properties as `systemctl show` prints them; null: it is at work, or ended in another way. Pure. */
export function startFailureIn(shown: string): string | null {
  const property = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(shown)?.[1] ?? "";
  const status = Number(property("ExecMainStatus"));
  if (property("LoadState") !== "loaded" || property("ActiveState") === "active") return null;
  if (!(status >= FIRST && status <= LAST)) return null;
  const name = NAMES[status];
  return name === undefined ? String(status) : `${status}/${name}`;
}

/** The same of a service, asked now; null where nobody can tell. */
export function startFailure(service: string): string | null {
  try {
    const command = ["systemctl", "show", `--property=${PROPERTIES.join(",")}`, service];
    const { stdout, success } = Bun.spawnSync(command, { stdin: "ignore", stderr: "ignore", timeout: ASK_MS });
    return success ? startFailureIn(stdout.toString()) : null;
  } catch {
    // There is no systemctl here.
    return null;
  }
}
