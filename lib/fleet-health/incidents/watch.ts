// The watch over a fleet: what one run leaves of its incidents for the next, and what it has to tell. Pure: now is an argument.

import { advance, type Fires, type Seen } from "./advance.ts";
import { fold } from "./fold.ts";
import { type Event, type Incident, MANY } from "./incident.ts";
import { INCIDENT_POLICY } from "./policy.ts";
import type { Silence } from "./silence.ts";
import { tell } from "./tell.ts";

/** What stands after a run. */
export interface Watch {
  incidents: readonly Incident[];
  fires: Fires;
  /** When the last runs were, the newest first. */
  runsMs: readonly number[];
}

export const NO_WATCH: Watch = { incidents: [], fires: new Map(), runsMs: [] };

export interface Round extends Seen {
  /** How many hosts are watched. */
  hosts: number;
  silences: readonly Silence[];
}

/** One run: each symptom goes one step, many of one cause are one, and whoever was not told yet is, where nothing holds that back. */
export function watch({ incidents: before, fires, runsMs }: Watch, round: Round): { next: Watch; events: Event[] } {
  const { nowMs, hosts, silences } = round;
  const isOfMany = ({ host }: Incident): boolean => host === MANY;
  const stepped = advance(
    before.filter((one) => !isOfMany(one)),
    fires,
    round,
  );
  const folded = fold([...stepped.incidents, ...before.filter(isOfMany)], {
    ...{ nowMs, hosts, runsMs, silences, gone: round.gone, unknown: round.unknown },
  });
  const told = tell(folded.incidents, silences, nowMs);
  return {
    next: {
      incidents: told.incidents,
      fires: stepped.fires,
      runsMs: [nowMs, ...runsMs].slice(0, INCIDENT_POLICY.foldRuns),
    },
    events: [...stepped.events, ...folded.events, ...told.events],
  };
}
