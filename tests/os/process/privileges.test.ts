// Giving up root: whom to become is believed only where root alone rules, and what is given up is gone in every thread.

import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dropPrivileges, rightsLeft, trustedOwner } from "../../../lib/os/process/privileges.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOBODY = { uid: 65534, gid: 65534 };
const PROGRAM = join(import.meta.dir, "../../fixtures/programs/ends-drop.ts");

const isRoot = process.getuid?.() === 0;
const rootTest = (name: string, body: () => Promise<void> | void, missing: string | null = null): void => {
  const reason = isRoot ? missing : "needs root";
  test.skipIf(reason !== null)(reason === null ? name : `${name} (skipped: ${reason})`, body);
};

describe("whose a directory is", () => {
  rootTest("is believed below root's own directories", () => {
    const dir = join(tempDir(), "run");
    mkdirSync(dir);
    chownSync(dir, NOBODY.uid, NOBODY.gid);
    expect(trustedOwner(dir)).toEqual(NOBODY);
    expect(trustedOwner("/proc")).toEqual({ uid: 0, gid: 0 });
  });

  rootTest("proves nothing below a directory that another user can write", () => {
    const top = tempDir();
    const dir = join(top, "users/run");
    mkdirSync(dir, { recursive: true });
    for (const [why, uid, mode] of [
      ["another's", NOBODY.uid, 0o755],
      ["everybody's", 0, 0o777],
      ["its group's", 0, 0o775],
    ] as const) {
      chownSync(join(top, "users"), uid, 0);
      chmodSync(join(top, "users"), mode);
      expect(trustedOwner(dir), why).toEqual({ unreadable: `${join(top, "users")} is not root's alone` });
    }
    // Where only the owner of an entry may take it away, root's entries stay.
    chmodSync(join(top, "users"), 0o1777);
    expect(trustedOwner(dir)).toEqual({ uid: 0, gid: 0 });
  });

  test("proves nothing through a link, of a file, or of nothing", () => {
    const top = tempDir();
    symlinkSync("/proc", join(top, "link"));
    writeFileSync(join(top, "file"), "");
    expect(trustedOwner(join(top, "link"))).toEqual({ unreadable: `${top}/link is no directory` });
    expect(trustedOwner(join(top, "file"))).toEqual({ unreadable: `${top}/file is no directory` });
    expect(trustedOwner(join(top, "none"))).toEqual({ unreadable: `${top}/none: ENOENT` });
  });
});

describe("what is left of root's rights", () => {
  const status = (over: Readonly<Record<string, string>> = {}): string =>
    Object.entries({
      Uid: "9\t9\t9\t9",
      Gid: "8\t8\t8\t8",
      Groups: " ",
      CapInh: "0000000000000000",
      CapPrm: "0000000000000000",
      CapEff: "0000000000000000",
      CapAmb: "0000000000000000",
      ...over,
    })
      .map(([name, value]) => `${name}:\t${value}\n`)
      .join("");

  for (const [what, change, left] of [
    ["nothing", {}, null],
    ["the saved user id", { Uid: "9\t9\t0\t9" }, "thread 2 has Uid 9\t9\t0\t9"],
    ["the group", { Gid: "0\t0\t0\t0" }, "thread 2 has Gid 0\t0\t0\t0"],
    ["a supplementary group", { Groups: "0 27 " }, "thread 2 has Groups 0 27"],
    ["a capability in use", { CapEff: "0000000000000002" }, "thread 2 has CapEff 0000000000000002"],
    ["a capability at hand", { CapPrm: "0000000000000002" }, "thread 2 has CapPrm 0000000000000002"],
    ["a capability for children", { CapAmb: "0000000000000002" }, "thread 2 has CapAmb 0000000000000002"],
  ] as const) {
    test(`${what}, in one thread of two`, () => {
      const root = fixtureHost({ "proc/self/task/1/status": status(), "proc/self/task/2/status": status(change) });
      expect(rightsLeft(root, { uid: 9, gid: 8 })).toBe(left);
    });
  }

  test("is not proven where no thread is shown", () => {
    expect(rightsLeft(fixtureHost({}), { uid: 9, gid: 8 })).toBe("/proc/self/task: ENOENT");
    expect(rightsLeft(fixtureHost({ "proc/self/task/1/stat": "" }), { uid: 9, gid: 8 })).toBe("no thread is shown");
    expect(rightsLeft(fixtureHost({ "proc/self/task/1/status/x": "" }), { uid: 9, gid: 8 })).toBe("thread 1: EISDIR");
  });
});

test("root is nobody to become", () => {
  expect(() => dropPrivileges({ uid: 0, gid: 0 })).toThrow("root is no unprivileged user");
});

const run = (words: readonly string[]) =>
  Bun.spawnSync([...words, process.execPath, PROGRAM, String(NOBODY.uid), String(NOBODY.gid), ...victim()], {
    stdout: "pipe",
    stderr: "pipe",
  });

/** A file of root's that a former root must not reach. */
function victim(): [string] {
  const path = join(tempDir(), "root-only");
  writeFileSync(path, "");
  return [path];
}

// Where the tests run as root, the process that gave root up shows it below.
if (!isRoot) {
  test("another user cannot become one", () => {
    expect(() => dropPrivileges({ uid: 1, gid: 1 })).toThrow();
  });
}

const setprivMissing = Bun.which("setpriv") === null ? "needs setpriv (util-linux)" : null;

const GAVE_UP = "a process that gave up root and its groups is an unprivileged one in every thread, and stays one";
const gaveUp = (): void => {
  const done = run(["setpriv", "--groups=0,4,27"]);
  expect(done.stderr.toString()).toBe("");
  const seen = JSON.parse(done.stdout.toString());
  const none = "0000000000000000";
  expect(seen).toEqual({
    ids: [`Uid: 65534 65534 65534 65534 Gid: 65534 65534 65534 65534 Groups: CapPrm: ${none} CapEff: ${none}`],
    threads: expect.any(Number),
    setuid: "EPERM",
    setgid: "EPERM",
    setgroups: "EPERM",
    becomeAnother: "EPERM",
    write: "EACCES",
    writeByThread: "EACCES",
  });
  expect(seen.threads).toBeGreaterThan(2);
};
rootTest(GAVE_UP, gaveUp, setprivMissing);

rootTest(
  "a process that keeps its capabilities is told from one that has given them up",
  () => {
    // Without the kernel's fix-up a change of ids leaves the capabilities as they are (capabilities(7)).
    const done = run(["setpriv", "--securebits", "+no_setuid_fixup"]);
    expect(done.stdout.toString()).toBe("");
    expect(done.stderr.toString()).toContain("privileges are not dropped: thread ");
    expect(done.stderr.toString()).toContain(" has CapPrm ");
    expect(done.exitCode).toBe(1);
  },
  setprivMissing,
);

/** What a process is that has become this user, or why it has not. @param before words that start it */
const become = (user: readonly string[], before: readonly string[] = []): string => {
  const program = join(import.meta.dir, "../../fixtures/programs/become-user.ts");
  return Bun.spawnSync([...before, process.execPath, program, ...user], { stderr: "pipe" }).stdout.toString();
};

/** A user with other groups, where this machine has one, and one without. */
const USERS = [
  ...readFileSync("/etc/group", "utf8")
    .matchAll(/^[^:]*:[^:]*:\d+:([^,\n]+)/gm)
    .map(([, user = ""]) => user),
  "nobody",
];
const idOf = (user: string, flag: string): string => Bun.spawnSync(["id", flag, user]).stdout.toString().trim();
const shownAs = (uid: string, gid: string, groups: string): string => {
  const four = (id: string): string => `${id} ${id} ${id} ${id}`;
  return `Uid: ${four(uid)} Gid: ${four(gid)} Groups: ${groups} CapEff: ${"0".repeat(16)}`.replace(/ +/g, " ");
};

rootTest("whoever becomes a user has all groups of that user and no right of root's", () => {
  for (const user of USERS.filter((name) => name !== "root")) {
    const [uid, gid] = [idOf(user, "-u"), idOf(user, "-g")];
    const groups = idOf(user, "-G")
      .split(" ")
      .map(Number)
      .sort((a, b) => a - b)
      .join(" ");
    expect(become([uid, gid]), user).toBe(shownAs(uid, gid, groups));
  }
  expect(become(["daemon"])).toBe(shownAs(idOf("daemon", "-u"), idOf("daemon", "-g"), idOf("daemon", "-G")));
});

rootTest("a number that no user has is in no group, and a name that no user has is nobody to become", () => {
  expect(become(["54321", "54321"])).toBe(shownAs("54321", "54321", ""));
  const stays = become(["no-such-user"], setprivMissing === null ? ["setpriv", "--groups=0,4"] : []);
  expect(stays).toContain("identifier does not exist: no-such-user Uid: 0 0 0 0 Gid: 0 0 0 0");
  if (setprivMissing === null) expect(stays).toEndWith("Groups: 0 4");
});
