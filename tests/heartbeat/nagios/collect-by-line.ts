// A nagios_runner with the settings in its argument, one check at a time. For each line that it reads it collects once, and
// prints what was said as one line of JSON.
import { NagiosRunner } from "../../../lib/heartbeat/nagios/nagios-runner.ts";

const quiet = (): void => {};
const log = { error: console.error, warn: quiet, info: quiet, debug: quiet };
const settings = JSON.parse(process.argv[2] ?? "{}");
const runner = new NagiosRunner({ atOnce: 1 });
runner.initialise({ log, intervalS: 600, settings, root: "/nonexistent" });
for await (const _ of console) {
  console.log(JSON.stringify(await runner.collect(new AbortController().signal)));
}
await runner.close();
