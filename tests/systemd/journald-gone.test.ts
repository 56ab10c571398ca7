// journald stopped and started again: the connection that a unit's standard error is stays dead for good (a restart keeps it:
// systemd holds it meanwhile). The daemons go on logging over a new one, with priority, identifier and unit as before.

import { afterAll, beforeAll, expect } from "bun:test";
import { DAEMONS } from "../support/tools.ts";
import { bedTest, bootInstalled, type InstalledHost } from "./installed-host.ts";

let installed: InstalledHost | null = null;
let host: InstalledHost["host"];
let sh: InstalledHost["sh"];

beforeAll(async () => {
  installed = await bootInstalled("lab1");
  if (installed === null) return;
  ({ host, sh } = installed);
  await sh("systemctl start labfleet-shipper labfleet-heartbeat");
});

afterAll(async () => {
  await installed?.host[Symbol.asyncDispose]();
});

interface Entry {
  MESSAGE: string;
  PRIORITY: string;
  SYSLOG_IDENTIFIER: string;
  _SYSTEMD_UNIT: string;
  _TRANSPORT: string;
  _PID: string;
}

/** What a daemon has logged since a moment. */
async function entries(tool: string, since: string): Promise<Entry[]> {
  const unit = `labfleet-${tool}.service`;
  const text = await sh(`journalctl --sync; journalctl -q -o json _SYSTEMD_UNIT=${unit} --since='${since}'`);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Entry => JSON.parse(line));
}

/** Makes each daemon log something, and waits until that is in the journal. */
async function said(since: string): Promise<Map<string, Entry[]>> {
  const found = new Map<string, Entry[]>();
  for (const tool of DAEMONS) {
    await sh(`systemctl reload labfleet-${tool}`);
    const speaks = async (): Promise<boolean> => {
      found.set(tool, await entries(tool, since));
      return (found.get(tool) ?? []).some(({ MESSAGE }) => MESSAGE.startsWith("reading the configuration anew"));
    };
    await host.waitFor(`${tool} logs again`, speaks);
  }
  return found;
}

const AGAIN = "journald was stopped: the log goes on over a new connection to it";
const JOURNALD = "systemd-journald.service";
const SOCKETS = "systemd-journald.socket systemd-journald-dev-log.socket";

for (const [what, script, isDead] of [
  ["restarted", `systemctl restart ${JOURNALD}`, false],
  ["killed", `systemctl kill -s KILL ${JOURNALD}; sleep 0.5; systemctl start ${JOURNALD}`, false],
  ["stopped and started", `systemctl stop ${JOURNALD}; systemctl start ${JOURNALD}`, true],
  [
    "stopped with its sockets, killed and started",
    `systemctl kill -s STOP ${JOURNALD}; (sleep 0.5; systemctl kill -s KILL ${JOURNALD}) & systemctl stop ${SOCKETS} ${JOURNALD}
     wait; systemctl start ${SOCKETS} ${JOURNALD}`,
    true,
  ],
] as const) {
  bedTest(`after journald was ${what} all three daemons log on, as before`, async () => {
    const since = (await sh("date +@%s.%6N")).trim();
    await sh(script);
    for (const [tool, lines] of await said(since)) {
      const pid = await host.show(`labfleet-${tool}`, "MainPID");
      const fields = { SYSLOG_IDENTIFIER: tool, _TRANSPORT: "stdout", _PID: pid };
      const at = (message: string): Entry | undefined => lines.find(({ MESSAGE }) => MESSAGE.startsWith(message));
      expect(at("reading the configuration anew"), tool).toMatchObject({ ...fields, PRIORITY: "6" });
      expect(lines.filter(({ MESSAGE }) => MESSAGE === AGAIN)).toHaveLength(isDead ? 1 : 0);
      if (isDead) expect(at(AGAIN), tool).toMatchObject({ ...fields, PRIORITY: "4" });
    }
  });
}

bedTest("while nobody takes streams the lines are lost, and counted once somebody does", async () => {
  const since = (await sh("date +@%s.%6N")).trim();
  await sh(`systemctl stop ${SOCKETS} ${JOURNALD}`);
  // Two lines a reload; systemctl itself needs no journald.
  await sh("systemctl reload labfleet-shipper");
  await sh(`systemctl start ${SOCKETS} ${JOURNALD}`);
  const isSaid = async (): Promise<boolean> =>
    (await entries("shipper", since)).some(({ MESSAGE }) =>
      /^\d log lines? w\w+ lost: standard error was closed$/.test(MESSAGE),
    );
  await host.waitFor("the count", isSaid);
});

bedTest("the new connection is the one that $JOURNAL_STREAM names, for a daemon and what it starts", async () => {
  const since = (await sh("date +@%s.%6N")).trim();
  const pid = await host.show("labfleet-shipper", "MainPID");
  const inode = (await sh(`stat -Lc %i /proc/${pid}/fd/2`)).trim();
  await sh("systemctl stop labfleet-shipper");
  const context = (await entries("shipper", since)).find(({ MESSAGE }) =>
    MESSAGE.startsWith("Shutdown context as JSON"),
  );
  expect(context?.MESSAGE).toMatch(new RegExp(`"journal_stream":"\\d+:${inode}"`));
});
