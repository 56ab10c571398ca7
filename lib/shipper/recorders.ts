// Who records belongs to a group of its own and has to be able to make directories in episodes/ (docs/operating.md). One that
// the shipper had to make, or that is gone, is closed to them, and what they then record is nowhere: it is said.

import { dirname } from "node:path";
import { errorCode } from "../core/failure.ts";
import type { Command, Fix } from "../core/finding.ts";
import { readUserNames } from "../os/process-table.ts";
import type { ScanProblem } from "./no-episode.ts";

/** The group of the installation. */
const GROUP = "labfleet-record";

/** What lets recorders in, as the installation does. */
export function letRecordersIn(episodes: string, me: string): Fix {
  return { text: "let those who record in", commands: opening(episodes, me) };
}

/** What a scan that cannot read episodes/ says. */
export function noEpisodesDir(episodes: string, error: unknown, me: string = ourName()): ScanProblem {
  const code = errorCode(error) ?? "";
  if (code !== "ENOENT") {
    return {
      name: episodes,
      problem: `cannot read it: ${code}`,
      fix: { text: "", commands: [host("ls", "-ld", episodes)] },
    };
  }
  const commands = [
    host("sudo", "install", "-d", "-o", me, dirname(episodes)),
    ...opening(episodes, me),
    host("sudo", "systemctl", "restart", "labfleet-shipper"),
  ];
  return { name: episodes, problem: "it is gone, and nobody can record", fix: { text: "", commands } };
}

/** The user that the shipper runs as. */
export function ourName(): string {
  const uid = process.geteuid?.() ?? 0;
  return readUserNames("/").get(uid) ?? String(uid);
}

function opening(episodes: string, me: string): Command[] {
  return [
    // Does nothing where the group is there.
    host("sudo", "groupadd", "--system", "--force", GROUP),
    host("sudo", "install", "-d", "-m", "3770", "-o", me, "-g", GROUP, episodes),
  ];
}

function host(...argv: string[]): Command {
  return { argv, on: "host" };
}
