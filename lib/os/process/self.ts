// How to start this very program once more.

import { BUILD } from "../../core/build-info.ts";

/** The words before a command: the executable, or from source Bun and the file that it runs. */
export function selfCommand(): readonly string[] {
  return BUILD.target === "source" ? [process.execPath, Bun.main] : [process.execPath];
}
