// receiver: takes the fleet's episodes, proves them and indexes them.

import { main } from "../lib/cli/main.ts";
import { COMMANDS, runReceiver } from "../lib/receiver/command-line.ts";

await main(COMMANDS, process.argv.slice(2), runReceiver);
