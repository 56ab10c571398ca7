// Asks Python (reference-health.py) many questions at once: it is what alerts.jsonl was written by before labfleet.

import { join } from "node:path";

const SCRIPT = join(import.meta.dir, "reference-health.py");

/** The answers to requests, in their order. @param timeZone of the machine, as TZ */
export function askPython(requests: readonly unknown[], timeZone = "UTC"): unknown[] {
  const asked = Bun.spawnSync(["python3", SCRIPT], {
    stdin: Buffer.from(requests.map((request) => `${JSON.stringify(request)}\n`).join("")),
    stderr: "inherit",
    env: { ...process.env, TZ: timeZone },
  });
  if (asked.exitCode !== 0) throw new Error(`python3 ended with ${asked.exitCode}`);
  return asked.stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
