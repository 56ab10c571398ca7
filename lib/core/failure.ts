// An operator's mistake or a machine's refusal: one sentence and how to mend it, never a stack trace. Pure.

import { EXIT } from "./exit.ts";
import { type Fix, fixText } from "./finding.ts";

/**
 * Thrown for what a person can mend. `message` says what, where, found and expected; `fix` is what mends it, words or
 * commands for the shell of this machine. Anything else that is thrown is a bug.
 */
export class UserError extends Error {
  override name = "UserError";
  readonly fix: Fix | null;
  constructor(
    message: string,
    fix: Fix | string | null = null,
    readonly exitCode: number = EXIT.usage,
  ) {
    super(message);
    this.fix = typeof fix === "string" ? { text: fix, commands: [] } : fix;
  }

  /** The fix in one line. */
  get hint(): string | null {
    return this.fix === null ? null : fixText(this.fix);
  }
}

/** The `code` of a Node error (`ENOENT`, `EACCES`, …), or null. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
