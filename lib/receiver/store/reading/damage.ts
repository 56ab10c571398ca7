// A stored archive that is not what its row says, or that this service's user cannot read: with what mends it.

import type { IndexRow } from "../../../contract/index-row.ts";
import { errorCode, errorText } from "../../../core/failure.ts";
import { byCommands, type Finding, type Fix, here, lineFix } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import { accessTo } from "../../../os/files/access.ts";
import { giveToUs } from "../../../os/process/own-user.ts";
import { repairLine } from "../../disk/repair-line.ts";

/** The size of a file is not that of its row. */
export function otherSize(file: string, { row, bytes }: { row: IndexRow; bytes: number }): Finding {
  const what = `${file} has ${bytes} bytes, its index row says ${row.bytes}`;
  return { what, fix: lineFix(repairLine("--repair")) };
}

/** The bytes of a file are not those of its row. */
export function otherBytes(file: string, sha256: string, row: IndexRow): Finding {
  const what = `${file} has sha256 ${sha256}, its index row says ${row.sha256}: its bytes changed since it was stored`;
  return { what, fix: lineFix(repairLine("--repair")) };
}

/** What says nothing of the copy: we have too many files open, the copy has just gone, or the whole disk has. */
const NOT_THE_COPYS: readonly (string | null)[] = [null, "EMFILE", "ENFILE", "ENOMEM", "ENOENT", "ENOTDIR"];

/** Whether an error that reading met is about that copy: a right, or the disk below it. */
export function isCopysFault(code: string | null): boolean {
  return !NOT_THE_COPYS.includes(code);
}

/** The disk may have hurt more than the one copy that was asked for. */
const LOOK: Fix = {
  text: "look at its disk, and at all that lies on it",
  commands: [here("sudo", "dmesg", "--level=err,warn"), here("sudo", "receiver", "verify")],
};

/** A file cannot be read by this process. */
export function unreadable(file: string, error: unknown): Finding {
  const what = `${file} cannot be read: ${quoted(errorText(error))}`;
  const access = accessTo(file);
  if ((errorCode(error) !== "EACCES" && errorCode(error) !== "EPERM") || access === null) return { what, fix: LOOK };
  const { path, owner, group, mode, user } = access;
  return {
    what: `${what}: ${path} is ${owner}:${group} ${mode}, and the receiver runs as ${user}`,
    fix: byCommands(giveToUs([path]), here("sudo", "chmod", "u+rX", path)),
  };
}
