// What is looked at before anything is changed, in the order in which it is shown. All at once: none waits for another.

import { stopBudget } from "../../core/stop-budget.ts";
import { type ToolName, toolOf, unitFiles } from "../../core/tools.ts";
import { readClock } from "../../os/clock-calls.ts";
import { thisMachine } from "../../os/process/machine.ts";
import type { Facts } from "../plan.ts";
import { type Introduced, OPT_DIR, UNIT_DIR, type Wanted } from "../wanted.ts";
import { checkCollector, clockRow } from "./collector.ts";
import { checkDevLog } from "./dev-log.ts";
import { checkPort, checkPython, checkRoom, checkRoot, checkSystemd } from "./machine.ts";
import type { Row } from "./row.ts";
import { checkStopTimeout, dropInsOf } from "./stop-timeout.ts";

export interface Looking {
  wanted: Wanted;
  facts: Facts;
  /** What the release takes on the disk, bytes; 0: it is there. */
  bytes: number;
  /** Where the receiver listens; null: none is installed. */
  listen: string | null;
  /** `drain_timeout_s` of the configuration, by its tool; left out: the default. */
  drainS: Readonly<Partial<Record<ToolName, number>>>;
  /** Null: there is no collector to be asked. */
  introduced: Introduced | null;
}

/** Never throws for what it finds. */
export async function lookFirst({ wanted, facts, bytes, listen, drainS, introduced }: Looking): Promise<Row[]> {
  const receivers = ["labfleet-receiver.service", ...(wanted.taken?.units ?? [])];
  const isOurs = receivers.some((unit) => facts.units.get(unit)?.isActive === true);
  const own = { machine: thisMachine(), clock: readClock(), nowMs: Date.now };
  const rows = await Promise.all([
    checkRoot(),
    checkSystemd(),
    checkDevLog(),
    ...stopTimeouts(wanted, drainS),
    checkRoom(OPT_DIR, bytes),
    ...(listen === null ? [] : [checkPort(listen, isOurs)]),
    checkPython(wanted.taken?.units ?? null),
    introduced === null ? clockRow(null, own) : checkCollector(introduced, own),
  ]);
  return rows.flat();
}

function stopTimeouts({ tools, files }: Wanted, drainS: Looking["drainS"]): Row[] {
  return (tools as readonly ToolName[]).flatMap((tool) => {
    const row = toolOf(tool);
    if (row.kind !== "daemon") return [];
    const [unit = ""] = unitFiles(tool);
    const text = files.find(({ path }) => path === `${UNIT_DIR}/${unit}`)?.text ?? "";
    return [checkStopTimeout(unit, text, dropInsOf(unit), stopBudget(drainS[tool] ?? row.drainS))];
  });
}
