// What of this machine labfleet needs: root, a systemd that runs, room, a port that is free, and no other fleet's units.

import { statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { byCommands, here, inWords } from "../../core/finding.ts";
import { counted, formatBytes } from "../../core/text/quantity.ts";
import { exists } from "../../os/files/files.ts";
import { run } from "../../os/process/exec.ts";
import { type Row, row } from "./row.ts";

const ASK_MS = 5000;
/** What the units say is understood from here on: Debian 11's. */
const SYSTEMD_MIN = 247;

export function checkRoot(): Row {
  const isRoot = process.geteuid?.() === 0;
  return isRoot
    ? row("root", "ok", "it runs as root")
    : row("root", "fail", "it does not run as root", inWords("begin the command with sudo"));
}

export async function checkSystemd(): Promise<Row> {
  const id = "systemd";
  if (!(await exists("/run/systemd/system")))
    return row(id, "fail", "systemd does not run this machine", inWords("install on a machine that it does"));
  const asked = await run(["systemctl", "--version"], { timeoutMs: ASK_MS });
  const version = asked.kind === "exited" ? Number(/^systemd (\d+)/.exec(asked.stdout)?.[1]) : Number.NaN;
  if (!(version >= SYSTEMD_MIN))
    return row(
      id,
      Number.isNaN(version) ? "unknown" : "fail",
      `systemd is ${Number.isNaN(version) ? "of a version that cannot be told" : version}, and ${SYSTEMD_MIN} is needed`,
    );
  const state = await run(["systemctl", "is-system-running"], { timeoutMs: ASK_MS });
  const said = state.kind === "exited" ? state.stdout.trim() : "unknown";
  // What failed is somebody else's: it keeps nothing of ours from running.
  if (["running", "degraded", "starting", "initializing"].includes(said))
    return row(
      id,
      said === "degraded" ? "warn" : "ok",
      `systemd ${version} runs (${said})`,
      said === "degraded" ? byCommands(here("systemctl", "--failed")) : null,
    );
  return row(id, "fail", `systemd ${version} is ${said || "not to be asked"}`, byCommands(here("systemctl", "status")));
}

/** @param bytes what is to be written below `dir`, which need not be there yet */
export function checkRoom(dir: string, bytes: number): Row {
  const id = "room";
  for (let at = dir; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = statfsSync(at);
      const free = bavail * bsize;
      const what = `${at} has ${formatBytes(free)} free, and ${formatBytes(bytes)} are to be written`;
      return free > bytes ? row(id, "ok", what) : row(id, "fail", what, inWords("make room there"));
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || at === dirname(at)) throw error;
    }
  }
}

/** @param isOurs the receiver of labfleet runs already, and may have it */
export async function checkPort(listen: string, isOurs: boolean): Promise<Row> {
  const id = "port";
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(listen) ?? [];
  // A configuration that is there: the receiver's own test says what is wrong with it.
  if (!(Number(port) >= 1 && Number(port) <= 65535)) return row(id, "unknown", `${listen} is no address and port`);
  if (isOurs) return row(id, "ok", `${listen} is the receiver's already, or becomes so when it starts anew`);
  const code = await new Promise<string | null>((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(errorCode(error) ?? "error"));
    server.listen({ host, port: Number(port), exclusive: true }, () => server.close(() => resolve(null)));
  });
  if (code === null) return row(id, "ok", `${listen} is free`);
  const what =
    code === "EADDRINUSE" ? `something else listens at ${listen}` : `nothing can listen at ${listen} (${code})`;
  return row(id, "fail", what, byCommands(here("sudo", "ss", "-ltnp")));
}

/** Those that do what ours do; others record, and update what records. */
const RIVALS = /^cis490-(?:shipper|receiver|fleet-health)\./;

/** The Python fleet's, which ship and judge as ours do. @param taken units of it that are to make room */
export async function checkPython(taken: readonly string[] | null): Promise<Row> {
  const id = "python";
  const asked = await run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "cis490-*"], {
    timeoutMs: ASK_MS,
  });
  if (asked.kind === "failed" || asked.code !== 0)
    return row(id, "unknown", "systemd does not say whether units of the Python fleet are here");
  const units = asked.stdout.split("\n").flatMap((line) => line.trim().split(/\s+/)[0] || []);
  if (units.length === 0) return row(id, "ok", "no units of the Python fleet are here");
  const rivals = units.filter((unit) => RIVALS.test(unit));
  if (
    taken !== null &&
    rivals.every((unit) => taken.includes(unit.replace(/\.service$/, ".timer")) || taken.includes(unit))
  )
    return row(id, "ok", `labfleet takes the place of ${taken.join(" and ")}`);
  return row(
    id,
    "warn",
    `${counted(units.length, "unit")} of the Python fleet ${units.length === 1 ? "is" : "are"} here: ${units.join(", ")}`,
    rivals.length === 0
      ? null
      : {
          text: "both would do the same work: say --take-over yes, or stop them",
          commands: [here("sudo", "systemctl", "disable", "--now", ...rivals)],
        },
  );
}
