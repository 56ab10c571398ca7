// An operator's mistake or a machine's refusal: one sentence and how to mend it, never a stack trace.

import { EXIT } from "./exit.ts";

/**
 * Thrown for what a person can mend. `message` says what, where, found and expected; `hint` is the fix.
 * Anything else that is thrown is a bug.
 */
export class UserError extends Error {
  override name = "UserError";
  constructor(
    message: string,
    readonly hint: string | null = null,
    readonly exitCode: number = EXIT.usage,
  ) {
    super(message);
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
