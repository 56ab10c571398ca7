import { expect, test } from "bun:test";
import { findingText } from "../../../lib/core/finding.ts";
import { type LastRun, whyNotRunning } from "../../../lib/receiver/commands/not-running.ts";
import type { EndReport } from "../../../lib/runtime/ends/ends.ts";

const NEVER: LastRun = { last_end: null, start_failure: null, exit_code: null };
/** The part of a report that tells whether another start would be refused. */
const refused = (code: number) => ({ failed_starts: 1, failed_exit_code: code, exit_code: 0 }) as unknown as EndReport;

test("a start is the remedy, unless the last one was refused, failed, or systemd cannot make it", () => {
  const said = (last: Partial<LastRun>) => findingText(whyNotRunning({ ...NEVER, ...last }), "collector");
  expect(said({})).toBe("not running; fix: sudo systemctl start labfleet-receiver");
  expect(said({ last_end: refused(3) })).toBe("not running; fix: sudo systemctl start labfleet-receiver");
  for (const last of [{ last_end: refused(2) }, { exit_code: 2 }, { exit_code: 3 }, { start_failure: "217/USER" }])
    expect(said(last)).toMatch(/^not running: .*; fix: .*: sudo journalctl -u labfleet-receiver -n 20$/);
});
