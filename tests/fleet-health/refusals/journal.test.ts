import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { closedIn, droppedIn, readJournal } from "../../../lib/fleet-health/refusals/journal.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { withEnv } from "../../support/with-env.ts";

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

test("a unit that nobody knows is said, and not taken for a receiver that refuses nobody", async () => {
  const bin = tempDir();
  const stub = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  using _ = withEnv({ PATH: `${bin}:${process.env.PATH}` });
  const of = async (journal: string, state: string) => {
    stub("journalctl", journal);
    stub("systemctl", state);
    const read = await readJournal("cis490-reciever", 0, "labfleet");
    return read.kind === "read" ? read.text : read.why.what;
  };
  const nobody = 'there is no unit "cis490-reciever", and nothing of it in the journal';
  expect(await of(":", "echo not-found")).toBe(nobody);
  expect(await of(":", "echo loaded")).toBe("");
  // One that was removed has a past; and where systemd is not to be asked nothing is held against it.
  expect(await of("echo line", "echo not-found")).toBe("line\n");
  expect(await of(":", "exit 1")).toBe("");
});
