// Which packed episode goes to the receiver next: side by side while all is well, one probe at a time while the queue is stopped.
// When it stops is decided in pausing.ts; here that is carried out and said.

import type { Finding } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { fitsLane } from "../pack/lanes.ts";
import type { OutboxRecord } from "../pack/outbox.ts";
import type { Entry } from "../queue/entry.ts";
import { Pausing, probeWaitMs, WITNESSES } from "../queue/pausing.ts";
import type { Queue } from "../queue/queue.ts";
import type { Fault, Resource } from "../trust/verdict.ts";
import { pauseText } from "../words/lines.ts";
import type { EngineDeps } from "./deps.ts";
import type { SendStep } from "./send-step.ts";

/** What is larger is asked about before it is sent while the queue is stopped, bytes. */
const PROBE_BODY_BYTES = 1024 * 1024;

/** A larger one never holds all places: small ones do not wait for hours behind it, bytes. */
const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * Whether one more upload may start. Of several places one is kept for small episodes; where there is only one, a small one
 * may go beside a large one.
 * @param underWay sizes of those that are under way, bytes
 */
export function mayStart(bytes: number, underWay: readonly number[], transfers: number): boolean {
  const large = underWay.filter((size) => size > LARGE_BYTES).length;
  if (bytes > LARGE_BYTES) return underWay.length < transfers && large < Math.max(1, transfers - 1);
  return underWay.length < transfers || (transfers === 1 && large === 1 && underWay.length === 1);
}

/** An episode and how it goes. */
export interface Next {
  entry: Entry;
  resource: Resource;
}

export class Sending {
  readonly pausing = new Pausing();
  /** What stopped the queue, and what mends it; null while it goes. */
  finding: Finding | null = null;
  private readonly said = new SaidOnce();
  /** When an episode was taken last, on the engine's clock, milliseconds. */
  private tookMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly deps: EngineDeps,
    private readonly queue: Queue,
    private readonly records: ReadonlyMap<string, OutboxRecord>,
  ) {}

  /** The next episode to send, or to ask about; null: none now. */
  next(): Next | null {
    const now = this.deps.now();
    const underWay = [...this.queue.inStage("sending")].map(({ id }) => this.bytesOf(id));
    if (this.pausing.pause === null) {
      const { transfers } = this.deps.settings.current();
      const entry = this.queue.nextToSend(now, ({ id }) => mayStart(this.bytesOf(id), underWay, transfers));
      return entry === null ? null : { entry, resource: "put" };
    }
    return underWay.length > 0 ? null : this.nextProbe(now);
  }

  /**
   * Whether a packed episode stands before others that a lane could pack. Not one that had its turn, while the queue is stopped or
   * ever: another one is packed, that it may have one; and a large one not before small ones, which have a place of their own.
   */
  countsFor(id: string, maxBytes: number | null): boolean {
    const hadTurn = this.pausing.pause !== null && this.pausing.wasTried(id);
    if (hadTurn || (this.queue.get(id)?.failures ?? 0) > 0) return false;
    return fitsLane(this.records.get(id)?.bytes ?? null, maxBytes);
  }

  /** See `HadTurn`. */
  readonly hadTurn = ({ id, failures }: Entry): boolean =>
    this.pausing.pause !== null && failures === 0 && this.pausing.wasTried(id);

  /** Takes note of what came of an exchange. */
  note(entry: Entry, step: SendStep, isAnswered: boolean): void {
    if (isAnswered) this.reached(step.next === "gone" && step.counts === "delivered");
    if (step.next !== "retry" && step.next !== "paused") return;
    const { fault, finding, retryAfterS } = step;
    const now = this.deps.now();
    const wait = (probes: number): number =>
      this.deps.once ? Number.POSITIVE_INFINITY : probeWaitMs(probes, this.deps.random(), retryAfterS);
    if (step.next === "paused") this.pausing.misconfigured(entry.id, fault, now, wait);
    else this.pausing.failed(entry.id, fault, this.witnessesDue(entry, now), now, wait);
    this.say(fault, finding);
  }

  /**
   * How many could be witnesses. One that fails while others go is not the path's: were it enough where it is the last one due, each
   * new episode would end the pause, and each of its own tries begin another.
   */
  private witnessesDue({ failures, trouble, work }: Entry, now: number): number {
    const sinceMs = (failures > 0 ? trouble?.sinceMs : undefined) ?? work?.sinceMs ?? now;
    return this.tookMs > sinceMs ? WITNESSES : this.queue.dueCount(now);
  }

  private nextProbe(now: number): Next | null {
    const able = [...this.queue.inStage("packed")].flatMap((entry) => {
      const resource = this.probeBy(entry, now);
      return resource === null ? [] : [{ entry, resource }];
    });
    const candidates = able.map(({ entry: { id, notBeforeMs } }) => {
      return { id, bytes: this.bytesOf(id), isDue: notBeforeMs <= now };
    });
    const chosen = this.pausing.probe(candidates, now);
    return able.find(({ entry }) => entry.id === chosen?.id) ?? null;
  }

  /** How an episode may go ahead of a stopped queue; null: not now. A Python receiver has no judge. */
  private probeBy(entry: Entry, now: number): Resource | null {
    const isRested = entry.bodyNotBeforeMs <= now;
    if (this.deps.settings.current().receiver.kind === "python") return isRested ? "put" : null;
    return isRested && this.bytesOf(entry.id) <= PROBE_BODY_BYTES ? "put" : "judge";
  }

  private bytesOf(id: string): number {
    return this.records.get(id)?.bytes ?? 0;
  }

  /** Says what stopped the queue: once, and again when it is another fault. */
  private say({ status, reason }: Fault, finding: Finding): void {
    const { pause, witnessCount } = this.pausing;
    if (pause === null) return;
    this.finding = finding;
    // What is ours to mend is the same whatever was asked: another collector stores one and refuses the next.
    const key = pause.kind === "misconfigured" ? reason : `${status} ${reason}`;
    if (!this.said.isNews("pause", key)) return;
    const what = `queue paused: ${pauseText(pause.kind, finding, witnessCount)}; no episode is at fault, nothing is lost`;
    this.deps.log.error({ what, fix: finding.fix }, { reason });
  }

  /** A receiver of ours gave a receipt or a judgement. */
  private reached(hasTaken: boolean): void {
    // A word of its judge says nothing of the way of bodies.
    const what = hasTaken ? "takes episodes again" : "answers again";
    if (hasTaken) this.tookMs = this.deps.now();
    if (this.pausing.pause !== null) this.deps.log.info(`queue goes on: the receiver ${what}`);
    this.pausing.answered();
    this.said.isOver("pause");
    this.finding = null;
  }
}
