// How systemd sees labfleet's own units: running, restarted, failed, and with what result.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { worst } from "../../contract/observation.ts";
import { byCommands, type Fix, here } from "../../core/finding.ts";
import { run } from "../../os/process/exec.ts";
import type { Plugin, Seen } from "../plugin.ts";
import { type Limits, perf } from "./thresholds.ts";

const PROPERTIES = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "NRestarts",
  "UnitFileState",
  "ExecMainStatus",
];
const TIMEOUT_MS = 5000;

const UNIT_POLICY: Record<"restarts", Limits> = {
  restarts: {
    alert: "above",
    warning: 0,
    critical: null,
    because: "a daemon that systemd had to start again has died",
  },
};

export type Unit = ReadonlyMap<string, string>;

/** @param systemctl the command, for tests */
export function units(systemctl: readonly string[] = ["systemctl"]): Plugin {
  const restarts = new Map<string, number>();
  return {
    name: "units",
    initialise({ root }) {
      if (existsSync(join(root, "run/systemd/system"))) return true;
      this.skipReason = "this host does not run systemd";
      return false;
    },
    collect: async () => {
      const command = [...systemctl, "show", "labfleet-*", "--all", `--property=${PROPERTIES.join(",")}`];
      const result = await run(command, { timeoutMs: TIMEOUT_MS });
      if (result.kind === "failed") return [{ status: "unknown", message: `cannot ask systemd: ${result.why}` }];
      if (result.code !== 0) {
        const why = result.stderr.trim().split("\n")[0] || `systemctl ended with code ${result.code}`;
        return [{ status: "unknown", message: `cannot ask systemd: ${why}` }];
      }
      const found = parseUnits(result.stdout).filter((unit) => unit.get("LoadState") === "loaded");
      if (found.length === 0) return [{ status: "ok", message: "systemd has loaded no unit of labfleet" }];
      return found.map((unit) => observe(unit, restarts));
    },
  };
}

/** Reads `systemctl show`: `Name=value` lines, a blank line between units. Pure. */
function parseUnits(text: string): Unit[] {
  return text
    .split(/\n{2,}/)
    .map(
      (block) => new Map([...block.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value])),
    )
    .filter((unit) => unit.has("Id"));
}

function observe(unit: Unit, before: Map<string, number>): Seen {
  const id = unit.get("Id") ?? "";
  const count = unit.get("NRestarts");
  const restarts = count === undefined || count === "" ? null : Number(count);
  // What was before the first look is shown and no news. The counter starts over with a start by hand.
  const again = restarts === null ? 0 : Math.max(0, restarts - (before.get(id) ?? restarts));
  if (restarts !== null) before.set(id, restarts);
  const { status, message, fix } = judgeUnit(unit);
  const perfdata =
    restarts === null ? [] : [perf("restarts", restarts, "c"), perf("new_restarts", again, "", UNIT_POLICY.restarts)];
  const restarted = again === 0 ? "" : `, restarted ${again === 1 ? "once" : `${again} times`} since the last look`;
  return {
    name: `unit:${id}`,
    status: worst([status, again > 0 ? "warning" : "ok"]),
    message: `${message}${restarted}`,
    perfdata,
    fix,
  };
}

type Judgement = Required<Pick<Seen, "status" | "message" | "fix">>;

/** What a unit's state means. Pure. */
export function judgeUnit(unit: Unit): Judgement {
  const id = unit.get("Id") ?? "";
  const state = unit.get("ActiveState") ?? "";
  const sub = unit.get("SubState") ?? "";
  const result = unit.get("Result") ?? "";
  const well = (message: string): Judgement => ({ status: "ok", message, fix: null });
  const look: Fix = { text: "see why", commands: [here("sudo", "journalctl", "-u", id, "-n", "50")] };
  const code = unit.get("ExecMainStatus") ?? "0";
  const cause = `result ${result}${code === "0" ? "" : `, status ${code}`}`;
  if (state === "failed") return { status: "critical", message: `${id} failed (${cause})`, fix: look };
  if (sub === "auto-restart")
    return { status: "critical", message: `${id} died and waits to be started again (${cause})`, fix: look };
  if (state === "active") return well(`${id} is ${sub}`);
  if (state === "reloading" || state === "refreshing") return well(`${id} is reading its configuration anew`);
  if (state === "activating") return well(`${id} is starting (${sub})`);
  if (state === "deactivating") return { status: "warning", message: `${id} is stopping (${sub})`, fix: null };
  // A oneshot with a timer is inactive between its runs, and is not itself enabled.
  if (unit.get("UnitFileState") === "enabled") {
    const fix = byCommands(here("sudo", "systemctl", "start", id));
    return { status: "warning", message: `${id} is enabled and does not run`, fix };
  }
  return well(`${id} is ${state}`);
}
