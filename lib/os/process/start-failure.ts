// Why systemd could not start a service: what fails between its fork and our first line, such as a user that is not there, leaves
// nothing of ours behind. See “Process Exit Codes” in systemd.exec(5).

import { EXIT } from "../../core/exit.ts";
import { unitProperties } from "../../core/linux/unit-properties.ts";
import { type DaemonName, unitName } from "../../core/tools.ts";
import { run } from "./exec.ts";

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

/** `217/USER` of a unit's properties as `systemctl show` prints them; null: it is at work, or ended in another way. Pure. */
export function startFailureIn(shown: string): string | null {
  const { ActiveState, ExecMainStatus, LoadState } = unitProperties(shown);
  const status = Number(ExecMainStatus);
  if (LoadState !== "loaded" || ActiveState === "active") return null;
  if (!(status >= FIRST && status <= LAST)) return null;
  const name = NAMES[status];
  return name === undefined ? String(status) : `${status}/${name}`;
}

/** With which of its own exit codes a service ended that is not at work: 2, 3 or 70; null: none, or in another way. Pure. */
export function failedExitIn(shown: string): number | null {
  const { ActiveState, ExecMainCode, ExecMainStatus, LoadState } = unitProperties(shown);
  const status = Number(ExecMainStatus);
  if (LoadState !== "loaded" || ActiveState === "active" || ExecMainCode !== CLD_EXITED) return null;
  return ([EXIT.usage, EXIT.undelivered, EXIT.bug] as number[]).includes(status) ? status : null;
}

/** `exited`, as `systemctl show` tells it: the si_code of waitid(2). */
const CLD_EXITED = "1";

/** The same of a tool's service, asked now; null where nobody can tell, as without systemd. */
export async function startFailure(tool: DaemonName): Promise<string | null> {
  return startFailureIn(await shownBySystemd(tool));
}

/** Both of them: what systemd could not prepare, and how it ended by itself. */
export async function lastStart(tool: DaemonName): Promise<{ failure: string | null; exitCode: number | null }> {
  const shown = await shownBySystemd(tool);
  return { failure: startFailureIn(shown), exitCode: failedExitIn(shown) };
}

async function shownBySystemd(tool: DaemonName): Promise<string> {
  const properties = "--property=ActiveState,ExecMainCode,ExecMainStatus,LoadState";
  const asked = await run(["systemctl", "show", properties, `${unitName(tool)}.service`], { timeoutMs: ASK_MS });
  return asked.kind === "exited" && asked.code === 0 ? asked.stdout : "";
}
