// The journal of a receiver's unit, for fleets whose receiver writes no attempts: read through journalctl, and only believed where it may
// be read. Without the right to, journalctl shows nothing and says so in passing; where journald drops lines, what is counted is too few.

import { type Finding, here, lineFix } from "../../core/finding.ts";
import { dropInLine } from "../../core/linux/unit-fix.ts";
import { quoted } from "../../core/text/fields.ts";
import { run } from "../../os/process/exec.ts";

/** journalctl is not waited for longer, milliseconds. */
const TIMEOUT_MS = 30_000;
/** Half an hour of a busy receiver is a few megabytes. */
const MOST_BYTES = 256 * 1024 ** 2;

export type Journal = { kind: "unreadable"; why: Finding } | { kind: "read"; text: string; doubt: Finding | null };

/**
 * Reads what a unit has logged. Never rejects. `doubt`: what the text may lack.
 * @param unit such as `labfleet-receiver`
 * @param sinceS seconds since 1970
 * @param user us, by name
 */
export async function readJournal(unit: string, sinceS: number, user: string): Promise<Journal> {
  const since = `@${sinceS.toFixed(6)}`;
  const command = ["journalctl", "-u", unit, "--since", since, "--no-pager", "--output=cat"];
  const asked = await run(command, { timeoutMs: TIMEOUT_MS, maxBytes: MOST_BYTES });
  if (asked.kind === "failed") return unreadable({ what: asked.why, fix: null });
  const closed = closedIn(asked.stderr, user);
  if (closed !== null) return unreadable(closed);
  if (asked.code !== 0)
    return unreadable({ what: `journalctl ended with ${asked.code}: ${quoted(asked.stderr.trim())}`, fix: null });
  if (asked.stdout === "" && (await isUnknown(unit))) return unreadable(unknownUnit(unit));
  return { kind: "read", text: asked.stdout, doubt: await suppressed(unit, since) };
}

/** Whether systemd knows no such unit: a name that was mistyped is as silent as a receiver that refuses nobody. */
async function isUnknown(unit: string): Promise<boolean> {
  const asked = await run(["systemctl", "show", unit, "-p", "LoadState", "--value"], { timeoutMs: TIMEOUT_MS });
  return asked.kind === "exited" && asked.code === 0 && asked.stdout.trim() === "not-found";
}

/** Pure. */
export function unknownUnit(unit: string): Finding {
  return {
    what: `there is no unit ${quoted(unit)}, and nothing of it in the journal`,
    fix: {
      text: "name the receiver's in [fleet_health] journal_unit, or with --journal-unit; these are here",
      commands: [here("systemctl", "list-unit-files", "--type=service", "*receiver*")],
    },
  };
}

function unreadable(why: Finding): Journal {
  return { kind: "unreadable", why };
}

/** What journalctl says on standard error where it may not read the system's journal, whatever it exits with. Pure. */
export function closedIn(stderr: string, user: string): Finding | null {
  if (!/not seeing messages from other users|insufficient permissions|Permission denied/i.test(stderr)) return null;
  return {
    what: `the system's journal may not be read by ${user}`,
    fix: {
      text: "let it, from its next start on",
      commands: [here("sudo", "usermod", "-aG", "systemd-journal", user)],
    },
  };
}

/** Whether journald has dropped lines of the unit since then, or that nobody can tell. */
async function suppressed(unit: string, since: string): Promise<Finding | null> {
  const command = ["journalctl", "-u", "systemd-journald", "--since", since, "--no-pager", "--output=cat"];
  const asked = await run(command, { timeoutMs: TIMEOUT_MS });
  if (asked.kind === "exited" && asked.code === 0) return droppedIn(asked.stdout, unit);
  const why = asked.kind === "failed" ? asked.why : `journalctl ended with ${asked.code}`;
  return { what: `nobody can tell whether journald has dropped lines of ${unit}: ${why}`, fix: null };
}

/** The same from what journald has said. Pure. */
export function droppedIn(text: string, unit: string): Finding | null {
  const lines = [...text.matchAll(/^Suppressed (\d+) messages from (\S+)$/gm)].filter(
    ([, , from]) => from === unit || from === `${unit}.service`,
  );
  if (lines.length === 0) return null;
  const count = lines.reduce((sum, [, some]) => sum + Number(some), 0);
  return {
    what: `journald has dropped ${count} lines of ${unit}: refusals are counted too low`,
    fix: lineFix(dropInLine(`${unit}.service`, "log-rate", ["LogRateLimitIntervalSec=0"])),
  };
}
