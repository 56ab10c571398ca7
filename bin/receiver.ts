// receiver: see lib/receiver/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMAND_LINE } from "../lib/receiver/command-line.ts";
import { runReceiver } from "../lib/receiver/run.ts";

await main(COMMAND_LINE, process.argv.slice(2), runReceiver);
