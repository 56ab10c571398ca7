// The thread in which the receiver's configuration is checked.

import { checkConfigWith } from "../runtime/config/config-thread.ts";
import { parseReceiverConfig } from "./config.ts";

checkConfigWith(parseReceiverConfig);
