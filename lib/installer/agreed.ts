// Asks whether what was shown is to be done.

import { confirm, isCancel } from "@clack/prompts";
import { UserError } from "../core/failure.ts";

/** @throws UserError: nobody is there to be asked */
export async function isAgreed(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new UserError("nobody can be asked here", "say --yes, and it is done without a question");
  const answer = await confirm({ message: "Do this?" });
  return !isCancel(answer) && answer;
}
