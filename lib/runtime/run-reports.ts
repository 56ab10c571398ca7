// A daemon's reports of itself, in its run directory as a rule. One that cannot be written stops nothing, and is said: once, with
// what mends it, and again when it can be.

import { SaidOnce } from "../core/said-once.ts";
import { replaceRunFile, runFileFault } from "../os/files/run-file.ts";
import type { Log } from "./log/log.ts";

interface ReportOptions {
  mode?: number;
  /** Called before anything is made; what it throws is as if the disk had refused. */
  before?: () => void;
}

/** @returns writes `text` and a newline as `path`, and says whether that went; never throws */
export function openRunReports(
  log: Pick<Log, "warn" | "info">,
  { mode, before }: ReportOptions = {},
): (path: string, text: string) => boolean {
  const failing = new SaidOnce();
  return (path, text) => {
    try {
      before?.();
      replaceRunFile(path, `${text}\n`, mode);
      if (failing.isOver(path)) log.info(`${path} is written again`);
      return true;
    } catch (error) {
      if (failing.isNews(path)) log.warn(runFileFault(path, error));
      return false;
    }
  };
}
