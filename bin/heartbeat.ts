// heartbeat: see lib/heartbeat/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMANDS } from "../lib/heartbeat/command-line.ts";
import { runHeartbeat } from "../lib/heartbeat/run.ts";

await main(COMMANDS, process.argv.slice(2), runHeartbeat);
