// `shipper requeue`: takes refused episodes back into the queue.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CommandLine } from "../../cli/options.ts";
import { isName, NAME_RULE } from "../../contract/names.ts";
import type { Dirs } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { print } from "../../os/answer.ts";
import type { Log } from "../../runtime/log/log.ts";
import { readDocument } from "../episode/document.ts";
import { localFaultOf } from "../episode/episode-facts.ts";
import { notQueued, requeue } from "../settle/requeue.ts";
import { rejectionOf } from "../status/status.ts";
import { localFinding } from "../words/remedies.ts";

/** @returns exit code: 0 all were queued, 3 some were not */
export async function requeueEpisodes(dirs: Dirs, line: CommandLine, log: Log): Promise<number> {
  const all = line.options.all === true;
  const wanted = line.options.reason;
  if (all === line.operands.length > 0)
    throw new UserError(
      "name the episodes, or say --all",
      "sudo shipper requeue <id>…, or sudo shipper requeue --all [--reason R]",
    );
  if (!all && wanted !== undefined)
    throw new UserError("--reason goes with --all", "sudo shipper requeue --all --reason R");
  const as = newName(line);
  const names = all ? await quarantinedFor(dirs, typeof wanted === "string" ? wanted : null) : line.operands;
  let refused = 0;
  for (const name of names) {
    const result = await tryRequeue(dirs, name, as);
    if ("id" in result) log.info("queued again", { episode: result.id });
    else log.error(notQueued("not queued", result));
    if (!("id" in result)) refused++;
  }
  await print(`${names.length - refused} of ${names.length} queued again\n`);
  return refused === 0 ? EXIT.ok : EXIT.undelivered;
}

/** The name under which one episode is to be shipped; null: its own. @throws UserError for what may not be one, and for several */
function newName({ operands, options }: CommandLine): string | null {
  const { as } = options;
  if (typeof as !== "string") return null;
  const usage = "sudo shipper requeue <id> --as <new id>";
  if (operands.length !== 1) throw new UserError("--as gives one episode another name: name that one", usage);
  if (!isName(as)) throw new UserError(`--as ${quoted(as)} is no name of an episode: ${NAME_RULE}`, usage);
  return as;
}

/** One that cannot be moved keeps no other from it. */
async function tryRequeue(dirs: Dirs, name: string, as: string | null): ReturnType<typeof requeue> {
  try {
    return await requeue(dirs, "quarantine", name, as);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const { fix } = localFinding(localFaultOf(error));
    return { refused: `${join(dirs.quarantine, name)} cannot be moved: ${errorText(error)}`, fix };
  }
}

/** @throws UserError naming the reasons that there are, when nothing lies there for this one */
async function quarantinedFor(dirs: Dirs, wanted: string | null): Promise<string[]> {
  const entries = await readdir(dirs.quarantine, { withFileTypes: true });
  const names = entries.filter((e) => e.isDirectory() && !e.name.startsWith(".")).map(({ name }) => name);
  if (wanted === null || names.length === 0) return names;
  const byReason = new Map<string, string[]>();
  for (const name of names) {
    const { reason } = rejectionOf(await readDocument(join(dirs.quarantine, name), "quarantine"));
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  const chosen = byReason.get(wanted);
  if (chosen !== undefined) return chosen;
  const found = [...byReason].map(([reason, { length }]) => `${reason} (${length})`).sort();
  const guess = nearest(wanted, [...byReason.keys()]);
  throw new UserError(
    `nothing in ${dirs.quarantine} was refused for ${quoted(wanted)}; the reasons there are ${found.join(", ")}`,
    {
      text:
        guess === null ? "name one of these, or queue all of them" : "all of them go without --reason; the nearest is",
      commands: [here("sudo", "shipper", "requeue", "--all", ...(guess === null ? [] : ["--reason", guess]))],
    },
  );
}
