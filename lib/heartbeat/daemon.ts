// The agent as a daemon: a collection at once, then at this host's place in each interval.

import { join } from "node:path";
import { errorText } from "../core/failure.ts";
import { replaceRunFile } from "../os/run-file.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import { takeOver } from "../runtime/reload.ts";
import { buildAgent } from "./build.ts";
import { splayMs, untilDueMs } from "./decide.ts";
import { openSpool } from "./once.ts";
import { FIXED_SETTINGS, type HeartbeatConfig } from "./settings.ts";

/**
 * Starts the agent on a state directory that is locked.
 * @param readConfig reads the configuration anew
 */
export async function startAgent(
  config: HeartbeatConfig,
  context: DaemonContext,
  readConfig: () => Promise<HeartbeatConfig>,
): Promise<Running> {
  const { log, progress } = context;
  const { agent, close, loaded } = await buildAgent(config, log, progress, openSpool(config));
  const intervalMs = config.intervalS * 1000;
  const splay = splayMs(config.hostId, intervalMs);
  let timer: ReturnType<typeof setTimeout>;
  const beats = new Set<Promise<void>>();
  const beat = async (): Promise<void> => {
    await agent.beat();
    if (agent.latest !== null) writeLatest(config.runDir, JSON.stringify(agent.latest), (why) => log.debug(why));
    context.status(agent.status());
    // Sending may take longer than an interval: what came of it is shown when it is over.
    void agent.settled().then(() => context.status(agent.status()));
  };
  const begin = (): void => {
    timer = setTimeout(begin, untilDueMs(Date.now(), intervalMs, splay));
    const running = beat()
      .catch(context.fail)
      .finally(() => beats.delete(running));
    beats.add(running);
  };
  log.info("ready", {
    host: config.hostId,
    receiver: config.receiver.url,
    interval_s: config.intervalS,
    plugins: loaded,
  });
  begin();
  return {
    drain: [
      {
        name: "end checks",
        inFlight: () => beats.size,
        run: async () => {
          clearTimeout(timer);
          await agent.stop();
          await Promise.all(beats);
          return undefined;
        },
      },
      {
        name: "close plugins",
        run: async () => {
          await close();
          return undefined;
        },
      },
    ],
    reload: async () => takeOver(config, await readConfig(), FIXED_SETTINGS),
  };
}

/** The run directory is in memory: a rename is all it needs. */
function writeLatest(runDir: string, text: string, say: (why: string) => void): void {
  const path = join(runDir, "latest.json");
  try {
    replaceRunFile(path, `${text}\n`);
  } catch (error) {
    say(`cannot write ${path}: ${errorText(error)}`);
  }
}
