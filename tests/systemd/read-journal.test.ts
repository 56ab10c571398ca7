// The receiver's journal as fleet health reads it, on a real systemd: who may read it, who may not, and what has no entries.

import { afterAll, beforeAll, expect } from "bun:test";
import type { Journal } from "../../lib/fleet-health/refusals/journal.ts";
import { bedTest, bootInstalled, type InstalledHost } from "./installed-host.ts";

let lab: InstalledHost | null = null;

beforeAll(async () => {
  lab = await bootInstalled("lab4");
  await lab?.host.waitFor(
    "the receiver listens",
    async () => (await lab?.host.journal("labfleet-receiver"))?.includes("listening on") === true,
  );
});

afterAll(async () => {
  await lab?.host[Symbol.asyncDispose]();
});

const MODULE = "/srv/labfleet/lib/fleet-health/refusals/journal.ts";

/** What a user reads; with groups as `setpriv` takes them. */
async function read(unit: string, groups: string | null): Promise<Journal> {
  const script = `const { readJournal } = await import("${MODULE}");
    console.log(JSON.stringify(await readJournal("${unit}", 0, "labfleet")))`;
  const user = groups === null ? [] : ["setpriv", "--reuid=labfleet", "--regid=labfleet", groups];
  return JSON.parse((await lab?.host.run([...user, "bun", "-e", script])) ?? "");
}

bedTest("root, and a member of systemd-journal, read what the unit has logged", async () => {
  for (const groups of [null, "--groups=systemd-journal"]) {
    const journal = await read("labfleet-receiver", groups);
    expect(journal).toMatchObject({ kind: "read", text: expect.stringContaining("listening on"), doubt: null });
  }
});

bedTest("anybody else does not take what he may not see for silence", async () => {
  expect(await read("labfleet-receiver", "--clear-groups")).toEqual({
    kind: "unreadable",
    why: {
      what: "the system's journal may not be read by labfleet",
      fix: {
        text: "let it, from its next start on",
        commands: [{ argv: ["sudo", "usermod", "-aG", "systemd-journal", "labfleet"], on: "here" }],
      },
    },
  });
});

bedTest("a unit that has logged nothing is no failure", async () => {
  expect(await read("emergency", null)).toMatchObject({ kind: "read", doubt: null });
  // One that nobody knows is another matter.
  expect(await read("no-such-unit", null)).toMatchObject({
    kind: "unreadable",
    why: { what: 'there is no unit "no-such-unit", and nothing of it in the journal' },
  });
});
