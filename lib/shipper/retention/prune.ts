// Removes shipped episodes that the receiver confirms, at the moment when they go: by age, or oldest first when the disk is low. What
// the receiver turns out not to have goes back into the queue, and so does what is not as it was when it was shipped; on any other
// answer everything stays.

import { join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, inWords } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { counted } from "../../core/text/quantity.ts";
import { freeBytes } from "../../os/files/files.ts";
import { readDocument } from "../episode/document.ts";
import { stays } from "../episode/episode-facts.ts";
import type { Receipted } from "../episode/notes.ts";
import { notQueued, requeue } from "../settle/requeue.ts";
import type { SendDeps } from "../settle/send.ts";
import type { Fingerprint } from "../settle/settle.ts";
import { lostFix } from "../words/remedies.ts";
import { checkClock, isShippedOld, lowDiskOrder, type Today } from "./decide.ts";
import { askHead, askJudge } from "./proof.ts";
import { removeSettled } from "./removal.ts";
import type { ShippedList } from "./shipped-list.ts";
import { Turns } from "./turns.ts";

const UNCONFIRMED = "stays in shipped/: the answer does not prove that the receiver has it now";
const PASS_HEAD = inWords(
  "let what stands before the receiver pass HEAD below /v1/ to it, with X-Labfleet-Ask, and keep no answers; else update the receiver",
);
const DAMAGED = "stays in shipped/: the receiver does not vouch for its copy (503), which is damaged or cannot be read";
const VERIFY = byCommands({ argv: ["sudo", "receiver", "verify"], on: "collector" });

/** So many that are not as they were shipped go again between two rounds: they are older than all that waits, and would go first. */
const COMPARED_MAX = 20;

export interface PruneDeps extends SendDeps {
  list: ShippedList;
  fingerprint: Fingerprint;
  signal: AbortSignal;
  moved: () => void;
}

export class Pruning {
  /** What was said of one is not said again. */
  private readonly said = new SaidOnce();
  private readonly turns = new Turns();

  constructor(private readonly deps: PruneDeps) {}

  /** Removes what is older than the configured days, as far as the receiver confirms it. */
  async byAge(): Promise<void> {
    this.compared = 0;
    const { settings, list, log, moved } = this.deps;
    const shipped = await list.read(moved);
    const today = todayOf(this.deps, shipped);
    const { keepLocalForDays: keepDays, pruneUnverified } = settings.current();
    const rules = { keepDays, pruneUnverified };
    const old = shipped.filter((kept) => isShippedOld(kept, rules, today));
    if (!today.clock.trusted && this.isWaitingForClock(shipped, rules.keepDays)) {
      this.say("clock", () =>
        log.warn(`some of shipped/ is not pruned: ${today.clock.trusted ? "" : today.clock.why}`),
      );
    }
    await this.turns.each(old, this.goesOn, (kept) =>
      this.removeProved(kept, `kept for ${counted(rules.keepDays, "day")}`),
    );
  }

  /** Removes acknowledged episodes, oldest first, until so many bytes are free; whether any went. */
  async untilFree(bytes: number): Promise<boolean> {
    const { dirs, list, moved } = this.deps;
    const before = this.removed;
    const isWanted = async (): Promise<boolean> => this.goesOn() && (await freeBytes(dirs.shipped)) < bytes;
    const shipped = lowDiskOrder(await list.read(moved));
    await this.turns.each(shipped, isWanted, (kept) => this.removeProved(kept, "the disk is low"));
    return this.removed > before;
  }

  private readonly goesOn = (): boolean => !this.deps.signal.aborted;

  private removed = 0;
  /** Episodes that went again to be compared, since the last round. */
  private compared = 0;

  /** @returns false when nobody who could know it answered; "later": the receiver reads its copy, and says it before long */
  private async removeProved(kept: Receipted, why: string): Promise<boolean | "later"> {
    const { signal, moved, dirs, log } = this.deps;
    moved();
    // A Python receiver cannot confirm anything; its setting asks for the age rule alone.
    const said = kept.isVerified ? await askHead(this.deps, kept, signal) : "confirmed";
    if (said === "unreached") return false;
    if (said === "being-read") return this.sayLater();
    const { name, id } = kept;
    await this.onDisk(kept, async () => {
      if (said === "missing") return this.goesAgain(kept);
      if (said === "unknown") {
        return this.say(`unknown ${name}`, () => log.warn({ what: `${UNCONFIRMED} episode=${id}`, fix: PASS_HEAD }));
      }
      if (said === "damaged") {
        return this.say(`damaged ${name}`, () => log.warn({ what: `${DAMAGED} episode=${id}`, fix: VERIFY }));
      }
      if ((await this.deps.fingerprint(join(dirs.shipped, name))) !== kept.fingerprint) return this.compareAnew(kept);
      await removeSettled(dirs, "shipped", name);
      this.removed++;
      const proof = kept.isVerified ? "and the receiver has it" : "unverified, as [retention] prune_unverified says";
      log.info(`removed from shipped/: ${why}, ${proof}`, { episode: id, since: new Date(kept.atMs).toISOString() });
    });
    this.deps.list.forget(name);
    return true;
  }

  /** One line for all of them: nothing is wrong, and each goes at its time. */
  private sayLater(): "later" {
    const what =
      "some of shipped/ stay for now: the receiver reads its copies before it confirms them, and is asked again";
    this.say("being-read", () => this.deps.log.info(what));
    return "later";
  }

  /** The collector lost it, as one does that was restored from a backup: our copy may be the only one. */
  private async goesAgain(kept: Receipted): Promise<void> {
    const { dirs, log, signal } = this.deps;
    const sent = sentOf(await readDocument(join(dirs.shipped, kept.name), "shipped"));
    const { result } = await askJudge(this.deps, join(dirs.shipped, kept.name), { id: kept.id, sent }, signal);
    const { verdict } = result;
    if (verdict.kind === "quarantine") return this.sayLost(kept, verdict.reason, verdict.detail);
    if (verdict.kind === "unstamped") return this.sayLost(kept, "missing-commit", verdict.detail);
    if (verdict.kind !== "would" || verdict.would !== "accept") return;
    const back = await requeue(dirs, "shipped", kept.name);
    if ("id" in back) log.warn("queued again: the receiver had it once and has it no more", { episode: kept.id });
    else log.warn(notQueued("not queued again", back), { episode: kept.id });
  }

  /** Ours may be the only copy, and a person has to let it go back. */
  private sayLost({ name, id }: Receipted, reason: string, detail: string): void {
    const what = "stays in shipped/: the receiver had it once, has it no more, and would not take it";
    const fix = lostFix(reason, this.deps.settings.current().commitFile);
    this.say(`lost ${name} ${reason}`, () =>
      this.deps.log.warn({ what: `${what}: ${quoted(detail)}`, fix }, { episode: id, reason }),
    );
  }

  /**
   * A late change may be nowhere else; a restore from a backup only gave the same files other inodes. What is packed anew tells: the
   * receiver has it, and this is shipped once more, or has another one, and this is kept for a person.
   */
  private async compareAnew({ name, id, isVerified }: Receipted): Promise<void> {
    const { dirs, log } = this.deps;
    // A Python receiver would call anything of this name its own.
    if (!isVerified) {
      return this.say(`changed ${name}`, () =>
        log.warn("stays in shipped/: its files changed since then, so they may be nowhere else", { episode: id }),
      );
    }
    if (this.compared >= COMPARED_MAX) return;
    const back = await requeue(dirs, "shipped", name);
    if ("refused" in back) return this.say(`again ${name}`, () => log.warn(notQueued("not queued again", back)));
    this.compared++;
    const what = "queued again, to be compared: its files changed since it was shipped, or were restored from a backup";
    log.warn(what, { episode: id });
  }

  private isWaitingForClock(shipped: readonly Receipted[], keepDays: number): boolean {
    return keepDays > 0 && shipped.some(({ day, isVerified }) => day === null && isVerified);
  }

  private async onDisk({ name, id }: Receipted, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (errorCode(error) === null) throw error;
      this.say(`${name} ${errorText(error)}`, () => this.deps.log.warn(stays("stays in shipped/", id, error)));
    }
  }

  private say(what: string, speak: () => void): void {
    if (this.said.isNews(what)) speak();
  }
}

/** The day, and whether this host's clock may be trusted by what lies in shipped/. */
export function todayOf({ days, wallMs }: Pick<PruneDeps, "days" | "wallMs">, shipped: readonly Receipted[]): Today {
  const newest = shipped.reduce<number | null>((most, { atMs }) => Math.max(most ?? atMs, atMs), null);
  return { day: days.today(), nowMs: wallMs(), clock: checkClock(wallMs(), newest) };
}

/** What was sent of a shipped episode, by its note: the question to the judge is about the same bytes. */
function sentOf(text: string | null): { bytes: number; sha256: string; treeSha256: string | null } | null {
  const note: Record<string, unknown> = JSON.parse(text ?? "{}");
  const { sent_bytes: bytes, sent_sha256: sha256 } = note;
  return typeof bytes === "number" && typeof sha256 === "string" ? { bytes, sha256, treeSha256: null } : null;
}
