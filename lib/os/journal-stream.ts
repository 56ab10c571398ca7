// The connection to journald that a service's standard error is. Where journald was stopped and started again that one is
// dead for good (a restart keeps it, systemd holds it meanwhile): this makes another, as systemd made the first.

import { fstatSync } from "node:fs";
import { duplicate, writeNow } from "./file-calls.ts";
import { closeDescriptor, connectUnixStream } from "./socket-calls.ts";

/** Where journald takes streams; a unit with a LogNamespace= has its own there. */
const JOURNAL_SOCKET = "/run/systemd/journal/stdout";

/** Severity of a line without a `<PRI>`, syslog(3): info, as systemd has it. */
const DEFAULT_SEVERITY = 6;

/** `device:inode` of an open file, as $JOURNAL_STREAM has it (systemd.exec(5)); null when it is closed. */
export function identityOf(fd: number): string | null {
  try {
    const { dev, ino } = fstatSync(fd);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/**
 * Puts a new connection in the place of standard error, and of standard output where that was the same. Never waits.
 * @param identifier what stands before the lines in the journal (SYSLOG_IDENTIFIER)
 * @returns the new connection's identity, for $JOURNAL_STREAM; null: nobody takes lines there now, and nothing has changed
 */
export function reopenJournal(identifier: string, socket = JOURNAL_SOCKET): string | null {
  const fd = connectUnixStream(socket);
  if (fd < 0) return null;
  // sd_journal_stream_fd(3): identifier, unit (journald finds it itself), severity, whether `<PRI>` is read, and whether
  // lines go to syslog, to the kernel's log and to the console besides: that is journald.conf's to say.
  const header = Buffer.from(`${identifier}\n\n${DEFAULT_SEVERITY}\n1\n0\n0\n0\n`);
  const isTaken = writeNow(fd, header) === header.length;
  const both = identityOf(1) === identityOf(2);
  const isDone = isTaken && duplicate(fd, 2) === 0;
  if (isDone && both) duplicate(fd, 1);
  closeDescriptor(fd);
  return isDone ? identityOf(2) : null;
}
