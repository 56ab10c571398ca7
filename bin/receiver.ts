// receiver: takes the fleet's episodes, proves them and indexes them.

import { main } from "../lib/cli/main.ts";
import { run, SPEC } from "../lib/receiver/cli.ts";

await main(SPEC, process.argv.slice(2), run);
