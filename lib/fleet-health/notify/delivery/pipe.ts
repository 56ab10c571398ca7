// A program of the operator's own that takes a notice on its standard input: no shell runs, and it has half a minute.

import { inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import { run } from "../../../os/process/exec.ts";
import type { Outcome } from "../mailbox.ts";

const TIMEOUT_MS = 30_000;

/** Exit code 0 has taken it; what ended in another way may have. Never rejects. */
export async function pipeTo(command: readonly string[], input: string, timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const done = await run(command, { timeoutMs, input });
  if (done.kind === "exited" && done.code === 0) return { sent: "taken", why: null };
  if (done.kind === "exited") {
    const said = done.stderr.trim();
    const what = `${quoted(command[0] ?? "")} ended with ${done.code}${said === "" ? "" : `: ${quoted(said)}`}`;
    // The service may gain no rights (NoNewPrivileges=): a setgid program such as sendmail cannot queue anything.
    const isMail = /sendmail|postdrop/.test(`${command[0]} ${said}`);
    return { sent: "refused", why: { what, fix: isMail ? NO_SENDMAIL : MEND_IT } };
  }
  const isStarted = !done.why.startsWith("cannot start");
  const fix = isStarted ? MEND_IT : NAME_IT;
  return { sent: isStarted ? "unsure" : "refused", why: { what: done.why, fix } };
}

const NAME_IT = inWords("name in command a program that is there and may be run, by its whole path");
const MEND_IT = inWords(
  "mend that program: it gets the notice on its standard input, and half a minute, and says by 0 that it took it",
);

const NO_SENDMAIL = inWords('sendmail gets no rights of its own in this unit; use type = "email" instead');
