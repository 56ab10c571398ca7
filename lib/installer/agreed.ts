// Asks whether what was shown is to be done.

import { confirm, isCancel } from "@clack/prompts";
import { UserError } from "../core/failure.ts";

/** @param otherwise what does not ask @throws UserError: nobody is there to be asked */
export function canAsk(otherwise: string): void {
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw new UserError("nobody can be asked here", otherwise);
}

/** A terminal that does not say how wide it is would get a line for each letter. */
export function atLeastWide(): void {
  if (!(process.stdout.columns > 0)) process.stdout.columns = 80;
}

export async function isAgreed(): Promise<boolean> {
  atLeastWide();
  const answer = await confirm({ message: "Do this?" });
  return !isCancel(answer) && answer;
}
