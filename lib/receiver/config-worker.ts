// Checks a collector.toml in a thread of its own: arktype's 24 MB go with it (docs/architecture.md).

import { resolveFrom } from "../os/files/paths.ts";
import { answerOnce } from "../os/process/thread.ts";
import type { ConfigText } from "../runtime/config.ts";
import { parseReceiverConfig } from "./config.ts";

declare const self: Worker;

answerOnce(self, ({ text, file, directory }: ConfigText) => {
  resolveFrom(directory);
  return parseReceiverConfig(text, file);
});
