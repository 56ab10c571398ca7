// The thread in which the health check's configuration is checked.

import { checkConfigWith } from "../runtime/config/config-thread.ts";
import { parseFleetHealthConfig } from "./config.ts";

checkConfigWith(parseFleetHealthConfig);
