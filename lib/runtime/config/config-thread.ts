// Checks a configuration in a thread of its own, in which a tool's config-worker.ts is all that runs: arktype's 24 MB go with it
// (docs/architecture.md).

import type { Finding } from "../../core/finding.ts";
import { resolveFrom } from "../../os/files/paths.ts";
import { answerOnce } from "../../os/process/thread.ts";

/** What the thread is asked, and what it answers. */
export interface ConfigText {
  text: string;
  /** The file's name, for messages. */
  file: string;
  /** Where relative paths in it begin. */
  directory: string;
}
export interface CheckedConfig<T> {
  config: T;
  warnings: Finding[];
}

declare const self: Worker;

/** To be called at the top of a tool's config-worker.ts. @param parse throws a UserError that names every problem */
export function checkConfigWith<T>(parse: (text: string, file: string) => CheckedConfig<T>): void {
  answerOnce(self, ({ text, file, directory }: ConfigText) => {
    resolveFrom(directory);
    return parse(text, file);
  });
}
