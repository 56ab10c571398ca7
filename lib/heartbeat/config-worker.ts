// The thread in which the heartbeat's configuration is checked.

import { checkConfigWith } from "../runtime/config/config-thread.ts";
import { parseHeartbeatConfig } from "./config.ts";

checkConfigWith(parseHeartbeatConfig);
