// What a status says of a daemon that is not there: a start is no remedy where the last one failed.

import { expect, test } from "bun:test";
import { notRunning } from "../../../lib/core/linux/unit-fix.ts";
import { inText } from "../../support/in-text.ts";

const REFUSED =
  "not running: its last start was refused (exit code 2); fix: mend what this names, in /etc/labfleet/collector.toml or elsewhere, then sudo systemctl start labfleet-receiver: sudo journalctl -u labfleet-receiver -n 20";

test.each([
  [false, null, null, "not running; fix: sudo systemctl start labfleet-receiver"],
  [true, null, null, REFUSED],
  [false, null, 2, REFUSED],
  [
    false,
    null,
    3,
    "not running: its last run ended with exit code 3, and the next one may, too; fix: mend what its log names; systemd starts it again by itself: sudo journalctl -u labfleet-receiver -n 20",
  ],
  [
    false,
    "217/USER",
    null,
    "not running: systemd cannot start it (status 217/USER); fix: mend the line of its unit that this names, then sudo systemctl daemon-reload && sudo systemctl start labfleet-receiver: sudo journalctl -u labfleet-receiver -n 20",
  ],
])("refused %p, %p, exit code %p", (isRefused, failure, exitCode, said) => {
  expect(inText(notRunning("receiver", isRefused, failure, exitCode))).toBe(said);
});
