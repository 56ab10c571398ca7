// What is to be shipped, and what comes next. A data structure without effects: 100,000 untouched episodes are a name
// each, and only those in work carry state.

export type Stage =
  | "waiting" // untouched, or to be packed again
  | "packing"
  | "packed" // its archive is in the outbox
  | "sending"
  | "held"; // a person has to mend something first

export interface Entry {
  id: string;
  /** When its marker was made, milliseconds since 1970: the oldest goes first. */
  finishedMs: number;
  stage: Stage;
  /** Failed tries since the last success or change. */
  failures: number;
  /** `digest-mismatch` answers so far. */
  mismatches: number;
  /** Not to be tried before, on the clock given to `next…`, in milliseconds. */
  notBeforeMs: number;
  /** Why it was not shipped yet, for status; null when nothing went wrong. */
  reason: string | null;
}

/** An entry in its first state. */
export function newEntry(id: string, finishedMs: number, stage: Stage): Entry {
  return { id, finishedMs, stage, failures: 0, mismatches: 0, notBeforeMs: 0, reason: null };
}

export interface QueueCounts {
  pending: number;
  packed: number;
  sending: number;
  retrying: number;
  held: number;
  oldestFinishedMs: number | null;
}

export class Queue {
  /** Untouched, oldest first; `head` is the next. */
  private fresh: { id: string; finishedMs: number }[] = [];
  private head = 0;
  private readonly touched = new Map<string, Entry>();
  private readonly known = new Set<string>();

  has(id: string): boolean {
    return this.known.has(id);
  }

  get size(): number {
    return this.known.size;
  }

  /** Adds finished episodes that are not in the queue yet. */
  add(episodes: readonly { id: string; finishedMs: number }[]): void {
    const added = episodes.filter(({ id }) => !this.known.has(id));
    if (added.length === 0) return;
    for (const { id } of added) this.known.add(id);
    this.fresh = [...this.fresh.slice(this.head), ...added].sort(
      (a, b) => a.finishedMs - b.finishedMs || (a.id < b.id ? -1 : 1),
    );
    this.head = 0;
  }

  /** Puts an episode in with a state of its own, such as one whose archive an earlier run has packed. */
  restore(entry: Entry): void {
    this.known.add(entry.id);
    this.touched.set(entry.id, entry);
  }

  remove(id: string): void {
    this.known.delete(id);
    this.touched.delete(id);
  }

  /** Forgets episodes that are not worked on and that `isGone`: somebody took their directories away. */
  forgetWaiting(isGone: (id: string) => boolean): void {
    for (const id of this.known) {
      const stage = this.touched.get(id)?.stage ?? "waiting";
      if ((stage === "waiting" || stage === "held") && isGone(id)) this.remove(id);
    }
  }

  get(id: string): Entry | undefined {
    return this.touched.get(id);
  }

  /** Entries in one of the stages. */
  inStage(...stages: Stage[]): Entry[] {
    return [...this.touched.values()].filter((entry) => stages.includes(entry.stage));
  }

  /** The next episode to pack: the oldest that is due; the caller sets its stage. */
  nextToPack(nowMs: number): Entry | null {
    const due = oldest(this.inStage("waiting").filter((entry) => entry.notBeforeMs <= nowMs));
    while (this.fresh[this.head] !== undefined && !this.known.has(this.fresh[this.head]?.id ?? "")) this.head++;
    const first = this.fresh[this.head];
    if (first === undefined || (due !== null && due.finishedMs <= first.finishedMs)) return due;
    this.head++;
    const entry = newEntry(first.id, first.finishedMs, "waiting");
    this.touched.set(entry.id, entry);
    return entry;
  }

  /** The next packed episode to send: the oldest that is due. */
  nextToSend(nowMs: number): Entry | null {
    return oldest(this.inStage("packed").filter((entry) => entry.notBeforeMs <= nowMs));
  }

  /** When the next try is due that is not due now, or null. */
  nextDueMs(nowMs: number): number | null {
    const later = this.inStage("waiting", "packed").filter((entry) => entry.notBeforeMs > nowMs);
    return later.length === 0 ? null : Math.min(...later.map((entry) => entry.notBeforeMs));
  }

  /** Whether anything could be packed or sent right now. */
  hasDue(nowMs: number): boolean {
    if (this.inStage("waiting", "packed").some((entry) => entry.notBeforeMs <= nowMs)) return true;
    return this.fresh.slice(this.head).some(({ id }) => this.known.has(id));
  }

  counts(): QueueCounts {
    const stages = [...this.touched.values()];
    const first = this.fresh[this.head];
    const times = [...stages.map((entry) => entry.finishedMs), ...(first === undefined ? [] : [first.finishedMs])];
    return {
      pending: this.known.size,
      packed: stages.filter((e) => e.stage === "packed").length,
      sending: stages.filter((e) => e.stage === "sending").length,
      retrying: stages.filter((e) => e.failures > 0 && e.stage !== "held").length,
      held: stages.filter((e) => e.stage === "held").length,
      oldestFinishedMs: times.length === 0 ? null : Math.min(...times),
    };
  }
}

function oldest(entries: Entry[]): Entry | null {
  let best: Entry | null = null;
  for (const entry of entries) if (best === null || entry.finishedMs < best.finishedMs) best = entry;
  return best;
}
