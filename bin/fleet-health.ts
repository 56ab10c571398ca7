// fleet-health: see lib/fleet-health/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMAND_LINE } from "../lib/fleet-health/command-line.ts";
import { runFleetHealth } from "../lib/fleet-health/run.ts";

await main(COMMAND_LINE, process.argv.slice(2), runFleetHealth);
