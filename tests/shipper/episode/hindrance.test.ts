// What is said of an episode that cannot be read or moved: the sentence, and the line that mends it.

import { describe, expect, test } from "bun:test";
import { fixText } from "../../../lib/core/finding.ts";
import { type EpisodeFacts, explainHindrance, heldFinding } from "../../../lib/shipper/episode/hindrance.ts";
import { inText } from "../../support/in-text.ts";

const OURS: EpisodeFacts = {
  root: "/data/episodes/ep1",
  what: "the episode",
  owner: "labfleet",
  mode: 0o40755,
  immutable: false,
  appendOnly: false,
  isMountPoint: false,
  isPinnedByParent: false,
  me: "labfleet",
  mayOverride: false,
};

/** With the remedy as it is printed. */
function explained(...args: Parameters<typeof explainHindrance>): { reason: string; fix: string | null } {
  const { reason, fix } = explainHindrance(...args);
  return { reason, fix: fix === null ? null : fixText(fix) };
}

describe("an episode that cannot be moved", () => {
  for (const [what, facts, code, reason, fix] of [
    [
      "belongs to another user",
      { owner: "recorder", mode: 0o40700 },
      "EACCES",
      "it belongs to recorder, mode 0700, and labfleet may not move it",
      "sudo chown -R labfleet /data/episodes/ep1",
    ],
    [
      "is shut to its own owner, us",
      { mode: 0o40555 },
      "EACCES",
      "mode 0555 shuts even its owner out",
      "sudo chmod -R u+rwX /data/episodes/ep1",
    ],
    [
      "belongs to another user and is shut to its owner",
      { owner: "root", mode: 0o40500 },
      "EACCES",
      "it belongs to root, mode 0500, and labfleet may not move it, and mode 0500 shuts even its owner out",
      "sudo chown -R labfleet /data/episodes/ep1 && sudo chmod -R u+rwX /data/episodes/ep1",
    ],
    [
      "is immutable, where owners are no obstacle",
      { immutable: true, owner: "root", mayOverride: true },
      "EPERM",
      "it is immutable (chattr +i)",
      "sudo find /data/episodes/ep1 -type f,d -exec chattr -i -a '{}' +",
    ],
    [
      "is append-only and another user's",
      { appendOnly: true, owner: "root" },
      "EPERM",
      "it is append-only (chattr +a), and it belongs to root, mode 0755, and labfleet may not move it",
      "sudo find /data/episodes/ep1 -type f,d -exec chattr -i -a '{}' + && sudo chown -R labfleet /data/episodes/ep1",
    ],
    [
      "stands in a sticky directory",
      { isPinnedByParent: true, owner: "recorder", mayOverride: true },
      "EPERM",
      "its parent directory is sticky, and it belongs to recorder",
      "sudo chmod -t /data/episodes",
    ],
    [
      "is a mount point",
      { isMountPoint: true, mayOverride: true },
      "EBUSY",
      "something is mounted there",
      "sudo cp -a /data/episodes/ep1 /data/episodes/.ep1.copy && sudo umount /data/episodes/ep1 && sudo rmdir /data/episodes/ep1 && sudo mv /data/episodes/.ep1.copy /data/episodes/ep1",
    ],
    [
      "lies on another file system",
      { mayOverride: true },
      "EXDEV",
      "it lies on another file system than shipped/",
      "sudo cp -a /data/episodes/ep1 /data/episodes/.ep1.copy && sudo rm -r /data/episodes/ep1 && sudo mv /data/episodes/.ep1.copy /data/episodes/ep1",
    ],
    ["is refused and nobody knows why", { mayOverride: true }, "EPERM", "EPERM", null],
  ] as const) {
    test(`because it ${what}`, () => {
      expect(explained({ ...OURS, ...facts }, "move", code)).toEqual({
        reason: `the episode cannot be moved when it is shipped: ${reason}`,
        fix,
      });
    });
  }

  test("has its path quoted for the shell, in every command", () => {
    const facts = { ...OURS, root: "/data/lab data/episodes/ep1", owner: "root", mode: 0o40000 };
    expect(explained(facts, "move", "EACCES").fix).toBe(
      "sudo chown -R labfleet '/data/lab data/episodes/ep1' && sudo chmod -R u+rwX '/data/lab data/episodes/ep1'",
    );
  });
});

describe("what cannot be read in an episode", () => {
  test("is a file of another user", () => {
    const facts = { ...OURS, what: '"sub/data.bin"', owner: "recorder", mode: 0o100600 };
    expect(explained(facts, "read", "EACCES")).toEqual({
      reason: '"sub/data.bin" cannot be read: it belongs to recorder, mode 0600, and labfleet may not read it',
      fix: "sudo chown -R labfleet /data/episodes/ep1",
    });
  });

  test("is one of mode 0200; attributes and mounts keep nobody from reading", () => {
    const facts = { ...OURS, what: '"x"', mode: 0o100200, immutable: true, isMountPoint: true, isPinnedByParent: true };
    expect(explained(facts, "read", "EACCES").fix).toBe("sudo chmod -R u+rwX /data/episodes/ep1");
  });

  test("is no matter of modes for who may override them", () => {
    const facts = { ...OURS, owner: "root", mode: 0o40000, mayOverride: true };
    expect(explained(facts, "read", "EIO")).toEqual({ reason: "the episode cannot be read: EIO", fix: null });
  });
});

test("a line of the log names the episode before all, as the value that it is, and its remedy last", () => {
  expect(
    inText(
      heldFinding("held", "ep1", "it is locked", { text: "", commands: [{ argv: ["sudo", "true"], on: "host" }] }),
    ),
  ).toBe("held episode=ep1 because it is locked; fix: sudo true");
  expect(inText(heldFinding("not shipped", "a b=c", "of its name", null))).toBe(
    'not shipped episode="a b=c" because of its name',
  );
});
