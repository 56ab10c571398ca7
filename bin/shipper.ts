// shipper: see lib/shipper/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMAND_LINE } from "../lib/shipper/command-line.ts";
import { runShipper } from "../lib/shipper/run.ts";

await main(COMMAND_LINE, process.argv.slice(2), runShipper);
