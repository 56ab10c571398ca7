// What each signal means to a daemon, and who sent it: the kernel tells our handler in C, which stands before Bun's own.

import { describeSender, type SignalRecord } from "../core/sender.ts";
import { signalNumber } from "../core/signals.ts";
import { type SenderWatch, watchSenders } from "../os/signal-sender.ts";

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

/** From now on these signals are handled, in the order in which they come. */
export function handleSignals({ stop, reload }: SignalHandlers): void {
  let senders: SenderWatch | null = null;
  let records: SignalRecord[] = [];
  const on = (name: NodeJS.Signals): void => {
    const number = signalNumber(name) ?? 0;
    records.push(...(senders?.take() ?? []));
    // Signals of one kind that come at once may be handled once: the first sender is the one to name.
    const record = records.find(({ signal }) => signal === number) ?? null;
    records = records.filter(({ signal }) => signal !== number);
    const signal = { name, number, sender: describeSender(record, senders?.failure ?? null, process.pid) };
    if (name === "SIGHUP" && reload !== null) reload(signal);
    else stop(signal);
  };
  for (const name of SIGNALS) process.on(name, on);
  // Bun installs its handlers when a listener is added: ours goes before them, and must come after.
  senders = watchSenders(SIGNALS.map((name) => signalNumber(name) ?? 0));
}
