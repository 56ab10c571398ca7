// The two files of a store's identity: `receiver-id` in the data root, and `.receiver-id` beside the episodes themselves.
// Written by rename and flushed with their directories; killed in between, one of them restores the other.

import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { dataPaths } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { byCommands, here } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { shellWord } from "../../core/text/shell-quote.ts";
import { failpoint } from "../../os/failpoint.ts";
import { writeFileDurable } from "../../os/files/files.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Log } from "../../runtime/log/log.ts";
import { IDENTITY_IN_EPISODES, IDENTITY_TEMP } from "../settings.ts";
import {
  type Decision,
  decideIdentity,
  type Found,
  formatIdentity,
  type Identity,
  type Place,
  parseIdentity,
} from "./decide.ts";

/** Nine lines of at most 41 characters, and some room. */
const FILE_BYTES = 1024;
/** The identity is looked at again so often while a receiver runs, milliseconds. */
const LOOK_EVERY_MS = 1000;

/** The two files of a data root. */
export function identityPaths(dataRoot: string): Record<Place, string> {
  return { root: join(dataRoot, "receiver-id"), episodes: join(dataPaths(dataRoot).episodes, IDENTITY_IN_EPISODES) };
}

/** What the two files say. Reads only. */
export function readIdentity(dataRoot: string): Decision {
  const { root, episodes } = identityPaths(dataRoot);
  return decideIdentity(readOne(root), readOne(episodes));
}

function readOne(path: string): Found {
  const file = readSmallFile(path, FILE_BYTES);
  if (file === null) return { kind: "absent" };
  if (isUnreadable(file)) return { kind: "bad", why: file.unreadable, machine: /^E[A-Z]+$/.test(file.unreadable) };
  const identity = parseIdentity(file.text);
  if (identity !== null) return { kind: "identity", identity };
  return { kind: "bad", why: `it holds ${quoted(file.text.slice(0, 60))}`, machine: false };
}

/**
 * Opens the identity of a locked data root: restores a file that is missing, and makes one where there is none.
 * @throws UserError when nobody can tell whose store this is: a new identity is never put over one that was there
 */
export async function openIdentity(dataRoot: string, log: Log): Promise<Identity> {
  const found = readIdentity(dataRoot);
  if (found.kind === "none") {
    const identity = { id: newId(), succeeds: [] };
    await writeIdentity(dataRoot, identity);
    log.info(`this store had no identity and is ${identity.id} from now on${hintOfEmpty(dataRoot)}`);
    return identity;
  }
  const { identity, write } = known(dataRoot, found);
  for (const place of write) await restore(dataRoot, identity, place, log);
  return identity;
}

/** A disk that is not mounted looks like a new store. */
function hintOfEmpty(dataRoot: string): string {
  const { episodes } = dataPaths(dataRoot);
  if (readdirSync(episodes).some((name) => !name.startsWith("."))) return "";
  return `; it is empty: if it had episodes, its disk is not mounted, look with: findmnt -T ${shellWord(dataRoot)}`;
}

/** Not done: the other file is enough to go on with, and the next start tries again. */
async function restore(dataRoot: string, identity: Identity, place: Place, log: Log): Promise<void> {
  const path = identityPaths(dataRoot)[place];
  const before = readOne(path);
  const was =
    before.kind === "bad"
      ? `could not be read (${before.why})`
      : before.kind === "absent"
        ? "was missing"
        : "was older";
  try {
    await writeOne(dataRoot, place, identity);
    log.warn(`${path} ${was}: written again, this store is still ${identity.id}`);
  } catch (error) {
    log.error(`${path} ${was} and cannot be written: ${quoted(errorText(error))}; this store is still ${identity.id}`);
  }
}

/**
 * The identity that was found.
 * @throws UserError when there is none that can be read, with the command that settles it
 */
export function known(
  dataRoot: string,
  found: Exclude<Decision, { kind: "none" }>,
): Extract<Decision, { kind: "known" }> {
  const paths = identityPaths(dataRoot);
  switch (found.kind) {
    case "known":
      return found;
    case "two":
      throw new UserError(
        `${dataRoot} was put together from two stores: ${paths.root} says ${found.root}, ${paths.episodes} says ${found.episodes}`,
        {
          text: "to go on as the store that its episodes come from",
          commands: [here("sudo", "receiver", "identity", "--use", found.episodes, "--succeeds", found.root)],
        },
      );
    case "unreadable": {
      const path = paths[found.place];
      if (found.machine)
        throw new UserError(
          `cannot read the identity of this store, ${path}: ${found.why}`,
          {
            text: "make it readable for this service's user",
            commands: [here("sudo", "chown", "labfleet:", path)],
          },
          EXIT.undelivered,
        );
      throw new UserError(
        `the identity of this store cannot be read: ${path} ${found.why.replace(/^it /, "")}`,
        `put the file back from a backup, or make a new one, which every host must accept (sudo receiver identity --new), or say which id its hosts have pinned: sudo receiver identity --use ID`,
      );
    }
  }
}

/** A new id: 128 random bits. */
export function newId(): string {
  return randomBytes(16).toString("hex");
}

/** Writes both files. @throws the disk's error */
export async function writeIdentity(dataRoot: string, identity: Identity): Promise<void> {
  await writeOne(dataRoot, "root", identity);
  failpoint("receiver.between-identity-files");
  await writeOne(dataRoot, "episodes", identity);
}

async function writeOne(dataRoot: string, place: Place, identity: Identity): Promise<void> {
  const path = identityPaths(dataRoot)[place];
  // One name, whoever writes: what a kill leaves is written over by the next one, and known for what it is.
  await writeFileDurable(path, formatIdentity(identity), 0o640, join(dirname(path), IDENTITY_TEMP));
}

/**
 * Returns a function that gives the identity of now: whom it succeeds may be told to a receiver that runs. Its id stays
 * what it was at the start.
 */
export function watchIdentity(
  dataRoot: string,
  opened: Identity,
  log: Log,
  clock = (): number => performance.now(),
): () => Identity {
  let held = opened;
  let lookedMs = clock();
  const said = new SaidOnce();
  return () => {
    const nowMs = clock();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return held;
    lookedMs = nowMs;
    const found = readIdentity(dataRoot);
    const is = found.kind === "known" ? found.identity.id : found.kind;
    if (found.kind === "known" && is === held.id) {
      if (found.identity.succeeds.join() !== held.succeeds.join())
        log.info(`this store, ${held.id}, now succeeds ${found.identity.succeeds.join(", ") || "nobody"}`);
      held = found.identity;
      said.isOver(dataRoot);
    } else if (said.isNews(dataRoot, is)) {
      log.error({
        what: `the identity of ${dataRoot} changed while it is in use (${WORDS[found.kind]}): going on as ${held.id} until the next start`,
        fix: byCommands(here("sudo", "receiver", "identity")),
      });
    }
    return held;
  };
}

const WORDS: Record<Decision["kind"], string> = {
  known: "another one is there",
  none: "both its files are gone",
  two: "its two files differ",
  unreadable: "it cannot be read",
};

/** An error of the disk while an identity is written, as a sentence; anything else as it is. */
export function cannotWrite(dataRoot: string, error: unknown): unknown {
  if (errorCode(error) === null) return error;
  return new UserError(
    `cannot write the identity of ${dataRoot}: ${quoted(errorText(error))}`,
    refusedFix(errorCode(error)),
    EXIT.undelivered,
  );
}
