// `receiver identity`: whose store this is, and the few things that a person may settle about it: whom it follows, and what
// it goes on as when its own files cannot tell.

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandLine } from "../../cli/options.ts";
import { isReceiverId } from "../../contract/judgement.ts";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { byCommands, type Fix, fixText, onHost } from "../../core/finding.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";
import { quoted } from "../../core/text/fields.ts";
import { print } from "../../os/answer.ts";
import { lockDataRoot } from "../../os/files/lock.ts";
import { needStore } from "../disk/data-root.ts";
import { type Decision, forgetting, type Identity, type Refused, succeeding } from "../identity/decide.ts";
import { cannotWrite, identityPaths, known, newId, readIdentity, writeIdentity } from "../identity/files.ts";
import type { ReceiverConfig } from "../settings.ts";

/** A start makes what a store needs. */
const START_ONCE: Fix = { text: "start the receiver once", commands: [unitCommand("receiver", "start")] };

/**
 * Prints the identity, after what the options ask for was done.
 * @returns exit code 0
 * @throws UserError when it cannot be told or settled
 */
export async function identityCommand(config: ReceiverConfig, { options }: CommandLine): Promise<number> {
  const { dataRoot } = config;
  needStore(dataRoot);
  const found = readIdentity(dataRoot);
  const wanted = wantedIdentity(options, dataRoot, found);
  if (wanted !== null) await settle(config, found, wanted);
  const identity = wanted ?? (found.kind === "none" ? null : known(dataRoot, found).identity);
  const { id = null, succeeds = [] } = identity ?? {};
  const before = found.kind === "known" ? found.identity.id : null;
  const change = wanted === null ? "" : `${changeText(wanted, found)}\n`;
  await print(
    options.json === true
      ? `${JSON.stringify({ data_root: dataRoot, receiver_id: id, succeeds, ...(wanted !== null && { before }) })}\n`
      : `${change}receiver id  ${id ?? "none yet: the receiver makes one at its next start"}\nsucceeds     ${succeeds.join(", ") || "nobody"}\ndata root    ${dataRoot}\n`,
  );
  return EXIT.ok;
}

/** What was settled, and what it means to the hosts. Pure. @param found what its files said until now */
function changeText({ id, succeeds }: Identity, found: Decision): string {
  if (found.kind === "none") return `this store is now ${id}, it had no id before`;
  if (found.kind !== "known") return `this store is now ${id}, what it was before cannot be told`;
  const before = found.identity.id;
  if (before === id) return `this store is ${id}, as it was before: no host has to do anything`;
  const hosts = succeeds.includes(before)
    ? `hosts that trust ${before} follow by themselves over verified TLS`
    : `hosts that trust ${before} wait until each accepts it: ${fixText(acceptedBy(id), "collector")}`;
  return `this store is now ${id}, it was ${before} before: ${hosts}`;
}

function acceptedBy(id: string): Fix {
  return byCommands(onHost("sudo", "shipper", "pin", "--accept", id));
}

/** The identity that the options ask for; null: they only ask what it is. */
function wantedIdentity(options: CommandLine["options"], dataRoot: string, found: Decision): Identity | null {
  const { use, succeeds, forget } = options;
  if (use !== undefined && options.new === true)
    throw new UserError("--use and --new: it can only be one of them", null);
  if ([use, succeeds, forget, options.new].every((option) => option === undefined)) return null;
  let identity = begun(options, dataRoot, found);
  if (typeof succeeds === "string") identity = settled(succeeding(identity, succeeds));
  if (typeof forget === "string") identity = settled(forgetting(identity, forget));
  return identity;
}

function begun({ use, new: anew }: CommandLine["options"], dataRoot: string, found: Decision): Identity {
  if (anew === true) return { id: newId(), succeeds: [] };
  if (typeof use === "string") {
    if (!isReceiverId(use))
      throw new UserError(`--use takes an id of 32 hex digits, found ${quoted(use)}`, {
        text: "a lab host says which one it trusts",
        commands: [onHost("sudo", "shipper", "status")],
      });
    return { id: use, succeeds: found.kind === "known" ? found.identity.succeeds.filter((id) => id !== use) : [] };
  }
  if (found.kind === "none") throw new UserError("this store has no identity yet", START_ONCE);
  return known(dataRoot, found).identity;
}

function settled(outcome: Identity | Refused): Identity {
  if ("refused" in outcome) throw new UserError(outcome.refused, outcome.fix);
  return outcome;
}

/** Another id than before is for a receiver that does not run: one that does keeps its own until it ends. */
async function settle({ dataRoot, runDir }: ReceiverConfig, found: Decision, wanted: Identity): Promise<void> {
  if (found.kind !== "known" || found.identity.id !== wanted.id) lockDataRoot("receiver", dataRoot, runDir);
  const { episodes } = identityPaths(dataRoot);
  if (!existsSync(dirname(episodes))) throw new UserError(`${dirname(episodes)} is missing`, START_ONCE);
  await writeIdentity(dataRoot, wanted).catch((error: unknown) => {
    throw cannotWrite(dataRoot, error);
  });
}
