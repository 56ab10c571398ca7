// Episodes that a person has to do something for: an answer that could not be carried out, a right that is missing, a stamp that is
// missing. They are looked at again now and then, and go on by themselves once it is mended.

import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { hostCommit, stampOf } from "../episode/commit.ts";
import { whyNotSettled } from "../episode/episode-facts.ts";
import { dropRecord, type OutboxRecord } from "../pack/outbox.ts";
import type { Entry } from "../queue/entry.ts";
import type { Queue } from "../queue/queue.ts";
import { UNSTAMPED, type Waits } from "../queue/waits.ts";
import { settle } from "../settle/settle.ts";
import type { EngineDeps } from "./deps.ts";
import type { SendStep, Unsettled } from "./send-step.ts";

/** One unstamped episode is sent so often all the same, seconds: the collector may want no stamps any more. */
const UNSTAMPED_ASK_S = 3600;

export class Held {
  /** Answers that could not be carried out yet; after a restart they are asked for again. */
  private readonly unsettled = new Map<string, Unsettled>();
  private askMs: number;

  /** @param later when a wait of so many seconds is over, on the engine's clock */
  constructor(
    private readonly deps: EngineDeps,
    private readonly queue: Queue,
    private readonly records: ReadonlyMap<string, OutboxRecord>,
    private readonly waits: Waits,
    private readonly later: (seconds: number) => number,
  ) {
    this.askMs = later(UNSTAMPED_ASK_S);
  }

  /** Notes what is to be done for a held episode as soon as it can be. */
  keep(id: string, unsettled: Unsettled | null): void {
    if (unsettled !== null) this.unsettled.set(id, unsettled);
  }

  forget(id: string): void {
    this.unsettled.delete(id);
  }

  /** Looks at those whose time has come; gives what became of each that left. */
  async *look(): AsyncGenerator<{ entry: Entry; step: SendStep }> {
    const now = this.deps.now();
    const held = [...this.queue.inStage("held")];
    if (held.some(isUnstamped) && (await hostCommit(this.deps.settings.current().commitFile)) !== null) this.release();
    for (const entry of held) {
      if (entry.stage !== "held" || entry.notBeforeMs > now) continue;
      if (isUnstamped(entry)) await this.lookAtStamp(entry, now);
      else yield* this.finish(entry);
    }
  }

  /** All unstamped episodes go again: they have got a stamp, or need none any more. */
  release(): void {
    this.waits.stampsArrived();
    for (const entry of [...this.queue.inStage("held")].filter(isUnstamped)) this.goAgain(entry);
  }

  private async lookAtStamp(entry: Entry, now: number): Promise<void> {
    const { dirs, settings } = this.deps;
    const hasStamp = (await stampOf(join(dirs.episodes, entry.id), settings.current().commitFile)) !== null;
    if (!hasStamp && now < this.askMs) return this.waits.stampRecheck(entry);
    if (!hasStamp) this.askMs = this.later(UNSTAMPED_ASK_S);
    this.goAgain(entry);
  }

  private goAgain(entry: Entry): void {
    this.queue.move(entry, this.records.has(entry.id) ? "packed" : "waiting");
    Object.assign(entry, { failures: 0, notBeforeMs: 0, trouble: null });
  }

  /** Goes on with an answer that could not be carried out, or from the beginning. */
  private async *finish(entry: Entry): AsyncGenerator<{ entry: Entry; step: SendStep }> {
    const record = this.records.get(entry.id);
    const unsettled = this.unsettled.get(entry.id);
    if (record === undefined || unsettled === undefined) {
      this.queue.move(entry, record === undefined ? "waiting" : "packed");
      return;
    }
    const { settlement, said } = unsettled;
    try {
      const name = await settle(this.deps.dirs, record, settlement, this.deps.packer.fingerprint);
      await dropRecord(this.deps.dirs.outbox, entry.id);
      if (name !== null) said(name);
      const counts = settlement.to === "shipped" ? "delivered" : "quarantined";
      yield { entry, step: { next: "gone", counts: name === null ? null : counts } };
    } catch (error) {
      if (errorCode(error) === null) throw error;
      const { reason: detail, fix } = whyNotSettled(join(this.deps.dirs.episodes, entry.id), settlement.to, error);
      yield { entry, step: { next: "held", reason: "cannot-move", detail, fix, unsettled } };
    }
  }
}

function isUnstamped(entry: Entry): boolean {
  return entry.trouble?.reason === UNSTAMPED;
}
