// An engine whose packer answers by script and whose clock stands still until it is told to go.

import { openClient } from "../../lib/client/client.ts";
import type { Log } from "../../lib/runtime/log/log.ts";
import { createProgress } from "../../lib/runtime/progress.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import type { PackJob, PackProgress, PackResult } from "../../lib/shipper/pack/job.ts";
import { Engine } from "../../lib/shipper/work/engine.ts";
import { makeDirs } from "./lab-host.ts";
import { quietLog } from "./quiet-log.ts";
import { reloadable } from "./reloadable.ts";

/** @param pack what the packing thread answers for an episode; it may tell how far it is */
export function scriptedEngine(
  root: string,
  pack: (id: string, job: PackJob, moved: (progress: PackProgress | null) => void) => PackResult | Promise<PackResult>,
  url = "http://127.0.0.1:9",
  log: Log = quietLog,
) {
  const dirs = makeDirs(root);
  const text = `host_id = "lab1"\n[paths]\ndata_root = "${root}"\n[receiver]\nurl = "${url}"\n`;
  const { config } = parseShipperConfig(text, "lab-host.toml");
  const { settings, reload } = reloadable(config);
  const calls: string[] = [];
  const failures: unknown[] = [];
  let nowMs = 0;
  const now = (): number => nowMs;
  const engine = new Engine({
    settings,
    dirs,
    machine: "-;",
    client: openClient({ hostId: "lab1", timeoutKey: "shipper.request_timeout_s" }),
    log,
    progress: createProgress(now),
    bootId: "this-boot",
    now,
    wallMs: () => nowMs,
    days: { today: () => 0, seen: async () => {} },
    random: () => 0.5,
    freeSpace: async () => false,
    settled: () => null,
    changed: () => {},
    fail: (error) => failures.push(error),
    once: false,
    packer: {
      pack: async (job, moved) => {
        calls.push(`pack ${job.id}`);
        return pack(job.id, job, moved);
      },
      fingerprint: async () => "fingerprint",
      cancel: () => calls.push("cancel"),
      close: () => {},
    },
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { engine, dirs, calls, failures, pass, settings, reload };
}
