// The ground of a daemon at work: looked at before each pass, and what it lacks is made again.

import type { Dirs } from "../../contract/places.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { cannotRestore, goneProblem, judgeGround, openGround, restoredFinding, type Standing } from "./ground.ts";

export interface GroundDeps {
  dataRoot: string;
  dirs: Dirs;
  log: Pick<Log, "warn">;
  /** Told after each look: what keeps us from working on it; null: nothing. */
  groundIs: (problem: ScanProblem | null) => void;
  /** For another ground we start anew. */
  fail: (error: unknown) => void;
}

export interface GroundWatch {
  /** Looks whether the data root is ours still, and can be worked on. */
  isOurs(): Promise<boolean>;
  close(): void;
}

/** The data root as it is now, locked, is ours. */
export function watchGround({ dataRoot, dirs, log, groundIs, fail }: GroundDeps): GroundWatch {
  const under = openGround(dataRoot, dirs);
  /** @returns what is in the way; null: nothing */
  const restore = async (now: Standing): Promise<ScanProblem | null> => {
    try {
      for (const name of await under.restore(now)) log.warn(restoredFinding(dirs, name));
      return null;
    } catch (error) {
      const code = errorCode(error);
      if (code === null) throw error;
      return cannotRestore(dataRoot, now, code);
    }
  };
  return {
    async isOurs() {
      const now = await under.look();
      const ground = judgeGround(under.id, now, Object.keys(dirs).length);
      if (ground === "another") {
        fail(otherGround(dataRoot));
        return false;
      }
      const problem = ground === "gone" ? goneProblem(dataRoot, now) : await restore(now);
      groundIs(problem);
      return problem === null;
    },
    close: () => under.close(),
  };
}

/** Another process may work there, and of what lies there nothing is known: a new start locks it and looks at it. */
function otherGround(dataRoot: string): UserError {
  const what = `another directory stands at ${dataRoot} than the one that was locked at the start`;
  return new UserError(what, "start the shipper again, as systemd does by itself", EXIT.undelivered);
}
