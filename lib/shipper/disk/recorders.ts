// Who records belongs to a group of its own and has to be able to make directories in episodes/ (docs/operating.md). One that
// the shipper had to make, or that is gone, is closed to them, and what they then record is nowhere: it is said.

import { errorCode } from "../../core/failure.ts";
import { type Finding, type Fix, onHost } from "../../core/finding.ts";
import { ourName } from "../../os/process/own-user.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";

/** The group of the installation. */
const GROUP = "labfleet-record";

/** What lets recorders in, as the installation does. */
export function letRecordersIn(episodes: string, me: string): Fix {
  const commands = [
    // Does nothing where the group is there.
    onHost("sudo", "groupadd", "--system", "--force", GROUP),
    onHost("sudo", "install", "-d", "-m", "3770", "-o", me, "-g", GROUP, episodes),
  ];
  return { text: "let those who record in", commands };
}

/** What a scan that cannot read episodes/ says. */
export function noEpisodesDir(episodes: string, error: unknown, me: string = ourName()): ScanProblem {
  const code = errorCode(error) ?? "";
  if (code !== "ENOENT") {
    return {
      name: episodes,
      problem: `cannot read it: ${code}`,
      fix: { text: "", commands: [onHost("ls", "-ld", episodes)] },
    };
  }
  return { name: episodes, problem: "it is gone, and nobody can record", fix: letRecordersIn(episodes, me) };
}

/** One that the shipper has made, at its start or while it runs. */
export function closedToRecorders(episodes: string, me: string = ourName()): Finding {
  return { what: closed(episodes, me), fix: letRecordersIn(episodes, me) };
}

/** The same in a data root that is new, or below the mount point of one that is not mounted: what is recorded there is hidden later. */
export function unmountedOrClosed(dataRoot: string, episodes: string, me: string = ourName()): Finding {
  const { text, commands } = letRecordersIn(episodes, me);
  const first = `if this host has shipped before, mount its disk at ${dataRoot} and restart the shipper; if it is new, ${text}`;
  return { what: closed(episodes, me), fix: { text: first, commands } };
}

function closed(episodes: string, me: string): string {
  return `${episodes} was not there and is made: nobody but root and ${me} can record in it`;
}
