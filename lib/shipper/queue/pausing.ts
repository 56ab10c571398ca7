// When does the whole queue stop, and who goes ahead to see whether it may go on? (docs/protocol.md, “Waiting alone and pausing”)
// One bad episode never stops a host, and one bad path never empties the queue into back-off: only several different
// episodes in a row that met the same fault stop it, or a fault that is plainly ours. Pure: time and chance are arguments.

import type { Fault } from "../trust/verdict.ts";

/** The queue is stopped. Times on the engine's clock, milliseconds. */
export interface Pause {
  /** `misconfigured`: credentials, address, certificate; `failing`: different episodes met the same fault. */
  kind: "misconfigured" | "failing";
  /** The newest fault. */
  fault: Fault;
  /** When the queue stopped, on the engine's clock, milliseconds. */
  sinceMs: number;
  /** Until then only episodes go ahead that may go at once. */
  nextProbeMs: number;
}

/** An episode that could go ahead. */
export interface Candidate {
  id: string;
  bytes: number;
  /** Not in a back-off of its own. */
  isDue: boolean;
}

/** So many different episodes in a row with the same fault stop the queue; fewer if fewer are due. */
export const WITNESSES = 3;
/** Waits between two probes, seconds. The last one stays. */
const PROBE_S: readonly number[] = [5, 10, 20, 40, 80, 120];
/** A server may ask for more than the last of them, but not for more than this. */
const ASKED_MAX_S = 3600;

export class Pausing {
  pause: Pause | null = null;
  /** Different episodes that met the same fault in a row, the oldest first. */
  private witnesses = new Set<string>();
  private key = "";
  /** Episodes that went ahead since the pause began, the last one last. */
  private readonly tried = new Set<string>();
  private probes = 0;
  /** Right after the queue stopped another episode goes ahead at once. */
  private isFirstProbeOpen = false;

  /** How many different episodes in a row met the present fault. */
  get witnessCount(): number {
    return this.witnesses.size;
  }

  /**
   * An answer that was not about the episode.
   * @param due how many episodes could have been tried by now, this one included
   * @param waitMs how long to wait from now after so many probes: see `probeWaitMs`
   */
  failed(id: string, fault: Fault, due: number, nowMs: number, waitMs: (probes: number) => number): void {
    this.note(id, fault);
    if (this.pause !== null) this.probed("failing", id, fault, nowMs, waitMs);
    else if (this.witnesses.size >= Math.min(WITNESSES, due)) this.open("failing", fault, nowMs, waitMs);
  }

  /** A fault that every episode would meet: stops the queue at once. */
  misconfigured(id: string, fault: Fault, nowMs: number, waitMs: (probes: number) => number): void {
    this.note(id, fault);
    if (this.pause === null) this.open("misconfigured", fault, nowMs, waitMs);
    else this.probed("misconfigured", id, fault, nowMs, waitMs);
  }

  /** A receipt or a judgement: a receiver of ours was reached. */
  answered(): void {
    this.pause = null;
    this.witnesses.clear();
    this.tried.clear();
    this.key = "";
  }

  /** What stood in the way may be mended: a probe goes ahead at once. */
  tryNow(): void {
    if (this.pause === null) return;
    this.pause.nextProbeMs = Number.NEGATIVE_INFINITY;
    this.probes = 0;
  }

  /** Whether an episode was tried since the queue stopped. */
  wasTried(id: string): boolean {
    return this.tried.has(id);
  }

  /**
   * Which of the episodes goes ahead now; null for none. Never the same one twice while another waits, the smallest
   * untried first.
   */
  probe(candidates: readonly Candidate[], nowMs: number): Candidate | null {
    if (this.pause === null) return null;
    const fresh = candidates.filter(({ id }) => !this.tried.has(id)).sort((a, b) => a.bytes - b.bytes);
    if (nowMs >= this.pause.nextProbeMs) return fresh[0] ?? this.leastRecent(candidates);
    const mayGoAtOnce = this.isFirstProbeOpen || this.witnesses.size < WITNESSES;
    return mayGoAtOnce ? (fresh.find(({ isDue }) => isDue) ?? null) : null;
  }

  private leastRecent(candidates: readonly Candidate[]): Candidate | null {
    for (const id of this.tried) {
      const candidate = candidates.find((one) => one.id === id);
      if (candidate !== undefined) return candidate;
    }
    return null;
  }

  private note(id: string, fault: Fault): void {
    const key = `${fault.status} ${fault.reason} ${fault.isMarked}`;
    if (key !== this.key) this.witnesses.clear();
    this.key = key;
    this.witnesses.add(id);
  }

  private open(kind: Pause["kind"], fault: Fault, nowMs: number, waitMs: (probes: number) => number): void {
    this.tried.clear();
    for (const id of this.witnesses) this.tried.add(id);
    this.probes = 0;
    this.isFirstProbeOpen = true;
    this.pause = { kind, fault, sinceMs: nowMs, nextProbeMs: nowMs + waitMs(0) };
  }

  private probed(
    kind: Pause["kind"],
    id: string,
    fault: Fault,
    nowMs: number,
    waitMs: (probes: number) => number,
  ): void {
    if (this.pause === null) return;
    this.tried.delete(id);
    this.tried.add(id);
    this.isFirstProbeOpen = false;
    this.pause.kind = kind;
    this.pause.fault = fault;
    // One that went ahead of its time does not make the next regular probe later.
    if (nowMs < this.pause.nextProbeMs) return;
    this.probes++;
    this.pause.nextProbeMs = nowMs + waitMs(this.probes);
  }
}

/**
 * Milliseconds until the next probe.
 * @param probes how many regular probes failed so far
 * @param jitter uniform in [0, 1): the wait is between half of it and all of it, so that a fleet does not come at once
 * @param retryAfterS what the server asked for, seconds; it may exceed the longest wait, up to an hour
 */
export function probeWaitMs(probes: number, jitter: number, retryAfterS: number | null): number {
  const full = PROBE_S[Math.min(probes, PROBE_S.length - 1)] ?? 0;
  return Math.max(full * (0.5 + jitter / 2), Math.min(retryAfterS ?? 0, ASKED_MAX_S)) * 1000;
}
