// What stands where a file or a directory of ours should. A path that a person has named on the command line may, by a slip, lead to
// anything, the index and the configuration included: what is there is never moved.

import { join } from "node:path";
import { byCommands, type Fix, inWords } from "../core/finding.ts";
import { clearAway } from "../os/files/aside.ts";
import { resolvePath } from "../os/files/paths.ts";
import { typedLine } from "../os/process/as-typed.ts";

const PATHS = ["index-path", "alerts-path", "attempts-dir", "state-path"] as const;

/** What mends that something else stands at `at`. @param typed the command line */
export function outOfTheWay(at: string, typed = typedLine()): Fix {
  const option = PATHS.find((name) => isOnWay(at, optionOf(name, typed)));
  return option === undefined ? byCommands(clearAway(at)) : inWords(`name another with --${option}`);
}

function optionOf(name: string, typed: readonly string[]): string | null {
  const prefix = `--${name}=`;
  const inline = typed.find((word) => word.startsWith(prefix));
  if (inline !== undefined) return inline.slice(prefix.length);
  const index = typed.indexOf(`--${name}`);
  return index < 0 ? null : (typed[index + 1] ?? null);
}

/** Whether it is what was named, lies in it, or above it. */
function isOnWay(at: string, named: string | null): boolean {
  if (named === null) return false;
  const [one, other] = [join(at, "/"), join(resolvePath(named), "/")];
  return one.startsWith(other) || other.startsWith(one);
}
