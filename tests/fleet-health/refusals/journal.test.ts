import { expect, test } from "bun:test";
import { fixText } from "../../../lib/core/finding.ts";
import { closedIn, droppedIn } from "../../../lib/fleet-health/refusals/journal.ts";

test.each([
  [
    "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n",
    true,
  ],
  ["No journal files were opened due to insufficient permissions.\n", true],
  ["No journal files were found.\n", false],
  ["", false],
])("what journalctl says on standard error tells whether it may read: %p", (stderr, isClosed) => {
  const found = closedIn(stderr, "labfleet");
  expect(found !== null).toBe(isClosed);
  if (found?.fix)
    expect(fixText(found.fix)).toBe("let it, from its next start on: sudo usermod -aG systemd-journal labfleet");
});

test("lines that journald has dropped of the unit are told, and of no other one", () => {
  const text = [
    "Suppressed 120 messages from labfleet-receiver.service",
    "Suppressed 3 messages from labfleet-receiver.service",
    "Suppressed 9 messages from nginx.service",
    "Journal started",
  ].join("\n");
  const found = droppedIn(text, "labfleet-receiver");
  expect(found?.what).toBe("journald has dropped 123 lines of labfleet-receiver: refusals are counted too low");
  expect(found?.fix?.text).toContain(
    "LogRateLimitIntervalSec=0' | sudo install -D -m 0644 /dev/stdin /etc/systemd/system/labfleet-receiver.service.d/log-rate.conf",
  );
  expect(droppedIn(text, "cis490-receiver")).toBeNull();
});
