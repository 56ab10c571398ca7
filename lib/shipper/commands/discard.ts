// `shipper discard`: gives up settled episodes that no receiver has, because a person says so. Lists them with what they free, asks,
// and notes each in removed.jsonl, on the disk, before it goes.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { isatty } from "node:tty";
import type { CommandLine } from "../../cli/options.ts";
import type { Dirs } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { printable } from "../../core/text/printable.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { print } from "../../os/answer.ts";
import type { Log } from "../../runtime/log/log.ts";
import { directoryId } from "../episode/directory-id.ts";
import { type Place, readDocument } from "../episode/document.ts";
import { type Chosen, choose, type Doomed, readChoice } from "../retention/choice.ts";
import { noteRemoved, removeSettled } from "../retention/removal.ts";
import { usageOf } from "../retention/usage.ts";
import type { ShipperConfig } from "../settings.ts";
import { openReceiverDays } from "../settle/receiver-days.ts";

/** @returns exit code: 0 all were removed, 3 some were not */
export async function discardEpisodes(config: ShipperConfig, dirs: Dirs, line: CommandLine, log: Log): Promise<number> {
  const choice = readChoice(line);
  const today = { day: (await openReceiverDays(config.dataRoot, "")).today(), nowMs: Date.now() };
  const place: Place = choice.kind === "unverified" ? "shipped" : "quarantine";
  const chosen = choose(await settledIn(dirs, place), choice, today);
  if (chosen.missing.length > 0) {
    const names = chosen.missing.map(quoted).join(", ");
    throw new UserError(`nothing was removed: there is no ${names} in ${dirs[place]}`, {
      text: "see which there are",
      commands: [here("sudo", "shipper", "status")],
    });
  }
  const sizes = await Promise.all(chosen.doomed.map(({ name }) => usageOf(join(dirs[place], name), () => {})));
  await print(listing(chosen, place, sizes));
  if (chosen.doomed.length === 0) return EXIT.ok;
  if (line.options.yes !== true && !(await isMeant(chosen.doomed.length))) {
    await print("nothing was removed\n");
    return EXIT.ok;
  }
  let removed = 0;
  for (const doomed of chosen.doomed) if (await removeListed(config, dirs, place, doomed, today.day, log)) removed++;
  await print(`${removed} of ${chosen.doomed.length} removed; ${config.dataRoot}/removed.jsonl keeps their notes\n`);
  return removed === chosen.doomed.length ? EXIT.ok : EXIT.undelivered;
}

async function settledIn(dirs: Dirs, place: Place): Promise<Doomed[]> {
  const entries = await readdir(dirs[place], { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  return Promise.all(names.map((name) => lookAt(dirs, place, name)));
}

/** What lies there now. */
export async function lookAt(dirs: Dirs, place: Place, name: string): Promise<Doomed> {
  const path = join(dirs[place], name);
  return { name, note: await readDocument(path, place), directory: await directoryId(path) };
}

function listing({ doomed }: Chosen, place: Place, sizes: readonly number[]): string {
  const lines = doomed.map(({ name, why }, i) => printable(`${name}  ${formatBytes(sizes[i] ?? 0)}  ${why}`));
  const total = formatBytes(sizes.reduce((sum, bytes) => sum + bytes, 0));
  return `${[...lines, `${doomed.length} in ${place}/, ${total}`].join("\n")}\n`;
}

/** @throws UserError where nobody can be asked */
async function isMeant(count: number): Promise<boolean> {
  if (!isatty(0) || !isatty(1)) {
    throw new UserError("nothing was removed: there is no terminal to ask on", "say --yes if you mean it");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`remove ${count === 1 ? "it" : `these ${count}`} for ever? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Removes what was listed, unless something else has its name by now. */
export async function removeListed(
  { dataRoot }: ShipperConfig,
  dirs: Dirs,
  place: Place,
  doomed: Doomed,
  day: number,
  log: Log,
): Promise<boolean> {
  const { name } = doomed;
  try {
    // A person took their time to answer, and a shipper was at work meanwhile.
    const now = await lookAt(dirs, place, name);
    if (now.directory !== doomed.directory || now.note !== doomed.note) {
      log.error(`not removed: it is not what was listed any more, in ${dirs[place]}`, { episode: name });
      return false;
    }
    const at = new Date().toISOString();
    await noteRemoved(dataRoot, dirs, { at, place, name, why: "discarded", receiver_day: day });
    await removeSettled(dirs, place, name);
    return true;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    log.error(`not removed: ${quoted(errorText(error))}`, { episode: name });
    return false;
  }
}
