// What is to be shipped, and what comes next. A data structure without effects: 100,000 untouched episodes are a name
// each, and only those in work carry state, kept by stage so that no question costs more than its answer.

import { fitsLane } from "../pack/lanes.ts";
import { type Entry, newEntry, STAGES, type Stage } from "./entry.ts";
import { byWaiting, firstDue, type HadTurn, packedAgainUntilMs, untriedFirst } from "./order.ts";

export interface QueueCounts {
  pending: number;
  packed: number;
  sending: number;
  retrying: number;
  held: number;
  oldestFinishedMs: number | null;
}

interface Untouched {
  id: string;
  finishedMs: number;
}

/** Oldest first; of two of one time by their names. */
function inOrder(a: Untouched, b: Untouched): number {
  return a.finishedMs - b.finishedMs || (a.id < b.id ? -1 : 1);
}

export class Queue {
  /** Untouched, oldest first; `head` is the next. */
  private fresh: Untouched[] = [];
  private head = 0;
  /** Untouched ones were removed, and still stand in `fresh`. */
  private hasGone = false;
  private readonly touched = new Map<string, Entry>();
  private readonly known = new Set<string>();
  private readonly stages = new Map<Stage, Set<Entry>>(STAGES.map((stage) => [stage, new Set()]));

  has(id: string): boolean {
    return this.known.has(id);
  }

  get size(): number {
    return this.known.size;
  }

  /** Adds finished episodes that are not in the queue yet: mostly a few that are newer than all there are. */
  add(episodes: readonly Untouched[]): void {
    const added = episodes.filter(({ id }) => !this.known.has(id)).sort(inOrder);
    const [first] = added;
    if (first === undefined) return;
    // First: an episode that went away and came back must not stand there twice.
    if (this.hasGone || this.head > this.fresh.length / 2) this.compact();
    for (const { id } of added) this.known.add(id);
    const last = this.fresh.at(-1);
    if (last === undefined || inOrder(last, first) < 0) for (const one of added) this.fresh.push(one);
    else {
      this.fresh = [...this.fresh.slice(this.head), ...added].sort(inOrder);
      this.head = 0;
    }
  }

  /** Forgets what was taken from `fresh`, and what went away. */
  private compact(): void {
    this.fresh = this.fresh.slice(this.head).filter(({ id }) => this.known.has(id));
    this.head = 0;
    this.hasGone = false;
  }

  /** Puts an episode in with a state of its own, such as one whose archive an earlier run has packed. */
  restore(entry: Entry): void {
    this.known.add(entry.id);
    this.touched.set(entry.id, entry);
    this.inStage(entry.stage).add(entry);
  }

  move(entry: Entry, stage: Stage): void {
    this.inStage(entry.stage).delete(entry);
    (entry as { stage: Stage }).stage = stage;
    this.inStage(stage).add(entry);
  }

  remove(id: string): void {
    this.known.delete(id);
    const entry = this.touched.get(id);
    if (entry === undefined) {
      this.hasGone = true;
      return;
    }
    this.touched.delete(id);
    this.inStage(entry.stage).delete(entry);
  }

  /** Forgets episodes that nobody works on and that `isGone`: somebody took their directories away. */
  forgetWaiting(isGone: (id: string) => boolean): void {
    for (const id of this.known) {
      const stage = this.touched.get(id)?.stage ?? "waiting";
      if ((stage === "waiting" || stage === "held") && isGone(id)) this.remove(id);
    }
  }

  get(id: string): Entry | undefined {
    return this.touched.get(id);
  }

  /** The entries in a stage; not to be changed by the caller. */
  inStage(stage: Stage): Set<Entry> {
    const entries = this.stages.get(stage);
    if (entries === undefined) throw new RangeError(`Cannot look into the stage: there is none named ${stage}`);
    return entries;
  }

  /**
   * The next episode to pack: the oldest that is due. It is in stage `waiting`; the caller moves it.
   * @param maxBytes what is known to be larger is left out; null for any size
   * @param hadTurn whose archive has given way for as long as the queue stands still
   */
  nextToPack(nowMs: number, maxBytes: number | null = null, hadTurn: HadTurn = () => false): Entry | null {
    let untilMs: number | null = null;
    const mayReturn = ({ failures, notBeforeMs }: Entry): boolean => {
      if (failures === 0) return true;
      untilMs ??= packedAgainUntilMs(this.inStage("packed"), nowMs);
      return notBeforeMs < untilMs;
    };
    const due = firstDue(this.inStage("waiting"), nowMs, untriedFirst, (entry) => {
      return fitsLane(entry.bytes, maxBytes) && mayReturn(entry) && !hadTurn(entry);
    });
    const first = this.firstFresh();
    if (first === undefined || (due !== null && due.finishedMs <= first.finishedMs)) return due;
    this.head++;
    const entry = newEntry(first.id, first.finishedMs, "waiting");
    // Its turn begins now: among those that wait for another try it is neither always the first nor always the last.
    entry.notBeforeMs = nowMs;
    this.restore(entry);
    return entry;
  }

  /** The next packed episode to send: of those that are due and suit the one that has waited longest. */
  nextToSend(nowMs: number, suits: (entry: Entry) => boolean = () => true): Entry | null {
    return firstDue(this.inStage("packed"), nowMs, byWaiting, suits);
  }

  /** How many packed episodes are due, of those that count. */
  readyToSend(nowMs: number, counts: (id: string) => boolean = () => true): number {
    let count = 0;
    for (const entry of this.inStage("packed")) if (entry.notBeforeMs <= nowMs && counts(entry.id)) count++;
    return count;
  }

  /** How many episodes could be under way by now: fresh ones, those that are due, and those that are in work. */
  dueCount(nowMs: number): number {
    let count = this.known.size - this.touched.size + this.inStage("packing").size + this.inStage("sending").size;
    for (const stage of ["waiting", "packed"] as const)
      for (const entry of this.inStage(stage)) if (entry.notBeforeMs <= nowMs) count++;
    return count;
  }

  /** When the next try is due that is not due now, or null. */
  nextDueMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const stage of ["waiting", "packed"] as const) {
      for (const { notBeforeMs } of this.inStage(stage)) {
        if (notBeforeMs > nowMs && (next === null || notBeforeMs < next)) next = notBeforeMs;
      }
    }
    return next;
  }

  counts(): QueueCounts {
    let oldest = this.firstFresh()?.finishedMs ?? null;
    let retrying = 0;
    for (const entry of this.touched.values()) {
      if (oldest === null || entry.finishedMs < oldest) oldest = entry.finishedMs;
      if (entry.failures > 0 && entry.stage !== "held") retrying++;
    }
    return {
      pending: this.known.size,
      packed: this.inStage("packed").size,
      sending: this.inStage("sending").size,
      retrying,
      held: this.inStage("held").size,
      oldestFinishedMs: oldest,
    };
  }

  private firstFresh(): { id: string; finishedMs: number } | undefined {
    while (this.fresh[this.head] !== undefined && !this.known.has(this.fresh[this.head]?.id ?? "")) this.head++;
    return this.fresh[this.head];
  }
}
