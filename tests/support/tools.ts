// The tools as tests go through them: each with its command line's table, so that a new one is among them.

import type { ToolSpec } from "../../lib/cli/table.ts";
import { type DaemonName, TOOL_NAMES, type ToolName, toolOf } from "../../lib/core/tools.ts";

async function specOf(tool: ToolName): Promise<ToolSpec> {
  const { COMMAND_LINE } = (await import(`../../lib/${tool}/command-line.ts`)) as { COMMAND_LINE: ToolSpec };
  return COMMAND_LINE;
}

export const SPECS: readonly [ToolName, ToolSpec][] = await Promise.all(
  TOOL_NAMES.map(async (tool): Promise<[ToolName, ToolSpec]> => [tool, await specOf(tool)]),
);

export function isDaemon(tool: ToolName): tool is DaemonName {
  return toolOf(tool).kind === "daemon";
}

export const DAEMONS: readonly DaemonName[] = TOOL_NAMES.filter(isDaemon);
