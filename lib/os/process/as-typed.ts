// A command by hand that its user may not do: the same line once more, as it was typed, with sudo before it. To whoever is root
// already, and for what is no matter of rights, that would be no help.

import { BUILD } from "../../core/build-info.ts";
import { byCommands, type Fix, here } from "../../core/finding.ts";

/** This process's own command line, as a person wrote it. */
export function typedLine(): readonly string[] {
  const [program = "", script = "", ...words] = process.argv;
  // In an executable both are names inside of it.
  return BUILD.target === "source" ? [program, script, ...words] : [process.argv0, ...words];
}

/** The line again, for root. */
export function withSudo(typed = typedLine()): Fix {
  return byCommands(here("sudo", ...typed));
}

const LOOK_AT_DISK: Fix = {
  text: "look at the disk that it lies on",
  commands: [here("sudo", "dmesg", "--level=err,warn")],
};

/** What mends a refusal of the system, by its code. */
export function refusedFix(code: string | null, uid = process.getuid?.() ?? 0, typed = typedLine()): Fix {
  const isOfRights = code === "EACCES" || code === "EPERM";
  return isOfRights && uid !== 0 ? withSudo(typed) : LOOK_AT_DISK;
}
