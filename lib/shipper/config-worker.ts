// The thread in which the shipper's configuration is checked.

import { checkConfigWith } from "../runtime/config/config-thread.ts";
import { parseShipperConfig } from "./config.ts";

checkConfigWith(parseShipperConfig);
