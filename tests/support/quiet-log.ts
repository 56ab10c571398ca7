// A log that says nothing, for tests that look elsewhere.

import type { Log } from "../../lib/runtime/log/log.ts";

export const quietLog: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
