// Checks a lab-host.toml in a thread of its own: arktype's 24 MB go with it (docs/architecture.md).

import { answerOnce } from "../os/thread.ts";
import { parseShipperConfig } from "./config.ts";

declare const self: Worker;

answerOnce(self, ({ text, file }: { text: string; file: string }) => parseShipperConfig(text, file));
