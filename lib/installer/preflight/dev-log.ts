// Whether what daemons say by syslog arrives: /dev/log is a socket for datagrams, takes one, and journald has it.

import { randomBytes } from "node:crypto";
import { lstatSync, realpathSync, statSync } from "node:fs";
import { constants } from "node:os";
import { errorCode } from "../../core/failure.ts";
import { byCommands, here } from "../../core/finding.ts";
import { run } from "../../os/process/exec.ts";
import { sendUnixDatagram } from "../../os/socket-calls.ts";
import { type Row, row } from "./row.ts";

const PATH = "/dev/log";
const ID = "dev-log";
const TAG = "labfleet-probe";
const START = byCommands(here("sudo", "systemctl", "restart", "systemd-journald-dev-log.socket", "systemd-journald"));
const LIMIT_MS = 2000;
const LOOK_MS = 100;

/** Never throws. */
export async function checkDevLog(path = PATH): Promise<Row> {
  const wrong = wrongKind(path);
  if (wrong !== null) return row(ID, "fail", wrong, START);
  const token = randomBytes(8).toString("hex");
  const errno = sendUnixDatagram(path, `<14>${TAG}[${process.pid}]: ${token}`);
  if (errno !== 0) return row(ID, "fail", `${path} takes nothing (${nameOf(errno)})`, START);
  return (await isInJournal(token))
    ? row(ID, "ok", `${path} takes a line, and the journal has it`)
    : row(ID, "warn", `${path} takes a line, and the journal does not show it within ${LIMIT_MS / 1000} s`, START);
}

/** Null: it is a socket. */
function wrongKind(path: string): string | null {
  try {
    const isLink = lstatSync(path).isSymbolicLink();
    const target = isLink ? realpathSync(path) : path;
    const to = isLink ? `, which leads to ${target},` : "";
    return statSync(target).isSocket() ? null : `${path}${to} is no socket`;
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    return code === "ENOENT" ? `${path} is not there, or leads nowhere` : `${path} cannot be looked at (${code})`;
  }
}

async function isInJournal(token: string): Promise<boolean> {
  const end = performance.now() + LIMIT_MS;
  do {
    const asked = await run(["journalctl", "-t", TAG, "-n", "20", "-o", "cat", "--no-pager"], { timeoutMs: LIMIT_MS });
    if (asked.kind === "exited" && asked.stdout.includes(token)) return true;
    await Bun.sleep(LOOK_MS);
  } while (performance.now() < end);
  return false;
}

function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
