// The values that a unit template is filled with. Pure: installer, tests and `bun run build` all render through here.

import { stopBudget } from "../stop-budget.ts";
import { fillTemplate } from "../text/template.ts";
import { type ToolName, toolOf } from "../tools.ts";

/**
 * The text of a tool's .service.
 * @param prefix directory of `bin/<tool>`, such as /opt/labfleet/current
 * @param drainS a daemon's drain_timeout_s, seconds; the default if left out
 */
export function renderService(template: string, tool: ToolName, prefix: string, drainS?: number): string {
  const row = toolOf(tool);
  if (row.kind !== "daemon") return fillTemplate(template, { PREFIX: prefix });
  // Whole seconds: of a long fraction systemd cuts off the end, and the unit would grant a little too little.
  const timeoutStopS = Math.ceil(stopBudget(drainS ?? row.drainS).timeoutStopS);
  return fillTemplate(template, { PREFIX: prefix, TIMEOUT_STOP_S: String(timeoutStopS) });
}
