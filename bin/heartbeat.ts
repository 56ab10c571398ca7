// heartbeat: see lib/heartbeat/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMAND_LINE } from "../lib/heartbeat/command-line.ts";
import { runHeartbeat } from "../lib/heartbeat/run.ts";

await main(COMMAND_LINE, process.argv.slice(2), runHeartbeat);
