// The steps of a clean stop of the receiver: what is under way goes on, within the drain's time, and is then cut off.

import type { Settings } from "../runtime/config/settings.ts";
import type { Phase } from "../runtime/daemon.ts";
import type { TokenUseNotes } from "./access/token-use.ts";
import type { OpenedStore } from "./episode-store.ts";
import type { Admission } from "./episodes/admission.ts";
import type { Downloads } from "./episodes/downloads.ts";
import type { Listener } from "./listen/listen.ts";
import type { Attempts } from "./refusals/attempts.ts";
import type { Refusals } from "./refusals/refusals.ts";
import type { ReceiverConfig } from "./settings.ts";

export interface Serving {
  listener: Listener;
  attempts: Attempts;
  refusals: Refusals;
  opened: OpenedStore;
  admission: Admission;
  downloads: Downloads;
  tokenUse: TokenUseNotes;
}

/** The steps of a clean stop. */
export function drainPhases(settings: Settings<ReceiverConfig>, serving: Serving, begin: () => void): Phase[] {
  const { listener, attempts, refusals, opened, admission, downloads, tokenUse } = serving;
  const underWay = (): number => admission.uploads + downloads.running;
  const finishTransfers = async (): Promise<number> => {
    const drainMs = settings.current().drainTimeoutS * 1000;
    let cutShort = 0;
    const cut = setTimeout(() => {
      cutShort = underWay();
      listener.cutBodies();
    }, drainMs);
    // A disk that hangs keeps its uploads from ever settling; systemd must not have to kill us for it.
    const giveUp = Bun.sleep(drainMs + 5000);
    await Promise.race([listener.settled(), giveUp]);
    clearTimeout(cut);
    listener.destroy();
    return cutShort;
  };
  return [
    {
      name: "stop listening",
      run: async () => {
        begin();
        listener.close();
      },
    },
    { name: "finish uploads", inFlight: underWay, run: finishTransfers },
    {
      name: "flush attempts",
      run: async () => {
        tokenUse.write();
        refusals.close();
        await refusals.flush();
        await attempts.flush();
        await opened.close();
      },
    },
  ];
}
