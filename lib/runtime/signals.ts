// What each signal means to a daemon, and who sent it: the kernel tells our handler in C, which stands before Bun's own.

import { isatty } from "node:tty";
import { describeSender, type SignalRecord } from "../core/linux/sender.ts";
import { signalNumber } from "../core/linux/signals.ts";
import { type SenderWatch, watchSenders } from "../os/process/signal-sender.ts";

/** Who sent a signal, as fields of the log. */
export type Sender = Readonly<Record<string, string | number>>;

export interface ReceivedSignal {
  name: NodeJS.Signals;
  number: number;
  sender: Sender;
}

export interface SignalHandlers {
  stop: (signal: ReceivedSignal) => void;
  /** SIGHUP; null for a daemon that cannot read its configuration anew, or whose terminal may close: then it stops. */
  reload: ((signal: ReceivedSignal) => void) | null;
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

const LEFT_OVER_MS = 1000;

/** Within so long the same signal of the same sender is one wish: timeout(1) sends it to its child and to the group. */
const ONE_WISH_MS = 1000;
/** The terminal's second Ctrl-C is a second wish as soon as a person can press it. */
const TERMINAL_MS = 200;

/** Whether a further stop signal is only the first one once more. Pure. */
export function isRepeat(first: ReceivedSignal, next: ReceivedSignal, elapsedMs: number): boolean {
  if (first.name !== next.name || first.sender.sent_by !== next.sender.sent_by) return false;
  return elapsedMs < (String(first.sender.sent_by).startsWith("kernel") ? TERMINAL_MS : ONE_WISH_MS);
}

/** A SIGHUP that came before anybody could handle it. */
let hasHungUp = false;
const noteHangUp = (): void => {
  hasHungUp = true;
};

/**
 * The first thing that a daemon does: a SIGHUP while it starts must not end it, and is done once it can be. On a terminal, which may be
 * what hangs up, it ends it as ever.
 */
export function holdHangUp(): void {
  if (!isatty(2)) process.on("SIGHUP", noteHangUp);
}

/** From now on these signals are handled, in the order in which they come, after one that was held. */
export function handleSignals({ stop, reload }: SignalHandlers): void {
  let senders: SenderWatch | null = null;
  let records: { record: SignalRecord; atMs: number }[] = [];
  const on = (name: NodeJS.Signals): void => {
    const number = signalNumber(name) ?? 0;
    const atMs = performance.now();
    // Signals of one kind that come at once may be handled once: what is left over soon belongs to none.
    records = records.filter((kept) => atMs - kept.atMs < LEFT_OVER_MS);
    records.push(...(senders?.take() ?? []).map((record) => ({ record, atMs })));
    const kept = records.find(({ record }) => record.signal === number) ?? null;
    records = records.filter((other) => other !== kept);
    const record = kept?.record ?? null;
    const signal = { name, number, sender: describeSender(record, senders?.failure ?? null, process.pid) };
    if (name === "SIGHUP" && reload !== null) reload(signal);
    else stop(signal);
  };
  for (const name of SIGNALS) process.on(name, on);
  // Bun installs its handlers when a listener is added: ours goes before them, and must come after.
  senders = watchSenders(SIGNALS.map((name) => signalNumber(name) ?? 0));
  process.off("SIGHUP", noteHangUp);
  if (hasHungUp) on("SIGHUP");
  hasHungUp = false;
}
