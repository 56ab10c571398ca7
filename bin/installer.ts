// installer: see lib/installer/run.ts.

import { main } from "../lib/cli/main.ts";
import { COMMAND_LINE } from "../lib/installer/command-line.ts";
import { runInstaller } from "../lib/installer/run.ts";

await main(COMMAND_LINE, process.argv.slice(2), runInstaller);
