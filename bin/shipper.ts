// shipper: see lib/shipper/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMANDS } from "../lib/shipper/command-line.ts";
import { runShipper } from "../lib/shipper/run.ts";

await main(COMMANDS, process.argv.slice(2), runShipper);
