// The values that a unit template is filled with. Pure: installer, tests and `bun run build` all render through here.

import { DEFAULT_DRAIN_S, stopBudget } from "../stop-budget.ts";
import { fillTemplate } from "../text/template.ts";

/** Daemons that have a unit. */
export type UnitTool = keyof typeof DEFAULT_DRAIN_S;

/**
 * A unit's text.
 * @param prefix directory of `bin/<tool>`, such as /opt/labfleet/current
 * @param drainS the daemon's drain_timeout_s, seconds
 */
export function renderUnit(
  template: string,
  tool: UnitTool,
  prefix: string,
  drainS: number = DEFAULT_DRAIN_S[tool],
): string {
  // Whole seconds: of a long fraction systemd cuts off the end, and the unit would grant a little too little.
  const timeoutStopS = Math.ceil(stopBudget(drainS).timeoutStopS);
  return fillTemplate(template, { PREFIX: prefix, TIMEOUT_STOP_S: String(timeoutStopS) });
}
